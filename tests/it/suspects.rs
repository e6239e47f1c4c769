//! Suspects are found in what the real registry writes.

use std::collections::BTreeSet;

use regfsck::adapters::suspects::read_suspects;
use regfsck::domain::digest::Digest;
use regfsck::domain::suspects::{Suspect, SuspectKind, Suspects};

use crate::support::real_registry::{ACCESS_LOG, OWN_LOG, RealRegistry, on_every_registry};
use crate::support::sources_fixture::{Piece, filled};

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
    digests(pieces).into_iter().map(|digest| Suspect::new(None, digest, SuspectKind::Content)).collect()
}

fn remove_tag(registry: &RealRegistry, name: &str) {
    let tags = registry.root().join("docker/registry/v2/repositories").join(name).join("_manifests/tags");
    std::fs::rename(tags.join("1.0"), registry.root().join("moved")).unwrap();
}

#[test]
fn garbage_collection_names_what_it_deletes_in_all_its_forms() {
    on_every_registry(|| {
        let Some((seed, registry)) = filled() else { return };
        remove_tag(&registry, "team/app");
        // With `--delete-untagged`, 2.x takes the blobs of an index's children for unreferenced, too.
        let dry = registry.garbage_collect(true, true);
        assert_eq!((dry.status, dry.errors.as_str()), (0, ""));
        let forgets = !registry.flavour().is_3();
        let blobs = seed.multi.iter().filter(|piece| forgets && !piece.is_manifest);
        let gone: Vec<Piece> = seed.app.iter().chain(blobs).cloned().collect();
        let in_any: BTreeSet<Suspect> = anywhere(&gone);
        let app = "team/app".parse().ok();
        let found = read(&dry.output).pairs;
        assert!(in_any.is_subset(&found));
        let manifest = Suspect::new(app, seed.app[0].digest, SuspectKind::Manifest);
        assert!(found.contains(&manifest));
        assert!(!found.iter().any(|one| one.digest == seed.multi[0].digest));
        let layers = |one: &&Suspect| one.kind == SuspectKind::Layer;
        assert!(found.iter().filter(layers).all(|one| digests(&seed.app[1..]).contains(&one.digest)));

        let real = registry.garbage_collect(true, false);
        assert_eq!((real.status, read(&real.output).pairs), (0, found));
        let logged = read(&real.errors).pairs;
        assert!(in_any.is_subset(&logged));
        assert!(logged.contains(&manifest));
        let prefixed: Vec<_> =
            real.output.lines().map(|line| format!("2026-01-02T03:04:05Z {line}")).collect();
        assert!(in_any.is_subset(&read_suspects(prefixed.join("\n").as_bytes()).unwrap().pairs));
    });
}

#[test]
fn both_logs_of_a_registry_name_what_was_pushed() {
    on_every_registry(|| {
        let Some((seed, registry)) = filled() else { return };
        let layer = |digest| Suspect::new("team/app".parse().ok(), digest, SuspectKind::Layer);
        let app: BTreeSet<Suspect> = seed.app[1..].iter().map(|piece| layer(piece.digest)).collect();
        for log in [ACCESS_LOG, OWN_LOG] {
            let pairs = read(&registry.read_log(log)).pairs;
            assert!(app.is_subset(&pairs), "{log}");
            assert!(pairs.iter().all(|one| one.repository.is_some()), "{log}");
            let known = digests(&[&seed.app[..], &seed.multi[..]].concat());
            assert!(pairs.iter().all(|one| known.contains(&one.digest)), "{log}");
        }
    });
}
