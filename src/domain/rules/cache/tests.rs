use crate::domain::views::cache::CacheCollector;
use crate::domain::views::storage::{Links, StoredManifests, Target, Traces};

use super::*;

fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

/// Storage with blobs of 10 bytes, and repositories that link some digests as layers.
fn storage(blobs: &[u8], repositories: &[(&str, &[u8])]) -> StorageView {
    let links = |digests: &[u8]| -> Links { digests.iter().map(|n| (digest(*n), Target::Same)).collect() };
    StorageView {
        changed: None,
        root: "/r".into(),
        collected: Timestamp::UNIX_EPOCH,
        blobs: blobs.iter().map(|n| StoredBlob { digest: digest(*n), size: 10, modified: 0 }).collect(),
        repositories: repositories
            .iter()
            .map(|(repository, layers)| Repository {
                name: name(repository),
                layers: links(layers),
                revisions: Links::default(),
                tags: Vec::new(),
                has_layers: true,
                has_manifests: true,
                has_tags: true,
                traces: Traces::default(),
            })
            .collect(),
        manifests: StoredManifests::new(),
        uploads: Vec::new(),
        stray: Vec::new(),
        closed: Vec::new(),
        unknown: Vec::new(),
    }
}

/// A cache with entries of 10 bytes and, by repository, members with their hashes.
fn cache(entries: &[u8], members: &[(&str, &[u8])]) -> CacheView {
    let mut collector = CacheCollector::default();
    for n in entries {
        collector.entry(digest(*n), Some(digest(*n)), Some(10));
    }
    for (repository, digests) in members {
        let number = collector.repository(repository).expect("a name");
        for n in *digests {
            collector.member(number, digest(*n));
            collector.hash(number, digest(*n));
        }
    }
    collector.finish("redis://h:6379/0".into(), Timestamp::UNIX_EPOCH)
}

fn told(verdict: &CacheVerdict) -> Vec<(Code, Severity, Subject)> {
    let findings = verdict.accusations.iter().map(|accusation| &accusation.finding);
    findings.map(|finding| (finding.code, finding.severity, finding.subject.clone())).collect()
}

#[test]
fn what_agrees_is_silent() {
    let verdict = check(Some(&storage(&[1], &[("a", &[1])])), &cache(&[1], &[("a", &[1])]), true);
    assert_eq!((told(&verdict), verdict.refusal), (vec![], None));
}

#[test]
fn a_claim_without_data_is_one_finding_a_digest() {
    let view = cache(&[1, 2], &[("a", &[1, 2]), ("b", &[2])]);
    let verdict = check(Some(&storage(&[1], &[("a", &[1, 2])])), &view, true);
    assert_eq!(told(&verdict), [(Code::StaleCacheEntry, Severity::Error, Subject::data(digest(2)))]);
    let accusation = &verdict.accusations[0];
    assert_eq!(accusation.premise, Premise::DataAbsent(digest(2)));
    let repositories = vec![name("a"), name("b")];
    assert_eq!(accusation.purge, StaleKeys { digest: digest(2), entry: true, repositories });
    insta::assert_snapshot!(
        accusation.finding.message,
        @"Redis claims its 10 bytes, but storage lacks the data (held by 2 repositories in Redis, linked by 1): pushes of it are skipped"
    );
}

#[test]
fn an_entry_that_the_daemon_ignores_is_no_claim() {
    let mut collector = CacheCollector::default();
    collector.entry(digest(9), Some(digest(9)), None);
    let view = collector.finish(String::new(), Timestamp::UNIX_EPOCH);
    assert_eq!(told(&check(Some(&storage(&[1], &[])), &view, true)), []);
}

#[test]
fn a_member_without_an_entry_is_harmless_where_the_data_is_gone() {
    let verdict = check(Some(&storage(&[1], &[("a", &[1])])), &cache(&[1], &[("a", &[1, 2])]), true);
    assert_eq!(told(&verdict), []);
    assert_eq!(
        verdict.dormant,
        [StaleKeys::membership(name("a"), digest(2))],
        "an upload elsewhere wakes it"
    );
    // Where a link is, what is uploaded is rightly served.
    let verdict = check(Some(&storage(&[1], &[("a", &[1, 2])])), &cache(&[1], &[("a", &[1, 2])]), true);
    assert_eq!(verdict.dormant, []);
}

#[test]
fn a_member_without_a_link_gives_access_back() {
    let stored = storage(&[1, 2], &[("a", &[]), ("b", &[1, 2])]);
    let verdict = check(Some(&stored), &cache(&[1], &[("a", &[1, 2])]), true);
    let subject = |n| Subject::linked(name("a"), digest(n));
    assert_eq!(
        told(&verdict),
        [
            (Code::StaleCacheEntry, Severity::Warning, subject(1)),
            (Code::StaleCacheEntry, Severity::Note, subject(2)),
        ]
    );
    assert_eq!(verdict.accusations[0].purge, StaleKeys::membership(name("a"), digest(1)));
}

#[test]
fn repositories_that_were_not_looked_at_are_not_judged() {
    let view = cache(&[1], &[("a", &[1])]);
    assert_eq!(told(&check(Some(&storage(&[1], &[])), &view, false)), []);
    assert_eq!(told(&check(Some(&storage(&[1], &[])), &view, true)).len(), 1);
}

#[test]
fn another_size_is_said() {
    let mut stored = storage(&[1], &[("a", &[1])]);
    stored.blobs[0].size = 7;
    let verdict = check(Some(&stored), &cache(&[1], &[("a", &[1])]), true);
    assert_eq!(told(&verdict), [(Code::SizeMismatch, Severity::Error, Subject::data(digest(1)))]);
    assert_eq!(verdict.accusations[0].premise, Premise::DataSize(digest(1), 7));
}

#[test]
fn an_alias_claims_the_data_that_it_names() {
    let alias = Digest::sha512([5; 64]);
    let mut collector = CacheCollector::default();
    collector.entry(alias, Some(digest(1)), Some(10));
    collector.entry(digest(1), Some(digest(1)), Some(10));
    let view = collector.finish(String::new(), Timestamp::UNIX_EPOCH);
    assert_eq!(told(&check(Some(&storage(&[1], &[])), &view, true)), []);
    let gone = check(Some(&storage(&[2], &[("a", &[1])])), &view, false);
    let premises: Vec<_> = gone.accusations.iter().map(|accusation| accusation.premise.clone()).collect();
    assert_eq!(premises, [Premise::DataAbsent(digest(1)), Premise::DataAbsent(digest(1))]);
}

#[test]
fn the_cache_of_another_registry_is_recognised() {
    let other: Vec<u8> = (2..=150).collect();
    let view = cache(&[&[1], other.as_slice()].concat(), &[("a", &[1]), ("theirs", &other)]);
    let verdict = check(Some(&storage(&[1], &[("a", &[1])])), &view, true);
    assert_eq!(told(&verdict), []);
    assert!(verdict.refusal.is_some());
    assert_eq!(verdict.limits, verdict.refusal.into_iter().collect::<Vec<_>>());
}

#[test]
fn a_few_entries_of_repositories_that_are_not_stored_are_a_warning() {
    let view = cache(&[1, 2], &[("a", &[1]), ("theirs", &[2])]);
    let verdict = check(Some(&storage(&[1], &[("a", &[1])])), &view, true);
    assert_eq!(told(&verdict), [(Code::StaleCacheEntry, Severity::Warning, Subject::data(digest(2)))]);
    assert_eq!(verdict.refusal, None);
}

#[test]
fn an_entry_that_no_repository_holds_is_an_error() {
    let verdict = check(Some(&storage(&[1], &[("a", &[1])])), &cache(&[1, 2], &[("a", &[1])]), true);
    assert_eq!(told(&verdict), [(Code::StaleCacheEntry, Severity::Error, Subject::data(digest(2)))]);
}

#[test]
fn nothing_in_common_is_not_this_registrys_cache() {
    let verdict = check(Some(&storage(&[1], &[("a", &[1])])), &cache(&[2], &[("theirs", &[2])]), true);
    assert_eq!(told(&verdict), []);
    assert!(verdict.refusal.is_some());
}

#[test]
fn a_registry_that_lost_everything_is_still_itself() {
    let many: Vec<u8> = (1..=150).collect();
    let verdict = check(Some(&storage(&[], &[("a", &[])])), &cache(&many, &[("a", &many)]), true);
    assert_eq!((told(&verdict).len(), verdict.refusal), (150, None));
}

#[test]
fn without_storage_nothing_is_known() {
    let verdict = check(None, &cache(&[1], &[]), true);
    assert_eq!((told(&verdict).len(), verdict.limits.len()), (0, 1));
}
