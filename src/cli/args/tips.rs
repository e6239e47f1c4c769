//! What people type who know other tools, and what it is called here.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags of skopeo, crane, trivy, curl, docker and fsck that have other names here.
const FLAGS: [(&[&str], &str); 15] = [
    (&["--json"], "`-o json` writes the report as JSON"),
    (&["--password", "-p"], "write `--creds USER:PASS`, or `--creds USER --password-stdin`"),
    (&["--token", "--bearer-token"], "a bearer token is given with `--registry-token`"),
    (&["--dry-run", "-n", "--check"], "a check changes nothing; `--plan FILE` saves what `--fix` would do"),
    (&["--force", "--assume-yes"], "`--yes` does what is planned without asking"),
    (&["--repair", "--heal", "-a"], "`--fix` repairs; it shows a plan and asks first"),
    (&["--cacert", "--ca", "--cafile"], "a CA is trusted with `--ca-file`"),
    (&["--cert"], "our own certificate is given with `--cert-file`, its key with `--key-file`"),
    (&["--key"], "the key of `--cert-file` is given with `--key-file`"),
    (&["-k", "--no-verify", "--skip-verify"], "`--insecure` accepts any certificate"),
    (&["--http", "--use-http"], "`--plain-http` talks plain HTTP, and so does http:// in front of the host"),
    (&["--debug", "--trace"], "`-v` shows the evidence of each finding, `-vv` every request too"),
    (&["--silent"], "`-q` prints nothing but errors"),
    (&["--no-color", "--no-colour"], "`--color never` writes no colours"),
    (&["-m", "--delete-untagged", "--gc"], "garbage collection is run by `regfsck guard -- GC-COMMAND`"),
];

/// Commands that have other names here.
const COMMANDS: [(&[&str], &str); 6] = [
    (&["fix", "heal"], "`regfsck check --fix` repairs; it shows a plan and asks first"),
    (
        &["gc", "garbage-collect", "prune", "clean"],
        "`regfsck guard -- registry garbage-collect CONFIG` runs garbage collection with a look before and after",
    ),
    (&["pull", "test"], "`regfsck verify HOST/NAME:TAG` makes sure that an image can be pulled"),
    (&["rollback", "revert"], "`regfsck undo` takes a repair back"),
    (&["clear", "flush", "forget"], "`regfsck purge` makes the daemon forget what storage lacks"),
    (&["list", "ls", "status", "info"], "`regfsck check` looks and changes nothing"),
];

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's, and grows")]
/// The error with the right name in it, where it is known.
pub(super) fn add(mut error: clap::Error) -> clap::Error {
    let told = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    };
    let (typed, tip) = match error.kind() {
        ErrorKind::UnknownArgument => {
            (ContextKind::SuggestedArg, told(&error, ContextKind::InvalidArg).as_deref().map(flag))
        }
        ErrorKind::InvalidSubcommand => (
            ContextKind::SuggestedSubcommand,
            told(&error, ContextKind::InvalidSubcommand).as_deref().map(command),
        ),
        _ => return error,
    };
    // That it can be passed as a value is what nobody meant.
    error.remove(ContextKind::Suggested);
    if let Some(tip) = tip.flatten() {
        error.remove(typed);
        // It would show the flag that was guessed at.
        error.remove(ContextKind::Usage);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    }
    error
}

fn flag(typed: &str) -> Option<String> {
    let name = typed.split('=').next().unwrap_or_default();
    find(&FLAGS, name)
}

fn command(typed: &str) -> Option<String> {
    if typed.contains(['/', ':', '.']) {
        return Some(format!("`regfsck check {typed}` checks a registry"));
    }
    find(&COMMANDS, typed)
}

fn find(table: &[(&[&str], &str)], typed: &str) -> Option<String> {
    let row = table.iter().find(|(words, _)| words.contains(&typed));
    row.map(|(_, tip)| (*tip).to_owned())
}
