//! Bytes that are what their digest says: the only ones an upload may send.
//!
//! ```text
//! local file ──────── hash ───────────────► VerifiedBytes (the file itself)
//! network ── Spool: hash while writing ───► VerifiedBytes (an unnamed temporary file)
//! ```
//!
//! [`VerifiedBytes`] has no other constructor.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::file::{FileRange, Hasher};
use super::stream::{ByteStream, SourceError};
use crate::domain::digest::Digest;

/// What came, compared with what was wanted.
///
/// # Errors
/// [`SourceError::WrongSize`] or [`SourceError::WrongBytes`].
fn compare(
    location: &str,
    digest: Digest,
    wanted: Option<u64>,
    got: u64,
    actual: Digest,
) -> Result<(), SourceError> {
    if let Some(wanted) = wanted.filter(|wanted| *wanted != got) {
        return Err(SourceError::WrongSize { location: location.to_owned(), digest, wanted, got });
    }
    if actual != digest {
        return Err(SourceError::WrongBytes { location: location.to_owned(), digest, actual });
    }
    Ok(())
}

/// Bytes that were read to their end and hash to their digest.
#[derive(Debug, Clone)]
pub struct VerifiedBytes {
    range: FileRange,
}

impl VerifiedBytes {
    /// Hash a local file, and take it if it is `digest`.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub async fn check(
        range: FileRange,
        location: &str,
        digest: Digest,
        size: Option<u64>,
    ) -> Result<Self, SourceError> {
        // The size is known without reading: a truncated layer is not hashed first.
        if let Some(wanted) = size.filter(|size| *size != range.size()) {
            let location = location.to_owned();
            return Err(SourceError::WrongSize { location, digest, wanted, got: range.size() });
        }
        let reader = range.clone();
        let hashed = tokio::task::spawn_blocking(move || reader.hash(digest.algorithm())).await;
        let actual = hashed.unwrap_or_else(|error| Err(range.unreadable(io::Error::other(error))))?;
        compare(location, digest, size, range.size(), actual)?;
        Ok(Self { range })
    }

    /// How many there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.range.size()
    }

    /// Some of them: for an upload in chunks.
    #[must_use]
    pub fn part(&self, range: Range<u64>) -> ByteStream {
        self.range.stream(range)
    }
}

/// A temporary file that is hashed while it is written.
pub struct Spool {
    file: Arc<File>,
    name: String,
    hasher: Hasher,
    digest: Digest,
    size: u64,
}

impl Spool {
    /// Spool `digest` to `file`, which is empty; `name` is for messages.
    #[must_use]
    pub fn new(file: File, name: String, digest: Digest) -> Self {
        Self { file: Arc::new(file), name, hasher: Hasher::new(digest.algorithm()), digest, size: 0 }
    }

    /// How many bytes it has so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Write more bytes. Blocking.
    ///
    /// # Errors
    /// When the file cannot be written; nothing is counted then.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.size)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Forget what was written so far.
    pub fn rewind(&mut self) {
        self.hasher = Hasher::new(self.digest.algorithm());
        self.size = 0;
    }

    /// Take what was written if it is what was wanted.
    ///
    /// # Errors
    /// When it is something else; `location` is who gave it.
    pub fn finish(self, location: &str, wanted: Option<u64>) -> Result<VerifiedBytes, SourceError> {
        self.examine(location, wanted)?;
        let range = FileRange::new(self.file, &self.name, 0, self.size);
        Ok(VerifiedBytes { range })
    }

    /// Whether what was written so far is what was wanted.
    ///
    /// # Errors
    /// When it is something else; `location` is who gave it.
    pub fn examine(&self, location: &str, wanted: Option<u64>) -> Result<(), SourceError> {
        compare(location, self.digest, wanted, self.size, self.hasher.clone().finish())
    }
}
