//! Registries of unusual shape, on real daemons, in both directions: the healthy one is silent, the same shape damaged is
//! found and healed.

mod compatibility;
mod content;
mod go_reads;
mod links;
mod mirror;
mod public;
mod schema1;
mod sparse;
mod tags;
mod zoo;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regfsck::adapters::sandbox::image::Blob;
use regfsck::domain::code::Severity;

use crate::doubles::tree::{Files as _, link_manifest};
use crate::support::raw::Raw;
use crate::support::real_registry::RealRegistry;
use crate::support::regfsck::{Ended, run};

/// The ways of checking a daemon: what stands behind `check`.
pub(crate) fn ways(daemon: &RealRegistry) -> Vec<Vec<String>> {
    let root = daemon.root().display().to_string();
    let config = daemon.config_path().display().to_string();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    vec![
        words(&["--storage", &root]),
        words(&["--config", &config]),
        words(&["--registry", &daemon.url(), "--plain-http"]),
        words(&["--config", &config, "--probe", "all"]),
        words(&["--config", &config, "--content"]),
    ]
}

/// Check in one of the ways.
pub(crate) fn check(way: &[String], more: &[&str]) -> Ended {
    let way = way.iter().map(String::as_str);
    run(["check", "--grace", "0", "-o", "json"].into_iter().chain(way).chain(more.iter().copied()))
}

/// What is found beside notes, as `CODE:SUBJECT`.
#[track_caller]
pub(crate) fn found(checked: &Ended) -> Vec<String> {
    let findings = checked.report().findings.into_iter();
    findings.filter(|finding| finding.severity != Severity::Note).map(|finding| finding.id).collect()
}

/// In whatever way it is checked, nothing is wrong.
#[track_caller]
pub(crate) fn is_silent(daemon: &RealRegistry, more: &[&str]) {
    for way in ways(daemon) {
        let checked = check(&way, more);
        assert_eq!((checked.status, found(&checked)), (0, vec![]), "{way:?}: {}", checked.stdout);
    }
}

/// A copy of the storage root, for `--source storage:…`.
pub(crate) fn copy_of(root: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in walkdir::WalkDir::new(root).into_iter().flatten() {
        let to = copy.path().join(entry.path().strip_prefix(root).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to).unwrap();
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    copy
}

/// Repair what a configuration leads to from a copy; what is left.
#[track_caller]
pub(crate) fn heal(daemon: &RealRegistry, copy: &Path) -> Vec<String> {
    let state = tempfile::tempdir().unwrap();
    let (config, source) = (daemon.config_path(), format!("storage:{}", copy.display()));
    let fixed = run([
        "check".as_ref(),
        "--config".as_ref(),
        config.as_os_str(),
        "--state-dir".as_ref(),
        state.path().as_os_str(),
        "--fix".as_ref(),
        "--yes".as_ref(),
        "--source".as_ref(),
        source.as_ref(),
    ]);
    assert_eq!(fixed.status, 0, "{fixed:?}");
    found(&check(&ways(daemon)[1], &[]))
}

/// Push a manifest; where the daemon takes it only with other settings, put it there by hand.
pub(crate) fn push_or_plant(
    daemon: &RealRegistry,
    name: &str,
    tag: &str,
    manifest: &Blob,
    kind: &str,
) -> bool {
    let put = Raw::new(&daemon.url()).put_manifest(name, tag, manifest, kind);
    if put.status == 201 {
        return true;
    }
    plant_manifest(daemon.root(), name, tag, manifest);
    false
}

/// Put a manifest into storage by hand, linked and tagged.
pub(crate) fn plant_manifest(root: &Path, name: &str, tag: &str, manifest: &Blob) {
    let files: PathBuf = root.to_owned();
    crate::doubles::tree::blob(&files, &manifest.bytes);
    link_manifest(&files, name, Some(tag), &manifest.digest);
}

/// Every file and folder, with what changes when somebody writes.
pub(crate) fn listing(root: &Path) -> BTreeMap<String, (u64, Option<std::time::SystemTime>)> {
    let entries = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    let described = entries.map(|entry| {
        let metadata = entry.metadata().unwrap();
        (entry.path().display().to_string(), (metadata.len(), metadata.modified().ok()))
    });
    described.filter(|(path, _)| !path.ends_with("scheduler-state.json")).collect()
}

/// Take a file or folder out of storage, by its path in the tree.
pub(crate) fn remove(root: &Path, path: &str) {
    root.to_owned().remove(path);
}
