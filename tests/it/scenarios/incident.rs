//! The incident itself: stale by DELETE or by re-tagging, then GC, then a push that skips.
use crate::support::daemon::{Kind, Settings};

#[test]
fn the_incident_happens_everywhere() {
    for kind in Kind::all() {
        kind.start(&Settings::default()).incident("a/img", "1");
    }
}
