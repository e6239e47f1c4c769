//! Filesystems that will not force a folder to the disk: FUSE and CIFS mounts refuse it, a dying disk fails.
//!
//! `strace` plays the filesystem: it lets the call fail that the program makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;

use super::{Mirror, Ran, Regfsck, judge};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Paths, Pushed};
use crate::support::program::find;

const REPOSITORY: &str = "team/app";

/// A registry with a bad layer, and a mirror that has it.
struct Scene {
    daemon: Daemon,
    mirror: Mirror,
    image: Image,
    data: PathBuf,
    strace: PathBuf,
}

impl Scene {
    fn new() -> Option<Self> {
        let strace = find("strace")?;
        let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::default());
        let image = Image::two_layers("unforced").unwrap();
        assert_eq!(daemon.raw().push_image(REPOSITORY, "1", &image).1.status, 201);
        let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &image };
        Damage::BlobBitFlipped.apply(&daemon.root(), &at);
        let data = Paths::new(&daemon.root()).data(&image.layers[0].digest);
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        Some(Self { daemon, mirror, image, data, strace })
    }

    /// The repair, with every `fsync` failing so, of this folder only if one is given; nothing where nobody can trace.
    fn fix(&self, regfsck: &Regfsck, error: &str, folder: Option<&Path>) -> Option<Ran> {
        let source = self.mirror.source();
        let wrapped = regfsck.command("check", &["--fix", "--yes", "--content", "--source", &source]);
        let mut command = Command::new(&self.strace);
        command.args(["-f", "-qq", "-o"]).arg(regfsck.file("trace"));
        command.args(["-e", "trace=fsync", "-e"]).arg(format!("inject=fsync:error={error}"));
        if let Some(folder) = folder {
            command.arg("-P").arg(folder);
        }
        command.arg(wrapped.get_program()).args(wrapped.get_args()).stdin(Stdio::null());
        let ran = regfsck.ran(command.output().unwrap().into());
        let is_traced =
            fs::read_to_string(regfsck.file("trace")).is_ok_and(|trace| trace.contains("INJECTED"));
        if !is_traced {
            eprintln!("skipped: this user cannot trace: {}", ran.stderr);
        }
        is_traced.then_some(ran)
    }

    fn quarantined(&self) -> Vec<PathBuf> {
        let beside = self.daemon.root().with_file_name("root.regfsck-quarantine");
        let files = walkdir::WalkDir::new(beside).into_iter().flatten();
        files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
    }
}

#[test]
fn where_no_folder_can_be_forced_to_the_disk_the_repair_goes_on() {
    let Some(scene) = Scene::new() else { return };
    let bad = fs::read(&scene.data).unwrap();
    let regfsck = Regfsck::on(&scene.daemon);
    let Some(ran) = scene.fix(&regfsck, "EINVAL", None) else { return };
    ran.healed();
    let kept: Vec<_> = scene.quarantined().iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(kept, [bad]);
    judge(&scene.daemon, REPOSITORY, "1", &scene.image);
}

#[test]
fn where_the_disk_fails_after_the_move_it_is_taken_back() {
    let Some(scene) = Scene::new() else { return };
    let bad = fs::read(&scene.data).unwrap();
    let regfsck = Regfsck::on(&scene.daemon);
    let folder = scene.data.parent().unwrap();
    let Some(ran) = scene.fix(&regfsck, "EIO", Some(folder)) else { return };
    assert_eq!((ran.status, ran.standing()), (1, vec!["corrupt-blob".to_owned()]), "{}", ran.table);
    let why = format!("cannot force to the disk `{}`: Input/output error (os error 5)", folder.display());
    assert_eq!(ran.results(), [("failed".to_owned(), why)]);
    assert_eq!(fs::read(&scene.data).unwrap(), bad);
    assert_eq!(scene.quarantined(), Vec::<PathBuf>::new());
    let source = scene.mirror.source();
    regfsck.fix(&["--content", "--source", &source]).healed();
}
