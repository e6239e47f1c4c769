//! A claim is about a repository: where its link is gone it is false, though the data is stored for others.

use std::fs::File;
use std::time::{Duration, SystemTime};

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::code::Code;
use regfsck::domain::observed::Thing;
use regfsck::domain::report::Verdict;

use super::{check_daemon, lines, of};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::raw::{blob_path, manifest_path};
use crate::support::regfsck::run;
use crate::support::tree::data;

/// One image in two repositories, of which one loses it and what linked it.
fn half_collected(kind: &Kind) -> (Daemon, Image) {
    let daemon = kind.start(&Settings::default());
    let image = Image::two_layers("in both").unwrap();
    for name in ["x/a", "x/b"] {
        daemon.raw().push_image(name, "1", &image);
        assert_eq!(daemon.raw().pull(name, "1", &image), Ok(()));
    }
    let path = manifest_path("x/a", &image.manifest.digest.to_string());
    assert_eq!(daemon.raw().delete(&path).status, 202);
    assert_eq!(daemon.garbage_collect(true, false).status, 0);
    (daemon, image)
}

/// The blobs that the daemon claims in the repository.
fn claimed(daemon: &Daemon, repository: &str, image: &Image) -> usize {
    let head = |digest| daemon.raw().head(&blob_path(repository, digest)).status;
    image.blobs().filter(|blob| head(&blob.digest) == 200).count()
}

#[test]
fn what_garbage_collection_unlinks_in_one_repository_is_a_phantom_there() {
    for kind in Kind::all() {
        let (mut daemon, image) = half_collected(&kind);
        let report = check_daemon(&daemon, &[]);
        if kind.flavour() == Flavour::V2 {
            assert_eq!(
                (report.exit_status, lines(&report)),
                (0, Vec::new()),
                "2.x leaves the links: {kind:?}"
            );
            continue;
        }
        let mut expected: Vec<_> =
            image.blobs().map(|blob| format!("phantom-link x/a@{}", blob.digest)).collect();
        expected.sort();
        assert_eq!((report.exit_status, lines(&report)), (1, expected), "{kind:?}");
        assert_eq!(of(&report, Code::PhantomLink)[0].remedies.len(), 2, "delete the claim, restart");

        let config = daemon.config_path();
        let purged = run(["purge", "--config", config.to_str().unwrap(), "--yes", "-o", "json"]);
        assert_eq!(
            (purged.status, purged.findings().len()),
            (0, 3),
            "repaired and proved: {kind:?} {}",
            purged.stderr
        );
        assert_eq!((claimed(&daemon, "x/a", &image), claimed(&daemon, "x/b", &image)), (0, 3), "{kind:?}");
        // What is pushed now is there for good, and nobody else lost anything.
        daemon.raw().push_image("x/a", "2", &image);
        daemon.restart();
        for (name, tag) in [("x/a", "2"), ("x/b", "1")] {
            assert_eq!(daemon.raw().pull(name, tag, &image), Ok(()), "{kind:?} {name}");
        }
        assert_eq!(lines(&check_daemon(&daemon, &["--probe", "all"])), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn after_a_restart_what_is_left_of_links_accuses_nobody() {
    for kind in Kind::all() {
        let (mut daemon, image) = half_collected(&kind);
        daemon.restart();
        let report = check_daemon(&daemon, &[]);
        assert_eq!((report.exit_status, lines(&report)), (0, Vec::new()), "{kind:?}");
        assert_eq!(daemon.raw().pull("x/b", "1", &image), Ok(()), "{kind:?}");
    }
}

/// <https://github.com/distribution/distribution/issues/988>: an administrator removes a repository's folder. The
/// daemon claims its blobs there still, and nothing in storage tells where that was.
#[test]
fn what_a_removed_repository_had_may_be_claimed_where_nobody_can_ask() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let [gone, kept] = ["gone", "kept"].map(|seed| Image::two_layers(seed).unwrap());
        for (name, image) in [("team/app", &gone), ("team/other", &kept)] {
            daemon.raw().push_image(name, "1", image);
            assert_eq!(daemon.raw().pull(name, "1", image), Ok(()));
        }
        // What comes right before a loss hides it.
        std::thread::sleep(Duration::from_millis(100));
        let path = daemon.root().join("docker/registry/v2/repositories/team/app");
        std::fs::rename(path, daemon.root().join("aside")).unwrap();
        assert_eq!(claimed(&daemon, "team/app", &gone), 3, "{kind:?}");
        // What is young is in flight.
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        for blob in gone.blobs().chain([&gone.manifest]) {
            let path = daemon.root().join("docker/registry/v2").join(data(&blob.digest));
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        }
        let report = check_daemon(&daemon, &[]);
        let unknown: Vec<_> = report.coverage.unknown.iter().map(|unlooked| &unlooked.what).collect();
        let expected =
            ["repositories that nothing names any more", "suspects"].map(|what| Thing::Other(what.into()));
        let expected: Vec<_> = expected.iter().collect();
        assert_eq!((report.verdict, unknown), (Verdict::Incomplete, expected), "{kind:?}");
    }
}
