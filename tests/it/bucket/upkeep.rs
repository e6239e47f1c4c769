//! What goes on beside checks: a watch, snapshots, and the gate before garbage collection.

use std::collections::BTreeSet;
use std::path::Path;

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::guard::Guarded;
use regfsck::domain::layout::ROOT;
use regfsck::domain::report::{Report, Verdict};
use rstest::rstest;
use rustix::process::Signal;
use tempfile::TempDir;

use super::{Kind, run};
use crate::support::program::until;
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::RealRegistry;
use crate::support::regfsck::{Ended, command};
use crate::support::settings::Settings;
use crate::support::store::data_key;
use crate::support::tree::{Tree, tag_link};
use crate::watch::Watching;

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn ids(report: &Report) -> Vec<String> {
    report.findings.iter().map(|finding| finding.id.clone()).collect()
}

#[rstest]
fn a_watch_sees_what_goes_from_a_bucket(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    let Some(store) = kind.start() else { return };
    let (dir, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let image = Tree::new(dir.path()).image("team/app", Some("1"), "a");
    store.upload(dir.path(), "reg/");
    let json = state.path().join("report.json");
    let (storage, output) = (store.storage("reg"), format!("json={}", text(&json)));
    let words = ["--storage", &storage, "--interval", "1s", "--jitter", "0", "-o", &output];
    let watching = Watching::start_with(state.path(), &words, &store.variables());
    let read = || serde_json::from_slice::<Report>(&std::fs::read(&json).ok()?).ok();
    until("a check", || read().is_some_and(|report| report.verdict == Verdict::Coherent));
    store.delete(&data_key("reg", &image.layers[0].digest));
    let lost = format!("missing-blob:{}", image.layers[0].digest);
    until("the finding", || read().is_some_and(|report| ids(&report).contains(&lost)));
    let ended = watching.end(Signal::TERM);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

/// The daemon has the same registry on a disk: what is asked of it is what a cache would say after a collection.
#[rstest]
fn a_snapshot_of_a_bucket_tells_what_went_since(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    let Some(store) = kind.start() else { return };
    let Some(registry) = RealRegistry::start(&Settings::default()) else { return };
    let raw = Raw::new(&registry.url());
    let (kept, image) = (Image::two_layers("kept").unwrap(), Image::two_layers("gone").unwrap());
    for (name, image) in [("other", &kept), ("team/app", &image)] {
        assert_eq!(raw.push_image(name, "1", image).1.status, 201);
        assert_eq!(raw.pull(name, "1", image), Ok(()));
    }
    let keys = |folder: &Path| -> BTreeSet<String> {
        let entries =
            walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
        entries.map(|entry| text(entry.path().strip_prefix(folder).unwrap())).collect()
    };
    store.upload(registry.root(), "");
    let before = keys(registry.root());
    let home = TempDir::new().unwrap();
    let file = text(&home.path().join("before.snapshot"));
    let regfsck = |words: &[&str]| -> Ended {
        let mut command = command(words.iter().copied());
        command.envs(store.variables()).env("XDG_STATE_HOME", home.path()).output().unwrap().into()
    };
    let storage = store.storage("");
    assert_eq!(regfsck(&["snapshot", "--storage", &storage, "-o", &file]).status, 0);
    assert_eq!(raw.delete(&manifest_path("team/app", &image.manifest.digest.to_string())).status, 202);
    assert_eq!(registry.garbage_collect(true, false).status, 0);
    for gone in before.difference(&keys(registry.root())) {
        store.delete(gone);
    }
    let url = registry.url();
    let found =
        regfsck(&["check", "--storage", &storage, "--registry", &url, "--since", &file, "-o", "json"]);
    for layer in &image.layers {
        let phantom = format!("phantom-blob:team/app:{}", layer.digest);
        assert!(ids(&found.report()).contains(&phantom), "{found:?}");
    }
}

#[rstest]
fn the_gate_before_garbage_collection_is_shut_for_a_bucket(
    #[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind,
) {
    let Some(store) = kind.start() else { return };
    let dir = TempDir::new().unwrap();
    let image = Tree::new(dir.path()).image("team/app", Some("1"), "a");
    store.upload(dir.path(), "reg/");
    let storage = store.storage("reg");
    let gate = |version: &str| -> (i32, Guarded) {
        let words = [
            "guard",
            "--gate-only",
            "--delete-untagged",
            "--gc-version",
            version,
            "--storage",
            &storage,
            "-o",
            "json",
        ];
        let ended = run(&*store, words);
        (ended.status, ended.read())
    };
    let (status, guarded) = gate("2");
    assert_eq!((status, guarded.gate.open), (0, true));
    // The last tag goes, and with it all that begins with `tags/`: 2.x gives up there, 3.x takes the image.
    let tag = format!("reg/{ROOT}/{}", tag_link("team/app", "1"));
    for link in
        [tag.clone(), tag.replace("/current/", &format!("/index/sha256/{}/", image.manifest.digest.hex()))]
    {
        store.delete(&link);
    }
    for (version, lost, aborts) in [("2", 0, 1), ("3", 1, 0)] {
        let (status, guarded) = gate(version);
        let gate = guarded.gate;
        assert_eq!(
            (status, gate.open, gate.losses.len(), gate.aborts.len()),
            (4, false, lost, aborts),
            "{version}"
        );
    }
}
