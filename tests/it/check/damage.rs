//! Every damage of the harness, warm and cold, on every daemon: exactly the findings of a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::finding::Finding;
use regfsck::domain::report::Report;

use super::{check, check_daemon, line};
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::damage::{ALL, Damage, Pushed, missing};
use crate::support::generated;

const HEAD: &str = "\
# What a check says of storage damaged by hand, with `--content --grace 0`: damage; whose daemon (2.x or 3.x, with an
# in-memory cache or none; `+all` with `--probe all --probe-manifests`; `offline` without a daemon); the findings.
# R is the damaged repository. Real daemons and the sandbox of the same flavour must give the same.
";

/// One damage in its own repository.
struct Case {
    damage: Damage,
    repository: String,
    image: Image,
    other: Image,
}

impl Case {
    fn new((name, damage): (&'static str, Damage)) -> Self {
        let image = |tag: &str| Image::two_layers(&format!("{name}-{tag}")).unwrap();
        Self { damage, repository: format!("damaged/{name}"), image: image("1"), other: image("2") }
    }

    fn push(&self, daemon: &Daemon) {
        for (tag, image) in [("1", &self.image), ("2", &self.other)] {
            assert_eq!(daemon.raw().push_image(&self.repository, tag, image).1.status, 201);
            assert_eq!(daemon.raw().pull(&self.repository, tag, image), Ok(()));
        }
    }

    fn apply(&self, root: &Path) {
        let (repository, image, other) = (self.repository.as_str(), &self.image, &self.other);
        self.damage.apply(root, &Pushed { repository, tag: "1", image, other });
    }

    /// The finding in the words of the table, where it is about this case.
    fn words(&self, finding: &Finding) -> Option<String> {
        let mut text = line(finding);
        for (image, of) in [(&self.image, ""), (&self.other, "other-")] {
            let parts = [("manifest", &image.manifest), ("config", &image.config)];
            let layers = [("layer1", &image.layers[0]), ("layer2", &image.layers[1])];
            for (name, blob) in parts.into_iter().chain(layers) {
                text = text.replace(&blob.digest.to_string(), &format!("{of}{name}"));
                let hex = blob.digest.hex();
                text = text.replace(&format!("{}/{hex}", &hex[..2]), &format!("{of}{name}"));
            }
        }
        text = text.replace(&missing().to_string(), "missing");
        let is_mine = text.contains(&self.repository)
            || ["manifest", "config", "layer"].iter().any(|part| {
                text.contains(&format!("@{part}"))
                    || text.contains(&format!("@other-{part}"))
                    || text.contains(&format!("sha256/{part}"))
            });
        is_mine.then(|| text.replace(&self.repository, "R"))
    }
}

/// What each case got, and that there is nothing else.
fn judge(cases: &[Case], report: &Report) -> Vec<String> {
    let mut judged: Vec<Vec<String>> = vec![Vec::new(); cases.len()];
    for finding in &report.findings {
        let mine = cases.iter().position(|case| case.words(finding).is_some());
        let at = mine.unwrap_or_else(|| panic!("of no case: {finding:#?}"));
        judged[at].extend(cases[at].words(finding));
    }
    judged
        .into_iter()
        .map(|words| if words.is_empty() { "nothing".into() } else { words.join("; ") })
        .collect()
}

/// The findings of each case, by who was asked.
type Seen = Vec<(String, Vec<String>)>;

fn who(flavour: Flavour, cache: &CacheKind) -> &'static str {
    match (flavour, cache) {
        (Flavour::V2, CacheKind::None) => "2none",
        (Flavour::V2, _) => "2mem",
        (_, CacheKind::None) => "3none",
        (_, _) => "3mem",
    }
}

/// Does every damage to one daemon's storage, each in its own repository, and checks it in three ways.
fn see(kind: &Kind, cache: &CacheKind, state: &str) -> Seen {
    let mut daemon = kind.start(&Settings::with_cache(cache.clone()));
    let healthy = Image::two_layers("healthy").unwrap();
    daemon.raw().push_image("a/healthy", "1", &healthy);
    let cases: Vec<_> = ALL.into_iter().map(Case::new).collect();
    for case in &cases {
        case.push(&daemon);
    }
    if state == "cold" {
        daemon.stop();
    }
    for case in &cases {
        case.apply(&daemon.root());
    }
    if state == "cold" {
        daemon.restart();
    }
    // Times are known to the second, and with no grace only what is older than now is a leftover.
    std::thread::sleep(Duration::from_millis(1100));
    let usual = ["--content", "--grace", "0"];
    let all = [&usual[..], &["--probe", "all", "--probe-manifests"]].concat();
    let (root, who) = (daemon.root(), who(kind.flavour(), cache));
    [
        ("offline".to_owned(), check(["--storage", root.to_str().unwrap()].iter().chain(&usual))),
        (who.to_owned(), check_daemon(&daemon, &usual)),
        (format!("{who}+all"), check_daemon(&daemon, &all)),
    ]
    .map(|(who, report)| (who, judge(&cases, &report)))
    .into()
}

/// The table: for each damage, who says what. Those who agree share a row.
fn write(seen: &Seen) -> String {
    let mut text = HEAD.to_owned();
    for (at, (name, _)) in ALL.iter().enumerate() {
        let mut rows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (who, words) in seen {
            rows.entry(&words[at]).or_default().insert(who);
        }
        let mut rows: Vec<_> = rows.into_iter().map(|(words, who)| (who, words)).collect();
        rows.sort();
        for (who, words) in rows {
            let who: Vec<_> = who.into_iter().collect();
            let _ = writeln!(text, "{name} | {} | {words}", who.join(" "));
        }
    }
    text
}

fn every_damage(cache: &CacheKind, state: &str) {
    let seen: Seen = std::thread::scope(|scope| {
        let kinds = Kind::all().into_iter().map(|kind| scope.spawn(move || see(&kind, cache, state)));
        let running: Vec<_> = kinds.collect();
        running.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let cached = if *cache == CacheKind::None { "uncached" } else { "cached" };
    generated::check(&format!("tests/it/data/findings-{state}-{cached}.txt"), &write(&seen));
}

#[test]
fn warm_damage_gives_exactly_its_findings_on_every_daemon() {
    every_damage(&CacheKind::InMemory, "warm");
}

#[test]
fn cold_damage_gives_exactly_its_findings_on_every_daemon() {
    every_damage(&CacheKind::InMemory, "cold");
}

#[test]
fn damage_gives_exactly_its_findings_without_a_cache() {
    every_damage(&CacheKind::None, "warm");
}

#[test]
fn damage_found_after_a_restart_without_a_cache_is_the_same() {
    every_damage(&CacheKind::None, "cold");
}
