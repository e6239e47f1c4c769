//! Storage damaged by hand, warm and cold: every answer as it was measured on real registries.

use std::fs;

use regfsck::adapters::sandbox::image::{Blob, Image};
use rstest::rstest;

use super::measured_for;
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::damage::{ALL, Damage, Paths, Pushed};
use crate::support::raw::{Answer, Raw, blob_path, manifest_path};

const MEASURED: &str = include_str!("../data/damage.txt");

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
        let repository = format!("damaged/{name}");
        Self { name, damage, repository, image: image("1"), other: image("2") }
    }

    fn push(&self, raw: &Raw) {
        for (tag, image) in [("1", &self.image), ("2", &self.other)] {
            assert_eq!(raw.push_image(&self.repository, tag, image).1.status, 201);
            assert_eq!(raw.pull(&self.repository, tag, image), Ok(()));
        }
    }

    fn apply(&self, daemon: &Daemon) {
        let (repository, image, other) = (self.repository.as_str(), &self.image, &self.other);
        self.damage.apply(&daemon.root(), &Pushed { repository, tag: "1", image, other });
    }

    /// A size in the words of the table.
    fn size(&self, bytes: u64) -> &'static str {
        let layers = &self.image.layers;
        let (whole, other) = (layers[0].bytes.len() as u64, layers[1].bytes.len() as u64);
        match bytes {
            0 => "empty",
            _ if bytes == whole => "true",
            _ if bytes == whole / 2 => "half",
            _ if bytes == whole + 100 => "grown",
            _ if bytes == other => "other",
            _ => "strange",
        }
    }

    fn see_blob(&self, raw: &Raw) -> [String; 3] {
        let layer = &self.image.layers[0];
        let path = blob_path(&self.repository, &layer.digest);
        let (head, get, range) = (raw.head(&path), raw.get(&path), raw.range(&path, "bytes=10-99"));
        let length = head.length().filter(|_| head.status == 200).map_or("-", |bytes| self.size(bytes));
        let bytes = self.size(get.body.len() as u64);
        let got = match get.status {
            200 if get.cut => format!("200/broken({bytes})"),
            200 if get.body == layer.bytes => "200/ok".to_owned(),
            200 => format!("200/WRONG({bytes})"),
            status => format!("{status} {}", get.codes()),
        };
        let part = if matches!(range.status, 200 | 206) { range.body.len() } else { 0 };
        let broken = if range.cut { " broken" } else { "" };
        [format!("{} ({length})", head.status), got, format!("{} {part}B{broken}", range.status)]
    }

    fn see_manifest(&self, raw: &Raw, reference: &str) -> String {
        let path = manifest_path(&self.repository, reference);
        let (head, get): (Answer, Answer) = (raw.head(&path), raw.get(&path));
        match get.status {
            200 if get.body == self.image.manifest.bytes => format!("{} / 200/ok", head.status),
            200 => format!("{} / 200/WRONG", head.status),
            status => format!("{} / {status} {}", head.status, get.codes()),
        }
    }

    fn see_tags(&self, raw: &Raw) -> String {
        let answer = raw.get(&format!("/v2/{}/tags/list", self.repository));
        let json = answer.json();
        let mut tags: Vec<_> =
            json["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str()).collect();
        tags.sort_unstable();
        format!("{} {}", answer.status, tags.join(",")).trim_end().to_owned()
    }

    /// Whether the image can be pulled by digest and by tag, else what is on disk.
    fn is_healed(&self, raw: &Raw, daemon: &Daemon) -> String {
        let digest = self.image.manifest.digest.to_string();
        let pulled =
            [digest.as_str(), "1"].map(|reference| raw.pull(&self.repository, reference, &self.image));
        if pulled.iter().all(Result::is_ok) {
            return "YES".to_owned();
        }
        let on_disk = |blob: &Blob| {
            let path = Paths::new(&daemon.root()).data(&blob.digest);
            match fs::read(&path) {
                Ok(bytes) if bytes == blob.bytes => "ok",
                Ok(_) => "bad",
                Err(_) if path.is_dir() => "dir",
                Err(_) => "absent",
            }
        };
        format!("no ({}/{})", on_disk(&self.image.layers[0]), on_disk(&self.image.manifest))
    }

    fn see(&self, daemon: &Daemon) -> String {
        let raw = daemon.raw();
        let [head, get, range] = self.see_blob(&raw);
        let by_digest = self.see_manifest(&raw, &self.image.manifest.digest.to_string());
        let by_tag = self.see_manifest(&raw, "1");
        let tags = self.see_tags(&raw);
        raw.push_image(&self.repository, "1", &self.image);
        let pushed = self.is_healed(&raw, daemon);
        raw.heal(&self.repository, "1", &self.image);
        let healed = self.is_healed(&raw, daemon);
        [head, get, range, by_digest, by_tag, tags, pushed, healed].join(" | ")
    }
}

fn check(kind: &Kind, cache: &CacheKind, state: &str) {
    let mut daemon = kind.start(&Settings::with_cache(cache.clone()));
    let cases: Vec<_> = ALL.into_iter().map(Case::new).collect();
    let raw = daemon.raw();
    for case in &cases {
        case.push(&raw);
    }
    if state == "cold" {
        daemon.stop();
    }
    for case in &cases {
        case.apply(&daemon);
    }
    if state == "cold" {
        daemon.restart();
    }
    let label = |case: &Case, saw: &str| format!("{} {state} {cache:?}: {saw}", case.name);
    let expected: Vec<_> = cases
        .iter()
        .map(|case| label(case, measured_for(MEASURED, case.name, state, kind.flavour(), cache)))
        .collect();
    let seen: Vec<_> = cases.iter().map(|case| label(case, &case.see(&daemon))).collect();
    super::pretty_assert(&expected, &seen, &format!("{kind:?}"));
}

#[rstest]
fn damage_is_answered_as_measured(
    #[values("warm", "cold")] state: &str,
    #[values(CacheKind::InMemory, CacheKind::None)] cache: CacheKind,
) {
    for kind in Kind::all() {
        check(&kind, &cache, state);
    }
}
