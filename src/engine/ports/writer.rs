//! The running daemon, written to: what repair needs.

use std::io;

use async_trait::async_trait;
use tokio::io::AsyncRead;

use super::request::RequestError;
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

/// The running daemon, written to. Uploads are blind: nothing is asked (HEAD) or mounted first, because
/// a daemon with a stale cache would claim to have the blob already.
#[async_trait]
pub trait RegistryWriter: Send + Sync {
    /// POST `/v2/<name>/blobs/uploads/`.
    async fn start_upload(&self, repository: &RepositoryName) -> Result<UploadSession, RequestError>;

    /// DELETE the session.
    async fn cancel_upload(&self, session: &UploadSession) -> Result<(), RequestError>;

    /// The sessions that were given up since this was asked last, whether the daemon took them away or not.
    fn given_up(&self) -> Vec<UploadSession> {
        Vec::new()
    }

    /// Upload a blob whole: a `POST` and a `PUT`, with some `PATCH` in between for a large one. What breaks is
    /// resumed where the daemon still knows its offset, else begun anew.
    async fn upload_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        source: &dyn ByteSource,
    ) -> Result<(), RequestError>;

    /// PUT `/v2/<name>/manifests/<reference>`; the digest that the daemon gave it, where it says.
    async fn put_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Option<Digest>, RequestError>;

    /// DELETE `/v2/<name>/blobs/<digest>`.
    async fn delete_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), RequestError>;
}
