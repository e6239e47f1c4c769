//! The proof pulls what was repaired: what comes with wrong bytes is a finding, not something that was not looked at.

use std::fs;

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::digest::Digest;

use crate::check::{check_daemon, lines};
use crate::support::daemon::{Kind, Settings};
use crate::support::tree::{data_file, lose};

#[test]
fn a_pull_with_wrong_bytes_is_a_corrupt_blob() {
    for kind in Kind::all() {
        let [daemon, mirror] = [(); 2].map(|()| kind.start(&Settings::default()));
        let image = Image::two_layers("pulled").unwrap();
        for daemon in [&daemon, &mirror] {
            assert_eq!(daemon.raw().push_image("team/app", "1", &image).1.status, 201);
        }
        let [lost, bad] = [0, 1].map(|at| image.layers[at].digest);
        lose(&daemon.root(), &lost);
        let file = data_file(&daemon.root(), &bad);
        let mut bytes = fs::read(&file).unwrap();
        bytes[50] ^= 4;
        fs::write(&file, bytes).unwrap();
        let source = format!("docker://{}", mirror.url().trim_start_matches("http://"));
        let report = check_daemon(&daemon, &["--fix", "--yes", "--source", &source]);
        let open = lines(&report).into_iter().filter(|line| line.starts_with("corrupt-blob"));
        let corrupt = format!("corrupt-blob @{bad} breaks team/app:1");
        assert_eq!((open.collect::<Vec<_>>(), report.exit_status), (vec![corrupt], 1), "{kind:?}");
        assert_eq!(report.coverage.unknown, [], "{kind:?}");
        let report = check_daemon(&daemon, &["--content", "--fix", "--yes", "--source", &source]);
        assert_eq!(report.exit_status, 0, "{kind:?}");
        assert_eq!(daemon.raw().pull("team/app", "1", &image), Ok(()), "{kind:?}");
    }
}

#[test]
fn what_was_uploaded_is_fetched_once_to_see_it_served() {
    for kind in Kind::all() {
        let [daemon, mirror] = [(); 2].map(|()| kind.start(&Settings::default()));
        let image = Image::two_layers("fetched once").unwrap();
        for daemon in [&daemon, &mirror] {
            assert_eq!(daemon.raw().push_image("team/app", "1", &image).1.status, 201);
        }
        let [lost, kept] = [0, 1].map(|at| image.layers[at].digest);
        lose(&daemon.root(), &lost);
        let source = format!("docker://{}", mirror.url().trim_start_matches("http://"));
        let report = check_daemon(&daemon, &["--fix", "--yes", "--source", &source]);
        assert_eq!(report.exit_status, 0, "{kind:?}");
        assert_eq!(report.proof.map(|proof| proof.pulled), Some(vec!["team/app:1".to_owned()]), "{kind:?}");
        // Since it went there.
        let log = daemon.access_log();
        let put = log.iter().rposition(|access| access.method == "PUT").unwrap();
        let fetched = |digest: &Digest| {
            let path = format!("/v2/team/app/blobs/{digest}");
            let since = log.get(put..).unwrap_or_default().iter();
            since.filter(|access| access.method == "GET" && access.path == path).count()
        };
        assert_eq!((fetched(&lost), fetched(&kept)), (1, 1), "{kind:?}");
    }
}
