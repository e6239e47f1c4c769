//! The guard on scripted ports: what opens the gate, and what happens behind it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::*;
use crate::domain::digest::Digest;
use crate::domain::manifest::{Descriptor, Kind, Manifest};
use crate::domain::observed::{Thing, Unlooked};
use crate::domain::views::storage::{
    ReadManifest, Repository, StoredBlob, StoredTag, TagTarget, Target, Traces,
};
use crate::engine::ports::JournalError;
use crate::engine::scripted::{Fault, Script, empty};

const SETTLE: Behind = Behind::Settle { restart: true };

async fn guarded(script: Script, behind: Behind) -> (Vec<String>, Result<Guarded, GuardError>) {
    let script = Arc::new(script);
    let mut session = script.session();
    session.options.daemon.cache = CacheKind::InMemory;
    let wishes = Wishes { flavour: None, delete_untagged: false, fix: false, accept_loss: false, behind };
    let collection = Some(&*script as &dyn GarbageCollection);
    let folder = Arc::clone(&script) as Arc<dyn GuardFolder>;
    let ended = guard(Guard { session, collection, onlooker: &*script, folder, wishes }).await;
    (script.calls(), ended)
}

/// Storage with an orphan, then without it.
fn losing() -> Script {
    let digest = Digest::sha256([7; 32]);
    let mut before = empty();
    before.blobs.push(StoredBlob { digest, size: 1, modified: 0 });
    Script { looks: [before, empty()].into_iter().collect::<VecDeque<_>>().into(), ..Script::default() }
}

#[tokio::test]
async fn what_storage_held_is_kept_before_anything_is_collected() {
    let (calls, ended) = guarded(Script::default(), SETTLE).await;
    let seen = "see blob eligible for deletion";
    assert_eq!(calls, ["lock", "look", "kept /state/before", "collect", seen, "look"]);
    let guarded = ended.unwrap();
    assert_eq!((guarded.failed, guarded.exit_status), (None, 0));
    assert_eq!(guarded.gate.flavours, BTreeSet::from([Release::V2]));
    assert!(guarded.gate.delete_untagged && guarded.restart.is_none());
    assert_eq!(guarded.snapshot.as_deref(), Some("/state/before"));
}

#[tokio::test]
async fn what_could_not_be_looked_at_keeps_the_gate_shut() {
    let mut view = empty();
    view.unknown.push(Unlooked::new(Thing::side("/storage/x".to_owned()), "permission denied".to_owned()));
    let script = Script { looks: VecDeque::from([view]).into(), ..Script::default() };
    let (calls, ended) = guarded(script, SETTLE).await;
    assert_eq!(calls, ["lock", "look"]);
    let guarded = ended.unwrap();
    assert_eq!((guarded.failed, guarded.exit_status), (Some(Stage::Gate), 3));
}

#[tokio::test]
async fn only_the_gate_is_asked_where_nothing_else_is_wanted() {
    let (calls, ended) = guarded(Script::default(), Behind::Nothing).await;
    assert_eq!(calls, ["look"]);
    assert_eq!(ended.unwrap().exit_status, 0);
}

#[tokio::test]
async fn nothing_is_collected_where_nothing_can_be_kept() {
    let (calls, ended) = guarded(Script::failing(Fault::Full), SETTLE).await;
    assert_eq!(calls, ["lock", "look"]);
    assert!(matches!(ended, Err(GuardError::Keep(_))));
}

#[tokio::test]
async fn what_another_run_holds_is_not_even_looked_at() {
    let (calls, ended) = guarded(Script::failing(Fault::Locked), SETTLE).await;
    assert_eq!(calls, [""; 0]);
    let guarded = ended.unwrap();
    assert_eq!((guarded.failed, guarded.exit_status), (Some(Stage::Gate), 4));
    let locked = LockError::from(JournalError::Locked { path: "/state/lock".into(), holder: None });
    assert_eq!(guarded.refusal, locked.refusal());
}

/// An index whose image has no tag of its own: 2.x with -m takes what it needs.
fn nested() -> StorageView {
    let digest = |number| Digest::sha256([number; 32]);
    let manifest = |kind, needs: &[u8], children: &[u8]| {
        let of = |numbers: &[u8]| numbers.iter().map(|n| Descriptor::new(digest(*n), Some(1))).collect();
        let (needs, children) = (of(needs), of(children));
        let (platforms, foreign) = (Box::default(), Box::default());
        ReadManifest::Manifest(Manifest {
            kind,
            needs,
            children,
            foreign,
            platforms,
            subject: None,
            flaw: None,
        })
    };
    let links = |numbers: &[u8]| numbers.iter().map(|n| (digest(*n), Target::Same)).collect();
    let tag = StoredTag { tag: "1".parse().unwrap(), current: TagTarget::Digest(digest(1)) };
    let repository = Repository {
        name: "app".parse().unwrap(),
        layers: links(&[3]),
        revisions: links(&[1, 2]),
        tags: vec![tag],
        has_layers: true,
        has_manifests: true,
        has_tags: true,
        traces: Traces::default(),
    };
    let manifests = [(1, manifest(Kind::Index, &[], &[2])), (2, manifest(Kind::Image, &[3], &[]))];
    let blob = |number| StoredBlob { digest: digest(number), size: 1, modified: 0 };
    StorageView {
        blobs: [1, 2, 3].map(blob).into(),
        repositories: vec![repository],
        manifests: manifests.into_iter().map(|(number, read)| (digest(number), read)).collect(),
        ..empty()
    }
}

#[tokio::test]
async fn where_only_deleting_the_untagged_loses_something_the_gate_is_open_without_it() {
    let script = Script { looks: VecDeque::from([nested()]).into(), ..Script::default() };
    let gate = guarded(script, Behind::Nothing).await.1.unwrap().gate;
    assert_eq!((gate.open, gate.losses.len(), gate.open_without_untagged), (false, 1, true));
    let (mut lost, gone) = (nested(), Digest::sha256([2; 32]));
    lost.blobs.retain(|blob| blob.digest != gone);
    let all = nested().manifests;
    let kept = all.iter().filter(|(digest, _)| **digest != gone);
    lost.manifests = kept.map(|(digest, read)| (*digest, read.clone())).collect();
    let script = Script { looks: VecDeque::from([lost]).into(), ..Script::default() };
    let gate = guarded(script, Behind::Nothing).await.1.unwrap().gate;
    assert_eq!((gate.open, gate.open_without_untagged), (false, false));
}

#[tokio::test]
async fn a_collection_that_fails_has_a_status_of_its_own_and_is_checked_all_the_same() {
    let script = Script { collection: (1, Suspects::default()), ..Script::default() };
    let (calls, ended) = guarded(script, SETTLE).await;
    assert_eq!(calls.last().map(String::as_str), Some("look"));
    let guarded = ended.unwrap();
    assert_eq!((guarded.failed, guarded.exit_status), (Some(Stage::Collection), 5));
    assert!(guarded.report.is_some());
}

#[tokio::test]
async fn a_daemon_that_remembers_is_restarted_when_something_is_gone() {
    let (calls, ended) = guarded(losing(), SETTLE).await;
    assert_eq!(calls[5..], ["look", "lock", "restart", "look"]);
    assert!(ended.unwrap().restart.unwrap().starts_with("restarted"));
    let (calls, ended) = guarded(losing(), Behind::Report).await;
    assert!(!calls.contains(&"restart".to_owned()));
    assert!(ended.unwrap().restart.is_none());
}

#[tokio::test]
async fn a_restart_that_fails_is_a_stage_of_its_own() {
    let (_, ended) = guarded(Script { fault: Some(Fault::NoRestart), ..losing() }, SETTLE).await;
    let guarded = ended.unwrap();
    assert_eq!((guarded.failed, guarded.exit_status), (Some(Stage::Restart), 1));
}
