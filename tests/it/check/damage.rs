//! Every damage of the harness, warm and cold, on every daemon: exactly the findings of a table.

use std::collections::BTreeMap;
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

const TABLE: &str = include_str!("../data/findings.txt");

/// One damage in its own repository.
struct Case {
    name: &'static str,
    damage: Damage,
    repository: String,
    image: Image,
    other: Image,
}

impl Case {
    fn new((name, damage): (&'static str, Damage)) -> Self {
        let image = |tag: &str| Image::two_layers(&format!("{name}-{tag}")).unwrap();
        Self { name, damage, repository: format!("damaged/{name}"), image: image("1"), other: image("2") }
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
                text.contains(&format!("@{part}")) || text.contains(&format!("@other-{part}"))
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
    judged.into_iter().map(|words| if words.is_empty() { "nothing".into() } else { words.join("; ") }).collect()
}

type Table = BTreeMap<(usize, &'static str), Vec<(String, String)>>;

fn who(flavour: Flavour, cache: &CacheKind) -> &'static str {
    match (flavour, cache) {
        (Flavour::V2, CacheKind::None) => "2none",
        (Flavour::V2, _) => "2mem",
        (Flavour::V3, CacheKind::None) => "3none",
        (Flavour::V3, _) => "3mem",
    }
}

fn fill(table: &mut Table, kind: &Kind, cache: &CacheKind, state: &'static str) {
    let mut daemon = kind.start(&Settings::with_cache(cache.clone()));
    let healthy = Image::two_layers("healthy").unwrap();
    daemon.raw().push_image("a/healthy", "1", &healthy);
    let cases: Vec<_> = ALL.into_iter().map(Case::new).collect();
    cases.iter().for_each(|case| case.push(&daemon));
    if state == "cold" {
        daemon.stop();
    }
    cases.iter().for_each(|case| case.apply(&daemon.root()));
    if state == "cold" {
        daemon.restart();
    }
    // Times are known to the second, and with no grace only what is older than now is a leftover.
    std::thread::sleep(Duration::from_millis(1100));
    let usual = ["--content", "--grace", "0"];
    let who = who(kind.flavour(), cache);
    let root = daemon.root();
    let offline = check(["--storage", root.to_str().unwrap()].iter().chain(&usual));
    let runs = [
        ("offline".to_owned(), offline),
        (who.to_owned(), check_daemon(&daemon, &usual)),
        (format!("{who}+all"), check_daemon(&daemon, &[&usual[..], &["--probe", "all", "--probe-manifests"]].concat())),
    ];
    for (who, report) in runs {
        for (at, words) in judge(&cases, &report).into_iter().enumerate() {
            table.entry((at, state)).or_default().push((who.clone(), words));
        }
    }
}

/// The table as the file holds it: for each damage and state, who says what.
fn write(table: &Table) -> String {
    let mut text = TABLE.lines().take_while(|line| line.starts_with('#')).collect::<Vec<_>>().join("\n") + "\n";
    for ((at, state), seen) in table {
        let mut by_words: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (who, words) in seen {
            let all = by_words.entry(words).or_default();
            if !all.contains(&who.as_str()) {
                all.push(who);
            }
        }
        let mut rows: Vec<_> = by_words.into_iter().map(|(words, mut who)| { who.sort_unstable(); (who, words) }).collect();
        rows.sort();
        for (who, words) in rows {
            let _ = writeln!(text, "{} | {state} | {} | {words}", ALL[*at].0, who.join(" "));
        }
    }
    text
}

#[test]
fn every_damage_gives_exactly_its_findings_on_every_daemon() {
    let mut table = Table::new();
    for kind in Kind::all() {
        for cache in [CacheKind::InMemory, CacheKind::None] {
            for state in ["warm", "cold"] {
                fill(&mut table, &kind, &cache, state);
            }
        }
    }
    generated::check("tests/it/data/findings.txt", &write(&table));
}
