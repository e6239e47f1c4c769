//! Property: of a random small registry with random damage, an offline check finds exactly what was planted.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

use super::{check, lines};
use crate::support::tree::{Tree, data, layer_link, revision_link, tag_link};

/// What is done to one image; none of these overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plant {
    Nothing,
    LoseLayer,
    LoseConfig,
    LoseManifest,
    CutLayer,
    EmptyLayer,
    FlipLayer,
    BreakManifest,
    UnlinkLayer,
    UnlinkManifest,
    EmptyLayerLink,
    CrossLayerLink,
    EmptyTag,
    LoseTag,
    LeaveLink,
    LeaveBlob,
}

const PLANTS: [Plant; 16] = [
    Plant::Nothing,
    Plant::LoseLayer,
    Plant::LoseConfig,
    Plant::LoseManifest,
    Plant::CutLayer,
    Plant::EmptyLayer,
    Plant::FlipLayer,
    Plant::BreakManifest,
    Plant::UnlinkLayer,
    Plant::UnlinkManifest,
    Plant::EmptyLayerLink,
    Plant::CrossLayerLink,
    Plant::EmptyTag,
    Plant::LoseTag,
    Plant::LeaveLink,
    Plant::LeaveBlob,
];

/// Plants the damage in the image `name`, and says what must be found.
fn plant(tree: &mut Tree, plant: Plant, repository: &str, tag: &str, name: &str) -> Option<String> {
    let digest = |part: &str| tree.named[&format!("{name}.{part}")];
    let (config, layer, other, manifest) =
        (digest("config"), digest("layer1"), digest("layer2"), digest("manifest"));
    let lose =
        |path: String| fs::rename(tree.base().join(path), tree.root().join(format!("aside-{name}"))).unwrap();
    let breaks = format!("breaks {repository}:{tag}");
    let whole = || fs::read(tree.base().join(data(&layer))).unwrap();
    Some(match plant {
        Plant::Nothing => return None,
        Plant::LoseLayer => {
            lose(data(&layer));
            format!("missing-blob @{layer} {breaks}")
        }
        Plant::LoseConfig => {
            lose(data(&config));
            format!("missing-blob @{config} {breaks}")
        }
        Plant::LoseManifest => {
            lose(data(&manifest));
            format!("missing-manifest {repository}@{manifest} {breaks}")
        }
        Plant::CutLayer => {
            tree.write(&data(&layer), &whole()[..100]);
            format!("truncated-blob @{layer} {breaks}")
        }
        Plant::EmptyLayer => {
            tree.write(&data(&layer), "");
            format!("empty-blob @{layer} {breaks}")
        }
        Plant::FlipLayer => {
            let mut bytes = whole();
            bytes[50] ^= 4;
            tree.write(&data(&layer), bytes);
            format!("corrupt-blob @{layer} {breaks}")
        }
        Plant::BreakManifest => {
            tree.write(&data(&manifest), "{");
            format!("unreadable-manifest @{manifest} {breaks}")
        }
        Plant::UnlinkLayer => {
            lose(layer_link(repository, &layer));
            format!("missing-link {repository}@{layer} {breaks}")
        }
        Plant::UnlinkManifest => {
            lose(revision_link(repository, &manifest));
            format!("missing-link {repository}@{manifest} {breaks}")
        }
        Plant::EmptyLayerLink => {
            tree.write(&layer_link(repository, &layer), "");
            format!("invalid-link {repository}@{layer} {breaks}")
        }
        Plant::CrossLayerLink => {
            tree.write(&layer_link(repository, &layer), other.to_string());
            format!("invalid-link {repository}@{layer} {breaks}")
        }
        Plant::EmptyTag => {
            tree.write(&tag_link(repository, tag), "");
            format!("invalid-link {repository}:{tag} {breaks}")
        }
        Plant::LoseTag => {
            lose(tag_link(repository, tag));
            format!("missing-link {repository}:{tag} {breaks}")
        }
        Plant::LeaveLink | Plant::LeaveBlob => {
            let left = tree.blob(&format!("{name}.left"), name.as_bytes());
            if plant == Plant::LeaveBlob {
                return Some(format!("orphan-blob @{left}"));
            }
            tree.layer_link(repository, &left);
            fs::rename(tree.base().join(data(&left)), tree.root().join(format!("aside-{name}"))).unwrap();
            format!("dangling-layer-link {repository}@{left}")
        }
    })
}

proptest! {
    #![proptest_config(Config {
        cases: 48,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    })]

    #[test]
    fn exactly_what_was_planted_is_found(
        plants in proptest::collection::vec((0..3_usize, proptest::sample::select(&PLANTS[..])), 1..8)
    ) {
        let home = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(home.path());
        let mut expected = BTreeSet::new();
        for (at, (repository, damage)) in plants.into_iter().enumerate() {
            let (repository, tag, name) =
                (["a", "a/b", "team/app"][repository], format!("v{at}"), format!("image{at}"));
            tree.image(repository, Some(&tag), &name);
            expected.extend(plant(&mut tree, damage, repository, &tag, &name));
        }
        tree.age();
        let report = check(["--storage", home.path().to_str().unwrap(), "--content"]);
        let found = lines(&report);
        prop_assert_eq!(found.len(), expected.len(), "{:#?}", found);
        prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}
