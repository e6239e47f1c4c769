//! The running daemon, read only.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::io::AsyncWrite;

use super::request::RequestError;
use crate::domain::digest::Digest;
use crate::domain::name::{Reference, RepositoryName, Tag};
use crate::domain::views::served::{Answer, Asked, Belief, Claim, Delivery, ServedManifest};
use crate::domain::views::storage::HashedBlob;

/// The running daemon. Every method asks one question; none writes.
///
/// Retries, backoff, rate and concurrency are the implementation's; an answer it cannot get after those
/// is `Unknown`. Conditional headers are never sent, redirects of blob requests never followed.
#[async_trait]
pub trait RegistryReader: Send + Sync {
    /// Its URL, without secrets.
    fn location(&self) -> String;

    /// How many requests were sent so far, retries included.
    fn requests(&self) -> u64;

    /// The same registry, which answers though the run is stopped: for the end of what was begun.
    fn to_the_end(&self) -> Option<Arc<dyn RegistryReader>> {
        None
    }

    /// GET `/v2/`: whether this is a registry that lets us in.
    async fn ping(&self) -> Result<(), RequestError>;

    /// Whether it is a pull-through cache (distribution, every version), by GETs of this repository, which need not be
    /// there, that make none fetch; nothing where its answers do not tell.
    async fn is_pull_through(&self, repository: &RepositoryName) -> Option<bool>;

    /// Whether it is distribution 2.x or 3.x, by a GET of what there never was in this repository, which need not be there;
    /// nothing where its answer does not tell.
    async fn is_of_2(&self, repository: &RepositoryName) -> Option<bool>;

    /// GET `/v2/_catalog`, all pages. Names that are no repository names are left out.
    async fn catalog(&self) -> Asked<Answer<Vec<RepositoryName>>>;

    /// GET `/v2/<name>/tags/list`, all pages.
    async fn tags(&self, repository: &RepositoryName) -> Asked<Answer<Vec<Tag>>>;

    /// GET `/v2/<name>/manifests/<tag>` and say which digest it resolves to.
    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Asked<Answer<ServedManifest>>;

    /// GET `/v2/<name>/manifests/<digest>` with every media type accepted, at most 4 MiB.
    async fn manifest(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>>;

    /// HEAD `/v2/<name>/blobs/<digest>`.
    async fn head_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<Claim>>;

    /// GET one byte of `/v2/<name>/blobs/<digest>`: the one at `at`, from 0.
    async fn byte(&self, repository: &RepositoryName, digest: &Digest, at: u64) -> Asked<Answer<Delivery>>;

    /// GET all of `/v2/<name>/blobs/<digest>`, redirects followed without our credentials, and hash it.
    async fn hash_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<HashedBlob>>;

    /// GET `/v2/<name>/referrers/<digest>`: an index of what is attached to a manifest. A registry that does not know
    /// referrers denies it (distribution, every version).
    async fn referrers(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Answer<ServedManifest>>;

    /// Ask by PUT of an index that must be refused which of `suspects` (at most 50) the daemon believes to have.
    ///
    /// The index's children are the suspects and a digest that was never seen; a daemon that refuses it
    /// names the children it does not know (2.7.1 and 2.8.x; changes no file). Must not be sent to a
    /// daemon that may accept any index (3.x).
    async fn probe_manifests(&self, repository: &RepositoryName, suspects: &[Digest]) -> Vec<Belief>;

    /// GET `/v2/<name>/manifests/<reference>`, the raw bytes.
    async fn fetch_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<RawManifest, RequestError>;

    /// GET `/v2/<name>/blobs/<digest>` into `sink`, hashing on the way. A cut body is an error that
    /// says how many bytes came; bytes of another digest are not: compare what is returned.
    async fn fetch_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Downloaded, RequestError>;
}

/// A manifest's bytes as the daemon sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    /// The bytes; at most 4 MiB.
    pub bytes: Vec<u8>,
    /// Their digest, computed here.
    pub digest: Digest,
}

/// What came of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downloaded {
    /// The digest of the bytes that came, by the algorithm of the digest asked for.
    pub digest: Digest,
    /// How many came.
    pub size: u64,
}
