//! What a check keeps for the next: what has gone meanwhile is asked about by its name, and what was denied is not asked about
//! again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::name::RepositoryName;

use crate::repair::{Mirror, Ran, Regfsck};
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::raw::{blob_path, manifest_path};
use crate::support::real_registry::{current, on_every_registry};
use crate::support::tree::{data_file, remove_folder};

/// A registry in which an image stays, and what is pushed as `team/app`.
fn registry() -> Option<(Daemon, Regfsck, Image)> {
    let daemon = Kind::Real(current()?).start(&Settings::default());
    let raw = daemon.raw();
    raw.push_image("stays", "1", &Image::two_layers("stays").unwrap());
    let image = Image::two_layers("goes").unwrap();
    raw.push_image("team/app", "1", &image);
    assert_eq!(raw.pull("team/app", "1", &image), Ok(()));
    let regfsck = Regfsck::on(&daemon);
    Some((daemon, regfsck, image))
}

fn collect(daemon: &Daemon, untagged: bool) {
    let done = daemon.garbage_collect(untagged, false);
    assert_eq!(done.status, 0, "{}", done.errors);
}

fn remove_repository(daemon: &Daemon) {
    remove_folder(&daemon.root(), "repositories/team");
}

/// The repositories of the findings that stand.
fn repositories(ran: &Ran) -> Vec<&str> {
    let mut all: Vec<_> =
        ran.findings().filter_map(|it| it.subject.repository.as_ref()).map(RepositoryName::as_str).collect();
    all.dedup();
    all
}

/// Nothing in storage tells the name of a repository that is gone; the last look does.
#[test]
fn phantoms_of_a_repository_that_is_gone_are_found_and_purged() {
    on_every_registry(|| {
        let Some((daemon, regfsck, image)) = registry() else { return };
        regfsck.check(&[]).expect(0);
        remove_repository(&daemon);
        collect(&daemon, false);
        for _ in 0..2 {
            // What is found stays found: the last look is not all that is remembered.
            // What is believed of the manifest is not known: that makes it 3.
            let ran = regfsck.check(&[]);
            assert!([1, 3].contains(&ran.status), "{}", ran.table);
            assert_eq!(repositories(&ran), ["team/app"], "{}", ran.table);
            let phantoms = ran.standing().iter().filter(|code| *code == "phantom-blob").count();
            assert!(phantoms >= 3, "{}", ran.table);
        }
        let mirror = Mirror::with(&[("team/app", "1", &image)]);
        let fixed = regfsck.fix(&["--source", &mirror.source()]);
        assert_eq!(fixed.status, 0, "{}\n{}", fixed.table, fixed.stderr);
        let raw = daemon.raw();
        raw.push_image("team/app", "1", &image);
        assert_eq!(raw.pull("team/app", "1", &image), Ok(()));
    });
}

/// A manifest that garbage collection took with its folder is believed in until the daemon starts anew, or its bytes come back.
#[test]
fn a_manifest_that_went_with_its_name_is_named_and_comes_back() {
    on_every_registry(|| {
        for restarts in [false, true] {
            let Some((mut daemon, regfsck, image)) = registry() else { return };
            regfsck.check(&[]).expect(0);
            daemon.raw().push_image("team/app", "1", &Image::two_layers("stays").unwrap());
            collect(&daemon, true);
            for _ in 0..2 {
                let ran = regfsck.check(&[]);
                let named: Vec<_> = ran
                    .report()
                    .coverage
                    .unknown
                    .iter()
                    .map(|it| it.what.to_string())
                    .chain(ran.findings().map(|it| it.id.clone()))
                    .filter(|text| text.contains(&image.manifest.digest.to_string()))
                    .collect();
                assert!([1, 3].contains(&ran.status) && named.len() == 1, "{named:?} {}", ran.table);
            }
            if restarts {
                sleep(Duration::from_millis(1500));
                daemon.restart();
                regfsck.check(&[]).expect(0);
            } else {
                let mirror = Mirror::with(&[("team/app", "1", &image)]);
                regfsck.fix(&["--source", &mirror.source()]).healed();
            }
            let raw = daemon.raw();
            raw.push_image("team/app", "again", &image);
            assert_eq!(raw.pull("team/app", "again", &image), Ok(()));
        }
    });
}

/// What is left of links piles up: the daemon denies it once.
#[test]
fn what_was_denied_is_not_asked_about_again() {
    on_every_registry(|| {
        let Some((daemon, regfsck, image)) = registry() else { return };
        let raw = daemon.raw();
        let path = manifest_path("team/app", &image.manifest.digest.to_string());
        assert_eq!(raw.delete(&path).status, 202);
        for blob in image.blobs() {
            assert_eq!(raw.delete(&blob_path("team/app", &blob.digest)).status, 202);
        }
        collect(&daemon, false);
        // The folders are of this second still, and a claim might be younger.
        sleep(Duration::from_millis(2500));
        let asked = || {
            let before = daemon.access_log().len();
            let ran = regfsck.check(&[]);
            let after = daemon.access_log();
            let about = |digest: &str| after[before..].iter().any(|access| access.path.contains(digest));
            let layers: Vec<_> = image.blobs().filter(|blob| about(&blob.digest.to_string())).collect();
            (ran.status, layers.len())
        };
        let first = asked();
        let second = asked();
        // What is believed of the manifest nothing settles, in a memory: it stays open.
        assert_eq!((first, second), ((3, 3), (3, 0)));
    });
}

/// Where nothing hides what the daemon remembers, nothing is kept.
#[test]
fn without_a_memory_to_doubt_nothing_is_kept() {
    let Some(program) = current() else { return };
    for (cache, kept) in [(CacheKind::None, false), (CacheKind::InMemory, true)] {
        let daemon = Kind::Real(program.clone()).start(&Settings::with_cache(cache.clone()));
        daemon.raw().push_image("stays", "1", &Image::two_layers("stays").unwrap());
        let regfsck = Regfsck::on(&daemon);
        regfsck.check(&[]).expect(0);
        assert_eq!(regfsck.file("last-look.snapshot").exists(), kept, "{cache:?}");
        // Half a look is no last look.
        if kept {
            let of = |path| fs::metadata(path).unwrap().modified().unwrap();
            let before = of(regfsck.file("last-look.snapshot"));
            daemon.raw().push_image("more", "1", &Image::two_layers("more").unwrap());
            regfsck.check(&["--repo", "stays"]).expect(0);
            assert_eq!(of(regfsck.file("last-look.snapshot")), before);
            fs::write(regfsck.file("last-look.json"), "{").unwrap();
            let ran = regfsck.check(&[]).expect(0);
            assert!(ran.stderr.contains("last-look.json"), "{}", ran.stderr);
        }
    }
}

/// Everything below a folder, with the time of modification of each folder.
fn listing(root: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let all = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    all.map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().modified().unwrap())).collect()
}

/// As `rsync -a --delete` from a backup leaves it: what came later is gone, and folders have the times that they had.
fn restore(root: &Path, backup: &BTreeMap<PathBuf, SystemTime>) {
    for entry in walkdir::WalkDir::new(root).contents_first(true).into_iter().map(Result::unwrap) {
        let path = entry.path();
        match backup.get(path) {
            Some(time) if path.is_dir() => fs::File::open(path).unwrap().set_modified(*time).unwrap(),
            Some(_) => {}
            None if path.is_dir() => fs::remove_dir(path).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
    }
}

/// Neither a link nor the time of a folder tells that something was there, and the daemon remembers all of it.
#[test]
fn a_backup_that_is_restored_below_a_daemon_is_no_all_clear_until_it_restarts() {
    on_every_registry(|| {
        let Some((mut daemon, regfsck, _)) = registry() else { return };
        let raw = daemon.raw();
        let backup = listing(&daemon.root());
        sleep(Duration::from_millis(1500));
        let later = Image::two_layers("later").unwrap();
        raw.push_image("team/app", "2", &later);
        assert_eq!(raw.pull("team/app", "2", &later), Ok(()));
        restore(&daemon.root(), &backup);
        regfsck.check(&[]).expect(3);
        raw.push_image("team/app", "2", &later);
        assert!(raw.pull("team/app", "2", &later).is_err(), "that is what the daemon remembers");
        restore(&daemon.root(), &backup);
        sleep(Duration::from_millis(1500));
        daemon.restart();
        regfsck.check(&[]).expect(0);
        daemon.raw().push_image("team/app", "2", &later);
        assert_eq!(daemon.raw().pull("team/app", "2", &later), Ok(()));
    });
}

/// A daemon that met a file while it was cut remembers its size, though somebody has put the whole one back.
#[test]
fn a_size_that_is_remembered_is_found_when_the_file_is_whole_again() {
    on_every_registry(|| {
        let Some((mut daemon, regfsck, image)) = registry() else { return };
        let layer = &image.layers[0];
        let file = data_file(&daemon.root(), &layer.digest);
        fs::write(&file, &layer.bytes[..9]).unwrap();
        daemon.restart();
        assert_eq!(daemon.raw().head(&blob_path("team/app", &layer.digest)).status, 200);
        regfsck.check(&[]).expect(1);
        fs::write(&file, &layer.bytes).unwrap();
        for _ in 0..2 {
            let came = daemon.raw().pull("team/app", "1", &image);
            let ran = regfsck.check(&[]);
            assert_eq!(ran.status == 0, came.is_ok(), "{came:?}: {}", ran.table);
        }
        daemon.restart();
        regfsck.check(&[]).expect(0);
        assert_eq!(daemon.raw().pull("team/app", "1", &image), Ok(()));
    });
}
