//! A manifest that gives a wrong size for right content: the manifest is accused, and no check reads without bound to
//! find that out.

use std::fs;

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::code::Code;
use regfsck::domain::limit::Limit;

use super::{check, check_daemon, lines, of};
use crate::support::daemon::{Kind, Settings};
use crate::support::raw::Raw;
use crate::support::tree::{Tree, data, data_file};

/// An image whose manifest gives the first layer one byte more than it has.
fn misdescribed(seed: &str) -> Image {
    let image = Image::two_layers(seed).unwrap();
    let size = |bytes: usize| format!(r#""digest":"{}","size":{bytes}"#, image.layers[0].digest);
    let text = String::from_utf8(image.manifest.bytes.clone()).unwrap();
    let has = image.layers[0].bytes.len();
    let wrong = text.replace(&size(has), &size(has + 1));
    assert_ne!(text, wrong, "its descriptors are written otherwise: {text}");
    Image { manifest: Blob::new(wrong.into_bytes()), ..image }
}

fn push(raw: &Raw, tag: &str) -> Image {
    let image = misdescribed("wrong size");
    assert_eq!(raw.push_image("team/app", tag, &image).1.status, 201, "no daemon compares sizes");
    assert_eq!(raw.push_image("team/other", "1", &Image::two_layers("right").unwrap()).1.status, 201);
    image
}

fn accused(image: &Image) -> String {
    format!("wrong-descriptor @{} breaks team/app:1", image.manifest.digest)
}

#[test]
fn the_manifest_is_accused_and_not_the_layer_on_every_daemon() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let image = push(&daemon.raw(), "1");
        for more in [&[][..], &["--content"]] {
            let report = check_daemon(&daemon, more);
            assert_eq!((lines(&report), report.exit_status), (vec![accused(&image)], 1), "{kind:?} {more:?}");
        }
        let report = check(["--registry", &daemon.url()]);
        assert_eq!((lines(&report), report.exit_status), (vec![accused(&image)], 1), "{kind:?}");
        // There is nothing to upload, and what is right stays.
        let report = check_daemon(
            &daemon,
            &["--fix", "--yes", "--source", &format!("docker://{}", host(&daemon.url()))],
        );
        assert_eq!((lines(&report), report.exit_status), (vec![accused(&image)], 1), "{kind:?}");
        assert_eq!(
            fs::read(data_file(&daemon.root(), &image.layers[0].digest)).unwrap(),
            image.layers[0].bytes
        );
    }
}

fn host(url: &str) -> &str {
    url.trim_start_matches("http://")
}

#[test]
fn a_layer_that_was_cut_is_still_told_from_it() {
    let home = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(home.path());
    let image = tree.image("team/app", Some("1"), "image");
    let layer = image.layers[0].digest;
    tree.write(&data(&layer), &image.layers[0].bytes[..100]);
    let report = check(["--storage", home.path().to_str().unwrap()]);
    assert_eq!(lines(&report), [format!("truncated-blob @{layer} breaks team/app:1")]);
}

/// A tebibyte that takes no room costs who pushes it nothing, and would cost a check an hour.
#[test]
fn what_is_too_large_is_not_hashed_and_that_is_said() {
    const TEBIBYTE: u64 = 1 << 40;
    let home = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(home.path());
    let image = tree.image("team/app", Some("1"), "image");
    let [large, wrong] = [0, 1].map(|at| image.layers[at].digest);
    let file = fs::File::options().write(true).open(data_file(home.path(), &large)).unwrap();
    file.set_len(TEBIBYTE).unwrap();
    tree.write(&data(&wrong), b"short");
    let started = std::time::Instant::now();
    let report = check(["--storage", home.path().to_str().unwrap()]);
    assert!(started.elapsed().as_secs() < 20, "it was hashed");
    let mut expected = [large, wrong].map(|layer| format!("truncated-blob @{layer} breaks team/app:1"));
    expected.sort();
    assert_eq!((lines(&report), report.exit_status), (expected.to_vec(), 1));
    assert!(report.coverage.limits.0.contains(&Limit::SizesUnhashed { blobs: 1, bytes: TEBIBYTE }));
    let said = |layer| {
        let finding = of(&report, Code::TruncatedBlob);
        let finding = finding.into_iter().find(|finding| finding.subject.digest == Some(layer)).unwrap();
        finding.evidence.last().unwrap().said.clone()
    };
    assert_eq!(said(large), format!("{TEBIBYTE} bytes, which were not hashed"));
}

/// Over the API, too, no check fetches without bound; and one that was asked to has nothing left to say.
#[test]
fn what_is_too_large_to_be_fetched_unasked_is_said_unless_all_was_hashed() {
    const LARGE: u64 = 65 << 20;
    for kind in Kind::all() {
        let mut daemon = kind.start(&Settings::default());
        let image = Image::two_layers("grown").unwrap();
        daemon.raw().push_image("team/app", "1", &image);
        let layer = image.layers[0].digest;
        let file = fs::File::options().write(true).open(data_file(&daemon.root(), &layer)).unwrap();
        file.set_len(LARGE).unwrap();
        // It forgets the size that it had.
        daemon.restart();
        let limit = Limit::SizesUnhashed { blobs: 1, bytes: LARGE };
        for (more, is_said) in [(&[][..], true), (&["--content"], false)] {
            let url = daemon.url();
            let report = check(["--registry", &url].into_iter().chain(more.iter().copied()));
            assert_eq!(lines(&report), [format!("truncated-blob @{layer} breaks team/app:1")], "{kind:?}");
            assert_eq!(report.coverage.limits.0.contains(&limit), is_said, "{kind:?} {more:?}");
        }
    }
}
