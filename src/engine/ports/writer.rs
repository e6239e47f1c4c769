//! The running daemon, written to: what repair needs.

use std::io;

use async_trait::async_trait;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::domain::digest::Digest;
use crate::domain::name::{Reference, RepositoryName};

/// Bytes to upload, which can be opened more than once.
#[async_trait]
pub trait ByteSource: Send + Sync {
    /// How many bytes there are in all.
    fn size(&self) -> u64;

    /// Open them from `offset` on. A source that cannot seek refuses any offset but 0 with
    /// [`io::ErrorKind::Unsupported`]; a broken upload then starts anew.
    ///
    /// # Errors
    /// When the bytes cannot be had.
    async fn open(&self, offset: u64) -> io::Result<Box<dyn AsyncRead + Send + Unpin>>;
}

/// Bytes that are in memory already: manifests and configs.
#[async_trait]
impl ByteSource for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    async fn open(&self, offset: u64) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        let from = usize::try_from(offset).map_or(self.len(), |from| from.min(self.len()));
        Ok(Box::new(io::Cursor::new(self.get(from..).unwrap_or_default().to_vec())))
    }
}

/// An upload session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadSession {
    /// The repository it belongs to.
    pub repository: RepositoryName,
    /// Its name: the folder below the repository's `_uploads` (`Docker-Upload-UUID`).
    pub id: String,
    /// Where it goes on: the `Location` of the last answer, with the daemon's `_state`.
    pub location: String,
}

/// How a mount was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mounted {
    /// 201: the link is there.
    Yes,
    /// 202: the daemon opened an upload session instead. It has been cancelled.
    No,
}

/// A manifest's bytes as the daemon sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    /// The bytes; at most 4 MiB.
    pub bytes: Vec<u8>,
    /// Their `Content-Type`.
    pub media_type: Option<String>,
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

/// The running daemon, written to. Uploads are blind: nothing is asked (HEAD) or mounted first, because
/// a daemon with a stale cache would claim to have the blob already.
#[async_trait]
pub trait RegistryWriter: Send + Sync {
    /// Its URL, without secrets.
    fn location(&self) -> String;

    /// How many requests were sent so far, retries included.
    fn requests(&self) -> u64;

    /// POST `/v2/<name>/blobs/uploads/`.
    async fn start_upload(&self, repository: &RepositoryName) -> Result<UploadSession, WriteError>;

    /// GET the session: how many bytes the daemon has of it.
    async fn upload_status(&self, session: &UploadSession) -> Result<u64, WriteError>;

    /// DELETE the session.
    async fn cancel_upload(&self, session: &UploadSession) -> Result<(), WriteError>;

    /// Upload a blob whole: a `POST` and a `PUT`, with some `PATCH` in between for a large one. What breaks is
    /// resumed where the daemon still knows its offset, else begun anew.
    async fn upload_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        source: &dyn ByteSource,
    ) -> Result<(), WriteError>;

    /// PUT `/v2/<name>/manifests/<reference>`; the digest that the daemon gave it, where it says.
    async fn put_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Option<Digest>, WriteError>;

    /// DELETE `/v2/<name>/blobs/<digest>`.
    async fn delete_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), WriteError>;

    /// DELETE `/v2/<name>/manifests/<digest>`.
    async fn delete_manifest(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), WriteError>;

    /// POST `/v2/<name>/blobs/uploads/?mount=<digest>&from=<from>`.
    async fn mount(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<Mounted, WriteError>;

    /// GET `/v2/<name>/manifests/<reference>`, the raw bytes.
    async fn fetch_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<RawManifest, WriteError>;

    /// GET `/v2/<name>/blobs/<digest>` into `sink`, hashing on the way. A cut body is an error that
    /// says how many bytes came; bytes of another digest are not: compare what is returned.
    async fn fetch_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Downloaded, WriteError>;
}

/// Why a request that should have an effect, or bring bytes, failed.
#[derive(Debug, Error)]
#[error("{method} {url}: {why}{}", if *attempts > 1 { format!(" ({attempts} attempts)") } else { String::new() })]
pub struct WriteError {
    /// The request's method.
    pub method: Box<str>,
    /// Its URL without secrets.
    pub url: Box<str>,
    /// The status that came, where one did.
    pub status: Option<u16>,
    /// The registry's error code, where it gave one, such as `DENIED`.
    pub code: Option<Box<str>>,
    /// What went wrong, with the start of the body.
    pub why: String,
    /// What to do next.
    pub hint: Option<Box<str>>,
    /// How often it was tried.
    pub attempts: u32,
}

impl WriteError {
    /// Whether the daemon says that the thing is not there.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self.status, Some(404))
    }

    /// Whether this registry does not allow the operation at all: read-only, pull-through, delete disabled.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.status, Some(405))
    }
}
