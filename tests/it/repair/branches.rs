//! Each kind of damage, and each branch of the planner: repaired, proved, and nothing left to do.

use std::fs;
use std::path::Path;

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::finding::State;

use super::{Mirror, Ran, Regfsck, judge};
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::damage::{ALL, Damage, Paths, Pushed};
use crate::support::raw::{Raw, blob_path};

const REPOSITORY: &str = "team/app";

/// Damage that leaves nothing of the image to find: what is not there is not wrong.
const NOTHING_TO_FIND: [Damage; 3] =
    [Damage::ManifestsFolderRemoved, Damage::RepositoryRemoved, Damage::TagIndexLinkEmptied];

/// Damage that a person has to judge: a folder where a file belongs, and a tag that names what nobody has.
const HOPELESS: [Damage; 2] = [Damage::BlobDataIsFolder, Damage::TagToMissingRevision];

fn pushed(daemon: &Daemon) -> (Image, Image) {
    let (image, other) = (Image::two_layers("damaged").unwrap(), Image::two_layers("whole").unwrap());
    for (tag, image) in [("1", &image), ("2", &other)] {
        assert_eq!(daemon.raw().push_image(REPOSITORY, tag, image).1.status, 201);
        assert_eq!(daemon.raw().pull(REPOSITORY, tag, image), Ok(()));
    }
    (image, other)
}

fn remove(path: &Path) {
    #[expect(clippy::disallowed_methods, reason = "the damage is to remove something")]
    fs::remove_file(path).unwrap();
}

#[track_caller]
fn nothing_left(regfsck: &Regfsck, arguments: &[&str], what: &str) {
    let again = regfsck.fix(arguments);
    assert_eq!((again.status, again.steps()), (0, Vec::new()), "{what}: {}\n{}", again.table, again.stderr);
}

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

    /// What does not pull, of both images by tag and by digest.
    fn broken(&self, raw: &Raw) -> Option<String> {
        let pull = |tag: &str, image: &Image| {
            let digest = image.manifest.digest.to_string();
            [tag, &digest].iter().find_map(|at| raw.pull(&self.repository, at, image).err())
        };
        pull("1", &self.image).or_else(|| pull("2", &self.other)).map(|why| format!("{}: {why}", self.name))
    }
}

fn all_heal(is_cold: bool) {
    for kind in Kind::all() {
        let mut daemon = kind.start(&Settings::default());
        let mirror = Mirror::empty();
        let whole = ALL.into_iter().filter(|(_, damage)| !HOPELESS.contains(damage));
        // Where a whole folder is gone nothing tells what the daemon claims there: no check ends coherent beside it.
        let untold = [Damage::RepositoryRemoved, Damage::ManifestsFolderRemoved];
        let whole = whole.filter(|(_, damage)| !untold.contains(damage));
        let cases: Vec<_> = whole.map(Case::new).collect();
        for case in &cases {
            case.push(&daemon.raw());
            case.push(&mirror.raw());
        }
        if is_cold {
            daemon.stop();
        }
        for case in &cases {
            case.apply(&daemon);
        }
        if is_cold {
            daemon.restart();
        }
        let regfsck = Regfsck::on(&daemon);
        let source = mirror.source();
        let arguments = ["--content", "--source", &source];
        let fixed = regfsck.fix(&arguments).expect(0);
        let found = cases.iter().filter(|case| !NOTHING_TO_FIND.contains(&case.damage));
        let broken: Vec<_> = found.filter_map(|case| case.broken(&daemon.raw())).collect();
        assert_eq!(broken, Vec::<String>::new(), "{kind:?}: {}", fixed.table);
        nothing_left(&regfsck, &arguments, "every damage");
    }
}

#[test]
fn what_a_person_has_to_judge_is_left_and_told() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let mirror = Mirror::empty();
        let cases: Vec<_> =
            ALL.into_iter().filter(|(_, damage)| HOPELESS.contains(damage)).map(Case::new).collect();
        for case in &cases {
            case.push(&daemon.raw());
            case.push(&mirror.raw());
            case.apply(&daemon);
        }
        let fixed = Regfsck::on(&daemon).fix(&["--content", "--source", &mirror.source()]).expect(1);
        assert!(fixed.errors().contains(&"missing-manifest".to_owned()), "{kind:?}: {}", fixed.table);
        assert!(fixed.errors().contains(&"missing-blob".to_owned()), "{kind:?}: {}", fixed.table);
        for case in &cases {
            assert_eq!(daemon.raw().pull(&case.repository, "2", &case.other), Ok(()));
        }
    }
}

#[test]
fn every_damage_heals_while_the_daemon_remembers() {
    all_heal(false);
}

#[test]
fn every_damage_heals_after_a_restart() {
    all_heal(true);
}

/// An index of two images, pushed by digest and then as a tag.
fn push_index(raw: &Raw, images: &[Image]) -> Blob {
    for image in images {
        assert_eq!(raw.push_image(REPOSITORY, &image.manifest.digest.to_string(), image).1.status, 201);
    }
    let (index, kind) = Image::index(images).unwrap();
    assert_eq!(raw.put_manifest(REPOSITORY, "multi", &index, &kind).status, 201);
    index
}

#[test]
fn indexes_get_their_children_back_first() {
    for kind in Kind::all() {
        for gone in [1, 2] {
            let daemon = kind.start(&Settings::default());
            let images = ["amd64", "arm64"].map(|seed| Image::two_layers(seed).unwrap());
            let mirror = Mirror::empty();
            push_index(&mirror.raw(), &images);
            let index = push_index(&daemon.raw(), &images);
            let paths = Paths::new(&daemon.root());
            for image in &images[..gone] {
                for blob in image.blobs().chain([&image.manifest]) {
                    remove(&paths.data(&blob.digest));
                }
                remove(&paths.revision_link(REPOSITORY, &image.manifest.digest));
            }
            let regfsck = Regfsck::on(&daemon);
            let fixed = regfsck.fix(&["--source", &mirror.source()]).healed();
            let code = if gone == 2 { "hollow-index" } else { "partial-index" };
            assert!(
                fixed.findings().any(|found| found.code.as_str() == code && found.state == State::Repaired)
            );
            assert_eq!(fixed.pulled(), ["team/app:multi"], "{kind:?}");
            for image in &images {
                let digest = image.manifest.digest.to_string();
                assert_eq!(daemon.raw().pull(REPOSITORY, &digest, image), Ok(()));
            }
            assert!(paths.data(&index.digest).exists());
            nothing_left(&regfsck, &["--source", &mirror.source()], code);
        }
    }
}

#[test]
fn a_whole_index_is_restored_bottom_up() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let images = ["amd64", "arm64"].map(|seed| Image::two_layers(seed).unwrap());
        let mirror = Mirror::empty();
        push_index(&mirror.raw(), &images);
        let index = push_index(&daemon.raw(), &images);
        let paths = Paths::new(&daemon.root());
        remove(&paths.data(&index.digest));
        for blob in images.iter().flat_map(|image| image.blobs().chain([&image.manifest])) {
            remove(&paths.data(&blob.digest));
        }
        let regfsck = Regfsck::on(&daemon);
        let fixed = regfsck.fix(&["--source", &mirror.source()]).healed();
        let last = fixed.steps().last().cloned();
        assert_eq!(last, Some(format!("restore-manifest:{REPOSITORY}:{}", index.digest)), "{kind:?}");
        for image in &images {
            let digest = image.manifest.digest.to_string();
            assert_eq!(daemon.raw().pull(REPOSITORY, &digest, image), Ok(()));
        }
    }
}

#[test]
fn a_manifest_is_not_restored_without_what_it_needs() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::with_cache(CacheKind::None));
        let (image, _) = pushed(&daemon);
        // The mirror has the manifest, and lost a layer of it.
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        let paths = Paths::new(&daemon.root());
        for blob in [&image.manifest, &image.layers[0]] {
            remove(&paths.data(&blob.digest));
        }
        remove(&Paths::new(mirror.sandbox.root()).blob(&image.layers[0].digest).join("data"));
        remove(&Paths::new(mirror.sandbox.root()).layer_link(REPOSITORY, &image.layers[0].digest));
        let mut mirror = mirror;
        mirror.sandbox.restart().unwrap();
        let fixed = Regfsck::on(&daemon).fix(&["--source", &mirror.source()]).expect(1);
        assert_eq!(fixed.steps(), Vec::<String>::new(), "{kind:?}");
        let unresolved = fixed.unresolved();
        let why = &unresolved.iter().find(|(id, _)| id.starts_with("missing-manifest")).unwrap().1;
        assert_eq!(
            *why,
            format!(
                "no source has blob {}, which it needs; give one with --source",
                image.layers[0].digest.short()
            )
        );
    }
}

/// A phantom layer that no manifest needs any more.
fn unneeded_phantom(daemon: &Daemon) -> Image {
    let (image, _) = pushed(daemon);
    let lost = Blob::new(b"a layer that nothing needs".to_vec());
    assert_eq!(daemon.raw().upload(REPOSITORY, &lost), 201);
    assert_eq!(daemon.raw().head(&blob_path(REPOSITORY, &lost.digest)).status, 200);
    remove(&Paths::new(&daemon.root()).data(&lost.digest));
    Image { config: lost, ..image }
}

#[test]
fn a_phantom_that_nothing_needs_is_forgotten_or_made_true() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let lost = unneeded_phantom(&daemon).config;
        let regfsck = Regfsck::on(&daemon);
        // The claim goes; that the daemon remembers no manifest which held the layer, only its start can tell.
        let fixed = regfsck.fix(&["--probe", "all"]).expect(3);
        assert_eq!(fixed.errors(), Vec::<String>::new());
        assert_eq!(fixed.steps(), [format!("delete-claim:{REPOSITORY}:{}", lost.digest)], "{kind:?}");
        assert_eq!(daemon.raw().head(&blob_path(REPOSITORY, &lost.digest)).status, 404);

        let daemon = kind.start(&Settings { delete: false, ..Settings::default() });
        let lost = unneeded_phantom(&daemon).config;
        let regfsck = Regfsck::on(&daemon);
        let stuck = regfsck.fix(&["--probe", "all"]).expect(3);
        assert_eq!(stuck.steps(), Vec::<String>::new());
        let unresolved = stuck.unresolved();
        let why = &unresolved.iter().find(|(id, _)| id.starts_with("phantom-blob")).unwrap().1;
        assert_eq!(
            why,
            "the registry allows no deletes, and no source has the bytes; a restart of the daemon clears it (--restart SPEC)"
        );
        let mirror = Mirror::empty();
        assert_eq!(mirror.raw().upload(REPOSITORY, &lost), 201);
        let fixed = regfsck.fix(&["--probe", "all", "--source", &mirror.source()]).healed();
        assert_eq!(fixed.steps(), [format!("upload-blob:{REPOSITORY}:{}", lost.digest)]);
        assert_eq!(daemon.raw().get(&blob_path(REPOSITORY, &lost.digest)).body, lost.bytes);
    }
}

#[test]
fn a_blob_is_found_in_another_repository_of_the_source() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let image = Image::two_layers("shared").unwrap();
        let raw = daemon.raw();
        for repository in ["a/first", "b/second"] {
            raw.push_image(repository, "1", &image);
        }
        remove(&Paths::new(&daemon.root()).data(&image.layers[0].digest));
        let mirror = Mirror::with(&[("b/second", "1", &image)]);
        let fixed = Regfsck::on(&daemon).fix(&["--source", &mirror.source()]).healed();
        assert_eq!(fixed.steps(), [format!("upload-blob:a/first:{}", image.layers[0].digest)]);
        for repository in ["a/first", "b/second"] {
            judge(&daemon, repository, "1", &image);
        }
    }
}

#[test]
fn damaged_layers_are_quarantined_and_undo_brings_them_back() {
    for kind in Kind::all() {
        for (code, damage) in
            [("corrupt-blob", Damage::BlobBitFlipped), ("truncated-blob", Damage::BlobHalved)]
        {
            let daemon = kind.start(&Settings::default());
            let (image, other) = pushed(&daemon);
            let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &other };
            damage.apply(&daemon.root(), &at);
            let data = Paths::new(&daemon.root()).data(&image.layers[0].digest);
            let bad = fs::read(&data).unwrap();
            let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
            let regfsck = Regfsck::on(&daemon);
            let fixed = regfsck.fix(&["--content", "--source", &mirror.source()]).healed();
            assert!(
                fixed.findings().any(|found| found.code.as_str() == code && found.state == State::Repaired)
            );
            assert_eq!(fixed.pulled(), ["team/app:1"]);
            assert_eq!(fs::read(&data).unwrap(), image.layers[0].bytes);
            judge(&daemon, REPOSITORY, "1", &image);
            let undone = regfsck.undo();
            assert_eq!(undone.status, 0, "{undone:?}");
            assert_eq!(fs::read(&data).unwrap(), bad, "{kind:?}");
            let again = regfsck.fix(&["--content", "--source", &mirror.source()]).healed();
            assert_eq!(again.pulled(), ["team/app:1"]);
            assert_eq!(fs::read(&data).unwrap(), image.layers[0].bytes);
        }
    }
}

#[test]
fn bad_bytes_stay_where_no_source_has_better_ones() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let (image, other) = pushed(&daemon);
        let at = Pushed { repository: REPOSITORY, tag: "1", image: &image, other: &other };
        Damage::BlobHalved.apply(&daemon.root(), &at);
        let data = Paths::new(&daemon.root()).data(&image.layers[0].digest);
        let bad = fs::read(&data).unwrap();
        let fixed: Ran = Regfsck::on(&daemon).fix(&["--content"]).expect(1);
        assert_eq!(fixed.steps(), Vec::<String>::new(), "{kind:?}");
        assert!(
            fixed
                .unresolved()
                .iter()
                .any(|(_, why)| why == "no source has its bytes; give one with --source")
        );
        assert_eq!(fs::read(&data).unwrap(), bad);
    }
}
