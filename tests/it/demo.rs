//! The demo's words are those of the real daemon: the same story is played there, and both are compared line by line.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Child;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;

use crate::repair::Mirror;
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::raw::manifest_path;
use crate::support::real_registry::programs;
use crate::support::regfsck::{Ended, command};
use crate::support::transcript::Names;

const LOST: &str = "team/app";
const TAG: &str = "1.0";

/// What follows each `$ regfsck` of the demo, up to the exit status.
fn reports(told: &str) -> Vec<String> {
    let parts = told.split("\n$ regfsck ").skip(1);
    parts
        .map(|part| part.split_once("(exit status").unwrap().0.split_once('\n').unwrap().1.to_owned())
        .collect()
}

/// A report without what differs from registry to registry; how much was asked included, for the checks are the same.
fn plain(report: &str, root: &str, url: &str, mirror: &str) -> String {
    let names = Names::default().with(&root, "ROOT").with(&url, "URL").with(&mirror, "MIRROR");
    names.apply(report)
}

/// The same story on a daemon: the report of the check, and of the repair.
fn played(daemon: &Daemon) -> [String; 2] {
    let raw = daemon.raw();
    let (lost, healthy) = (Image::two_layers(LOST).unwrap(), Image::two_layers("team/web").unwrap());
    raw.push_image("team/web", TAG, &healthy);
    raw.push_image(LOST, TAG, &lost);
    let mirror = Mirror::with(&[(LOST, TAG, &lost)]);
    assert_eq!(raw.pull(LOST, TAG, &lost), Ok(()));
    let deleted = raw.delete(&manifest_path(LOST, &lost.manifest.digest.to_string()));
    assert_eq!((deleted.status, daemon.garbage_collect(true, false).status), (202, 0));
    raw.push_image(LOST, TAG, &lost);
    assert!(raw.pull(LOST, TAG, &lost).is_err(), "the push was swallowed");
    let home = tempfile::tempdir().unwrap();
    let config = daemon.config_path();
    let check = |more: &[&str]| {
        let words = ["check", "--config", config.to_str().unwrap()].into_iter().chain(more.iter().copied());
        Ended::from(command(words).env("HOME", home.path()).output().unwrap())
    };
    let found = check(&[]);
    let repaired = check(&["--fix", "--yes", "--source", &mirror.source()]);
    assert_eq!((found.status, repaired.status), (1, 0), "{found:?} {repaired:?}");
    assert_eq!(raw.pull(LOST, TAG, &lost), Ok(()));
    let (root, url) = (daemon.root().display().to_string(), daemon.url());
    let hide =
        |text: &str| plain(&text.replace(config.to_str().unwrap(), "CONFIG"), &root, &url, &mirror.source());
    [hide(&found.stdout), hide(&repaired.stdout)]
}

#[test]
fn the_demo_says_what_the_real_daemon_says() {
    let home = tempfile::tempdir().unwrap();
    let demo = Ended::from(command(["demo"]).env("HOME", home.path()).output().unwrap());
    assert_eq!(home.path().read_dir().unwrap().count(), 0, "it leaves nothing behind");
    assert_eq!((demo.status, demo.stderr.as_str()), (0, ""), "{}", demo.stdout);
    let said = reports(&demo.stdout);
    let url = demo.stdout.lines().nth(1).unwrap().trim_end_matches('.');
    let root = demo.stdout.lines().find_map(|line| line.strip_prefix("storage  ")).unwrap();
    let root = root.strip_suffix("/docker/registry/v2").unwrap();
    let config = Path::new(root).with_file_name("config.yml").display().to_string();
    let source = demo.stdout.split("--yes --source ").nth(1).unwrap().split_whitespace().next().unwrap();
    let hidden = |text: &String| plain(&text.replace(&config, "CONFIG"), root, url, source);
    let said: Vec<_> = said.iter().map(hidden).collect();
    let twos = programs().into_iter().filter(|program| program.flavour == Flavour::V2);
    let mut seen = 0;
    for program in twos {
        let version = program.version.clone();
        let real = played(&Kind::Real(program).start(&Settings::default()));
        assert_eq!(said, real, "{version}");
        seen += 1;
    }
    if seen == 0 {
        crate::support::missing("docker-registry 2.x", "the demo's words");
    }
    let last = demo.stdout.rsplit("== And pull.").next().unwrap();
    assert!(last.contains("Status: Downloaded and verified"), "{last}");
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_the_demo_offers_to_try_works_in_its_order() {
    let mut served = Served(command(["demo", "--serve"]).spawn().unwrap());
    let lines = BufReader::new(served.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lines: Vec<String> = lines.take_while(|line| !line.starts_with("Ctrl-C")).collect();
    let at = lines.iter().position(|line| line.starts_with("Try")).unwrap();
    let offered: Vec<&str> = lines[at..].iter().filter_map(|line| line.strip_prefix("  regfsck ")).collect();
    let statuses = offered.iter().map(|line| {
        let words = line.split(' ').map(|word| word.trim_matches('\''));
        command(words).env("REGFSCK_YES", "true").output().unwrap().status.code()
    });
    assert_eq!(statuses.collect::<Vec<_>>(), [Some(1), Some(1), Some(0)], "{offered:?}");
}
