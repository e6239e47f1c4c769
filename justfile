# List the recipes
default:
    @just --list

# What CI runs
check:
    .ci/run

# Run the tests, or those with the words in their names
test *WORDS:
    ./test {{ WORDS }}

# Formatting, lints and the documentation's links, without tests
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# Write generated files anew: completions, man pages, the JSON Schema, the table in the README
generate:
    UPDATE_GENERATED=1 cargo nextest run --locked generated schema

# Break a registry and find it out, with nothing installed
demo:
    cargo run --release -- demo
