//! Garbage collection: what it deletes, what it leaves, when it gives up.

use std::fs;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::{Blob, Image};

use super::incident::look;
use super::{Transcript, compare, files, on_sandboxes};
use crate::support::daemon::{Collected, Daemon, Kind, Settings};
use crate::support::damage::{ALL, Paths, Pushed};
use crate::support::raw::{Raw, manifest_path};

/// What was printed, sorted: the real one goes through a map at the end.
fn printed(collected: &Collected) -> Transcript {
    let mut lines: Transcript = collected.output.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines.push(format!("exit status {}", collected.status));
    if collected.status != 0 {
        let last = collected.errors.lines().last().unwrap_or_default();
        lines.push(last.to_owned());
    }
    lines
}

fn images(count: usize) -> Vec<Image> {
    (0..count).map(|at| Image::two_layers(&format!("collected-{at}")).unwrap()).collect()
}

fn push_index(raw: &Raw, repository: &str, images: &[Image]) -> (Blob, u16) {
    for image in images {
        raw.push_image(repository, &image.manifest.digest.to_string(), image);
    }
    let (index, kind) = Image::index(images).unwrap();
    let status = raw.put_manifest(repository, "multi", &index, &kind).status;
    (index, status)
}

fn with_multi_arch(daemon: &mut Daemon) -> Transcript {
    let (raw, images) = (daemon.raw(), images(2));
    let (_, status) = push_index(&raw, "a/multi", &images);
    let mut seen = vec![format!("index {status}")];
    for dry_run in [true, false] {
        seen.extend(printed(&daemon.garbage_collect(true, dry_run)));
        seen.extend(files(daemon));
    }
    seen.push(format!("index {}", raw.get("/v2/a/multi/manifests/multi").status));
    for image in &images {
        seen.extend(look(&raw, "a/multi", image));
    }
    seen
}

fn untagged(daemon: &mut Daemon) -> Transcript {
    let (raw, images) = (daemon.raw(), images(3));
    for image in &images {
        raw.push_image("a/b", "moving", image);
        raw.push_image("a", "1", image);
    }
    let mut seen = printed(&daemon.garbage_collect(false, false));
    seen.extend(printed(&daemon.garbage_collect(true, false)));
    seen.extend(printed(&daemon.garbage_collect(true, false)));
    seen.extend(files(daemon));
    seen
}

fn odd_repositories(daemon: &mut Daemon) -> Transcript {
    let mut seen = printed(&daemon.garbage_collect(true, false));
    let raw = daemon.raw();
    let image = &images(1)[0];
    raw.upload("only/blobs", &image.layers[0]);
    seen.extend(printed(&daemon.garbage_collect(true, false)));
    raw.push_image("only/digest", &image.manifest.digest.to_string(), image);
    seen.extend(printed(&daemon.garbage_collect(true, false)));
    seen.extend(printed(&daemon.garbage_collect(false, false)));
    seen.extend(look(&raw, "only/digest", image));
    let stray = daemon.root().join("docker/registry/v2/blobs/sha256/zz/stray");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("data"), "x").unwrap();
    seen.extend(printed(&daemon.garbage_collect(false, true)));
    seen
}

fn between_blobs_and_manifest(daemon: &mut Daemon) -> Transcript {
    let (raw, image) = (daemon.raw(), &images(1)[0]);
    let mut seen: Transcript = image.blobs().map(|blob| raw.upload("a", blob).to_string()).collect();
    seen.extend(printed(&daemon.garbage_collect(false, false)));
    let put = raw.put_manifest("a", "1", &image.manifest, &image.media_type);
    seen.push(format!("{} {}", put.status, put.codes()));
    seen.extend(look(&raw, "a", image));
    seen
}

/// Dry runs over damaged storage: which damage makes the collector give up, or delete too much.
fn over_damage(daemon: &mut Daemon) -> Transcript {
    let mut seen = Transcript::new();
    for (name, damage) in ALL {
        let saved = tempfile::tempdir().unwrap();
        let (raw, images) = (daemon.raw(), images(2));
        for (tag, image) in [("1", &images[0]), ("2", &images[1])] {
            raw.heal("a/img", tag, image);
            raw.delete(&crate::support::raw::blob_path("a/img", &image.manifest.digest));
        }
        let pushed = Pushed { repository: "a/img", tag: "1", image: &images[0], other: &images[1] };
        damage.apply(&daemon.root(), &pushed);
        for delete_untagged in [false, true] {
            let collected = daemon.garbage_collect(delete_untagged, true);
            seen.push(format!("{name}: {:?}", collected.summary()));
            seen.extend(printed(&collected).into_iter().map(|line| format!("{name}: {line}")));
        }
        // Out of the way, so that the next damage finds a healthy registry.
        daemon.stop();
        fs::rename(daemon.root().join("docker"), saved.path().join("docker")).unwrap();
        daemon.restart();
    }
    seen
}

#[test]
fn multi_arch_images() {
    compare("multi-arch", &Settings::default(), with_multi_arch);
}

#[test]
fn untagged_manifests() {
    compare("untagged", &Settings::default(), untagged);
}

#[test]
fn odd_repositories_and_stray_files() {
    compare("odd repositories", &Settings::default(), odd_repositories);
}

#[test]
fn collection_between_blobs_and_manifest() {
    compare("between", &Settings::default(), between_blobs_and_manifest);
}

#[test]
fn collection_over_damage() {
    compare("damage", &Settings::default(), over_damage);
}

/// 3.x keeps the children of an index; 2.x breaks every multi-arch image. Both as measured.
#[test]
fn an_index_keeps_its_children_since_3() {
    on_sandboxes(|daemon, flavour| {
        let (raw, images) = (daemon.raw(), images(2));
        push_index(&raw, "a", &images);
        let summary = daemon.garbage_collect(true, false).summary().map(str::to_owned);
        let expected = match flavour {
            Flavour::V2 => "3 blobs marked, 6 blobs and 2 manifests eligible for deletion",
            _ => "9 blobs marked, 0 blobs and 0 manifests eligible for deletion",
        };
        assert_eq!(summary.as_deref(), Some(expected));
        let child = raw.get(&manifest_path("a", &images[0].manifest.digest.to_string())).status;
        assert_eq!(child, if flavour == Flavour::V2 { 404 } else { 200 });
    });
}

/// Invalid layer links stop a 3.x collection, not a 2.x one; unreadable manifests stop both.
#[test]
fn damage_stops_collection_as_measured() {
    for (name, damage) in ALL {
        for flavour in [Flavour::V2, Flavour::V3] {
            let daemon = Kind::Sandbox(flavour).start(&Settings::default());
            let (raw, images) = (daemon.raw(), images(2));
            raw.push_image("a/img", "1", &images[0]);
            raw.push_image("a/img", "2", &images[1]);
            let pushed = Pushed { repository: "a/img", tag: "1", image: &images[0], other: &images[1] };
            damage.apply(&daemon.root(), &pushed);
            let stops_v3 = matches!(name, "link_empty" | "link_garbage" | "link_trunc" | "link_newline");
            let stops = matches!(
                name,
                "m_data_empty"
                    | "m_data_trunc"
                    | "m_data_bitflip_json_bad"
                    | "m_revlink_empty"
                    | "m_revlink_garbage"
            );
            let expected = stops || stops_v3 && flavour.is_3();
            assert_eq!(daemon.garbage_collect(false, true).status, i32::from(expected), "{name} {flavour:?}");
            assert!(Paths::new(&daemon.root()).data(&images[1].manifest.digest).exists());
        }
    }
}

/// What `gc -m` did to an image: summary or failure, then blob, manifest and revision link.
fn collected(daemon: &Daemon, image: &Image) -> String {
    let collected = daemon.garbage_collect(true, false);
    let (raw, digest) = (daemon.raw(), &image.manifest.digest);
    let blob = raw.get(&crate::support::raw::blob_path("a", &image.config.digest));
    let manifest = raw.get(&manifest_path("a", &digest.to_string()));
    let link = Paths::new(&daemon.root()).revision_link("a", digest).exists();
    let failure = collected.errors.lines().last().unwrap_or_default();
    let said = if collected.status == 0 { collected.summary().unwrap_or_default() } else { failure };
    format!("{said}: blob {} cut {}, manifest {}, link {link}", blob.status, blob.cut, manifest.status)
}

const NO_TAGS: &str = "failed to garbage collect: failed to mark: filesystem: filesystem: \
                       failed to retrieve tags unknown repository name=a: blob 200 cut false, manifest 200, link true";
const SWEPT: &str = "0 blobs marked, 4 blobs and 0 manifests eligible for deletion: blob 200 cut true, manifest 404, link true";
const UNTAGGED: &str = "0 blobs marked, 4 blobs and 1 manifests eligible for deletion: blob 200 cut true, manifest 404, link false";
const KEPT: &str = "4 blobs marked, 0 blobs and 0 manifests eligible for deletion: blob 200 cut false, manifest 200, link true";

/// Repositories whose images have no tag, as measured: 2.x gives up where there is no `tags` folder,
/// 3.x deletes.
#[test]
fn untagged_images_without_a_delete() {
    for kind in Kind::all() {
        let image = &images(1)[0];
        let by_digest = image.manifest.digest.to_string();
        let is_v2 = kind.flavour() == Flavour::V2;

        let daemon = kind.start(&Settings::default());
        daemon.raw().push_image("a", &by_digest, image);
        assert_eq!(collected(&daemon, image), if is_v2 { NO_TAGS } else { SWEPT }, "{kind:?}");

        let daemon = kind.start(&Settings::default());
        daemon.raw().push_image("a", "1", image);
        let tags = Paths::new(&daemon.root()).repository("a").join("_manifests/tags");
        fs::rename(tags, daemon.root().join("away")).unwrap();
        assert_eq!(collected(&daemon, image), if is_v2 { NO_TAGS } else { SWEPT }, "{kind:?}");

        let daemon = kind.start(&Settings::default());
        daemon.raw().push_image("a", "1", image);
        let deleted = daemon.raw().delete(&manifest_path("a", "1"));
        let answer = (deleted.status, deleted.codes());
        assert_eq!(answer, if is_v2 { (400, "DIGEST_INVALID".into()) } else { (202, String::new()) });
        assert_eq!(collected(&daemon, image), if is_v2 { KEPT } else { UNTAGGED }, "{kind:?}");
    }
}

/// A collection in the middle of an upload does not disturb it.
#[test]
fn collection_between_patch_and_put() {
    for kind in Kind::all() {
        let (daemon, blob) = (kind.start(&Settings::default()), &images(1)[0].config);
        let raw = daemon.raw();
        let octets = [("Content-Type", "application/octet-stream")];
        let patched = raw.send("PATCH", &raw.start_upload("a"), &octets, &blob.bytes);
        let collected = daemon.garbage_collect(true, false);
        let failure = "error enumerating blobs: filesystem: Path not found: /docker/registry/v2/blobs";
        assert_eq!((patched.status, collected.status), (202, 1), "{kind:?}");
        assert_eq!(
            collected.errors.lines().last(),
            Some(format!("failed to garbage collect: {failure}").as_str())
        );
        let target = format!("{}&digest={}", patched.header("location").unwrap(), blob.digest);
        assert_eq!(raw.send("PUT", &target, &octets, b"").status, 201, "{kind:?}");
        assert_eq!(fs::read(Paths::new(&daemon.root()).data(&blob.digest)).unwrap(), blob.bytes);
    }
}
