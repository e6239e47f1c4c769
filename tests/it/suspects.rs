//! Suspects are found in what the real registry writes.

use std::collections::BTreeSet;

use regfsck::adapters::suspects::read_suspects;
use regfsck::domain::digest::Digest;
use regfsck::domain::suspects::{Suspect, Suspects};

use crate::support::sources_fixture::{Piece, Registry, Seed, have};

fn read(text: &str) -> Suspects {
    let found = read_suspects(text.as_bytes()).unwrap();
    assert_eq!(found.examples, []);
    assert_eq!(found.not_understood, 0);
    found
}

fn digests(pieces: &[Piece]) -> BTreeSet<Digest> {
    pieces.iter().map(|piece| piece.digest).collect()
}

fn anywhere(pieces: &[Piece]) -> BTreeSet<Suspect> {
    digests(pieces).into_iter().map(|digest| (None, digest)).collect()
}

fn remove_tag(registry: &Registry, name: &str) {
    let tags = registry.root().join("docker/registry/v2/repositories").join(name).join("_manifests/tags");
    std::fs::rename(tags.join("1.0"), registry.root().join("moved")).unwrap();
}

#[test]
fn garbage_collection_names_what_it_deletes_in_all_its_forms() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let (seed, registry) = (Seed::new(), Registry::start());
    registry.fill(&seed);
    remove_tag(&registry, "team/app");
    // With `--delete-untagged`, 2.x takes the blobs of an index's children for unreferenced, too.
    let (dry, log) = registry.collect_garbage(&["--dry-run", "--delete-untagged"]);
    assert_eq!(log, "");
    let blobs = seed.multi.iter().filter(|piece| !piece.is_manifest);
    let gone: Vec<Piece> = seed.app.iter().chain(blobs).cloned().collect();
    let in_any: BTreeSet<Suspect> = anywhere(&gone);
    let app = "team/app".parse().ok();
    let found = read(&dry).pairs;
    assert!(in_any.is_subset(&found));
    assert!(found.contains(&(app.clone(), seed.app[0].digest)));
    assert!(!found.iter().any(|(_, digest)| *digest == seed.multi[0].digest));

    let (real, log) = registry.collect_garbage(&["--delete-untagged"]);
    assert_eq!(read(&real).pairs, found);
    let logged = read(&log).pairs;
    assert!(in_any.is_subset(&logged));
    assert!(logged.contains(&(app, seed.app[0].digest)));
    let prefixed: Vec<_> = real.lines().map(|line| format!("2026-01-02T03:04:05Z {line}")).collect();
    assert!(in_any.is_subset(&read_suspects(prefixed.join("\n").as_bytes()).unwrap().pairs));
}

#[test]
fn both_logs_of_a_registry_name_what_was_pushed() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let (seed, registry) = (Seed::new(), Registry::start());
    registry.fill(&seed);
    let app: BTreeSet<Suspect> =
        seed.app[1..].iter().map(|piece| ("team/app".parse().ok(), piece.digest)).collect();
    for log in ["access.log", "daemon.log"] {
        let pairs = read(&registry.log(log)).pairs;
        assert!(app.is_subset(&pairs), "{log}");
        assert!(pairs.iter().all(|(repository, _)| repository.is_some()), "{log}");
        let known = digests(&[&seed.app[..], &seed.multi[..]].concat());
        assert!(pairs.iter().all(|(_, digest)| known.contains(digest)), "{log}");
    }
}
