//! Bad values of what a repair is given: the flag is named, and nothing is changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;

use super::refusals::files;
use super::sources::{REPOSITORY, broken};
use super::{Mirror, bare};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::Damage;
use crate::support::regfsck::Ended;

/// A registry with a bad layer, and a folder with files that are nothing of use.
struct Scene {
    daemon: Daemon,
    home: tempfile::TempDir,
    image: Image,
}

fn scene() -> Scene {
    let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::default());
    let image = broken(&daemon, Damage::BlobHalved);
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), "this is nothing of use").unwrap();
    fs::create_dir(home.path().join("folder")).unwrap();
    Scene { daemon, home, image }
}

impl Scene {
    fn place(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// The run on the registry, its state in HOME/state unless the arguments say otherwise.
    fn command(&self, words: &[&str]) -> Command {
        let home = self.place("");
        let mut command = bare(words.iter().map(|word| word.replace("HOME/", &home)));
        command.arg("--config").arg(self.daemon.config_path());
        if !words.contains(&"--state-dir") {
            command.arg("--state-dir").arg(self.place("state"));
        }
        command
    }

    /// Status and stderr, with names for what changes from run to run; storage is as before.
    fn told(&self, words: &[&str]) -> String {
        let before = files(&self.daemon.root());
        let ended = Ended::from(self.command(words).output().unwrap());
        assert_eq!(files(&self.daemon.root()), before, "{words:?}");
        let said = ended.stderr.replace(&self.place(""), "HOME/").replace(&self.daemon.url(), "URL");
        let said = said.replace(&self.daemon.root().display().to_string(), "ROOT");
        format!("{} => {}\n{said}", words.join(" "), ended.status)
    }

    fn all(&self, always: &[&str], table: &[&[&str]]) -> String {
        table.iter().map(|words| self.told(&[always, words].concat())).collect::<Vec<_>>().join("\n")
    }
}

const FIX: [&str; 3] = ["check", "--fix", "--yes"];

#[test]
fn sources_that_are_none() {
    let scene = scene();
    let sources = [
        "",
        "nonsense",
        "ftp://mirror",
        "docker://",
        "oci:",
        "oci:HOME/nowhere",
        "oci:HOME/file",
        "oci:HOME/folder",
        "dir:HOME/nowhere",
        "oci-archive:HOME/nowhere",
        "oci-archive:HOME/file",
        "docker-archive:HOME/nowhere",
        "docker-archive:HOME/file",
        "storage:HOME/nowhere",
        "storage:HOME/folder",
        "containerd:HOME/nowhere",
    ];
    let told: Vec<_> =
        sources.iter().map(|source| scene.told(&[&FIX[..], &["--source", source]].concat())).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn other_flags() {
    let scene = scene();
    insta::assert_snapshot!(scene.all(
        &FIX,
        &[
            &["--restart", ""],
            &["--restart", "upstart:registry"],
            &["--restart", "systemd:"],
            &["--restart", "docker"],
            &["--drain", "soon"],
            &["--restart-timeout", "soon"],
            &["--state-dir", "HOME/file"],
            &["--state-dir", "/proc/nowhere"],
            &["--shard", "1/2"],
            &["--plan", "HOME/plan"],
        ]
    ));
    insta::assert_snapshot!(scene.all(
        &[],
        &[
            &["restart", "--yes"],
            &["undo", "--run", "nobody"],
            &["repair", "--yes"],
            &["repair", "--yes", "--plan", "HOME/nowhere"],
            &["repair", "--yes", "--plan", "HOME/file"],
            &["repair", "--yes", "--plan", "HOME/folder"],
        ]
    ));
}

/// A plan of another version, and one for another registry.
#[test]
fn plans_that_do_not_fit() {
    let scene = scene();
    let mirror = Mirror::with(&[(REPOSITORY, "1", &scene.image)]);
    let plan = scene.place("plan");
    let saved = scene.command(&["check", "--plan", &plan, "--source", &mirror.source()]).output().unwrap();
    assert_eq!(saved.status.code(), Some(1), "{saved:?}");
    let rewrite = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value: serde_json::Value =
            serde_json::from_slice(&fs::read(Path::new(&plan)).unwrap()).unwrap();
        change(&mut value);
        fs::write(scene.place("changed"), value.to_string()).unwrap();
        scene.told(&["repair", "--yes", "--plan", "HOME/changed"])
    };
    let all = [
        rewrite(&|value| value["version"] = 2.into()),
        rewrite(&|value| value["target"]["storage"] = "/elsewhere".into()),
        rewrite(&|value| value["steps"][0]["action"]["do"] = "burn".into()),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
