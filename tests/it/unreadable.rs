//! What the daemon's user may not read, by owner and mode: found whether the daemon still remembers it or not, and
//! judged by pulling.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::code::{Code, Severity};

use crate::check::{check, of};
use crate::repair::Regfsck;
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::real_registry::{current, on_every_registry};
use crate::support::tree::{data, data_file, layer_link, revision_link, tag_link};

/// Any user but root.
const USER: u32 = 4321;

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can run a daemon as somebody else");
    }
    is_root
}

/// A daemon of that user's, with an image in it.
fn registry(image: &Image) -> Option<(Daemon, Regfsck)> {
    let daemon = Kind::Real(current()?).start(&Settings { user: Some(USER), ..Settings::default() });
    assert_eq!(daemon.raw().push_image("team/app", "1", image).1.status, 201);
    daemon.raw().push_image("stays", "1", &Image::two_layers("stays").unwrap());
    assert_eq!(daemon.raw().pull("team/app", "1", image), Ok(()));
    let regfsck = Regfsck::on(&daemon);
    Some((daemon, regfsck))
}

/// Gives it away: the owner, and the mode.
fn give(path: &Path, owner: u32, mode: u32) {
    chown(path, Some(owner), Some(owner)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What may be restored as somebody else, below the storage root, and whether the finding names the digest of the layer.
fn places(image: &Image) -> [(String, bool); 8] {
    let (layer, manifest) = (&image.layers[0].digest, &image.manifest.digest);
    let around = |path: String| path.rsplit_once('/').unwrap().0.to_owned();
    [
        (data(layer), true),
        (around(data(layer)), true),
        (layer_link("team/app", layer), true),
        (around(layer_link("team/app", layer)), true),
        (data(manifest), false),
        (revision_link("team/app", manifest), false),
        (tag_link("team/app", "1"), false),
        ("repositories/team/app/_manifests".to_owned(), false),
    ]
}

fn below(daemon: &Daemon, path: &str) -> PathBuf {
    daemon.root().join("docker/registry/v2").join(path)
}

#[test]
fn what_was_restored_as_somebody_else_is_no_all_clear() {
    if !is_root() {
        return;
    }
    on_every_registry(|| {
        let image = Image::two_layers("closed").unwrap();
        let Some((mut daemon, regfsck)) = registry(&image) else { return };
        regfsck.check(&[]).expect(0);
        for (path, of_the_layer) in places(&image) {
            let path = below(&daemon, &path);
            let (mode, closed) = if path.is_dir() { (0o755, 0o700) } else { (0o644, 0o600) };
            for restarts in [false, true] {
                give(&path, 0, closed);
                if restarts {
                    daemon.restart();
                }
                let seen = regfsck.check(&[]).expect(1);
                let found = of(seen.report(), Code::UnreadableFile);
                let said = (found.len(), found.iter().all(|one| one.severity == Severity::Error));
                assert_eq!(said, (1, true), "{}: {}", path.display(), seen.table);
                let digest = found[0].subject.digest.filter(|_| of_the_layer);
                assert_eq!(digest, of_the_layer.then_some(image.layers[0].digest));
                daemon.restart();
                assert!(daemon.raw().pull("team/app", "1", &image).is_err(), "{}", path.display());
                give(&path, USER, mode);
                daemon.restart();
                assert_eq!(daemon.raw().pull("team/app", "1", &image), Ok(()));
            }
        }
        regfsck.check(&["--probe", "all"]).expect(0);
    });
}

#[test]
fn without_a_daemon_it_is_a_warning_and_what_all_may_read_is_nothing() {
    if !is_root() {
        return;
    }
    let image = Image::two_layers("closed").unwrap();
    let Some((daemon, _)) = registry(&image) else { return };
    let path = data_file(&daemon.root(), &image.layers[0].digest);
    let offline = || {
        let report = check(["--storage".into(), daemon.root()]);
        let found: Vec<_> = report.findings.iter().map(|it| (it.code, it.severity)).collect();
        (report.exit_status, found)
    };
    give(&path, 0, 0o644);
    assert_eq!(offline(), (0, vec![]));
    give(&path, 0, 0o600);
    assert_eq!(offline(), (0, vec![(Code::UnreadableFile, Severity::Warning)]));
}

/// A registry that was made as one user and is run as another, who may read what both of them wrote.
#[test]
fn what_the_daemon_reads_is_not_accused_whoever_made_the_folder_of_blobs() {
    if !is_root() {
        return;
    }
    on_every_registry(|| {
        let image = Image::two_layers("of the first user").unwrap();
        let Some((mut daemon, regfsck)) = registry(&image) else { return };
        if let Daemon::Real(real) = &mut daemon {
            real.run_as(None);
            real.restart();
        }
        daemon.raw().push_image("team/app", "2", &Image::two_layers("of root").unwrap());
        for entry in walkdir::WalkDir::new(daemon.root()).into_iter().flatten() {
            use std::os::unix::fs::MetadataExt as _;
            if entry.metadata().unwrap().uid() == 0 {
                let mode = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
                fs::set_permissions(entry.path(), Permissions::from_mode(mode)).unwrap();
            }
        }
        regfsck.check(&[]).expect(0);
    });
}
