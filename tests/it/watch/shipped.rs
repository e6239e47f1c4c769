//! What is shipped for who watches the watch: alert rules and a dashboard.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use regfsck::domain::report::{CacheCoverage, Report, ServedCoverage, StorageCoverage, Target};
use regfsck::domain::watch::{Figures, WatchStatus};
use regfsck::report::watch::write_metrics;

use crate::support::generated::in_tree;
use crate::support::program::output;

/// The families of metrics that a watch serves.
fn families() -> BTreeSet<String> {
    let at = Timestamp::UNIX_EPOCH;
    let mut report = Report::empty(Target::default(), at, at);
    report.coverage.storage = Some(StorageCoverage::default());
    report.coverage.served = Some(ServedCoverage::default());
    report.coverage.cache = Some(CacheCoverage::default());
    let status = WatchStatus {
        started: at,
        target: Target::default(),
        zone: TimeZone::UTC,
        schedule: String::new(),
        figures: Figures::default(),
        report: Some(Arc::new(report)),
        blind: None,
        stale: None,
        checking: None,
        next: Some(at),
        broken: Vec::new(),
        waiting: 0,
        oldest: Some(at),
        leads: 0,
        counts: true,
    };
    let mut text = Vec::new();
    write_metrics(&status, false, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut families = BTreeSet::new();
    for (name, kind) in types.filter_map(|line| line.split_once(' ')) {
        if kind == "histogram" {
            families.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        } else {
            families.insert(name.to_owned());
        }
    }
    families
}

/// The names of our metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("regfsck_")).collect()
}

#[test]
fn the_dashboard_and_the_rules_name_metrics_that_there_are() {
    let families = families();
    for (file, least) in
        [("deploy/grafana/regfsck.json", 20), ("deploy/prometheus/regfsck-watch.rules.yml", 5)]
    {
        let text = std::fs::read_to_string(in_tree(file)).unwrap();
        let named = named(&text);
        assert!(named.len() >= least, "{file}: {named:?}");
        for name in named {
            assert!(families.contains(name), "{file} names {name}; there are {families:?}");
        }
    }
    assert!(!families.contains("regfsck_nothing") && families.contains("regfsck_watch_pushes_failed_total"));
}

#[test]
fn the_dashboard_is_one_that_grafana_imports() {
    let text = std::fs::read_to_string(in_tree("deploy/grafana/regfsck.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{panel}");
        assert_eq!(panel["datasource"]["uid"], "${source}", "{panel}");
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{panel}");
    }
}

#[test]
fn alerts_are_raised_and_ended_as_their_tests_say() {
    let tests = in_tree("deploy/prometheus/regfsck-watch.rules.test.yml").display().to_string();
    let Some(ended) = output("promtool", ["test", "rules", &tests]) else { return };
    assert!(ended.status.success(), "{ended:?}");
}
