//! `-o nagios` and `--nagios-exit`, as Nagios sees them: one line of stdout, and the status.

use std::process::Command;

use super::{check, damaged};
use crate::support::program::find;
use crate::support::regfsck::{Ended, run};
use crate::support::tree::Tree;

/// What a plugin may print: `NAME STATE - text | figures`, on one line that a telephone shows.
fn parts(ended: &Ended) -> (String, String, Vec<String>) {
    let line = ended.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("{ended:?}"));
    assert!(!line.contains('\n'), "{line}");
    let (said, figures) = line.split_once(" | ").unwrap_or((line, ""));
    let (state, said) = said.split_once(" - ").unwrap();
    let figures = figures.split_whitespace().map(str::to_owned).collect();
    (state.to_owned(), said.to_owned(), figures)
}

#[test]
fn nagios_is_told_by_its_own_rules() {
    let (root, fine) = (damaged(), tempfile::tempdir().unwrap());
    Tree::new(fine.path()).image("team/app", Some("1.0"), "a");
    let plugin = |arguments: Vec<String>| run(arguments.into_iter().chain(["--nagios-exit".into()]));
    let ended = plugin(check(root.path()));
    let (state, said, figures) = parts(&ended);
    assert_eq!((ended.status, &*state), (2, "REGFSCK CRITICAL"), "{ended:?}");
    assert!(said.starts_with("1 error, 1 warning") && said.contains("(team/app:1.0)"), "{said}");
    assert!(figures.contains(&"errors=1;;0;0".to_owned()), "{figures:?}");
    assert!(figures.contains(&"images_broken=1;;0;0;2".to_owned()), "{figures:?}");
    let ended = plugin(check(fine.path()));
    assert_eq!((ended.status, &*parts(&ended).0), (0, "REGFSCK OK"), "{ended:?}");
    // Without the flag the status keeps its own meaning.
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), "nagios".into()]));
    assert_eq!((ended.status, &*parts(&ended).0), (1, "REGFSCK CRITICAL"), "{ended:?}");
}

#[test]
fn what_keeps_it_from_looking_is_unknown_to_nagios_and_never_critical() {
    for arguments in [
        &["check", "--storage", "/nonexistent", "--nagios-exit"][..],
        &["check", "--nagios-exit", "--no-such-flag"],
        &["check", "--config", "/nonexistent", "--nagios-exit"],
        &["check", "--registry", "http://127.0.0.1:1", "--retry-times", "0", "--nagios-exit"],
    ] {
        let ended = run(arguments);
        let (state, said, _) = parts(&ended);
        assert_eq!((ended.status, &*state), (3, "REGFSCK UNKNOWN"), "{arguments:?}: {ended:?}");
        assert!(!said.is_empty() && !said.contains('|'));
    }
}

#[test]
fn a_hostile_file_name_adds_no_figures() {
    let root = damaged();
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), "nagios".into()]));
    assert_eq!(ended.stdout.matches('|').count(), 1, "{ended:?}");
}

/// The parser of Nagios's own plugin library, and its `negate`, which runs a plugin as Nagios does.
#[test]
fn plugins_of_others_read_it() {
    let root = damaged();
    let Some(perl) = find("perl") else { return };
    let program = r#"
        use Monitoring::Plugin::Performance;
        my ($line) = <STDIN>;
        my ($text, $figures) = split / \| /, $line;
        my @all = Monitoring::Plugin::Performance->parse_perfstring($figures);
        print join ",", map { sprintf "%s=%s%s crit=%s", $_->label, $_->value, $_->uom, $_->threshold->get_status($_->value) } @all;
    "#;
    let known = Command::new(&perl).args(["-MMonitoring::Plugin::Performance", "-e", "1"]).output().unwrap();
    if known.status.success() {
        let line = run(check(root.path()).into_iter().chain(["-o".into(), "nagios".into()])).stdout;
        let mut child = Command::new(perl)
            .args(["-e", program])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), line.as_bytes()).unwrap();
        let read = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        for figure in ["errors=1 crit=2", "warnings=1 crit=1", "notes=", "images_broken=1 crit=2", "time=0."]
        {
            assert!(read.contains(figure), "{figure}: {read}");
        }
    } else {
        crate::support::missing("libmonitoring-plugin-perl", "plugins_of_others_read_it");
    }
    let negate = "/usr/lib/nagios/plugins/negate";
    if !std::path::Path::new(negate).exists() {
        crate::support::missing("monitoring-plugins-common", "plugins_of_others_read_it");
        return;
    }
    let regfsck = env!("CARGO_BIN_EXE_regfsck").to_owned();
    let plugin: Vec<String> =
        [regfsck].into_iter().chain(check(root.path())).chain(["--nagios-exit".into()]).collect();
    let negated: Ended = Command::new(negate).args(["-s", "-c", "OK"]).args(plugin).output().unwrap().into();
    assert_eq!((negated.status, &*parts(&negated).0), (0, "REGFSCK OK"), "{negated:?}");
}
