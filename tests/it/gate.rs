//! The gate before garbage collection, on real registries: what it shuts for really happens.

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::guard::Gate;

use crate::guard::guard;
use crate::support::daemon::{Kind, Settings};
use crate::support::raw::manifest_path;
use crate::support::real_registry::{current, on_every_registry};
use crate::support::tree::remove_folder;

#[test]
fn what_would_abort_keeps_the_gate_shut() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let home = tempfile::tempdir().unwrap();
        let daemon = Kind::Real(program.clone()).start(&Settings::default());
        let image = Image::two_layers("image").unwrap();
        daemon.raw().push_image("team/app", "1", &image);
        let stray = daemon.root().join("docker/registry/v2/blobs/sha256/zz/data");
        std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
        std::fs::write(&stray, "x").unwrap();
        let told = guard(home.path(), &daemon, &program, &["--accept-loss"]).expect(4);
        let aborts = serde_json::to_value(&told.guarded.gate.aborts).unwrap();
        assert_eq!(aborts[0]["path"], "blobs/sha256/zz/data");
    });
}

/// A folder that somebody put among the repositories, in which a repository lies: garbage collection gives up at its name.
#[test]
fn a_repository_in_a_folder_that_is_no_name_keeps_the_gate_shut() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        for (folder, gives_up) in
            [("APP", true), ("app.OLD", true), (".snapshot/x", true), ("lost+found", false)]
        {
            let home = tempfile::tempdir().unwrap();
            let daemon = Kind::Real(program.clone()).start(&Settings::default());
            let image = Image::two_layers("image").unwrap();
            daemon.raw().push_image("team/app", "1", &image);
            let repositories = daemon.root().join("docker/registry/v2/repositories");
            let part = if gives_up { "_layers" } else { "else" };
            std::fs::create_dir_all(repositories.join(folder).join(part).join("sha256")).unwrap();
            std::fs::create_dir_all(repositories.join(folder).join(part.replace("layers", "manifests")))
                .unwrap();
            let told = guard(home.path(), &daemon, &program, &[]);
            assert_eq!(
                (told.status, told.guarded.gate.open),
                if gives_up { (4, false) } else { (0, true) },
                "{folder}"
            );
            let places: Vec<_> =
                told.guarded.gate.aborts.iter().map(|abort| abort.place.to_string()).collect();
            assert!(
                places.iter().all(|place| place.starts_with(&format!("repositories/{folder}/_"))),
                "{places:?}"
            );
            let really = daemon.garbage_collect(true, false);
            assert_eq!(really.status != 0, gives_up, "{folder}: {}", really.errors);
        }
    });
}

/// Images that are only pulled by digest, in a repository that never had a tag.
#[test]
fn images_without_any_tag_are_not_lost_behind_an_open_gate() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let home = tempfile::tempdir().unwrap();
        let daemon = Kind::Real(program.clone()).start(&Settings::default());
        let raw = daemon.raw();
        let image = Image::two_layers("image").unwrap();
        let digest = image.manifest.digest.to_string();
        raw.push_image("team/app", &digest, &image);
        remove_folder(&daemon.root(), "repositories/team/app/_manifests/tags");
        assert_eq!(raw.pull("team/app", &digest, &image), Ok(()));
        let told = guard(home.path(), &daemon, &program, &[]).expect(4);
        let Gate { losses, aborts, open_without_untagged, .. } = &told.guarded.gate;
        let expected = match program.flavour {
            Flavour::V2 => (0, 1),
            Flavour::V3_0 | Flavour::V3 => (1, 0),
            // A version that has no number may do either.
            Flavour::Head => (1, 1),
        };
        assert_eq!((losses.len(), aborts.len()), expected);
        assert!(open_without_untagged);
        assert_eq!(raw.pull("team/app", &digest, &image), Ok(()));
    });
}

/// A signature, as one pushes it since the subject of a manifest is known.
#[test]
fn what_is_attached_to_an_image_is_not_lost_behind_an_open_gate() {
    on_every_registry(|| {
        let Some(program) = current() else { return };
        let home = tempfile::tempdir().unwrap();
        let daemon = Kind::Real(program.clone()).start(&Settings::default());
        let raw = daemon.raw();
        let (image, other) = (Image::two_layers("image").unwrap(), Image::two_layers("signature").unwrap());
        raw.push_image("team/app", "1", &image);
        raw.push_image("team/app", "other", &other);
        let mut signature: serde_json::Value = serde_json::from_slice(&other.manifest.bytes).unwrap();
        signature["subject"] = serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": image.manifest.digest,
            "size": image.manifest.bytes.len(),
        });
        let signature = Blob::new(signature.to_string().into_bytes());
        let digest = signature.digest.to_string();
        let put = raw.put_manifest("team/app", &digest, &signature, &other.media_type);
        assert_eq!(put.status, 201, "{}", put.codes());
        let told = guard(home.path(), &daemon, &program, &[]).expect(4);
        let images: Vec<_> =
            told.guarded.gate.losses.iter().flat_map(|loss| &loss.images).map(ToString::to_string).collect();
        assert_eq!(
            (images, told.guarded.gate.open_without_untagged),
            (vec![format!("team/app@{digest}")], true)
        );
        assert!(told.guarded.as_report().refusal.is_some());
        assert_eq!(daemon.garbage_collect(true, false).status, 0);
        assert_eq!(raw.get(&manifest_path("team/app", &digest)).status, 404, "that is what the gate told of");
    });
}
