//! The running daemon, read only.

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::digest::Digest;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::views::served::{Answer, Asked, Belief, Claim, Delivery, ServedManifest};
use crate::domain::views::storage::HashedBlob;

/// The running daemon. Every method asks one question; none writes.
///
/// Retries, backoff, rate and concurrency are the implementation's; an answer it cannot get after those
/// is `Unknown`. Conditional headers are never sent, redirects of blob requests never followed.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Its URL, without secrets.
    fn location(&self) -> String;

    /// How many requests were sent so far, retries included.
    fn requests(&self) -> u64;

    /// GET `/v2/`: whether this is a registry that lets us in.
    async fn ping(&self) -> Result<(), RegistryError>;

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
}

/// Why the daemon cannot be asked, at all.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct RegistryError {
    /// What failed, on which URL, and why.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}
