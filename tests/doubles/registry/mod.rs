//! A daemon that serves a storage in memory, and lies where it was told to.
//!
//! It fails the test where it is asked what the test did not plan: about a repository that neither storage nor script
//! knows, to write where writing was not allowed, and which manifests it believes in where it was not told.

mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use jiff::Timestamp;
use regfsck::domain::digest::{Algorithm, Digest};
use regfsck::domain::layout::{FolderPlace, LinkPlace, Part, Place};
use regfsck::domain::manifest::parse;
use regfsck::domain::name::{Reference, RepositoryName, Tag};
use regfsck::domain::observed::{Observed, Request, Thing};
use regfsck::domain::views::served::{
    Answer, Asked, Belief, Claim, Delivery, Denial, Exchange, ServedManifest,
};
use regfsck::domain::views::storage::{HashedBlob, ReadManifest, TagTarget};
use regfsck::engine::ports::{
    Daemon, Downloaded, Everything, Hasher, RawManifest, RegistryReader, RequestError, Silent, Storage as _,
};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::memory::MemoryStorage;
use super::tree::{Files as _, data};

/// What the daemon is told to say of a digest in a repository, instead of the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It claims to have so many bytes, and delivers what is stored, if anything.
    Claimed(u64),
    /// It denies it.
    Denied,
    /// 500.
    Broken,
    /// No answer.
    Silent,
}

/// A daemon without a cache over a storage in memory. Clones are the same daemon.
#[derive(Debug, Clone)]
pub struct ScriptedRegistry {
    url: String,
    storage: MemoryStorage,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    told: BTreeMap<(RepositoryName, Digest), Said>,
    beliefs: Option<BTreeSet<Digest>>,
    is_writable: bool,
    asked: Vec<String>,
}

/// What it will answer about a digest.
enum Answered {
    Bytes(Vec<u8>),
    Nothing(u64),
    Denied,
    Broken,
    Silent,
}

impl ScriptedRegistry {
    /// A daemon that serves what is stored, read-only.
    pub fn new(storage: &MemoryStorage) -> Self {
        let url = "http://registry.test:5000".to_owned();
        Self { url, storage: storage.clone(), script: Arc::default() }
    }

    /// Let it take uploads, manifests and DELETEs, too.
    pub fn writable(self) -> Self {
        self.script().is_writable = true;
        self
    }

    /// Let it believe in these manifests from now on, and in no others.
    pub fn believes(&self, manifests: &[Digest]) {
        self.script().beliefs = Some(manifests.iter().copied().collect());
    }

    /// Let it say this from now on.
    pub fn says(&self, repository: &str, digest: &Digest, said: Said) {
        self.script().told.insert((repository.parse().unwrap(), *digest), said);
    }

    /// What it was asked so far: method and path.
    pub fn asked(&self) -> Vec<String> {
        self.script().asked.clone()
    }

    /// It, as the engine is handed it.
    pub fn daemon(&self) -> Daemon {
        Daemon { reader: Arc::new(self.clone()), writer: Arc::new(self.clone()) }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn has(&self, path: &str) -> bool {
        self.storage.exists(&path.into()) == Observed::Present(())
    }

    fn stored(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.storage.bytes(&data(digest))
    }

    fn is_linked(&self, repository: &RepositoryName, place: LinkPlace) -> bool {
        self.has(&Place::Link(repository.clone(), place).to_string())
    }

    /// What it answers about a blob; fails the test where nobody told of the repository.
    fn blob(&self, repository: &RepositoryName, digest: &Digest) -> Answered {
        let script = self.script();
        let stored = self.stored(digest);
        match script.told.get(&(repository.clone(), *digest)) {
            Some(Said::Claimed(size)) => stored.map_or(Answered::Nothing(*size), Answered::Bytes),
            Some(Said::Denied) => Answered::Denied,
            Some(Said::Broken) => Answered::Broken,
            Some(Said::Silent) => Answered::Silent,
            None => {
                let is_told_of = script.told.keys().any(|(known, _)| known == repository);
                assert!(
                    is_told_of || self.has(&FolderPlace::Repository(repository.clone()).to_string()),
                    "`{repository}` was asked about, and nobody told of it"
                );
                let is_linked = self.is_linked(repository, LinkPlace::Layer(*digest));
                stored.filter(|_| is_linked).map_or(Answered::Denied, Answered::Bytes)
            }
        }
    }

    /// Note a question, and begin its answer.
    fn ask(&self, method: &str, path: &str) -> Exchange {
        self.script().asked.push(format!("{method} {path}"));
        Exchange {
            asked: request(format!("{method} {}/v2/{path}", self.url), path),
            said: String::new(),
            at: Timestamp::now(),
        }
    }

    fn ask_of(&self, method: &str, repository: &RepositoryName, what: &str, name: &str) -> Exchange {
        self.ask(method, &format!("{repository}/{what}/{name}"))
    }

    /// Note a request that writes, which must be allowed.
    fn write(&self, method: &str, path: &str) -> Exchange {
        let exchange = self.ask(method, path);
        assert!(self.script().is_writable, "{} was sent, and writing was not planned", exchange.asked);
        exchange
    }

    fn manifest_bytes(&self, repository: &RepositoryName, digest: &Digest) -> Answered {
        match self.script().told.get(&(repository.clone(), *digest)) {
            Some(Said::Broken) => return Answered::Broken,
            Some(Said::Silent) => return Answered::Silent,
            Some(Said::Denied) => return Answered::Denied,
            Some(Said::Claimed(_)) | None => {}
        }
        let is_linked = self.is_linked(repository, LinkPlace::Revision(*digest));
        self.stored(digest).filter(|_| is_linked).map_or(Answered::Denied, Answered::Bytes)
    }

    fn tagged(&self, repository: &RepositoryName, tag: &Tag) -> Option<Digest> {
        match self.storage.tag(repository, tag) {
            Observed::Present(TagTarget::Digest(digest)) => Some(digest),
            _ => None,
        }
    }
}

fn asked<T>(exchange: Exchange, answer: Answer<T>, said: impl Into<String>) -> Asked<Answer<T>> {
    Asked { answer, exchange: Exchange { said: said.into(), ..exchange } }
}

/// An answer that brings nothing.
fn without<T>(exchange: Exchange, answered: &Answered, denial: Denial) -> Asked<Answer<T>> {
    match answered {
        Answered::Broken => {
            let said = "500 Internal Server Error";
            asked(exchange, Answer::Broken(said.to_owned()), said)
        }
        Answered::Silent => asked(exchange, Answer::Unknown("no answer".to_owned()), "no answer"),
        _ => asked(exchange, Answer::No(denial), "404 Not Found"),
    }
}

/// A request, and the content that its path ends with.
fn request(shown: String, path: &str) -> Thing {
    let content = path.rsplit('/').next().and_then(|last| last.parse().ok());
    Request { shown: shown.into(), content }.into()
}

/// An error of a request that was answered so.
fn refused(exchange: &Exchange, status: u16, code: &str) -> RequestError {
    let asked = exchange.asked.to_string();
    let (method, url) = asked.split_once(' ').unwrap();
    RequestError {
        status: Some(status),
        code: Some(code.into()),
        attempts: 1,
        ..RequestError::new(method, url, status.to_string())
    }
}

fn read(bytes: &[u8]) -> ReadManifest {
    parse(bytes).map_or_else(|error| ReadManifest::Unreadable(error.to_string()), ReadManifest::Manifest)
}

fn served(exchange: Exchange, answered: &Answered) -> Asked<Answer<ServedManifest>> {
    let Answered::Bytes(bytes) = answered else { return without(exchange, answered, Denial::Manifest) };
    let digest = Hasher::of(Algorithm::Sha256, bytes);
    let size = bytes.len() as u64;
    let said = format!("200 OK, {size} bytes of {}", digest.short());
    asked(exchange, Answer::Yes(ServedManifest { digest, size, read: read(bytes) }), said)
}

#[async_trait]
impl RegistryReader for ScriptedRegistry {
    fn location(&self) -> String {
        self.url.clone()
    }

    fn requests(&self) -> u64 {
        self.script().asked.len() as u64
    }

    async fn ping(&self) -> Result<(), RequestError> {
        self.ask("GET", "");
        Ok(())
    }

    async fn is_pull_through(&self, _: &RepositoryName) -> Option<bool> {
        Some(false)
    }

    async fn is_of_2(&self, _: &RepositoryName) -> Option<bool> {
        Some(false)
    }

    async fn catalog(&self) -> Asked<Answer<Vec<RepositoryName>>> {
        let exchange = self.ask("GET", "_catalog");
        let view = self.storage.collect(&Everything, &Silent).unwrap();
        let listed = view.repositories.into_iter().filter(|repository| repository.has_layers);
        asked(exchange, Answer::Yes(listed.map(|repository| repository.name).collect()), "200 OK")
    }

    async fn tags(&self, repository: &RepositoryName) -> Asked<Answer<Vec<Tag>>> {
        let exchange = self.ask_of("GET", repository, "tags", "list");
        if !self.has(&FolderPlace::Part(repository.clone(), Part::Tags).to_string()) {
            return asked(exchange, Answer::No(Denial::Repository), "404 Not Found");
        }
        let view = self.storage.collect(&Everything, &Silent).unwrap();
        let tags = view.repository(repository).unwrap().tags.iter().map(|tag| tag.tag.clone());
        asked(exchange, Answer::Yes(tags.collect()), "200 OK")
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Asked<Answer<ServedManifest>> {
        let exchange = self.ask_of("GET", repository, "manifests", tag.as_str());
        match self.tagged(repository, tag) {
            Some(digest) => served(exchange, &self.manifest_bytes(repository, &digest)),
            None => asked(exchange, Answer::No(Denial::Tag), "404 Not Found"),
        }
    }

    async fn manifest(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>> {
        let exchange = self.ask_of("GET", repository, "manifests", &digest.to_string());
        served(exchange, &self.manifest_bytes(repository, digest))
    }

    async fn head_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<Claim>> {
        let exchange = self.ask_of("HEAD", repository, "blobs", &digest.to_string());
        let size = match self.blob(repository, digest) {
            Answered::Bytes(bytes) => bytes.len() as u64,
            Answered::Nothing(size) => size,
            other => return without(exchange, &other, Denial::Unspecified),
        };
        let claim = Claim { size: Some(size), redirected: false };
        asked(exchange, Answer::Yes(claim), format!("200 OK, Content-Length {size}"))
    }

    async fn byte(&self, repository: &RepositoryName, digest: &Digest, at: u64) -> Asked<Answer<Delivery>> {
        let mut exchange = self.ask_of("GET", repository, "blobs", &digest.to_string());
        exchange.asked = request(format!("{}, Range: bytes={at}-{at}", exchange.asked), &digest.to_string());
        match self.blob(repository, digest) {
            Answered::Bytes(bytes) => {
                let size = bytes.len() as u64;
                if at < size {
                    asked(
                        exchange,
                        Answer::Yes(Delivery::Byte(Some(size))),
                        "206 Partial Content, a byte came",
                    )
                } else {
                    asked(exchange, Answer::Yes(Delivery::Short(Some(size))), "416 Range Not Satisfiable")
                }
            }
            Answered::Nothing(_) => {
                let said = "206 Partial Content, Content-Length 1, then not one byte";
                asked(exchange, Answer::Yes(Delivery::Nothing), said)
            }
            other => without(exchange, &other, Denial::Blob),
        }
    }

    async fn hash_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<HashedBlob>> {
        let exchange = self.ask_of("GET", repository, "blobs", &digest.to_string());
        match self.blob(repository, digest) {
            Answered::Bytes(bytes) => {
                let (actual, size) = (Hasher::of(digest.algorithm(), &bytes), bytes.len() as u64);
                let said = format!("{size} bytes that hash to {actual}");
                asked(exchange, Answer::Yes(HashedBlob { digest: *digest, actual, size }), said)
            }
            Answered::Nothing(_) => {
                let said = "the body was cut after 0 bytes";
                asked(exchange, Answer::Unknown(said.to_owned()), said)
            }
            other => without(exchange, &other, Denial::Blob),
        }
    }

    async fn referrers(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>> {
        let exchange = self.ask_of("GET", repository, "referrers", &digest.to_string());
        asked(exchange, Answer::No(Denial::Unspecified), "404 Not Found")
    }

    async fn probe_manifests(&self, repository: &RepositoryName, suspects: &[Digest]) -> Vec<Belief> {
        let exchange = self.ask_of("PUT", repository, "manifests", "probe");
        let script = self.script();
        let beliefs = script.beliefs.as_ref().expect("it was not told which manifests it believes in");
        let belief = |digest| if beliefs.contains(digest) { Belief::Claimed } else { Belief::Unclaimed };
        suspects.iter().map(|digest| belief(digest)(exchange.clone())).collect()
    }

    async fn fetch_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<RawManifest, RequestError> {
        let exchange = self.ask_of("GET", repository, "manifests", &reference.to_string());
        let digest = match reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(tag) => self.tagged(repository, tag),
        };
        match digest.map(|digest| self.manifest_bytes(repository, &digest)) {
            Some(Answered::Bytes(bytes)) => {
                Ok(RawManifest { digest: Hasher::of(Algorithm::Sha256, &bytes), bytes })
            }
            Some(Answered::Broken) => Err(refused(&exchange, 500, "UNKNOWN")),
            _ => Err(refused(&exchange, 404, "MANIFEST_UNKNOWN")),
        }
    }

    async fn fetch_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Downloaded, RequestError> {
        let exchange = self.ask_of("GET", repository, "blobs", &digest.to_string());
        match self.blob(repository, digest) {
            Answered::Bytes(bytes) => {
                sink.write_all(&bytes).await.unwrap();
                sink.flush().await.unwrap();
                let digest = Hasher::of(digest.algorithm(), &bytes);
                Ok(Downloaded { digest, size: bytes.len() as u64 })
            }
            Answered::Nothing(_) => {
                let asked = exchange.asked.to_string();
                let (method, url) = asked.split_once(' ').unwrap();
                Err(RequestError {
                    attempts: 1,
                    ..RequestError::new(method, url, "the body was cut after 0 bytes")
                })
            }
            Answered::Broken => Err(refused(&exchange, 500, "UNKNOWN")),
            Answered::Denied | Answered::Silent => Err(refused(&exchange, 404, "BLOB_UNKNOWN")),
        }
    }
}
