//! The ways to heal a daemon whose cache is stale, each from a fresh stale state: every step and what
//! came of it as they were measured on real registries.

use std::fs;

use regfsck::adapters::sandbox::image::{Blob, Image};
use rstest::rstest;

use super::incident::make_stale;
use super::{measured_for, pretty_assert};
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::damage::Paths;
use crate::support::raw::{Answer, Push, Raw, blob_path, manifest_path};

const MEASURED: &str = include_str!("../data/healing.txt");
const REPOSITORY: &str = "a/img";
const LINKED: &str = "c/linked";
const OTHER: &str = "b/other";

type Steps = Vec<String>;
type Way = fn(&mut Daemon, &Image) -> Steps;

const WAYS: [(&str, Way); 15] = [
    ("push", |daemon, image| vec![push(&daemon.raw(), image)]),
    ("delete blobs", delete_blobs),
    ("delete blobs everywhere", delete_blobs_everywhere),
    ("delete blobs and manifest", delete_blobs_and_manifest),
    ("upload", |daemon, image| vec![upload(&daemon.raw(), image), put(&daemon.raw(), "put_manifest", image)]),
    ("manifest as blob", manifest_as_blob),
    ("manifest as blob, put", |daemon, image| {
        let mut steps = manifest_as_blob(daemon, image);
        steps[1] = put(&daemon.raw(), "put_manifest", image);
        steps
    }),
    ("upload everything", upload_everything),
    ("upload elsewhere", upload_elsewhere),
    ("put", put_only),
    ("upload, delete, put", upload_delete_put),
    ("restart", restart_and_push),
    ("push, restart", |daemon, image| {
        push(&daemon.raw(), image);
        restart_and_push(daemon, image)
    }),
    ("mount", mount),
    ("restore files", restore_files),
];

/// Several answers in one word, if they are all the same.
fn merged(name: &str, answers: impl IntoIterator<Item = String>) -> String {
    let mut answers: Vec<_> = answers.into_iter().collect();
    answers.dedup();
    format!("{name}: {}", answers.join(" "))
}

fn said(answer: &Answer) -> String {
    match answer.codes().as_str() {
        "" => format!("[{}]", answer.status),
        codes => format!("[{}, {}]", answer.status, codes.split(',').next().unwrap()),
    }
}

fn push(raw: &Raw, image: &Image) -> String {
    let (pushed, put) = raw.push_image(REPOSITORY, "1", image);
    let did = if pushed.iter().all(|blob| *blob == Push::Skipped) { "skipped" } else { "upload" };
    format!("push: {did}, M PUT {}", said(&put))
}

fn delete(raw: &Raw, name: &str, repository: &str, image: &Image) -> String {
    merged(name, image.blobs().map(|blob| said(&raw.delete(&blob_path(repository, &blob.digest)))))
}

fn head(raw: &Raw, name: &str, repository: &str, image: &Image) -> String {
    merged(name, image.blobs().map(|blob| raw.head(&blob_path(repository, &blob.digest)).status.to_string()))
}

fn upload(raw: &Raw, image: &Image) -> String {
    merged("upload", image.blobs().map(|blob| format!("[202, {}]", raw.upload(REPOSITORY, blob))))
}

fn put(raw: &Raw, name: &str, image: &Image) -> String {
    let put = raw.put_manifest(REPOSITORY, "1", &image.manifest, &image.media_type);
    format!("{name}: {}", said(&put))
}

fn delete_manifest(raw: &Raw, name: &str, image: &Image) -> String {
    let path = manifest_path(REPOSITORY, &image.manifest.digest.to_string());
    format!("{name}: {}", said(&raw.delete(&path)))
}

fn delete_blobs(daemon: &mut Daemon, image: &Image) -> Steps {
    let raw = daemon.raw();
    vec![
        delete(&raw, "delete", REPOSITORY, image),
        delete(&raw, "delete_again", REPOSITORY, image),
        head(&raw, "head_same", REPOSITORY, image),
        head(&raw, "head_linked", LINKED, image),
        head(&raw, "head_same_2", REPOSITORY, image),
        push(&raw, image),
        head(&raw, "linked_after", LINKED, image),
    ]
}

fn delete_blobs_everywhere(daemon: &mut Daemon, image: &Image) -> Steps {
    let raw = daemon.raw();
    vec![
        delete(&raw, "delete", REPOSITORY, image),
        delete(&raw, "delete_linked", LINKED, image),
        head(&raw, "head_same", REPOSITORY, image),
        head(&raw, "head_linked", LINKED, image),
        push(&raw, image),
    ]
}

fn delete_blobs_and_manifest(daemon: &mut Daemon, image: &Image) -> Steps {
    let raw = daemon.raw();
    let blobs = delete(&raw, "delete", REPOSITORY, image);
    let as_blob = raw.delete(&blob_path(REPOSITORY, &image.manifest.digest));
    vec![
        blobs,
        format!("delete_manifest_as_blob: {}", said(&as_blob)),
        delete_manifest(&raw, "delete_manifest", image),
        push(&raw, image),
    ]
}

fn manifest_as_blob(daemon: &mut Daemon, image: &Image) -> Steps {
    let raw = daemon.raw();
    let uploaded = raw.upload(REPOSITORY, &image.manifest);
    let got = raw.get(&blob_path(REPOSITORY, &image.manifest.digest));
    let ok = if got.body == image.manifest.bytes { "ok" } else { "WRONG" };
    vec![format!("upload_manifest_as_blob: [202, {uploaded}]"), format!("get_as_blob: {}/{ok}", got.status)]
}

fn upload_everything(daemon: &mut Daemon, image: &Image) -> Steps {
    let raw = daemon.raw();
    let link = Paths::new(&daemon.root()).layer_link(REPOSITORY, &image.manifest.digest);
    let is_linked = |name: &str| format!("{name}: {}", if link.exists() { "True" } else { "False" });
    vec![
        upload(&raw, image),
        format!("upload_manifest_as_blob: [202, {}]", raw.upload(REPOSITORY, &image.manifest)),
        put(&raw, "put_manifest", image),
        is_linked("leftover_layer_link_for_manifest"),
        head(&raw, "linked_after", LINKED, image),
        format!("gc_after_rc: {}", daemon.garbage_collect(true, false).status),
        is_linked("after_gc_layer_link_for_manifest"),
    ]
}

fn upload_elsewhere(daemon: &mut Daemon, image: &Image) -> Steps {
    let raw = daemon.raw();
    let blobs = image.blobs().chain([&image.manifest]);
    let uploaded = merged("upload", blobs.map(|blob| format!("[202, {}]", raw.upload(OTHER, blob))));
    vec![uploaded, push(&raw, image)]
}

fn put_only(daemon: &mut Daemon, image: &Image) -> Steps {
    let raw = daemon.raw();
    let by_tag = put(&raw, "put_manifest", image);
    let digest = image.manifest.digest.to_string();
    let by_digest = raw.put_manifest(REPOSITORY, &digest, &image.manifest, &image.media_type);
    vec![by_tag, format!("put_manifest_by_digest: {}", said(&by_digest))]
}

fn upload_delete_put(daemon: &mut Daemon, image: &Image) -> Steps {
    let raw = daemon.raw();
    vec![
        upload(&raw, image),
        delete_manifest(&raw, "delete_manifest", image),
        put(&raw, "put_manifest", image),
        delete_manifest(&raw, "delete_manifest_2", image),
        put(&raw, "put_manifest_2", image),
    ]
}

fn restart_and_push(daemon: &mut Daemon, image: &Image) -> Steps {
    daemon.restart();
    vec![push(&daemon.raw(), image)]
}

fn mount(daemon: &mut Daemon, image: &Image) -> Steps {
    let raw = daemon.raw();
    let mount = |name: &str, into: &str, from: &str| {
        let path = |blob: &Blob| format!("/v2/{into}/blobs/uploads/?mount={}&from={from}", blob.digest);
        merged(name, image.blobs().map(|blob| raw.send("POST", &path(blob), &[], b"").status.to_string()))
    };
    let into_other = mount("mount_into_other", OTHER, REPOSITORY);
    let put_other = raw.put_manifest(OTHER, "1", &image.manifest, &image.media_type);
    let back = mount("mount_back", REPOSITORY, OTHER);
    vec![
        into_other,
        format!("put_manifest_other: {}", said(&put_other)),
        back,
        put(&raw, "put_manifest", image),
    ]
}

fn restore_files(daemon: &mut Daemon, image: &Image) -> Steps {
    let paths = Paths::new(&daemon.root());
    for blob in image.blobs().chain([&image.manifest]) {
        let data = paths.data(&blob.digest);
        fs::create_dir_all(data.parent().unwrap()).unwrap();
        fs::write(data, &blob.bytes).unwrap();
    }
    vec![push(&daemon.raw(), image)]
}

/// Blobs: HEAD, GET, on disk, linked. All three blobs are in the same state.
fn see_blobs(daemon: &Daemon, image: &Image) -> String {
    let (raw, paths) = (daemon.raw(), Paths::new(&daemon.root()));
    let see = |blob: &Blob| {
        let path = blob_path(REPOSITORY, &blob.digest);
        let (head, get) = (raw.head(&path).status, raw.get(&path));
        let got = match get.status {
            200 if get.body == blob.bytes => "200/ok".to_owned(),
            200 if get.cut => "200/broken".to_owned(),
            status => status.to_string(),
        };
        let disk = if paths.data(&blob.digest).exists() { "ok" } else { "absent" };
        let link = if paths.layer_link(REPOSITORY, &blob.digest).exists() { "yes" } else { "no" };
        format!("{head} / {got} / {disk} / link {link}")
    };
    let mut seen: Vec<_> = image.blobs().map(see).collect();
    seen.dedup();
    seen.join(" and ")
}

fn see_manifest(daemon: &Daemon, image: &Image) -> String {
    let get = |reference: &str| {
        let got = daemon.raw().get(&manifest_path(REPOSITORY, reference));
        match got.status {
            200 if got.body == image.manifest.bytes => "200/ok".to_owned(),
            200 => "200/WRONG".to_owned(),
            status => status.to_string(),
        }
    };
    let is_stored = Paths::new(&daemon.root()).data(&image.manifest.digest).exists();
    let (by_digest, by_tag) = (get(&image.manifest.digest.to_string()), get("1"));
    format!("@d {by_digest}, @tag {by_tag}, disk {}", if is_stored { "ok" } else { "absent" })
}

fn is_pullable(daemon: &Daemon, image: &Image) -> &'static str {
    let digest = image.manifest.digest.to_string();
    let pulls =
        [digest.as_str(), "1"].map(|reference| daemon.raw().pull(REPOSITORY, reference, image).is_ok());
    if pulls == [true, true] { "YES" } else { "no" }
}

fn heal(kind: &Kind, cache: &CacheKind, by_delete: bool, way: Way) -> String {
    let mut daemon = kind.start(&Settings::with_cache(cache.clone()));
    let image = Image::two_layers("healed").unwrap();
    make_stale(&daemon, by_delete, &image);
    let steps = way(&mut daemon, &image).join("; ");
    let (blobs, manifest) = (see_blobs(&daemon, &image), see_manifest(&daemon, &image));
    let pullable = is_pullable(&daemon, &image);
    daemon.restart();
    [steps.as_str(), &blobs, &manifest, pullable, is_pullable(&daemon, &image)].join(" | ")
}

#[rstest]
fn every_way_to_heal_does_what_was_measured(
    #[values("delete", "tag")] stale_by: &str,
    #[values(CacheKind::InMemory, CacheKind::None)] cache: CacheKind,
) {
    for kind in Kind::all() {
        let label = |name: &str, saw: &str| format!("{name} ({stale_by}): {saw}");
        let measured = |name| measured_for(MEASURED, name, stale_by, kind.flavour(), &cache);
        let expected: Vec<_> = WAYS.iter().map(|(name, _)| label(name, measured(name))).collect();
        let see = |way| heal(&kind, &cache, stale_by == "delete", way);
        let seen: Vec<_> = WAYS.iter().map(|(name, way)| label(name, &see(*way))).collect();
        pretty_assert(&expected, &seen, &format!("{kind:?} with cache {cache:?}"));
    }
}
