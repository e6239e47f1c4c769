//! Symbolic links in storage, which a daemon follows (goharbor/harbor#8870 has such a layout): read where that is said.

use std::fs;
use std::os::unix::fs::symlink;

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::layout::ROOT;

use super::{check, copy_of, found, heal, is_silent, listing};
use crate::support::raw::Raw;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::run;
use crate::support::settings::{CacheKind, Settings};

const FOLLOW: &[&str] = &["--follow-symlinks"];

#[test]
fn links_that_the_daemon_follows_are_read_where_that_is_said() {
    on_every_registry(|| {
        for moved in ["blobs", "repositories", "repositories/team", "layer", "v2", "docker"] {
            let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
            let image = Image::two_layers("linked").unwrap();
            let raw = Raw::new(&daemon.url());
            assert_eq!(raw.push_image("team/app", "1", &image).1.status, 201);
            let layer = &image.layers[0];
            let file = daemon.data_file(&layer.digest);
            let path = match moved {
                "layer" => file.clone(),
                "v2" => daemon.root().join(ROOT),
                "docker" => daemon.root().join("docker"),
                below => daemon.root().join(ROOT).join(below),
            };
            let elsewhere = tempfile::tempdir_in(daemon.root().parent().unwrap()).unwrap();
            let there = elsewhere.path().join("moved");
            fs::rename(&path, &there).unwrap();
            symlink(&there, &path).unwrap();
            assert_eq!(raw.pull("team/app", "1", &image), Ok(()), "{moved}");
            let before = listing(daemon.root());
            let config = ["--config".to_owned(), daemon.config_path().display().to_string()];
            let plain = check(&config, &[]);
            let is_above = matches!(moved, "v2" | "docker");
            assert_eq!(plain.status, if is_above { 0 } else { 3 }, "{moved}: {}", plain.stdout);
            assert_eq!(plain.stdout.contains("--follow-symlinks"), !is_above, "{moved}: {}", plain.stdout);
            for more in [&[][..], &["--probe", "all"], &["--content"]] {
                let words: Vec<&str> = FOLLOW.iter().chain(more).copied().collect();
                let checked = check(&config, &words);
                assert_eq!((checked.status, found(&checked)), (0, vec![]), "{moved}: {}", checked.stdout);
            }
            assert_eq!(listing(daemon.root()), before);
            fs::write(&file, &layer.bytes[..9]).unwrap();
            let cut = check(&config, FOLLOW);
            assert_eq!(found(&cut), [format!("truncated-blob:{}", layer.digest)], "{moved}: {}", cut.stdout);
        }
    });
}

/// Move a folder elsewhere, under another name, and leave a link to it.
fn move_elsewhere(daemon: &RealRegistry, below: &str) -> tempfile::TempDir {
    let elsewhere = tempfile::tempdir_in(daemon.root().parent().unwrap()).unwrap();
    let (path, there) = (daemon.root().join(below), elsewhere.path().join("moved"));
    fs::rename(&path, &there).unwrap();
    symlink(&there, &path).unwrap();
    elsewhere
}

#[test]
fn storage_behind_a_link_above_its_root_is_repaired_and_put_back() {
    on_every_registry(|| {
        for below in ["docker", "docker/registry", "docker/registry/v2"] {
            let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
            let image = Image::two_layers("above").unwrap();
            let raw = Raw::new(&daemon.url());
            assert_eq!(raw.push_image("team/app", "1", &image).1.status, 201);
            let copy = copy_of(daemon.root());
            let _elsewhere = move_elsewhere(&daemon, below);
            let layer = &image.layers[0];
            let file = daemon.data_file(&layer.digest);
            let cut = &layer.bytes[..9];
            fs::write(&file, cut).unwrap();
            let state = tempfile::tempdir().unwrap();
            let (config, state) =
                (daemon.config_path().display().to_string(), state.path().to_str().unwrap());
            let source = format!("storage:{}", copy.path().display());
            let target = ["--config", &config, "--state-dir", state, "--yes"];
            let fixed = run(["check", "--fix", "--source", &source].into_iter().chain(target));
            assert_eq!(fixed.status, 0, "{below}: {fixed:?}");
            assert_eq!(fs::read(&file).unwrap(), layer.bytes, "{below}");
            assert_eq!(raw.pull("team/app", "1", &image), Ok(()), "{below}");
            is_silent(&daemon, &[]);
            assert_eq!(daemon.garbage_collect(false, false).status, 0, "{below}");
            let undone = run(["undo"].into_iter().chain(target));
            assert_eq!(undone.status, 0, "{below}: {undone:?}");
            assert_eq!(fs::read(&file).unwrap(), cut, "{below}");
        }
    });
}

/// A filesystem of its own over a folder; taken away when dropped.
struct Mount(std::path::PathBuf);

impl Mount {
    fn over(folder: &std::path::Path) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=20m,mode=755", "tmpfs"]).arg(folder);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        if !is_mounted {
            eprintln!("skipped: storage on a mount of its own needs the right to mount a tmpfs");
        }
        is_mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn storage_on_a_mount_of_its_own_is_repaired() {
    for below in ["docker", "docker/registry/v2"] {
        let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
        fs::create_dir_all(daemon.root().join(ROOT)).unwrap();
        let Some(_mount) = Mount::over(&daemon.root().join(below)) else { return };
        let image = Image::two_layers("mounted").unwrap();
        let raw = Raw::new(&daemon.url());
        assert_eq!(raw.push_image("team/app", "1", &image).1.status, 201);
        is_silent(&daemon, &[]);
        let copy = copy_of(daemon.root());
        let layer = &image.layers[0];
        let file = daemon.data_file(&layer.digest);
        fs::write(&file, &layer.bytes[..9]).unwrap();
        assert_eq!(heal(&daemon, copy.path()), [""; 0], "{below}");
        assert_eq!(fs::read(&file).unwrap(), layer.bytes);
        // What was moved away lies there too, and nobody minds.
        let kept = walkdir::WalkDir::new(daemon.root().join(ROOT).join("regfsck-quarantine")).into_iter();
        let kept = kept.flatten().filter(|entry| entry.file_type().is_file());
        let kept: Vec<_> = kept.map(|entry| fs::read(entry.path()).unwrap()).collect();
        assert_eq!(kept, [&layer.bytes[..9]], "{below}");
        is_silent(&daemon, &[]);
        assert_eq!(daemon.garbage_collect(false, false).status, 0);
        assert_eq!(raw.pull("team/app", "1", &image), Ok(()));
    }
}

#[test]
fn links_in_a_circle_end_and_links_to_nothing_are_nothing() {
    let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
    let image = Image::two_layers("circle").unwrap();
    assert_eq!(Raw::new(&daemon.url()).push_image("team/app", "1", &image).1.status, 201);
    let base = daemon.root().join(ROOT);
    symlink(".", base.join("repositories/circle")).unwrap();
    symlink("team", base.join("repositories/other")).unwrap();
    symlink("../other", base.join("repositories/team/back")).unwrap();
    let storage = ["--storage".to_owned(), daemon.root().display().to_string()];
    let checked = check(&storage, FOLLOW);
    assert_eq!((checked.status, found(&checked)), (3, vec![]), "{}", checked.stdout);
    let file = daemon.data_file(&image.layers[0].digest);
    crate::support::tree::lose(daemon.root(), &image.layers[0].digest);
    symlink("nowhere", &file).unwrap();
    let lost = check(&storage, FOLLOW);
    assert!(found(&lost).contains(&format!("missing-blob:{}", image.layers[0].digest)), "{}", lost.stdout);
}
