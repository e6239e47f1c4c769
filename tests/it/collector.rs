//! What we say a garbage collection would do, against what its dry run says: real ones and the sandbox's.

use std::collections::BTreeSet;
use std::path::Path;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::storage::FilesystemStorage;
use regfsck::domain::digest::Digest;
use regfsck::domain::gc::{Collection, Release, collect, losses, possible_aborts};
use regfsck::domain::views::storage::StorageView;
use regfsck::engine::ports::{Everything, Silent, Storage};

use crate::support::daemon::{Collected, Daemon, Kind, Settings};
use crate::support::damage::{ALL, Paths, Pushed};
use crate::support::real_registry::programs;

fn look(daemon: &Daemon) -> StorageView {
    FilesystemStorage::open(&daemon.root()).unwrap().collect(&Everything, &Silent).unwrap()
}

const fn flavour(daemon: &Daemon) -> Release {
    match daemon.flavour() {
        Flavour::V2 => Release::V2,
        Flavour::V3_0 | Flavour::V3 | Flavour::Head => Release::V3,
    }
}

fn named(output: &str) -> BTreeSet<Digest> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("blob eligible for deletion: "));
    lines.map(|digest| digest.parse().unwrap()).collect()
}

fn garbage(collection: &Collection) -> BTreeSet<Digest> {
    collection.garbage.iter().map(|blob| blob.digest).collect()
}

/// Holds our word against a dry run's; where they differ.
fn compare(what: &str, daemon: &Daemon) -> Vec<String> {
    let mut wrong = Vec::new();
    let view = look(daemon);
    for delete_untagged in [false, true] {
        let said = collect(&view, flavour(daemon), delete_untagged);
        let Collected { status, output, errors } = daemon.garbage_collect(delete_untagged, true);
        let what = format!("{what} -m={delete_untagged} {:?}: {errors}", daemon.flavour());
        if said.aborts.is_empty() != (status == 0) {
            wrong.push(format!("{what}: status {status}, said {:?}", said.aborts));
        } else if status == 0 {
            let manifests = output.lines().filter(|line| line.starts_with("manifest eligible for deletion"));
            if (garbage(&said), said.untagged.len()) != (named(&output), manifests.count()) {
                wrong.push(format!("{what}: said {:?}, and {output}", garbage(&said)));
            }
        }
    }
    wrong
}

/// Two tagged images that are to be damaged, one that lost its tag, one that was deleted, an index.
fn fill(daemon: &Daemon, image: &Image, other: &Image) {
    let raw = daemon.raw();
    let make = |seed: &str| Image::two_layers(seed).unwrap();
    raw.push_image("damaged/it", "1", image);
    raw.push_image("damaged/it", "2", other);
    let (old, new, deleted) = (make("old"), make("new"), make("deleted"));
    for (tag, image) in [("x", &old), ("x", &new), ("y", &deleted)] {
        raw.push_image("app", tag, image);
    }
    let path = crate::support::raw::manifest_path("app", &deleted.manifest.digest.to_string());
    assert_eq!(raw.delete(&path).status, 202);
    let children = [make("amd64"), make("arm64")];
    for child in &children {
        child.blobs().for_each(|blob| assert_eq!(raw.upload("multi", blob), 201));
        let digest = child.manifest.digest.to_string();
        assert_eq!(raw.put_manifest("multi", &digest, &child.manifest, &child.media_type).status, 201);
    }
    let (index, kind) = Image::index(&children).unwrap();
    assert_eq!(raw.put_manifest("multi", "1", &index, &kind).status, 201);
}

/// Copy a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let place = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&place).unwrap();
        } else {
            std::fs::copy(entry.path(), &place).unwrap();
        }
    }
}

/// Fill a registry once, and damage copies of it: garbage collection needs no daemon.
fn every_damage(kind: &Kind) -> Vec<String> {
    let daemon = kind.start(&Settings::default());
    let (image, other) = (Image::two_layers("image").unwrap(), Image::two_layers("other").unwrap());
    fill(&daemon, &image, &other);
    let mut wrong = compare("whole", &daemon);
    let aside = tempfile::tempdir_in(daemon.root().parent().unwrap()).unwrap();
    let whole = aside.path().join("whole");
    std::fs::rename(daemon.root(), &whole).unwrap();
    for (at, (name, damage)) in ALL.into_iter().enumerate() {
        copy(&whole, &daemon.root());
        let pushed = Pushed { repository: "damaged/it", tag: "1", image: &image, other: &other };
        damage.apply(&daemon.root(), &pushed);
        wrong.extend(compare(name, &daemon));
        std::fs::rename(daemon.root(), aside.path().join(at.to_string())).unwrap();
    }
    wrong
}

fn no_damage_differs(kinds: impl Iterator<Item = Kind>) {
    let wrong: Vec<String> = kinds.flat_map(|kind| every_damage(&kind)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_dry_run_of_2_x_in_the_sandbox_says_the_same_of_every_damage() {
    no_damage_differs([Kind::Sandbox(Flavour::V2)].into_iter());
}

#[test]
fn a_dry_run_of_3_x_in_the_sandbox_says_the_same_of_every_damage() {
    no_damage_differs([Kind::Sandbox(Flavour::V3)].into_iter());
}

#[test]
fn a_real_dry_run_says_the_same_of_every_damage() {
    no_damage_differs(programs().into_iter().map(Kind::Real));
}

#[test]
fn a_stray_data_file_aborts() {
    for kind in Kind::all() {
        for place in ["blobs/sha256/zz/data", "blobs/sha256/ab/nonsense/data", "blobs/data"] {
            let daemon = kind.start(&Settings::default());
            daemon.raw().push_image("app", "1", &Image::two_layers("image").unwrap());
            let path = daemon.root().join("docker/registry/v2").join(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "x").unwrap();
            let view = look(&daemon);
            let sure = collect(&view, flavour(&daemon), false).aborts;
            let possible = possible_aborts(&view);
            let named = sure.iter().chain(&possible).any(|abort| abort.place.to_string() == place);
            assert!(named, "{place}: {sure:?} {possible:?} {:?}", view.stray);
            assert_ne!(daemon.garbage_collect(false, true).status, 0, "{place}");
        }
    }
}

#[test]
fn what_a_lost_manifest_costs_is_what_is_taken() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let image = Image::two_layers("image").unwrap();
        fill(&daemon, &image, &Image::two_layers("other").unwrap());
        let before = look(&daemon);
        let kept = tempfile::tempdir().unwrap();
        let lost = Paths::new(&daemon.root()).data(&image.manifest.digest);
        std::fs::rename(lost, kept.path().join("lost")).unwrap();
        let view = look(&daemon);
        let collection = collect(&view, flavour(&daemon), false);
        let needed: BTreeSet<Digest> = image.blobs().map(|blob| blob.digest).collect();
        for known in [None, Some(&before)] {
            let losses = losses(&view, &collection, false, known);
            assert_eq!(losses.len(), 1, "{losses:?}");
            assert_eq!(losses[0].images[0].to_string(), "damaged/it:1");
            let named: BTreeSet<Digest> = losses[0].content.iter().map(|blob| blob.digest).collect();
            assert_eq!(named, needed);
        }
        assert_eq!(daemon.garbage_collect(false, false).status, 0);
        let after = look(&daemon);
        assert!(needed.iter().all(|digest| after.blob(digest).is_none()), "garbage collection takes them");
    }
}
