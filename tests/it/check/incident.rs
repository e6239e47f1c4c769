//! The incident: what a check finds after garbage collection under a running daemon, and after its restart.

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::action::Action;
use regfsck::domain::code::Code;
use regfsck::domain::digest::Digest;
use regfsck::domain::finding::Finding;
use regfsck::domain::observed::Side;
use regfsck::domain::report::Verdict;

use super::{check_daemon, lines, of};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::regfsck::run;
use crate::support::tree::data;

const REPOSITORY: &str = "team/app";

/// A healthy image, whose blobs show that storage and daemon belong together, and a broken one.
fn set_up(kind: &Kind) -> (Daemon, Image) {
    let daemon = kind.start(&Settings::default());
    let healthy = Image::two_layers("healthy").unwrap();
    daemon.raw().push_image("a/healthy", "1", &healthy);
    assert_eq!(daemon.raw().pull("a/healthy", "1", &healthy), Ok(()));
    let image = daemon.incident(REPOSITORY, "1.0");
    (daemon, image)
}

/// A finding for each blob of the image, sorted as reports are.
fn each(code: Code, image: &Image) -> Vec<String> {
    let mut blobs: Vec<_> = image.blobs().map(|blob| blob.digest).collect();
    blobs.sort_unstable();
    blobs.iter().map(|digest| format!("{code} {REPOSITORY}@{digest}")).collect()
}

fn the_manifest(code: Code, image: &Image) -> String {
    format!("{code} {REPOSITORY}@{} breaks {REPOSITORY}:1.0", image.manifest.digest)
}

/// What the image misses where the daemon has written the manifest that was pushed again, as its branch does.
fn lost_below(code: Code, image: &Image) -> Vec<String> {
    let holder = if code == Code::MissingBlob { "" } else { REPOSITORY };
    let line = |line: &String| format!("{} breaks {REPOSITORY}:1.0", line.replacen(REPOSITORY, holder, 1));
    each(code, image).iter().map(line).collect()
}

/// What garbage collection leaves of the layers' links: 3.x removes them.
fn leftovers(flavour: Flavour, image: &Image) -> Vec<String> {
    if flavour == Flavour::V2 { each(Code::DanglingLayerLink, image) } else { Vec::new() }
}

#[test]
fn the_incident_is_found_and_proved_on_every_daemon() {
    for kind in Kind::all() {
        let (daemon, image) = set_up(&kind);
        let report = check_daemon(&daemon, &[]);
        assert_eq!((report.verdict, report.exit_status), (Verdict::Incoherent, 1), "{kind:?}");
        // 3.x removes the links of the layers, and leaves their folders.
        let mut expected = each(Code::PhantomBlob, &image);
        // It keeps manifests and blobs in one cache, and so tells of the manifest without being provoked.
        if matches!(kind.flavour(), Flavour::V3_0 | Flavour::V3) {
            expected.push(the_manifest(Code::PhantomManifest, &image));
        }
        expected.push(the_manifest(Code::MissingManifest, &image));
        expected.extend(leftovers(kind.flavour(), &image));
        if kind.flavour() == Flavour::Head {
            expected = [Code::PhantomBlob, Code::MissingBlob].map(|code| lost_below(code, &image)).concat();
        }
        assert_eq!(lines(&report), expected, "{kind:?}");
        for finding in of(&report, Code::PhantomBlob) {
            is_proved(&daemon, finding);
        }
    }
}

/// Storage, HEAD, one byte, storage again: the evidence of a phantom.
fn is_proved(daemon: &Daemon, finding: &Finding) {
    let digest = finding.subject.digest.unwrap();
    let url = format!("{}/v2/{REPOSITORY}/blobs/{digest}", daemon.url());
    let said: Vec<_> =
        finding.evidence.iter().map(|seen| (seen.view, seen.asked.to_string(), seen.said.as_str())).collect();
    let (path, head, get) = (data(&digest), format!("HEAD {url}"), format!("GET {url}, Range: bytes=0-0"));
    let size = said[1].2.to_owned();
    let expected = [
        (Side::Storage, path.clone(), "not there (walk)"),
        (Side::Served, head, size.as_str()),
        (Side::Served, get, "206 Partial Content, Content-Length 1, then not one byte"),
        (Side::Storage, path, "not there (second look)"),
    ];
    assert_eq!(said, expected);
    assert!(size.starts_with("200 OK, "), "{size}");
    assert!(finding.evidence.windows(2).all(|pair| pair[0].at <= pair[1].at), "{:#?}", finding.evidence);
    let actions: Vec<_> = finding.remedies.iter().map(|remedy| remedy.action).collect();
    assert_eq!(actions, [Action::UploadBlob, Action::DeleteClaim, Action::Restart]);
}

#[test]
fn what_the_daemon_believes_of_a_lost_manifest_is_asked_where_that_is_allowed() {
    for kind in Kind::all() {
        let (daemon, image) = set_up(&kind);
        let report = check_daemon(&daemon, &["--probe-manifests"]);
        let phantoms = of(&report, Code::PhantomManifest);
        if kind.flavour() == Flavour::Head {
            assert!(phantoms.is_empty(), "it has written the manifest");
            continue;
        }
        assert_eq!(
            phantoms.iter().map(|finding| super::line(finding)).collect::<Vec<_>>(),
            [the_manifest(Code::PhantomManifest, &image)],
            "{kind:?}"
        );
        let actions: Vec<_> = phantoms[0].remedies.iter().map(|remedy| remedy.action).collect();
        assert_eq!(actions, [Action::UploadManifest, Action::ReturnManifest, Action::Restart]);
        let asked: Vec<_> = phantoms[0].evidence.iter().map(|seen| seen.view).collect();
        assert_eq!(asked, [Side::Served, Side::Storage], "{kind:?}");
    }
}

#[test]
fn after_a_restart_the_phantoms_are_gone_and_what_is_lost_remains() {
    for kind in Kind::all() {
        let (mut daemon, image) = set_up(&kind);
        daemon.restart();
        let mut expected = vec![the_manifest(Code::MissingManifest, &image)];
        expected.extend(leftovers(kind.flavour(), &image));
        if kind.flavour() == Flavour::Head {
            expected = lost_below(Code::MissingBlob, &image);
        }
        for more in [&[][..], &["--probe-manifests"], &["--probe", "all"]] {
            let report = check_daemon(&daemon, more);
            assert_eq!((lines(&report), report.exit_status), (expected.clone(), 1), "{kind:?} {more:?}");
        }
        // Uploads without asking heal it.
        daemon.raw().heal(REPOSITORY, "1.0", &image);
        assert_eq!(lines(&check_daemon(&daemon, &["--probe", "all"])), Vec::<String>::new(), "{kind:?}");
    }
}

/// A layer that is lost while its manifest is not: what is lost and who lies about it are two findings.
#[test]
fn a_layer_lost_under_a_manifest_is_both_missing_and_a_phantom() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let image = Image::two_layers("half lost").unwrap();
        daemon.raw().push_image(REPOSITORY, "1.0", &image);
        let layer = image.layers[0].digest;
        take_away(&daemon, &layer);
        let expected = [
            format!("phantom-blob {REPOSITORY}@{layer} breaks {REPOSITORY}:1.0"),
            format!("missing-blob @{layer} breaks {REPOSITORY}:1.0"),
        ];
        assert_eq!(lines(&check_daemon(&daemon, &[])), expected, "{kind:?}");
    }
}

fn take_away(daemon: &Daemon, digest: &Digest) {
    let path = daemon.root().join("docker/registry/v2").join(data(digest));
    std::fs::rename(path, daemon.root().join("aside")).unwrap();
}

#[test]
fn a_check_of_another_registry_is_refused() {
    let (one, other) = (Kind::Sandbox(Flavour::V2), Kind::Sandbox(Flavour::V2));
    let (one, other) = (one.start(&Settings::default()), other.start(&Settings::default()));
    for (daemon, seed) in [(&one, "one"), (&other, "other")] {
        daemon.raw().push_image(REPOSITORY, "1.0", &Image::two_layers(seed).unwrap());
    }
    let root = one.root();
    let ran = run(["check", "--storage", root.to_str().unwrap(), "--registry", &other.url()]);
    assert_eq!((ran.status, ran.stderr.as_str()), (4, ""));
}
