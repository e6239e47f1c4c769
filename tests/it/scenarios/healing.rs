//! The ways to heal, each from a fresh stale state.

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;

use super::incident::{look, make_stale};
use super::{Transcript, compare_cached_and_not, on_sandboxes};
use crate::support::daemon::Daemon;
use crate::support::damage::Paths;
use crate::support::raw::{Answer, Raw, blob_path, manifest_path};

type Way = fn(&mut Daemon, &Image) -> Transcript;

const WAYS: [(&str, Way); 10] = [
    ("push", push),
    ("delete the blobs, push", delete_blobs),
    ("delete the blobs in every repository, push", delete_blobs_everywhere),
    ("delete blobs and manifest, push", delete_all),
    ("upload without asking", upload),
    ("upload the manifest as a blob, put it", upload_manifest),
    ("upload everything", upload_everything),
    ("upload, delete the manifest, put it", upload_delete_put),
    ("restart, push", restart),
    ("restore the files", restore),
];

fn said(what: &str, answer: &Answer) -> String {
    format!("{what}: {} {}", answer.status, answer.codes())
}

fn push(daemon: &mut Daemon, image: &Image) -> Transcript {
    let (pushed, put) = daemon.raw().push_image("a/img", "1", image);
    vec![format!("push {pushed:?} {}", put.status)]
}

fn delete_in(raw: &Raw, repository: &str, image: &Image) -> Transcript {
    let delete = |blob: &regfsck::adapters::sandbox::image::Blob| {
        said("delete", &raw.delete(&blob_path(repository, &blob.digest)))
    };
    image.blobs().map(delete).collect()
}

fn delete_blobs(daemon: &mut Daemon, image: &Image) -> Transcript {
    let raw = daemon.raw();
    let mut seen = delete_in(&raw, "a/img", image);
    seen.extend(delete_in(&raw, "a/img", image));
    seen.extend(look(&raw, "c/linked", image));
    seen.extend(look(&raw, "a/img", image));
    seen.extend(push(daemon, image));
    seen
}

fn delete_blobs_everywhere(daemon: &mut Daemon, image: &Image) -> Transcript {
    let mut seen = delete_in(&daemon.raw(), "a/img", image);
    seen.extend(delete_in(&daemon.raw(), "c/linked", image));
    seen.extend(look(&daemon.raw(), "c/linked", image));
    seen.extend(push(daemon, image));
    seen
}

fn delete_all(daemon: &mut Daemon, image: &Image) -> Transcript {
    let (raw, manifest) = (daemon.raw(), &image.manifest.digest);
    let mut seen = delete_in(&raw, "a/img", image);
    seen.push(said("as a blob", &raw.delete(&blob_path("a/img", manifest))));
    seen.push(said("manifest", &raw.delete(&manifest_path("a/img", &manifest.to_string()))));
    seen.extend(push(daemon, image));
    seen
}

fn upload(daemon: &mut Daemon, image: &Image) -> Transcript {
    let raw = daemon.raw();
    let mut seen: Transcript = image.blobs().map(|blob| raw.upload("a/img", blob).to_string()).collect();
    seen.push(said("put", &raw.put_manifest("a/img", "1", &image.manifest, &image.media_type)));
    seen
}

fn upload_manifest(daemon: &mut Daemon, image: &Image) -> Transcript {
    let raw = daemon.raw();
    let mut seen = vec![format!("manifest as a blob: {}", raw.upload("a/img", &image.manifest))];
    seen.extend(look(&raw, "a/img", image));
    seen.push(said("put", &raw.put_manifest("a/img", "1", &image.manifest, &image.media_type)));
    seen
}

fn upload_everything(daemon: &mut Daemon, image: &Image) -> Transcript {
    let raw = daemon.raw();
    let statuses = raw.heal("a/img", "1", image);
    let helper = raw.delete(&blob_path("a/img", &image.manifest.digest));
    vec![format!("{statuses:?}"), said("the helper link", &helper)]
}

fn upload_delete_put(daemon: &mut Daemon, image: &Image) -> Transcript {
    let raw = daemon.raw();
    let path = manifest_path("a/img", &image.manifest.digest.to_string());
    let mut seen = upload(daemon, image);
    seen.push(said("delete", &raw.delete(&path)));
    seen.push(said("put", &raw.put_manifest("a/img", "1", &image.manifest, &image.media_type)));
    seen
}

fn restart(daemon: &mut Daemon, image: &Image) -> Transcript {
    daemon.restart();
    let mut seen = look(&daemon.raw(), "a/img", image);
    seen.extend(push(daemon, image));
    seen
}

fn restore(daemon: &mut Daemon, image: &Image) -> Transcript {
    let paths = Paths::new(&daemon.root());
    for blob in image.blobs().chain([&image.manifest]) {
        let data = paths.data(&blob.digest);
        std::fs::create_dir_all(data.parent().unwrap()).unwrap();
        std::fs::write(data, &blob.bytes).unwrap();
    }
    push(daemon, image)
}

fn heal(daemon: &mut Daemon, by_delete: bool, way: Way) -> Transcript {
    let image = Image::two_layers("healed").unwrap();
    let mut seen = make_stale(daemon, by_delete, &image);
    seen.extend(way(daemon, &image));
    seen.extend(look(&daemon.raw(), "a/img", &image));
    seen.push(format!("pull {:?}", daemon.raw().pull("a/img", "1", &image)));
    daemon.restart();
    seen.push(format!("pull after the restart {:?}", daemon.raw().pull("a/img", "1", &image)));
    seen
}

#[test]
fn every_way_to_heal_works_alike_after_a_delete() {
    for (name, way) in WAYS {
        compare_cached_and_not(name, |daemon| heal(daemon, true, way));
    }
}

#[test]
fn every_way_to_heal_works_alike_after_tagging_anew() {
    for (name, way) in WAYS {
        compare_cached_and_not(name, |daemon| heal(daemon, false, way));
    }
}

/// Which ways heal a stale daemon, as measured on 2.8.2 and on 3.0.0 and 3.1.1: before and after a restart.
#[test]
fn the_sandbox_heals_where_real_registries_did() {
    for (name, way, heals, lasts) in [
        ("push", push as Way, false, [false, false]),
        ("delete all", delete_all, false, [false, false]),
        ("upload", upload, false, [false, false]),
        ("everything", upload_everything, true, [true, true]),
        ("restart", restart, true, [true, true]),
        // 3.x has removed the links, so that restored files are served from the cache only.
        ("restore", restore, true, [true, false]),
    ] {
        on_sandboxes(|daemon, flavour| {
            let seen = heal(daemon, true, way);
            let ok = |line: Option<&String>| line.is_some_and(|line| line.ends_with("Ok(())"));
            assert_eq!(ok(seen.iter().rev().nth(1)), heals, "{name} on {flavour:?}");
            let expected = if flavour == Flavour::V2 { lasts[0] } else { lasts[1] };
            assert_eq!(ok(seen.last()), expected, "{name} on {flavour:?}, restarted");
        });
    }
}
