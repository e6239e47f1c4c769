//! The admin at 3 a.m.: what is said is true, and what is said to type can be typed.

mod gates;
mod hints;
mod interrupted;
mod kept;
mod mounted;
mod newcomer;
mod plans;
mod remedies;
mod reports;
mod undo;

use std::fs;
use std::process::Command;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use tempfile::TempDir;

use crate::repair::Mirror;
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Pushed};
use crate::support::regfsck::command;
use crate::support::transcript::Names;

const REPOSITORY: &str = "team/app";

/// A registry with an image, a mirror that has it, and a folder to work in.
struct Scene {
    daemon: Daemon,
    mirror: Mirror,
    image: Image,
    home: TempDir,
}

impl Scene {
    fn new(kind: &Kind) -> Self {
        let daemon = kind.start(&Settings::default());
        let (image, other) = (Image::two_layers("app").unwrap(), Image::two_layers("other").unwrap());
        for (tag, image) in [("1", &image), ("2", &other)] {
            assert_eq!(daemon.raw().push_image(REPOSITORY, tag, image).1.status, 201);
        }
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image), (REPOSITORY, "2", &other)]);
        let home = tempfile::tempdir().unwrap();
        fs::copy(daemon.config_path(), home.path().join("config.yml")).unwrap();
        Self { daemon, mirror, image, home }
    }

    fn sandbox() -> Self {
        Self::new(&Kind::Sandbox(Flavour::V2))
    }

    fn damage(&self, damage: Damage) {
        let at = Pushed { repository: REPOSITORY, tag: "1", image: &self.image, other: &self.image };
        damage.apply(&self.daemon.root(), &at);
    }

    /// The program in that folder, with room for its lines.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = command(words.iter().map(|word| word.replace("MIRROR", &self.mirror_host())));
        command.current_dir(self.home.path()).env("HOME", self.home.path()).env("COLUMNS", "160");
        command
    }

    fn mirror_host(&self) -> String {
        self.mirror.sandbox.address().to_string()
    }

    fn names(&self) -> Names {
        Names::default()
            .with(&self.home.path().display(), "HOME")
            .with(&self.daemon.root().display(), "/var/lib/registry")
            .with(&self.daemon.url(), "http://127.0.0.1:5000")
            .with(&self.mirror_host(), "MIRROR")
    }

    /// What the program says to these words.
    fn told(&self, words: &[&str]) -> String {
        self.names().play(&mut self.command(words)).0
    }
}
