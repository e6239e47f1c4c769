//! What people type who know other tools, and what it is called here.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags of skopeo, crane, trivy, curl, docker and fsck that have other names here.
const FLAGS: [(&[&str], &str); 35] = [
    (&["--json"], "`-o json` writes the report as JSON"),
    (&["--password", "-p"], "write `--creds USER:PASS`, or `--creds USER --password-stdin`"),
    (&["--token", "--bearer-token"], "a bearer token is given with `--registry-token`"),
    (
        &["--dry-run", "-n", "--check", "--simulate"],
        "a check changes nothing; `check --plan FILE` saves what `--fix` would do, and `guard --gate-only` tells what garbage collection would lose",
    ),
    (&["--force", "--assume-yes"], "`--yes` does what is planned without asking"),
    (&["--repair", "--heal", "-a"], "`--fix` repairs; it shows a plan and asks first"),
    (&["--cacert", "--ca", "--cafile"], "a CA is trusted with `--ca-file`"),
    (&["--cert"], "our own certificate is given with `--cert-file`, its key with `--key-file`"),
    (&["--key"], "the key of `--cert-file` is given with `--key-file`"),
    (&["-k", "--no-verify", "--skip-verify"], "`--insecure` accepts any certificate"),
    (&["--http", "--use-http"], "`--plain-http` talks plain HTTP, and so does http:// in front of the host"),
    (&["-u"], "`--creds USER` logs in, and asks for the password"),
    (
        &["--image", "--tag", "-t"],
        "`regfsck verify HOST/NAME:TAG` makes sure that an image can be pulled; `check --repo NAME` looks at one repository",
    ),
    (
        &["--endpoint", "--endpoint-url", "--bucket", "--s3"],
        "a bucket is `--storage 's3://BUCKET?endpoint=URL'`, or that of `--config FILE`",
    ),
    (
        &["--deep", "--full", "--checksum", "--checksums", "--hash", "--verify", "--read-data", "--scrub"],
        "`--content` hashes all that is stored",
    ),
    (
        &["--subset", "--sample", "--read-data-subset"],
        "`--content-subset N/T` hashes a part of what is stored",
    ),
    (&["--fast", "--quick", "--shallow"], "a check hashes nothing unless `--content` is given"),
    (
        &["--from", "--mirror", "--backup", "--upstream"],
        "`--fix` takes bytes from `--source docker://HOST` or `--source storage:BACKUP`",
    ),
    (
        &["--every", "--period", "--cron", "--schedule"],
        "`regfsck watch --interval 6h` checks again and again",
    ),
    (
        &["--online", "--api-only", "--remote"],
        "a URL alone is checked over its API: `regfsck check https://HOST`",
    ),
    (&["--compose", "--docker", "--pod"], "`--container NAME` takes the settings of a container"),
    (&["--fix"], "`regfsck check --fix` repairs; it shows a plan and asks first"),
    (&["-f"], "`--fix` repairs, and `--config FILE` names the registry's configuration"),
    (
        &["--service", "--unit"],
        "`--restart systemd:UNIT` or `--restart docker:NAME` is what restarts the daemon",
    ),
    (&["--id", "--undo"], "`undo --run RUN` takes a run back; `undo --list` shows all"),
    (&["--file", "--out"], "`-o FORMAT=FILE` writes a report to a file, and `snapshot -o FILE` a snapshot"),
    (&["--list"], "`regfsck explain` and `regfsck undo --list` list what there is"),
    (&["--last"], "`undo` takes back the last run that changed storage; `undo --list` shows all"),
    (
        &["--all", "--recursive"],
        "a check looks at all unless `--repo NAME` is given; `verify --images FILE` takes many images",
    ),
    (
        &["--exit-code", "--severity", "--level", "--strict"],
        "`--fail-on SEVERITY` says from which findings on the status is 1",
    ),
    (&["--threads", "--parallel", "--concurrency", "--workers"], "`--jobs N` asks so much at once"),
    (
        &["--debug", "--trace", "--log-level", "--loglevel", "-d"],
        "`-v` shows the evidence of each finding, `-vv` every request too",
    ),
    (&["--silent"], "`-q` prints nothing but errors"),
    (&["--no-color", "--no-colour"], "`--color never` writes no colours"),
    (&["-m", "--delete-untagged", "--gc"], "garbage collection is run by `regfsck guard -- GC-COMMAND`"),
];

/// Commands that have other names here.
const COMMANDS: [(&[&str], &str); 11] = [
    (&["fix", "heal"], "`regfsck check --fix` repairs; it shows a plan and asks first"),
    (
        &["gc", "garbage-collect", "prune", "clean"],
        "`regfsck guard -- registry garbage-collect CONFIG` runs garbage collection with a look before and after",
    ),
    (&["pull", "test"], "`regfsck verify HOST/NAME:TAG` makes sure that an image can be pulled"),
    (&["rollback", "revert"], "`regfsck undo` takes a repair back"),
    (&["clear", "flush", "forget"], "`regfsck purge` makes the daemon forget what storage lacks"),
    (&["version"], "`regfsck --version` prints the version"),
    (
        &["serve", "daemon", "monitor", "metrics"],
        "`regfsck watch` checks again and again, and serves metrics",
    ),
    (
        &["backup", "dump", "export"],
        "`regfsck snapshot -o FILE` writes down what storage holds; it is no backup",
    ),
    (&["login"], "`--creds USER` logs in; what docker, podman or skopeo logged in to is known"),
    (
        &["delete", "rm", "remove"],
        "regfsck deletes no images; `regfsck guard -- GC-COMMAND` collects safely what was deleted",
    ),
    (&["list", "ls", "status", "info", "report", "diff"], "`regfsck check` looks and changes nothing"),
];

/// What is no code, and is asked about all the same: what clients say.
const WORDS: [(&[&str], &str); 3] = [
    (&["all", "list", "codes"], "`regfsck explain` lists all codes"),
    (
        &["manifest unknown", "404", "unknown manifest", "not found"],
        "where a pull says so, `regfsck explain phantom-manifest` and `missing-manifest` tell why",
    ),
    (
        &["layer already exists", "blob unknown", "unknown blob"],
        "where a push or a pull says so, `regfsck explain phantom-blob` and `missing-blob` tell why",
    ),
];

/// What `regfsck repair` without a plan is told.
const NO_PLAN: &str =
    "`regfsck check --fix` finds and repairs; `repair` carries out what `check --plan FILE` saved";

fn asks_for(error: &clap::Error, flag: &str) -> bool {
    matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::Strings(flags)) if flags.iter().any(|it| it == flag))
}

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
        ErrorKind::InvalidValue => {
            let is_code = told(&error, ContextKind::InvalidArg).as_deref() == Some("[CODE]");
            let typed = told(&error, ContextKind::InvalidValue).filter(|_| is_code);
            let typed = typed.map(|value| value.to_ascii_lowercase().replace(['-', '_'], " "));
            (ContextKind::SuggestedValue, typed.map(|words| find(&WORDS, &words)))
        }
        ErrorKind::MissingRequiredArgument if asks_for(&error, "--plan <FILE>") => {
            (ContextKind::SuggestedArg, Some(Some(NO_PLAN.into())))
        }
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
    if !typed.contains("://")
        && typed.rsplit('/').next().is_some_and(|name| name.contains(':'))
        && typed.contains('/')
    {
        return Some(format!("`regfsck verify {typed}` makes sure that the image can be pulled"));
    }
    if typed.contains(['/', ':', '.']) {
        return Some(format!("`regfsck check {typed}` checks a registry"));
    }
    find(&COMMANDS, typed)
}

fn find(table: &[(&[&str], &str)], typed: &str) -> Option<String> {
    let row = table.iter().find(|(words, _)| words.contains(&typed));
    row.map(|(_, tip)| (*tip).to_owned())
}
