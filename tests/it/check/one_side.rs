//! Checks that see one side only: exact findings, and what they say they could not see.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::report::Report;

use super::{check, check_daemon, lines};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Pushed};
use crate::support::raw::manifest_path;
use crate::support::regfsck::{command, run};
use crate::support::tree::{Tree, data};

/// Images, one of each damage, all read before it and so remembered.
fn set_up(kind: &Kind) -> (Daemon, Vec<Image>) {
    let daemon = kind.start(&Settings::default());
    let damages = [
        Damage::BlobDataRemoved,
        Damage::BlobHalved,
        Damage::BlobEmptied,
        Damage::ManifestDataRemoved,
        Damage::ManifestEmptied,
        Damage::TagLinkEmptied,
        Damage::TagToMissingRevision,
    ];
    let mut images = Vec::new();
    for (at, damage) in damages.into_iter().enumerate() {
        let repository = format!("team/app{at}");
        let image = Image::two_layers(&repository).unwrap();
        daemon.raw().push_image(&repository, "1", &image);
        assert_eq!(daemon.raw().pull(&repository, "1", &image), Ok(()));
        damage.apply(
            &daemon.root(),
            &Pushed { repository: &repository, tag: "1", image: &image, other: &image },
        );
        images.push(image);
    }
    (daemon, images)
}

/// What the report says that it does not see.
fn limits_of(report: &Report) -> Vec<String> {
    report.coverage.limits.0.iter().map(ToString::to_string).collect()
}

#[test]
fn over_the_api_alone_what_is_served_wrong_is_found() {
    for kind in Kind::all() {
        let (daemon, images) = set_up(&kind);
        let layer = |at: usize| images[at].layers[0].digest;
        let report = check(["--registry", &daemon.url()]);
        let expected = [
            // The daemon remembers the whole size of what is gone, empty, and cut.
            format!("phantom-blob team/app0@{} breaks team/app0:1", layer(0)),
            format!("phantom-blob team/app2@{} breaks team/app2:1", layer(2)),
            "missing-manifest team/app3:1 breaks team/app3:1".into(),
            "missing-manifest team/app6:1 breaks team/app6:1".into(),
            format!("truncated-blob @{} breaks team/app1:1", layer(1)),
            "server-error team/app4:1 breaks team/app4:1".into(),
            "server-error team/app5:1 breaks team/app5:1".into(),
        ];
        assert_eq!((lines(&report), report.exit_status), (expected.to_vec(), 1), "{kind:?}");
        let storage = "storage was not looked at: leftovers, links and what the daemon hides are not seen; give --storage DIR";
        let content = "content was not hashed: corrupt bytes are not seen; give --content";
        let limits = vec![storage.to_owned(), content.to_owned()];
        assert_eq!((limits_of(&report), &report.coverage.unknown), (limits, &vec![]));
        assert_eq!((report.target.storage, report.coverage.storage), (None, None));
    }
}

#[test]
fn over_the_api_alone_the_incident_is_a_tag_without_manifest() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let image = daemon.incident("team/app", "1.0");
        let report = check(["--registry", &daemon.url()]);
        let mut expected = vec!["missing-manifest team/app:1.0 breaks team/app:1.0".to_owned()];
        // Its branch writes the manifest that is pushed again.
        if kind.flavour() == Flavour::Head {
            let claimed = |blob: &Blob| format!("phantom-blob team/app@{} breaks team/app:1.0", blob.digest);
            expected = image.blobs().map(claimed).collect();
            expected.sort();
        }
        assert_eq!(lines(&report), expected, "{kind:?}");
    }
}

#[test]
fn over_the_api_alone_few_requests_are_sent() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let (repositories, images) = (12_u64, 4_u64);
        for repository in 0..repositories {
            for image in 0..images {
                let name = format!("team/app{repository}");
                let pushed = Image::two_layers(&format!("{name} {image}")).unwrap();
                daemon.raw().push_image(&name, &format!("v{image}"), &pushed);
            }
        }
        let before = daemon.access_log().len();
        let report = check(["--registry", &daemon.url()]);
        assert_eq!((report.exit_status, lines(&report)), (0, vec![]), "{kind:?}");
        let sent = (daemon.access_log().len() - before) as u64;
        // A manifest a tag, three blobs each, a page of the catalog, and one of tags for each repository.
        let (manifests, pairs, pages) = (repositories * images, repositories * images * 3, 1 + repositories);
        assert!(sent * 10 <= (manifests + pairs + pages) * 11, "{kind:?} {sent} requests");
        assert_eq!(report.coverage.served.unwrap().requests, sent);
    }
}

#[test]
fn offline_no_request_is_sent_and_what_is_not_known_is_said() {
    for kind in Kind::all() {
        let (daemon, images) = set_up(&kind);
        let before = daemon.access_log().len();
        let report = check_daemon(&daemon, &["--offline"]);
        assert_eq!(daemon.access_log().len(), before);
        let layer = |at: usize| images[at].layers[0].digest;
        let manifest = |at: usize| images[at].manifest.digest;
        let mut empty = [
            (layer(2), format!("empty-blob @{} breaks team/app2:1", layer(2))),
            (manifest(4), format!("empty-blob @{} breaks team/app4:1", manifest(4))),
        ];
        empty.sort();
        let missing = format!("sha256:{}", "e".repeat(64));
        let mut expected = vec![
            format!("missing-blob @{} breaks team/app0:1", layer(0)),
            format!("missing-manifest team/app3@{} breaks team/app3:1", manifest(3)),
            format!("missing-manifest team/app6@{missing} breaks team/app6:1"),
        ];
        expected.extend(empty.map(|(_, line)| line));
        expected.push(format!("truncated-blob @{} breaks team/app1:1", layer(1)));
        expected.push("invalid-link team/app5:1 breaks team/app5:1".into());
        assert_eq!((lines(&report), report.exit_status), (expected, 1), "{kind:?}");
        assert_eq!((&report.target.registry, &report.coverage.served), (&None, &None));
        let limits = [
            "content was not hashed: corrupt bytes are not seen; give --content",
            "only storage was looked at: what the daemon claims, in its cache or to its clients, is not known; give --registry URL",
        ];
        assert_eq!(limits_of(&report), limits);
    }
}

/// Only some repositories: nothing outside them is accused, and nothing is called an orphan.
#[test]
fn a_scope_is_kept_to() {
    let (daemon, _) = set_up(&Kind::Sandbox(Flavour::V2));
    let root = daemon.root();
    let report = check(["--storage", root.to_str().unwrap(), "--repo", "team/app5", "--grace", "0"]);
    assert_eq!(lines(&report), ["invalid-link team/app5:1 breaks team/app5:1"]);
    let limit = "only some repositories were looked at: content that nothing needs is not reported";
    assert!(limits_of(&report).iter().any(|said| said == limit));
    assert_eq!(daemon.raw().get(&manifest_path("team/app5", "1")).status, 500);
}

#[test]
fn however_many_looks_are_under_way_at_once_the_findings_are_the_same() {
    let home = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(home.path());
    // More links and tags in one repository than one thread takes at a time.
    for at in 0..150 {
        let image = tree.image("team/app", Some(&format!("v{at}")), &format!("image{at}"));
        if at % 7 == 0 {
            tree.remove(&data(&image.layers[0].digest));
        }
    }
    let storage = home.path().to_str().unwrap();
    let seen = |jobs: &str| {
        let ended = run(["check", "-v", "--storage", storage, "-o", "json", "--io-jobs", jobs]);
        let chosen = ended.stderr.lines().find(|line| line.contains("looks at storage")).map(str::to_owned);
        let report: Report = serde_json::from_str(&ended.stdout).unwrap();
        (chosen, report.coverage.storage.clone(), lines(&report))
    };
    let (one, walked, found) = seen("1");
    assert_eq!(one.as_deref(), Some(" INFO looks at storage at once jobs=1"));
    assert_eq!((walked.as_ref().unwrap().tags, found.len()), (150, 22));
    for jobs in ["7", "64"] {
        let chosen = format!(" INFO looks at storage at once jobs={jobs}");
        assert_eq!(seen(jobs), (Some(chosen), walked.clone(), found.clone()));
    }
}

/// Check storage with so few open files.
fn with_few_files(root: &Path, files: u32) -> i32 {
    let whole = command([OsStr::new("check"), OsStr::new("--storage"), root.as_os_str()]);
    let limit = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(limit).arg(whole.get_program()).args(whole.get_args()).env_clear();
    shell.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code().unwrap()
}

/// Where files cannot be opened any more, nothing is well because of that, and nothing broken.
#[test]
fn for_want_of_open_files_nothing_is_believed() {
    let sandbox = Kind::Sandbox(Flavour::V2);
    let (broken, _) = set_up(&sandbox);
    let healthy = sandbox.start(&Settings::default());
    healthy.raw().push_image("team/app", "1", &Image::two_layers("healthy").unwrap());
    for files in (6..30).chain([256]) {
        let told = (with_few_files(&broken.root(), files), with_few_files(&healthy.root(), files));
        assert!(matches!(told, (1..=3, 0 | 2 | 3)), "{files} files: {told:?}");
    }
}
