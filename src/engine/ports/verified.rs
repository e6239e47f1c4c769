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

use bytes::Bytes;
use futures_util::{StreamExt, stream};

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
    digest: Digest,
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
        Ok(Self { digest, range })
    }

    /// Their digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// How many there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.range.size()
    }

    /// All of them, hashed again while they are read: a file that was changed since the check ends in an
    /// error, and its last piece is not given out.
    #[must_use]
    pub fn stream(&self) -> ByteStream {
        verified(self.range.stream(0..self.size()), self.range.name(), self.digest, Some(self.size()))
    }

    /// Some of them: for an upload in chunks.
    #[must_use]
    pub fn part(&self, range: Range<u64>) -> ByteStream {
        self.range.stream(range)
    }

    /// All of them in memory, where there are at most `limit`: for manifests. Blocking.
    ///
    /// # Errors
    /// When they cannot be read, or are more.
    pub fn read(&self, limit: u64) -> Result<Vec<u8>, SourceError> {
        self.range.read(limit)
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
        Ok(VerifiedBytes { digest: self.digest, range })
    }

    /// Whether what was written so far is what was wanted.
    ///
    /// # Errors
    /// When it is something else; `location` is who gave it.
    pub fn examine(&self, location: &str, wanted: Option<u64>) -> Result<(), SourceError> {
        compare(location, self.digest, wanted, self.size, self.hasher.clone().finish())
    }
}

struct Verifying {
    inner: ByteStream,
    hasher: Hasher,
    /// The piece that is given out only when it is known not to be the last, or all are right.
    held: Bytes,
    got: u64,
}

/// The same bytes, but an error at the end if they are not `digest` or not `size` bytes.
///
/// The last piece is held back until all are checked, so whoever sends them on never sends the whole of
/// something wrong. `location` is who gave them.
#[must_use]
pub fn verified(inner: ByteStream, location: &str, digest: Digest, size: Option<u64>) -> ByteStream {
    let location = location.to_owned();
    let hasher = Hasher::new(digest.algorithm());
    let start = Verifying { inner, hasher, held: Bytes::new(), got: 0 };
    stream::unfold(Some(start), move |state| {
        let location = location.clone();
        async move {
            let mut state = state?;
            match state.step(&location, digest, size).await {
                Ok(Some(piece)) => Some((Ok(piece), Some(state))),
                Ok(None) if state.held.is_empty() => None,
                Ok(None) => Some((Ok(state.held), None)),
                Err(error) => Some((Err(error), None)),
            }
        }
    })
    .boxed()
}

impl Verifying {
    /// The piece before the one that comes next; `None` when all came and are right.
    async fn step(
        &mut self,
        location: &str,
        digest: Digest,
        size: Option<u64>,
    ) -> Result<Option<Bytes>, SourceError> {
        while let Some(piece) = self.inner.next().await {
            let piece = piece?;
            self.got += piece.len() as u64;
            if let Some(wanted) = size.filter(|size| self.got > *size) {
                let location = location.to_owned();
                return Err(SourceError::WrongSize { location, digest, wanted, got: self.got });
            }
            self.hasher.update(&piece);
            let before = std::mem::replace(&mut self.held, piece);
            if !before.is_empty() {
                return Ok(Some(before));
            }
        }
        compare(location, digest, size, self.got, self.hasher.clone().finish())?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::Algorithm;

    fn pieces(texts: &[&'static str]) -> ByteStream {
        stream::iter(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect::<Vec<_>>())
            .boxed()
    }

    async fn run(texts: &[&'static str], of: &str, size: Option<u64>) -> (String, Option<String>) {
        let digest = Hasher::of(Algorithm::Sha256, of.as_bytes());
        let mut stream = verified(pieces(texts), "there", digest, size);
        let mut text = String::new();
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => text.push_str(std::str::from_utf8(&piece).unwrap()),
                Err(error) => return (text, Some(error.to_string())),
            }
        }
        (text, None)
    }

    #[tokio::test]
    async fn right_bytes_pass_whatever_their_pieces() {
        assert_eq!(run(&["abc"], "abc", Some(3)).await, ("abc".into(), None));
        assert_eq!(run(&["a", "", "bc"], "abc", None).await, ("abc".into(), None));
        assert_eq!(run(&[], "", Some(0)).await, (String::new(), None));
    }

    #[tokio::test]
    async fn the_last_piece_of_wrong_bytes_is_never_given_out() {
        let (text, error) = run(&["abd"], "abc", Some(3)).await;
        assert_eq!(text, "");
        assert!(error.unwrap().contains("wrong bytes"));
        let (text, error) = run(&["a", "b"], "abc", Some(3)).await;
        assert_eq!((text.as_str(), error.is_some()), ("a", true));
        let (text, error) = run(&["ab", "cd"], "abc", Some(3)).await;
        assert_eq!((text.as_str(), error.is_some()), ("", true));
    }
}
