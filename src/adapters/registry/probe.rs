//! The read-only questions.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, LOCATION, RANGE};
use reqwest::{Client, Method, StatusCode};
use url::Url;

use super::address::{Scheme, shown};
use super::auth::Scope;
use super::connection::Connection;
use super::fault::{self, Fault, Kind};
use super::reading::{self, Question, said};
use super::transport::{Ask, End, Reply, Silence, Take, Transport};
use super::write::HttpWriter;
use super::{belief, hashing, listing};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::manifest::{self, MANIFEST_MEDIA_TYPES, MAX_MANIFEST_BYTES};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::views::served::{Answer, Asked, Belief, Claim, Delivery, Denial, ServedManifest};
use crate::domain::views::storage::{HashedBlob, ReadManifest};
use crate::engine::ports::{Registry, RegistryError};

/// So many redirects from store to store are followed for a byte.
const MOST_REDIRECTS: u32 = 5;

/// A registry that is asked over HTTP. Cheap to clone; clones share connections, rate and credentials.
#[derive(Clone)]
pub struct HttpRegistry {
    transport: Arc<Transport>,
    /// For whole blobs, whose bodies may take long.
    streams: Client,
}

impl HttpRegistry {
    /// A client for `connection`. No request is sent yet.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn new(connection: &Connection) -> Result<Self, RegistryError> {
        let refuse = |fault: Fault| settings_error(connection, fault);
        let client = connection.client().map_err(refuse)?;
        let streams = connection.transfer_client().map_err(refuse)?;
        Ok(Self { transport: Arc::new(Transport::new(connection, client)), streams })
    }

    /// A client that has been let in by the registry. Where no scheme was given, `connection.address` learns it: for a
    /// loopback host plain HTTP is tried before TLS; where certificates are not verified, TLS before plain HTTP, as
    /// other tools do.
    ///
    /// # Errors
    /// When this is no registry that lets us in; see [`Registry::ping`].
    pub async fn connect(connection: &mut Connection) -> Result<Self, RegistryError> {
        let given = connection.address.clone();
        let tls_first = match given.scheme() {
            Scheme::Either => false,
            Scheme::Tls if !given.is_explicit() && !connection.tls.verify => true,
            Scheme::Tls | Scheme::Plain => {
                let registry = Self::new(connection)?;
                return registry.ping().await.map(|()| registry);
            }
        };
        connection.address = given.clone().decided(tls_first);
        let first = Self::new(connection)?;
        let answer = first.knock().await;
        let other = answer.as_ref().err().is_some_and(|silence| {
            let kind = silence.fault.kind;
            kind == Kind::WrongScheme || kind == Kind::Closed && tls_first && !given.has_port()
        });
        if !other {
            return first.let_in(answer).map(|()| first);
        }
        connection.address = given.decided(!tls_first);
        let second = Self::new(connection)?;
        second.ping().await.map(|()| second)
    }

    /// A writer that shares connections, rate, tokens and the circuit breaker with this.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn writer(&self, connection: &Connection) -> Result<HttpWriter, RegistryError> {
        HttpWriter::over(self.transport.clone(), connection)
    }

    async fn knock(&self) -> Result<Reply, Silence> {
        self.transport.limiter.reset();
        let mut ask = Ask::new(Method::GET, self.transport.address.root(), Scope::Known);
        ask.insist = false;
        let reply = self.transport.ask(&ask).await?;
        let tls_wanted = reply.status == StatusCode::BAD_REQUEST && speaks_tls(&reply.body);
        if tls_wanted && self.transport.address.base().scheme() == "http" {
            return Err(Silence { fault: fault::plain_to_tls(), attempts: reply.attempts });
        }
        Ok(reply)
    }

    fn let_in(&self, answer: Result<Reply, Silence>) -> Result<(), RegistryError> {
        let url = self.transport.address.root();
        let refuse =
            |why: String, hint: Option<String>| RegistryError { message: format!("GET {url}: {why}"), hint };
        let reply = answer.map_err(|silence| {
            let tried = if silence.attempts > 1 {
                format!(" ({} attempts)", silence.attempts)
            } else {
                String::new()
            };
            refuse(format!("{}{tried}", silence.fault.why), silence.fault.hint)
        })?;
        let is_registry = reply.header("docker-distribution-api-version").is_some()
            || serde_json::from_slice::<serde_json::Value>(&reply.body).is_ok()
            || reply.body.is_empty();
        match reply.status.as_u16() {
            200 if is_registry && !reply.is_web_page() => Ok(()),
            200 | 404 => Err(refuse(
                format!("{}, but this is no registry: the API version 2 is not there", said(&reply)),
                Some("check host, port and path prefix; a registry answers `{}` at /v2/".into()),
            )),
            status => {
                let target = reply.header("location").filter(|_| (301..=308).contains(&status));
                let target = target.and_then(|target| url.join(target).ok());
                let elsewhere =
                    target.map(|target| format!("it redirects to {}: give that address", shown(&target)));
                let cure = reading::cure(&reply).map(str::to_owned);
                Err(refuse(said(&reply), elsewhere.or(cure)))
            }
        }
    }

    async fn get_manifest(
        &self,
        repository: &RepositoryName,
        reference: &str,
        by: Option<&Digest>,
    ) -> Asked<Answer<ServedManifest>> {
        let url = self.transport.address.manifest(repository, reference);
        self.read_manifest(url, repository, by).await
    }

    async fn read_manifest(
        &self,
        url: Url,
        repository: &RepositoryName,
        by: Option<&Digest>,
    ) -> Asked<Answer<ServedManifest>> {
        let ask = Ask::new(Method::GET, url, Scope::Pull(repository.to_string()))
            .header(ACCEPT, &MANIFEST_MEDIA_TYPES.join(", "))
            .take(Take::Bytes(MAX_MANIFEST_BYTES));
        let question = Question::new(&ask);
        match self.transport.ask(&ask).await {
            Err(silence) => question.silence(&silence),
            Ok(reply) => {
                let (answer, said) = read_manifest(&reply, by);
                Asked { answer, exchange: question.exchange(said) }
            }
        }
    }

    /// Follow redirects into the object store, without our credentials, for the byte.
    async fn byte_of_store(&self, mut from: Url, mut reply: Reply, at: u64) -> (Answer<Delivery>, String) {
        for _ in 0..MOST_REDIRECTS {
            let target = reply.header(LOCATION.as_str()).and_then(|target| from.join(target).ok());
            let Some(target) = target else {
                return (Answer::Unknown("a redirect without a target".into()), said(&reply));
            };
            let host = target.host_str().unwrap_or_default().to_owned();
            let ask = one_byte(target.clone(), Scope::Known, at);
            let told = format!("{}; followed to {host}", said(&reply));
            match self.transport.ask(&ask).await {
                Err(silence) => {
                    let why =
                        format!("the daemon redirects to {host}, which did not answer: {}", silence.words());
                    return (Answer::Unknown(why), told);
                }
                Ok(next) if next.status.is_redirection() => (from, reply) = (target, next),
                Ok(next) => {
                    let (answer, said) = read_store(&next);
                    return (answer, format!("{told}: {said}"));
                }
            }
        }
        (Answer::Unknown("redirected in circles".into()), said(&reply))
    }
}

/// The settings of a client cannot be used.
pub(super) fn settings_error(connection: &Connection, fault: Fault) -> RegistryError {
    RegistryError {
        message: format!("cannot speak to {}: {}", connection.address.base(), fault.why),
        hint: fault.hint,
    }
}

/// What Go's and nginx's TLS servers answer to plain HTTP.
fn speaks_tls(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("HTTP request to an HTTPS server")
        || text.contains("plain HTTP request was sent to HTTPS port")
}

fn one_byte(url: Url, scope: Scope, at: u64) -> Ask {
    Ask::new(Method::GET, url, scope).header(RANGE, &format!("bytes={at}-{at}")).take(Take::FirstByte)
}

fn read_manifest(reply: &Reply, by: Option<&Digest>) -> (Answer<ServedManifest>, String) {
    let told = said(reply);
    if reply.status != StatusCode::OK || reply.is_web_page() {
        let answer = match (reading::without(reply), by) {
            // Asked for by digest, it can only be the manifest that is unknown.
            (Answer::No(Denial::Unspecified), Some(_)) => Answer::No(Denial::Manifest),
            (answer, _) => answer,
        };
        return (answer, told);
    }
    let size = reply.body.len() as u64;
    if reply.end != End::Whole {
        let why = format!("{told}, more than the 4 MiB that a manifest may have");
        return (Answer::Unknown(why.clone()), why);
    }
    let digest = digest_of(reply, by);
    let read = match manifest::parse(&reply.body) {
        Ok(manifest) => ReadManifest::Manifest(manifest),
        Err(error) => ReadManifest::Unreadable(error.to_string()),
    };
    let claimed = reply.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
    let lie = claimed.filter(|claimed| claimed.algorithm() == digest.algorithm() && *claimed != digest);
    let said = lie.map_or_else(
        || format!("{told}, {size} bytes of {}", digest.short()),
        |claimed| format!("{told}, {size} bytes of {} called {}", digest.short(), claimed.short()),
    );
    (Answer::Yes(ServedManifest { digest, size, read }), said)
}

/// The digest of the bytes by the algorithm asked for, else by the one that the daemon names them with.
fn digest_of(reply: &Reply, by: Option<&Digest>) -> Digest {
    let named = || reply.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
    let algorithm = by.copied().or_else(named).map_or(Algorithm::Sha256, |digest| digest.algorithm());
    super::digesting::of(algorithm, &reply.body)
}

fn read_claim(reply: &Reply) -> (Answer<Claim>, String) {
    let mut told = said(reply);
    let answer = match reply.status.as_u16() {
        200 if !reply.is_web_page() => {
            let size = reply.length();
            if let Some(size) = size {
                told = format!("{told}, Content-Length {size}");
            }
            Answer::Yes(Claim { size, redirected: false })
        }
        307 | 302 | 303 => Answer::Yes(Claim { size: None, redirected: true }),
        _ => reading::without(reply),
    };
    (answer, told)
}

fn read_delivery(reply: &Reply) -> (Answer<Delivery>, String) {
    let told = said(reply);
    let announced = reply.length();
    match (reply.status.as_u16(), reply.body.is_empty(), reply.end) {
        (200 | 206, _, _) if reply.is_web_page() => (reading::without(reply), told),
        (200 | 206, false, _) => (Answer::Yes(Delivery::Byte(reply.total())), format!("{told}, a byte came")),
        (200, true, End::Whole) => {
            (Answer::Yes(Delivery::Short(Some(0))), format!("{told}, announced as empty"))
        }
        (200 | 206, true, _) => {
            let announced = announced.map(|size| format!(", Content-Length {size}")).unwrap_or_default();
            (Answer::Yes(Delivery::Nothing), format!("{told}{announced}, then not one byte"))
        }
        (416, _, _) => (Answer::Yes(Delivery::Short(reply.total())), told),
        _ => (reading::without(reply), told),
    }
}

/// An object store's answer: it says 404 of what it lacks, or 403 to those who may not list.
fn read_store(reply: &Reply) -> (Answer<Delivery>, String) {
    let body = String::from_utf8_lossy(&reply.body);
    let stale =
        ["Expired", "TimeTooSkewed", "SignatureDoesNotMatch", "InvalidAccessKeyId", "AuthenticationFailed"];
    match reply.status.as_u16() {
        404 => (Answer::Yes(Delivery::Nothing), said(reply)),
        403 if !stale.iter().any(|code| body.contains(code)) => (Answer::Yes(Delivery::Nothing), said(reply)),
        _ => read_delivery(reply),
    }
}

#[async_trait]
impl Registry for HttpRegistry {
    fn location(&self) -> String {
        self.transport.address.base().as_str().trim_end_matches('/').to_owned()
    }

    fn requests(&self) -> u64 {
        self.transport.limiter.sent()
    }

    async fn ping(&self) -> Result<(), RegistryError> {
        let answer = self.knock().await;
        self.let_in(answer)
    }

    async fn catalog(&self) -> Asked<Answer<Vec<RepositoryName>>> {
        listing::catalog(&self.transport).await
    }

    async fn tags(&self, repository: &RepositoryName) -> Asked<Answer<Vec<Tag>>> {
        listing::tags(&self.transport, repository).await
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Asked<Answer<ServedManifest>> {
        self.get_manifest(repository, tag.as_str(), None).await
    }

    async fn manifest(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>> {
        self.get_manifest(repository, &digest.to_string(), Some(digest)).await
    }

    async fn head_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<Claim>> {
        let url = self.transport.address.blob(repository, digest);
        let ask = Ask::new(Method::HEAD, url, Scope::Pull(repository.to_string()));
        let question = Question::new(&ask);
        match self.transport.ask(&ask).await {
            Err(silence) => question.silence(&silence),
            Ok(reply) => {
                let (answer, said) = read_claim(&reply);
                Asked { answer, exchange: question.exchange(said) }
            }
        }
    }

    async fn byte(&self, repository: &RepositoryName, digest: &Digest, at: u64) -> Asked<Answer<Delivery>> {
        let url = self.transport.address.blob(repository, digest);
        let ask = one_byte(url.clone(), Scope::Pull(repository.to_string()), at);
        let question = Question::new(&ask);
        match self.transport.ask(&ask).await {
            Err(silence) => question.silence(&silence),
            Ok(reply) => {
                let redirected = matches!(reply.status.as_u16(), 302 | 303 | 307);
                let (answer, said) =
                    if redirected { self.byte_of_store(url, reply, at).await } else { read_delivery(&reply) };
                Asked { answer, exchange: question.exchange(said) }
            }
        }
    }

    async fn hash_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<HashedBlob>> {
        let (transport, streams) = (self.transport.clone(), self.streams.clone());
        hashing::blob(&HttpWriter { transport, streams, chunk: 0 }, repository, digest).await
    }

    async fn referrers(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>> {
        let url = self.transport.address.referrers(repository, digest);
        self.read_manifest(url, repository, None).await
    }

    async fn probe_manifests(&self, repository: &RepositoryName, suspects: &[Digest]) -> Vec<Belief> {
        belief::probe(&self.transport, repository, suspects).await
    }
}
