//! The incident: what a check finds after garbage collection under a running daemon, and after its restart.

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::code::Code;
use regfsck::domain::finding::{Action, Finding};
use regfsck::domain::observed::Side;
use regfsck::domain::report::{Report, Verdict};

use super::{check_daemon, lines, of};
use crate::support::daemon::{Daemon, Kind, Settings};

/// A healthy image, whose blobs show that storage and daemon belong together, and a broken one.
fn set_up(kind: &Kind) -> (Daemon, Image) {
    let daemon = kind.start(&Settings::default());
    let healthy = Image::two_layers("healthy").unwrap();
    daemon.raw().push_image("a/healthy", "1", &healthy);
    assert_eq!(daemon.raw().pull("a/healthy", "1", &healthy), Ok(()));
    let image = daemon.incident("team/app", "1.0");
    (daemon, image)
}

#[test]
fn explore() {
    for kind in Kind::all() {
        let (mut daemon, image) = set_up(&kind);
        println!("{kind:?} {image:?}", image = image.manifest.digest);
        for more in [&[][..], &["--probe-manifests"], &["--probe", "all"]] {
            let report = check_daemon(&daemon, more);
            println!("{more:?} {:#?} {:#?}", lines(&report), report.coverage);
        }
        daemon.restart();
        println!("{}", serde_json::to_string_pretty(&check_daemon(&daemon, &[])).unwrap());
    }
}
