//! Man pages, made of the command line: what `clap_mangen` draws of it, and below that what a reader looks up beside the
//! flags.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use clap::{Arg, Command};
use clap_mangen::Man;

use super::args;
use crate::adapters::config::RegistryConfig;
use crate::domain::verdict::STATUSES;

/// What no flag stands for.
const VARIABLES: [(&str, &str); 7] = [
    ("REGISTRY_*", "Laid over what --config says, as the registry itself does."),
    ("REGISTRY_AUTH_FILE, DOCKER_CONFIG", "Where credentials are looked for, after --authfile."),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxy on the way to the registry."),
    ("XDG_STATE_HOME", "Where state is kept unless --state-dir says it."),
    ("NO_COLOR", "Unless it is empty, no colours are written."),
    ("COLUMNS", "How wide tables are drawn."),
    ("LC_ALL, LC_CTYPE, LANG", "Where they name no UTF-8, only ASCII is drawn."),
];

/// What is read and written beside the registry itself.
const FILES: [(&str, &str); 4] = [
    (
        "$XDG_STATE_HOME/regfsck, ~/.local/state/regfsck",
        "For each registry the journal that undo reads, the log and snapshot of each guarded garbage collection, what \
         --resume remembers.",
    ),
    (
        "ROOT.regfsck-quarantine",
        "Beside the storage root: files that were moved out of the way, in a folder a run, and the lock. A run's folder \
         may be deleted when its images pull; it cannot be undone after that.",
    ),
    (
        "~/.docker/config.json, $XDG_RUNTIME_DIR/containers/auth.json",
        "Credentials of docker and podman, and the credential helpers that they name.",
    ),
    (
        "/etc/containers/certs.d, /etc/docker/certs.d",
        "In a folder HOST[:PORT]: certificates that are trusted, and shown.",
    ),
];

/// The page of the program and of each subcommand, by file name.
///
/// # Errors
/// When one cannot be drawn.
pub fn pages() -> io::Result<BTreeMap<String, String>> {
    let mut all = args::described();
    all.build();
    let subcommands: Vec<_> = all.get_subcommands().filter(|one| is_shown(one)).collect();
    let mut names: Vec<String> =
        subcommands.iter().map(|one| format!("regfsck-{}", one.get_name())).collect();
    names.insert(0, "regfsck".into());
    let mut pages = BTreeMap::new();
    for one in &subcommands {
        let name = format!("regfsck-{}", one.get_name());
        pages.insert(format!("{name}.1"), page(&(*one).clone().name(&name), &name, &names)?);
    }
    pages.insert("regfsck.1".into(), page(&all, "regfsck", &names)?);
    Ok(pages)
}

fn is_shown(command: &Command) -> bool {
    command.get_name() != "help" && !command.is_hide_set()
}

fn page(command: &Command, name: &str, names: &[String]) -> io::Result<String> {
    let man = Man::new(command.clone());
    let mut drawn = Vec::new();
    man.render_title(&mut drawn)?;
    man.render_name_section(&mut drawn)?;
    man.render_synopsis_section(&mut drawn)?;
    man.render_description_section(&mut drawn)?;
    man.render_options_section(&mut drawn)?;
    if command.get_subcommands().any(is_shown) {
        man.render_subcommands_section(&mut drawn)?;
    }
    let mut text = String::from_utf8_lossy(&drawn).into_owned();
    statuses(&mut text, name);
    variables(&mut text, command);
    files(&mut text);
    examples(&mut text, command);
    let others: Vec<_> = names.iter().filter(|other| *other != name).map(|other| bold(other)).collect();
    section(&mut text, "SEE ALSO");
    let _ = writeln!(text, "{}", others.join(", ") + ", \\fBskopeo\\fR(1)");
    Ok(text)
}

fn bold(page: &str) -> String {
    format!("\\fB{}\\fR(1)", escaped(page))
}

// Writing to a string cannot fail.
fn section(text: &mut String, name: &str) {
    let _ =
        writeln!(text, ".SH {}", if name.contains(' ') { format!("\"{name}\"") } else { name.to_owned() });
}

fn entry(text: &mut String, term: &str, what: &str) {
    let _ = writeln!(text, ".TP\n\\fB{}\\fR\n{}", escaped(term), escaped(what));
}

fn statuses(text: &mut String, name: &str) {
    section(text, "EXIT STATUS");
    let is_guard = ["regfsck", "regfsck-guard"].contains(&name);
    for (status, meaning) in STATUSES.iter().filter(|(status, _)| is_guard || *status != 5) {
        entry(text, &status.to_string(), meaning);
    }
}

fn variables(text: &mut String, command: &Command) {
    section(text, "ENVIRONMENT");
    let flags: Vec<_> = command.get_arguments().filter(|flag| flag.get_env().is_some()).collect();
    for flag in flags {
        let name = flag.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        entry(text, &name, &format!("As {}.", typed(flag)));
    }
    for (name, what) in VARIABLES {
        entry(text, name, what);
    }
}

fn typed(flag: &Arg) -> String {
    flag.get_long().map_or_else(|| flag.get_id().to_string(), |long| format!("--{long}"))
}

fn files(text: &mut String) {
    section(text, "FILES");
    let what = "The registry's configuration, where neither --config, --storage nor --registry is given.";
    entry(text, &RegistryConfig::USUAL_PLACES.join(", "), what);
    for (name, what) in FILES {
        entry(text, name, what);
    }
}

fn examples(text: &mut String, command: &Command) {
    let Some(given) = command.get_after_help().map(ToString::to_string) else { return };
    section(text, "EXAMPLES");
    let lines = given.lines().skip(1).map(|line| escaped(line.strip_prefix("  ").unwrap_or(line)));
    let _ = writeln!(text, ".nf\n{}\n.fi", lines.collect::<Vec<_>>().join("\n"));
}

/// What troff would take for its own.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
