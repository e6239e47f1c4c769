//! What is shown of a watch.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::domain::finding::Finding;
use crate::domain::report::Target;
use crate::domain::watch::{BrokenPush, Delays, Figures, Mishap, PushedImage, WatchStatus};

fn status() -> WatchStatus {
    let at = Timestamp::UNIX_EPOCH;
    let target = Target { registry: Some("http://r/<b>\"x\"".into()), ..Target::default() };
    let report = Report::empty(target.clone(), at, at);
    let image = PushedImage {
        repository: "team/app".parse().unwrap(),
        digest: crate::domain::digest::Digest::sha256([7; 32]),
        tag: Some("1".parse().unwrap()),
    };
    let mut delays = Delays::default();
    delays.note(jiff::SignedDuration::from_millis(300));
    delays.note(jiff::SignedDuration::from_hours(1));
    WatchStatus {
        started: at,
        target,
        zone: TimeZone::UTC,
        schedule: "every 6h".into(),
        figures: Figures { verified: 2, failed: 1, delays, ..Figures::default() },
        report: Some(Arc::new(report)),
        blind: Some(Mishap { at, why: "<script>alert(1)</script>\u{1b}[31m".into() }),
        stale: None,
        checking: None,
        next: Some(at),
        broken: vec![BrokenPush { image, notified: at, found: at, findings: Vec::<Finding>::new() }],
        waiting: 0,
        oldest: None,
        leads: 0,
        counts: true,
    }
}

fn text(is_open: bool) -> String {
    let mut out = Vec::new();
    write_metrics(&status(), is_open, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_others_named_is_text_on_the_page() {
    let page = page(&status());
    assert!(page.contains("http://r/&lt;b&gt;&quot;x&quot;") && page.contains("team/app:1"), "{page}");
    assert!(page.contains("the last check could not look: &lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    let (own, of_others) = (page.matches("<script").count(), page.matches("<script>alert").count());
    assert_eq!(
        (own, of_others, page.contains('\u{1b}'), page.contains("<b>")),
        (1, 0, false, false),
        "{page}"
    );
    assert!(page.contains("<title>attention: 1 image that was pushed cannot be pulled; "), "{page}");
}

#[test]
fn counters_are_named_as_each_form_wants_it() {
    let (old, open) = (text(false), text(true));
    let sample = "regfsck_watch_pushes_failed_total{target=\"http://r/<b>\\\"x\\\"\"} 1\n";
    assert!(old.contains(sample) && open.contains(sample), "{old}");
    assert!(old.contains("# TYPE regfsck_watch_pushes_failed_total counter\n"), "{old}");
    assert!(open.contains("# TYPE regfsck_watch_pushes_failed counter\n"), "{open}");
    assert!(open.ends_with("# EOF\n") && !old.contains("# EOF"));
    let bucket = |le: &str| {
        format!(
            "regfsck_watch_push_verification_seconds_bucket{{target=\"http://r/<b>\\\"x\\\"\",le=\"{le}\"}}"
        )
    };
    for (le, count) in [("0.25", 0), ("0.5", 1), ("300.0", 1), ("+Inf", 2)] {
        assert!(old.contains(&format!("{} {count}\n", bucket(le))), "{le}: {old}");
    }
}

#[test]
fn each_family_stands_once_and_together() {
    let text = text(true);
    let mut families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let count = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), count);
}
