use std::fmt::Write as _;

use rstest::rstest;

use super::*;
use crate::domain::finding::Subject;
use crate::domain::name::RepositoryName;

fn digest() -> Digest {
    Digest::sha256([7; 32])
}

fn name() -> RepositoryName {
    "a".parse().unwrap()
}

/// The findings that the table tells apart beside their codes.
const KINDS: [(Code, &str, About); 7] = [
    (Code::MissingLink, "of a manifest", About::Revision),
    (Code::MissingLink, "of a tag", About::Tag),
    (Code::InvalidLink, "of a manifest", About::Revision),
    (Code::InvalidLink, "of a tag", About::Tag),
    (Code::StaleCacheEntry, "of one repository", About::Membership),
    (Code::ReplicaDisagreement, "about a tag", About::Tag),
    (Code::CorruptBlob, "of a manifest", About::Manifest),
];

/// A finding of each code and kind.
fn findings() -> Vec<(&'static str, Finding)> {
    let kinds = |code: Code| KINDS.into_iter().filter(move |(known, ..)| *known == code);
    let of = |code: Code| {
        let all = std::iter::once((code, "", About::Layer)).chain(kinds(code));
        all.map(|(code, what, about)| (what, Finding::new(code, subject(code, about), "")))
    };
    Code::ALL.iter().copied().flat_map(of).collect()
}

fn subject(code: Code, about: About) -> Subject {
    let is_link = matches!(code, Code::MissingLink | Code::InvalidLink);
    match about {
        About::Tag => Subject::tag(name(), "1".parse().unwrap()),
        About::Revision => Subject::link(name(), LinkPlace::Revision(digest())),
        About::Layer if is_link => Subject::link(name(), LinkPlace::Layer(digest())),
        About::Layer if code == Code::StaleCacheEntry => Subject::data(digest()),
        About::Layer | About::Content | About::Manifest | About::Membership => {
            Subject::linked(name(), digest())
        }
    }
}

/// What is known of a daemon, by what sets it apart.
fn daemons() -> [(&'static str, DaemonSettings, Redis); 8] {
    let daemon = |cache| DaemonSettings {
        delete: Some(true),
        read_only: Some(false),
        proxy: Some(false),
        cache,
        ..DaemonSettings::default()
    };
    let (memory, redis) = (daemon(CacheKind::InMemory), daemon(CacheKind::Redis));
    [
        ("in memory", memory.clone(), Redis::NotGiven),
        ("no deletes", DaemonSettings { delete: Some(false), ..memory.clone() }, Redis::NotGiven),
        ("read-only", DaemonSettings { read_only: Some(true), ..memory.clone() }, Redis::NotGiven),
        ("pull-through", DaemonSettings { proxy: Some(true), ..memory }, Redis::NotGiven),
        ("Redis", redis.clone(), Redis::Open),
        ("shared Redis", redis, Redis::Shared),
        ("no cache", daemon(CacheKind::None), Redis::NotGiven),
        ("unknown", DaemonSettings::default(), Redis::NotGiven),
    ]
}

/// What a report offers, in words.
fn told(remedies: &[Remedy]) -> String {
    let told = remedies.iter().map(|Remedy { action, needs, .. }| match needs {
        Some(need) => format!("{} ({need:?})", action.as_str()),
        None => action.as_str().to_owned(),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Each finding, and what is offered against it: by the daemons of which the same is true.
#[test]
fn the_table() {
    let mut table = String::new();
    for (what, finding) in findings() {
        writeln!(table, "{}", format!("{} {what}", finding.code).trim_end()).unwrap();
        let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
        for (which, daemon, redis) in daemons() {
            let case = Case::found(&finding, |_| what == "of a manifest", redis == Redis::Open);
            let remedies = told(&offered(&case, Capabilities::found(&daemon, true, redis)));
            match rows.iter_mut().find(|(known, _)| *known == remedies) {
                Some((_, daemons)) => daemons.push(which),
                None => rows.push((remedies, vec![which])),
            }
        }
        let is_alone = rows.len() == 1;
        for (remedies, daemons) in rows {
            let which = if is_alone { "any".to_owned() } else { daemons.join(", ") };
            writeln!(table, "    {which}: {}", if remedies.is_empty() { "-" } else { &remedies }).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

/// What is said where nothing helps, by what was wanted and what the daemon is.
#[rstest]
#[case(Goal::Purge, 0, Code::MissingBlob, "a purge uploads nothing; check --fix does that")]
#[case(Goal::Purge, 0, Code::InvalidLink, "a purge writes no link; check --fix does that")]
#[case(
    Goal::Purge,
    0,
    Code::PhantomManifest,
    "a purge uploads nothing, and nothing else clears a manifest from the daemon's memory; a restart of the daemon clears it (regfsck restart)"
)]
#[case(
    Goal::Purge,
    1,
    Code::PhantomBlob,
    "a purge uploads nothing, and the registry allows no deletes; a restart of the daemon clears it (regfsck restart)"
)]
#[case(
    Goal::Purge,
    0,
    Code::HiddenBlob,
    "the daemon's memory of it is wrong; a restart of the daemon clears it (regfsck restart)"
)]
#[case(Goal::Restart, 2, Code::MissingBlob, "a restart brings nothing back; check --fix does that")]
#[case(Goal::Restart, 0, Code::InvalidLink, "a restart writes no link; check --fix does that")]
#[case(
    Goal::Restart,
    4,
    Code::PhantomBlob,
    "a restart clears nothing in Redis; its keys have to be purged (regfsck purge)"
)]
#[case(
    Goal::Restart,
    4,
    Code::StaleCacheEntry,
    "a restart clears nothing in Redis; its keys have to be purged (regfsck purge)"
)]
#[case(
    Goal::Restart,
    0,
    Code::OrphanBlob,
    "a normal leftover; garbage collection removes what can be removed"
)]
#[case(
    Goal::Fix,
    2,
    Code::PhantomBlob,
    "the registry is in read-only mode; a restart of the daemon clears it (--restart SPEC)"
)]
#[case(
    Goal::Fix,
    3,
    Code::PhantomBlob,
    "a pull-through cache takes no uploads; a restart of the daemon clears it (--restart SPEC)"
)]
#[case(
    Goal::Fix,
    5,
    Code::PhantomBlob,
    "this Redis is not, or not only, this registry's cache: nothing is purged"
)]
#[case(Goal::Fix, 6, Code::ServerError, "the daemon has no cache that could be wrong; its log may tell why")]
#[case(Goal::Fix, 0, Code::TagMismatch, "only a person can tell what is right")]
#[case(Goal::Fix, 0, Code::StaleUpload, "the daemon's upload purging removes it")]
#[case(
    Goal::Fix,
    0,
    Code::DanglingLayerLink,
    "a normal leftover; garbage collection removes what can be removed"
)]
fn where_nothing_helps(#[case] goal: Goal, #[case] daemon: usize, #[case] code: Code, #[case] said: &str) {
    let (_, daemon, redis) = &daemons()[daemon];
    let (_, finding) = findings().into_iter().find(|(_, finding)| finding.code == code).unwrap();
    let case = Case::found(&finding, |_| false, *redis == Redis::Open);
    let has_service = goal == Goal::Restart;
    let capabilities = Capabilities { goal, has_service, ..Capabilities::found(daemon, true, *redis) };
    let prospects = prospects(&case, capabilities);
    let obstacles = prospects.iter().map(|it| (it.action, it.now().unwrap_err()));
    assert_eq!(Helpless::Hindered(obstacles.collect()).to_string(), said);
}

#[test]
fn every_code_has_a_row() {
    let without = Code::ALL.iter().filter(|code| table::ways(**code, About::Content).is_empty());
    assert_eq!(without.collect::<Vec<_>>(), Vec::<&Code>::new());
}

/// A restart empties a memory, whatever the daemon allows otherwise.
#[test]
fn a_restart_depends_on_the_cache_alone() {
    let (_, finding) = &findings()[0];
    assert_eq!(finding.code, Code::PhantomBlob);
    let case = Case::found(finding, |_| false, false);
    let works = daemons().map(|(_, daemon, redis)| {
        let capabilities = Capabilities {
            goal: Goal::Restart,
            has_service: true,
            ..Capabilities::found(&daemon, true, redis)
        };
        prospects(&case, capabilities).iter().any(|it| it.now().is_ok())
    });
    assert_eq!(works, [true, true, true, true, false, false, true, true]);
}

/// Words by which a page of `explain` may name a remedy.
const fn words(action: Action) -> &'static [&'static str] {
    match action {
        Action::Quarantine => &["out of the way", "Quarantine"],
        Action::UploadBlob => &["pload", "putting the bytes back"],
        Action::UploadManifest => &["pload", "ushing the"],
        Action::ReturnManifest => &["bytes back"],
        Action::PutManifest => &["PUT"],
        Action::RewriteLink => &["writing the digest of its folder back"],
        Action::DeleteClaim => &["DELETE"],
        Action::PurgeCache => &["key", "cache entry"],
        Action::Restart => &["restart"],
        Action::CollectGarbage => &["arbage collection"],
        Action::PurgeUploads => &["uploadpurging"],
        Action::Inspect => {
            &["ook at", "Looking", "Finding out", "log", "compare", "beside it", "Then storage says"]
        }
        Action::PushImage => &[],
    }
}

#[test]
fn each_page_names_what_is_offered() {
    let mut missing = Vec::new();
    for (_, finding) in findings() {
        let page = finding.code.page();
        let fixes =
            page.split("## What fixes it\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        for (_, daemon, redis) in daemons() {
            let case = Case::found(&finding, |_| false, redis == Redis::Open);
            for remedy in offered(&case, Capabilities::found(&daemon, true, redis)) {
                let named = words(remedy.action).iter().any(|word| fixes.contains(word));
                if !named && !missing.contains(&(finding.code, remedy.action)) {
                    missing.push((finding.code, remedy.action));
                }
            }
        }
    }
    assert_eq!(missing, []);
}
