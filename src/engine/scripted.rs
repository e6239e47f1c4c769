//! Ports that play a part for tests, and write down in what order they were called.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::check::Options;
use super::ports::{
    Approver, CollectionLog, Declined, Event, Events, GarbageCollection, GcEnd, GuardFolder, Held,
    ImageContent, Journal, JournalError, KeepError, LockError, LockHeld, Notice, Onlooker, Pace,
    RegistryLock, Scope, Service, ServiceError, Sessions, Shortage, Sighting, SourceError, Storage,
    StorageError, StorageWriteError, StorageWriter, Stream, Supply, Uploads, VerifiedBytes, Wanted,
};
use super::repair::{Patience, Resources, Restartable};
use super::session::Session;
use super::sides::{Sides, StorageHandle};
use crate::domain::code::Severity;
use crate::domain::digest::Digest;
use crate::domain::finding::Finding;
use crate::domain::gc::Release;
use crate::domain::journal::{Change, Entry, Record};
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::name::{Image, RepositoryName, Tag};
use crate::domain::observed::{Observed, Unlooked};
use crate::domain::plan::{Consent, Plan};
use crate::domain::suspects::Suspects;
use crate::domain::views::storage::{BlobFile, ContentView, HashedBlob, StorageView, TagTarget, Target};

/// How a test wants it to go. By default storage is empty and all goes well.
#[derive(Default)]
pub(super) struct Script {
    /// What storage is seen to hold, look by look; the last one for ever.
    pub(super) looks: Mutex<VecDeque<StorageView>>,
    /// What goes wrong.
    pub(super) fault: Option<Fault>,
    /// How garbage collection exits, and what its output names.
    pub(super) collection: (i32, Suspects),
    pub(super) calls: Mutex<Vec<String>>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Whoever is asked says no.
    Declined,
    /// Another run holds the registry.
    Locked,
    /// Storage must not be written to, for this reason.
    Obstacle(&'static str),
    /// The service cannot be restarted.
    NoRestart,
    /// Nothing can be kept.
    Full,
}

/// A look at empty storage.
pub(super) fn empty() -> StorageView {
    StorageView::empty("/storage".into(), Timestamp::UNIX_EPOCH)
}

impl Script {
    fn note(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }

    /// What was called so far.
    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// A script in which this goes wrong.
    pub(super) fn failing(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// A session whose every port is this script.
    pub(super) fn session(self: &Arc<Self>) -> Session {
        let storage = StorageHandle { reader: self.clone(), writer: None, uploads: self.clone() };
        let service = Restartable { spec: "exec:it".into(), service: self.clone(), daemons: Vec::new() };
        Session {
            sides: Sides { storage: Some(storage), ..Sides::default() },
            options: Options::default(),
            resources: Resources {
                supply: self.clone(),
                pusher: None,
                services: vec![service],
                patience: Patience { quiet: Duration::ZERO, ..Patience::default() },
                jobs: 1,
            },
            lock: self.clone(),
            approver: self.clone(),
            events: self.clone(),
            fail_on: Severity::Error,
        }
    }
}

impl Events for Script {
    fn emit(&self, event: Event) {
        if let Event::Notice(Notice::SnapshotKept { path, .. }) = event {
            self.note(format!("kept {path}"));
        }
    }
}

impl Storage for Script {
    fn location(&self) -> String {
        "/storage".into()
    }

    fn collect(&self, _scope: &dyn Scope, _events: &dyn Events) -> Result<StorageView, StorageError> {
        self.note("look");
        let mut looks = self.looks.lock().unwrap();
        let next = if looks.len() > 1 { looks.pop_front() } else { looks.front().cloned() };
        Ok(next.unwrap_or_else(empty))
    }

    fn hash_all(&self, _digests: &[Digest], _pace: &dyn Pace, _events: &dyn Events) -> ContentView {
        unimplemented!("no content is hashed")
    }

    fn blob(&self, _digest: &Digest) -> Observed<BlobFile> {
        Observed::Absent
    }

    fn link(&self, _repository: &RepositoryName, _place: &LinkPlace) -> Observed<Target> {
        Observed::Absent
    }

    fn tag(&self, _repository: &RepositoryName, _tag: &Tag) -> Observed<TagTarget> {
        Observed::Absent
    }

    fn read(&self, _digest: &Digest, _limit: u64) -> Observed<Vec<u8>> {
        Observed::Absent
    }

    fn hash(&self, _digest: &Digest) -> Observed<HashedBlob> {
        Observed::Absent
    }

    fn has_upload(&self, _repository: &RepositoryName, _id: &str) -> Observed<()> {
        Observed::Absent
    }

    fn exists(&self, _place: &Place) -> Observed<()> {
        Observed::Absent
    }
}

impl Uploads for Script {
    fn sessions(&self) -> Observed<Sessions> {
        Observed::Absent
    }
}

impl StorageWriter for Script {
    fn obstacles(&self) -> Vec<String> {
        match self.fault {
            Some(Fault::Obstacle(why)) => vec![why.into()],
            _ => Vec::new(),
        }
    }

    fn quarantine_blob(&self, _digest: &Digest) -> Result<Vec<Change>, StorageWriteError> {
        unimplemented!("no file is bad")
    }

    fn write_link(
        &self,
        _repository: &RepositoryName,
        _place: &LinkPlace,
        _digest: &Digest,
    ) -> Result<Vec<Change>, StorageWriteError> {
        unimplemented!("no link is wrong")
    }

    fn revert(&self, _change: &Change) -> Result<Vec<Change>, StorageWriteError> {
        unimplemented!("nothing is taken back")
    }

    fn apply(&self, _change: &Change) -> Result<(), StorageWriteError> {
        unimplemented!("nothing is changed")
    }
}

impl Journal for Script {
    fn location(&self) -> String {
        "/state/journal".into()
    }

    fn earlier(&self) -> &[Entry] {
        &[]
    }

    fn damage(&self) -> &[Unlooked] {
        &[]
    }

    fn append_all(&self, records: Vec<Record>) -> Result<Vec<u64>, JournalError> {
        Ok((1..).take(records.len()).collect())
    }
}

impl RegistryLock for Script {
    fn hold(&self) -> Result<Held, LockError> {
        if self.fault == Some(Fault::Locked) {
            return Err(JournalError::Locked { path: "/state/lock".into(), holder: None }.into());
        }
        self.note("lock");
        Ok(Held::new(()))
    }

    fn take(&self) -> Result<LockHeld, LockError> {
        let before = self.hold()?;
        let held = Arc::new(Self { fault: self.fault, ..Self::default() });
        Ok(LockHeld { held: before, journal: held.clone(), storage: Some(held) })
    }
}

impl Approver for Script {
    fn ask(&self, _plan: &Plan, _findings: &[Finding]) -> Result<Consent, Declined> {
        self.note("ask");
        if self.fault == Some(Fault::Declined) { Err(Declined::Refused) } else { Ok(Consent::Asked) }
    }
}

#[async_trait]
impl Service for Script {
    fn describe(&self) -> String {
        "exec:it".into()
    }

    async fn restart(&self) -> Result<(), ServiceError> {
        self.note("restart");
        let refused = || ServiceError { message: "it does not".into(), hint: None };
        if self.fault == Some(Fault::NoRestart) { Err(refused()) } else { Ok(()) }
    }

    async fn start(&self) -> Result<(), ServiceError> {
        Ok(())
    }
}

#[async_trait]
impl Supply for Script {
    fn distrust(&self, _bad: BTreeSet<Digest>) {}

    async fn find(&self, wanted: &Wanted) -> Result<Sighting, Shortage> {
        Err(Shortage { wanted: wanted.digest.to_string(), tried: Vec::new() })
    }

    async fn fetch(&self, wanted: &Wanted) -> Result<VerifiedBytes, Shortage> {
        Err(Shortage { wanted: wanted.digest.to_string(), tried: Vec::new() })
    }

    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, Shortage> {
        Err(Shortage { wanted: wanted.digest.to_string(), tried: Vec::new() })
    }

    async fn contents(&self, _image: &Image) -> Vec<(String, Result<ImageContent, SourceError>)> {
        Vec::new()
    }
}

#[async_trait]
impl GarbageCollection for Script {
    fn words(&self) -> Vec<String> {
        vec!["gc".into()]
    }

    fn deletes_untagged(&self) -> bool {
        true
    }

    async fn flavour(&self) -> Option<Release> {
        Some(Release::V2)
    }

    async fn run(&self, onlooker: &dyn Onlooker) -> io::Result<GcEnd> {
        self.note("collect");
        onlooker.see(Stream::Output, b"blob eligible for deletion");
        let (status, suspects) = &self.collection;
        Ok(GcEnd { status: Some(*status), signal: None, suspects: suspects.clone() })
    }
}

impl Onlooker for Script {
    fn see(&self, _stream: Stream, bytes: &[u8]) {
        self.note(format!("see {}", String::from_utf8_lossy(bytes)));
    }
}

impl GuardFolder for Script {
    fn keep(&self, _before: &StorageView) -> Result<String, KeepError> {
        if self.fault == Some(Fault::Full) {
            let source = io::Error::from(io::ErrorKind::StorageFull).into();
            return Err(KeepError { what: "keep what storage held before".into(), source });
        }
        Ok("/state/before".into())
    }

    fn keep_manifests(&self, _manifests: &BTreeMap<Digest, Vec<u8>>) -> Result<(), KeepError> {
        Ok(())
    }

    fn log(&self) -> Result<CollectionLog, KeepError> {
        Ok(CollectionLog { path: "/state/gc.log".into(), file: Box::new(io::sink()) })
    }
}
