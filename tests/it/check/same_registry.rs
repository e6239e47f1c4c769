//! Whether storage and daemon are of one registry, and whether what was asked for is there at all.

use std::fs;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::code::Code;

use super::{check_daemon, of};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::raw::manifest_path;
use crate::support::regfsck::{Ended, run};

fn with_storage(daemon: &Daemon, command: &str, root: &str, more: &[&str]) -> Ended {
    let config = daemon.config_path();
    let arguments = [command, "--config", config.to_str().unwrap(), "--storage", root, "-o", "json"];
    run(arguments.iter().chain(more))
}

fn started(kind: &Kind) -> Daemon {
    let daemon = kind.start(&Settings::default());
    daemon.raw().push_image("team/app", "1", &Image::two_layers("app").unwrap());
    daemon
}

#[test]
fn a_volume_that_is_not_mounted_is_another_registry() {
    for kind in Kind::all() {
        let daemon = started(&kind);
        let folders: [&[&str]; 4] = [
            &[],
            &["blobs", "repositories"],
            &["blobs", "repositories/team/app"],
            &["blobs", "repositories/team/app/_manifests/tags", "repositories/team/app/_layers/sha256"],
        ];
        for empty in folders {
            let home = tempfile::tempdir().unwrap();
            let root = home.path().join("docker/registry/v2");
            fs::create_dir_all(&root).unwrap();
            for folder in empty {
                fs::create_dir_all(root.join(folder)).unwrap();
            }
            let root = home.path().to_str().unwrap();
            let checked = with_storage(&daemon, "check", root, &[]);
            assert_eq!(checked.status, 4, "{kind:?} {empty:?} {checked:?}");
            let state = home.path().join("state");
            let marker = home.path().join("collected");
            let more = ["--state-dir", state.to_str().unwrap(), "--", "touch", marker.to_str().unwrap()];
            let guarded = with_storage(&daemon, "guard", root, &more);
            assert_eq!((guarded.status, marker.exists()), (4, false), "{kind:?} {empty:?} {guarded:?}");
        }
    }
}

#[test]
fn a_registry_that_was_emptied_is_still_itself() {
    for kind in Kind::all() {
        let daemon = started(&kind);
        let digest = Image::two_layers("app").unwrap().manifest.digest.to_string();
        assert_eq!(daemon.raw().delete(&manifest_path("team/app", &digest)).status, 202);
        assert_eq!(daemon.garbage_collect(true, false).status, 0);
        assert_ne!(check_daemon(&daemon, &[]).exit_status, 4, "{kind:?}");
    }
}

#[test]
fn repositories_that_nobody_has_are_a_usage_error() {
    for kind in Kind::all() {
        let daemon = started(&kind);
        let (config, url) = (daemon.config_path(), daemon.url());
        let sides = [["--config", config.to_str().unwrap()], ["--registry", &url]];
        for [side, value] in sides {
            for (pattern, status) in [("team/ap", 2), ("x/*", 2), ("team/app", 0), ("team/*", 0)] {
                let ended = run(["check", side, value, "--repo", pattern]);
                assert_eq!(ended.status, status, "{kind:?} {side} {pattern}: {ended:?}");
            }
        }
    }
}

/// distribution up to 2.8 takes the untagged children of a tagged index with `garbage-collect -m`.
#[test]
fn what_a_tagged_index_has_lost_is_told_before_the_links() {
    for kind in Kind::all().into_iter().filter(|kind| kind.flavour() == Flavour::V2) {
        let daemon = kind.start(&Settings::default());
        let raw = daemon.raw();
        let images = ["amd64", "arm64"].map(|seed| Image::two_layers(seed).unwrap());
        let (index, media_type) = Image::index(&images).unwrap();
        for image in &images {
            raw.push_image("x/multi", &image.manifest.digest.to_string(), image);
        }
        assert_eq!(raw.put_manifest("x/multi", "1", &index, &media_type).status, 201);
        assert_eq!(daemon.garbage_collect(true, false).status, 0);
        let report = check_daemon(&daemon, &[]);
        let missing = of(&report, Code::MissingBlob);
        let affected: Vec<_> =
            missing.iter().flat_map(|finding| &finding.affects).map(ToString::to_string).collect();
        assert_eq!(affected, vec!["x/multi:1"; 6], "{kind:?}: {:#?}", report.findings);
    }
}
