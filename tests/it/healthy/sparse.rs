//! Indexes whose manifests are not all there, where the daemon takes them so.

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::code::Code;

use super::{check, found, heal, push_or_plant, ways};
use crate::support::raw::Raw;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::run;
use crate::support::settings::{CacheKind, Settings};
use crate::support::tree::lose;

/// An index of two images, of which the first alone is there; its platform is `linux/amd64`.
fn pushed(daemon: &RealRegistry) -> [Image; 2] {
    let images = ["one", "two"].map(|seed| Image::two_layers(seed).unwrap());
    let raw = Raw::new(&daemon.url());
    let digest = images[0].manifest.digest.to_string();
    assert_eq!(raw.push_image("team/app", &digest, &images[0]).1.status, 201);
    let (index, kind) = Image::index(&images).unwrap();
    let mut listed: serde_json::Value = serde_json::from_slice(&index.bytes).unwrap();
    for (at, architecture) in ["amd64", "arm64"].iter().enumerate() {
        listed["manifests"][at]["platform"] =
            serde_json::json!({"os": "linux", "architecture": architecture});
    }
    let index = Blob::new(serde_json::to_vec(&listed).unwrap());
    let is_pushed = push_or_plant(daemon, "team/app", "1", &index, &kind);
    eprintln!("{}: pushed as it is: {is_pushed}", daemon.program.version);
    images
}

#[test]
fn an_index_needs_what_the_daemon_needs_of_it() {
    let list = |architecture: &str| {
        format!(
            "validation:\n  manifests:\n    indexes:\n      platforms: list\n      platformlist:\n        - architecture: {architecture}\n          os: linux\n"
        )
    };
    for (top, is_harm) in [
        (String::new(), true),
        ("validation:\n  disabled: true\n".into(), false),
        ("validation:\n  enabled: true\n  disabled: true\n".into(), true),
        ("validation:\n  manifests:\n    indexes:\n      platforms: none\n".into(), false),
        ("validation:\n  manifests:\n    indexes:\n      platforms: None\n".into(), true),
        (list("amd64"), false),
        (list("arm64"), true),
    ] {
        on_every_registry(|| {
            let settings = Settings { top: top.clone(), ..Settings::with_cache(CacheKind::None) };
            let Some(daemon) = RealRegistry::start(&settings) else { return };
            let top_allows = !is_harm;
            // 2.x takes no index without its manifests, whatever its configuration says: what is not there was lost.
            let is_harm = is_harm || daemon.flavour() == Flavour::V2;
            let images = pushed(&daemon);
            // What is not asked is not known, unless a configuration says nothing of it.
            let offline = [&ways(&daemon)[1][..], &["--offline".to_owned()]].concat();
            let unasked = check(&offline, &[]);
            let is_open = !unasked.report().coverage.unknown.is_empty();
            assert_eq!(is_open, top_allows, "{top}: {}", unasked.stdout);
            assert_eq!(unasked.status, if top_allows { 3 } else { 1 }, "{top}: {}", unasked.stdout);
            if top_allows {
                assert_eq!(found(&unasked), [""; 0], "{top}: {}", unasked.stdout);
                let taken = check(&offline, &["--sparse-indexes"]);
                assert_eq!((taken.status, found(&taken)), (0, vec![]), "{top}: {}", taken.stdout);
            }
            let gone = format!("missing-manifest:team/app:{}", images[1].manifest.digest);
            let api = [
                vec!["--registry".to_owned(), daemon.url()],
                vec!["--storage".to_owned(), daemon.root().display().to_string()],
            ];
            if is_harm {
                let checked = check(&ways(&daemon)[1], &[]);
                assert!(found(&checked).contains(&gone), "{top}: {}", checked.stdout);
                for way in &api {
                    assert!(found(&check(way, &[])).contains(&gone));
                    let taken = check(way, &["--sparse-indexes"]);
                    assert_eq!((taken.status, found(&taken)), (0, vec![]), "{}", taken.stdout);
                }
                return;
            }
            for way in [1, 3, 4].map(|at| ways(&daemon)[at].clone()) {
                let checked = check(&way, &[]);
                assert_eq!(
                    (checked.status, found(&checked)),
                    (0, vec![]),
                    "{top} {way:?}: {}",
                    checked.stdout
                );
                let notes = checked.report().findings.into_iter().filter(|it| it.code == Code::PartialIndex);
                assert_eq!(notes.count(), 1, "{}", checked.stdout);
            }
            // What it needs is still needed: a layer of the image that is there.
            lose(daemon.root(), &images[0].layers[0].digest);
            let lost = check(&ways(&daemon)[1], &[]);
            assert_eq!(found(&lost), [format!("missing-blob:{}", images[0].layers[0].digest)], "{top}");
            // A source that has the other manifest is not asked for it.
            let other = RealRegistry::start(&Settings::default()).unwrap();
            let raw = Raw::new(&other.url());
            for image in &images {
                raw.push_image("team/app", &image.manifest.digest.to_string(), image);
            }
            assert_eq!(heal(&daemon, other.root()), [""; 0]);
            assert!(!daemon.data_file(&images[1].manifest.digest).exists());
        });
    }
}

#[test]
fn what_is_taken_for_whole_is_typed_again_in_commands() {
    let settings = Settings::with_cache(CacheKind::None);
    let Some(daemon) = RealRegistry::start(&settings) else { return };
    let images = pushed(&daemon);
    lose(daemon.root(), &images[0].layers[0].digest);
    let root = daemon.root().display().to_string();
    let checked = run(["check", "--storage", &root, "--sparse-indexes", "--offline"]);
    assert!(checked.stdout.contains("--sparse-indexes"), "{}", checked.stdout);
}
