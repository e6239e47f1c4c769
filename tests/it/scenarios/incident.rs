//! The incident itself: made stale by DELETE or by tagging anew, then GC, then a push that skips.

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::{Blob, Image};

use super::{Transcript, compare_cached_and_not, files, on_sandboxes};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::raw::{Push, Raw, blob_path, manifest_path};

/// What the API says of an image, from every side.
pub(super) fn look(raw: &Raw, repository: &str, image: &Image) -> Transcript {
    let blob = |blob: &Blob| {
        let path = blob_path(repository, &blob.digest);
        let (head, get, range) = (raw.head(&path), raw.get(&path), raw.range(&path, "bytes=10-99"));
        format!(
            "{repository} blob: HEAD {} {:?} GET {} {} of {:?} cut {} RANGE {} {:?} {} cut {}",
            head.status,
            head.length().filter(|_| head.status == 200),
            get.status,
            if get.status == 200 { get.body.len() } else { 0 },
            get.length().filter(|_| get.status == 200),
            get.cut,
            range.status,
            range.header("content-range"),
            if range.status == 206 { range.body.len() } else { 0 },
            range.cut,
        )
    };
    let manifest = |reference: &str| {
        let path = manifest_path(repository, reference);
        let (head, get) = (raw.head(&path), raw.get(&path));
        format!("{repository} manifest: HEAD {} GET {} {}", head.status, get.status, get.codes())
    };
    let digest = image.manifest.digest.to_string();
    let references = ["1", digest.as_str()];
    image.blobs().map(blob).chain(references.map(manifest)).collect()
}

fn mount(raw: &Raw, into: &str, from: &str, blob: &Blob) -> String {
    let path = format!("/v2/{into}/blobs/uploads/?mount={}&from={from}", blob.digest);
    format!("mount from {from} into {into}: {}", raw.send("POST", &path, &[], b"").status)
}

/// Pushes, links the blobs into a second repository, warms, makes stale.
pub(super) fn make_stale(daemon: &Daemon, by_delete: bool, image: &Image) -> Transcript {
    let raw = daemon.raw();
    raw.push_image("a/img", "1", image);
    let mut seen: Transcript = image.blobs().map(|blob| mount(&raw, "c/linked", "a/img", blob)).collect();
    seen.extend(look(&raw, "a/img", image));
    if by_delete {
        let path = manifest_path("a/img", &image.manifest.digest.to_string());
        seen.push(format!("DELETE {}", raw.delete(&path).status));
    } else {
        let other = Image::two_layers("instead").unwrap();
        seen.push(format!("retag {}", raw.push_image("a/img", "1", &other).1.status));
    }
    let collected = daemon.garbage_collect(true, false);
    seen.push(format!("gc {} {:?}", collected.status, collected.summary()));
    seen
}

fn incident(daemon: &mut Daemon, by_delete: bool) -> Transcript {
    let (raw, image) = (daemon.raw(), Image::two_layers("incident").unwrap());
    let mut seen = make_stale(daemon, by_delete, &image);
    seen.extend(files(daemon));
    for repository in ["a/img", "c/linked", "b/other"] {
        seen.extend(look(&raw, repository, &image));
    }
    seen.push(mount(&raw, "a/img", "a/img", &image.layers[0]));
    seen.push(mount(&raw, "d/spread", "a/img", &image.layers[0]));
    seen.push(mount(&raw, "a/img", "c/linked", &image.layers[0]));
    let (pushed, put) = raw.push_image("a/img", "1", &image);
    seen.push(format!("push {pushed:?} {}", put.status));
    seen.extend(look(&raw, "a/img", &image));
    let (pushed, put) = raw.push_image("b/other", "1", &image);
    seen.push(format!("push elsewhere {pushed:?} {}", put.status));
    seen.extend(look(&raw, "b/other", &image));
    seen.push(format!("{:?}", raw.pull("a/img", "1", &image)));
    daemon.restart();
    seen.extend(look(&raw, "a/img", &image));
    seen.extend(stored_files(daemon));
    seen
}

/// The files, without upload sessions: their names are random.
fn stored_files(daemon: &Daemon) -> Transcript {
    files(daemon).into_iter().filter(|path| !path.contains("_uploads")).collect()
}

#[test]
fn stale_by_delete_is_the_same_everywhere() {
    compare_cached_and_not("stale by DELETE", |daemon| incident(daemon, true));
}

#[test]
fn stale_by_tagging_anew_is_the_same_everywhere() {
    compare_cached_and_not("stale by a new tag", |daemon| incident(daemon, false));
}

#[test]
fn a_client_that_believes_pushes_nothing() {
    on_sandboxes(|daemon, flavour| {
        let (raw, image) = (daemon.raw(), Image::two_layers("incident").unwrap());
        make_stale(daemon, true, &image);
        let (pushed, put) = raw.push_image("a/img", "1", &image);
        assert_eq!((pushed, put.status), (vec![Push::Skipped; 3], 201), "{flavour:?}");
        // What comes after 3.1 writes the manifest; of the layers it has nothing either.
        let why =
            if flavour == Flavour::Head { "blob 200 with 0 bytes" } else { "manifest 404 MANIFEST_UNKNOWN" };
        assert_eq!(raw.pull("a/img", "1", &image), Err(why.into()));
        // What 3.x collects it also unlinks, but not in a repository that has blobs only.
        let links =
            files(daemon).iter().filter(|path| path.contains("_layers") && path.ends_with("link")).count();
        assert_eq!(links, if flavour == Flavour::V2 { 6 } else { 3 }, "{flavour:?}");
    });
}

#[test]
fn the_incident_recipe_works_on_every_daemon() {
    for kind in Kind::all() {
        kind.start(&Settings::default()).incident("a/img", "1");
    }
}
