//! The units of systemd, judged by systemd.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use regfsck::cli::command;

use super::{accepts, files, understood};
use crate::support::generated::in_tree;
use crate::support::program;

/// The lines `NAME=…` of a unit.
fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    if program::find("systemd-analyze").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for unit in files("deploy/systemd") {
        // Where it is installed there is the program; here it is elsewhere.
        let text = std::fs::read_to_string(&unit).unwrap();
        let text = text.replace("/usr/bin/regfsck", env!("CARGO_BIN_EXE_regfsck"));
        // A template is judged as one that is made from it.
        let name = unit.file_name().unwrap().to_str().unwrap().replace("@.", "@some.service.");
        std::fs::write(folder.path().join(&name), text).unwrap();
        names.push(folder.path().join(name));
    }
    assert_eq!(names.len(), 6, "{names:?}");
    // It ends with 0 for what it only warns of.
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&names).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("regfsck")).collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
    for calendar in files("deploy/systemd").iter().filter_map(|unit| std::fs::read_to_string(unit).ok()) {
        for when in values(&calendar, "OnCalendar") {
            accepts(Command::new("systemd-analyze").args(["calendar", when]));
        }
    }
}

#[test]
fn what_units_run_is_understood_and_a_failure_is_told() {
    for unit in files("deploy/systemd") {
        let text = std::fs::read_to_string(&unit).unwrap();
        for command in values(&text, "ExecStart") {
            let Some(arguments) = command.strip_prefix("/usr/bin/regfsck ") else { continue };
            understood(&unit, arguments.split(' '));
            assert_eq!(values(&text, "OnFailure"), ["regfsck-failed@%n.service"], "{}", unit.display());
        }
    }
}

#[test]
fn settings_of_the_units_are_variables_of_the_program_or_of_the_units() {
    let text = std::fs::read_to_string(in_tree("deploy/regfsck.default")).unwrap();
    let mut all = command();
    all.build();
    let of_flags: BTreeSet<String> = all
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned()))
        .collect();
    let units: String =
        files("deploy/systemd").iter().map(|unit| std::fs::read_to_string(unit).unwrap()).collect();
    let mut seen = 0;
    for line in text.lines().map(|line| line.trim_start_matches('#')) {
        let Some((name, _)) = line.split_once('=').filter(|(name, _)| !name.contains(' ')) else { continue };
        assert!(
            of_flags.contains(name)
                || units.contains(&format!("${name}"))
                || units.contains(&format!("{{{name}")),
            "{name}"
        );
        seen += 1;
    }
    assert_eq!(seen, 9, "{text}");
    // It is a file of variables for systemd and for a shell alike.
    accepts(Command::new("sh").arg("-euc").arg(". \"$0\"").arg(in_tree("deploy/regfsck.default")));
}

/// Run what the unit of failures runs, as systemd would hand it to the shell.
fn tell(on_failure: Option<&str>, path: &Path) -> String {
    let text = std::fs::read_to_string(in_tree("deploy/systemd/regfsck-failed@.service")).unwrap();
    let script =
        values(&text, "ExecStart")[0].strip_prefix("/bin/sh -c '").unwrap().strip_suffix('\'').unwrap();
    let script = script.replace("$$", "$").replace("\\\\", "\\");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]).env_clear().env("PATH", path).env("FAILED_UNIT", "regfsck-check.service");
    if let Some(command) = on_failure {
        shell.env("ON_FAILURE", command);
    }
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_failure_is_told_to_whom_the_settings_name_and_else_to_syslog() {
    let folder = tempfile::tempdir().unwrap();
    let logger = folder.path().join("logger");
    std::fs::write(&logger, "#!/bin/sh\nprintf '<%s>' \"$@\"\n").unwrap();
    accepts(Command::new("chmod").arg("+x").arg(&logger));
    assert_eq!(
        tell(None, folder.path()),
        "<-p><daemon.err><-t><regfsck><regfsck-check.service failed, see: journalctl -u regfsck-check.service>"
    );
    assert_eq!(tell(Some("echo \"told of $FAILED_UNIT\""), folder.path()), "told of regfsck-check.service\n");
}
