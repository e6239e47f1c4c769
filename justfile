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

# Write generated files anew: completions, man pages, the JSON Schema, the table in the README; twice, as some are made of others
generate:
    -UPDATE_GENERATED=1 cargo nextest run --locked generated completions:: schema readme chinese
    UPDATE_GENERATED=1 cargo nextest run --locked generated completions:: schema readme chinese

# Break a registry and find it out, with nothing installed
demo:
    cargo run --release -- demo

# The manual, in target/book
book:
    .ci/mdbook target/tools
    target/tools/mdbook build docs

target := arch() + "-unknown-linux-gnu"

# Elsewhere than on such a machine, Debian's: `just target=aarch64-unknown-linux-gnu package`
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER := if arch() == "aarch64" { "cc" } else { "aarch64-linux-gnu-gcc" }

# The program without libraries, as it is published
static:
    cargo rustc --locked --profile dist --target {{ target }} --bin regfsck -- -C target-feature=+crt-static

# Packages for Debian and rpm, in target/packages
package: static
    packaging/packages {{ target }} dist target/packages

# The crate as `cargo publish` packs it: built and tested away from this repository
crate:
    packaging/try-crate

# Install, use and purge the package in fresh roots of Debian 12 and 11; needs root and debootstrap
try-package: package
    packaging/try-deb target/packages/*.deb bookworm bullseye

# A release: version, changelog, generated files, all tests, a commit and a tag; pushing the tag publishes it
release VERSION:
    test -z "$(git status --porcelain)"
    packaging/version {{ VERSION }}
    just generate
    .ci/run
    git commit --all --message "Release {{ VERSION }}"
    git tag --annotate v{{ VERSION }} --message "regfsck {{ VERSION }}"
