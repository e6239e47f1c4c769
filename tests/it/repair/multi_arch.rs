//! Garbage collection of 2.x with -m takes the children's links of a tagged index, and then their blobs.

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::code::Code;

use crate::check::{check_daemon, of};
use crate::support::daemon::{Daemon, Kind, Settings};

fn pushed(daemon: &Daemon) -> [Image; 2] {
    let images = ["amd64", "arm64"].map(|seed| Image::two_layers(seed).unwrap());
    for image in &images {
        let by_digest = image.manifest.digest.to_string();
        assert_eq!(daemon.raw().push_image("team/app", &by_digest, image).1.status, 201);
    }
    let (index, kind) = Image::index(&images).unwrap();
    assert_eq!(daemon.raw().put_manifest("team/app", "1", &index, &kind).status, 201);
    images
}

#[test]
fn what_a_daemon_would_refuse_is_not_planned_and_a_full_source_heals_it() {
    for kind in Kind::all().into_iter().filter(|kind| kind.flavour() == Flavour::V2) {
        let [mut daemon, mirror] = [(); 2].map(|()| kind.start(&Settings::default()));
        pushed(&mirror);
        let images = pushed(&daemon);
        assert_eq!(daemon.garbage_collect(true, false).status, 0);
        daemon.restart();
        let report = check_daemon(&daemon, &[]);
        let lost = of(&report, Code::MissingBlob).len();
        let children: usize = images.iter().map(|image| image.blobs().count()).sum();
        assert_eq!((lost, of(&report, Code::MissingLink).len()), (children, 2), "{kind:?}");
        assert_eq!(report.findings[0].code, Code::MissingBlob, "what is lost comes first");
        for link in of(&report, Code::MissingLink) {
            assert!(
                link.remedies.iter().all(|remedy| remedy.needs.is_some()),
                "{kind:?} {:?}",
                link.remedies
            );
        }
        let report = check_daemon(&daemon, &["--fix", "--yes"]);
        let proof = report.proof.map(|proof| proof.introduced).unwrap_or_default();
        assert_eq!((report.plan.map_or(0, |plan| plan.steps.len()), proof), (0, vec![]), "{kind:?}");
        let source = format!("docker://{}", mirror.url().trim_start_matches("http://"));
        let report = check_daemon(&daemon, &["--fix", "--yes", "--source", &source]);
        assert_eq!(report.exit_status, 0, "{kind:?} {:?}", report.findings);
        for image in &images {
            let digest = image.manifest.digest.to_string();
            assert_eq!(daemon.raw().pull("team/app", &digest, image), Ok(()), "{kind:?}");
        }
    }
}
