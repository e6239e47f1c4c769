//! Parts of files, read in pieces, and hashes.
//!
//! Files are read at positions, so any number of readers share one handle, and in pieces, so a layer is
//! never in memory.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::stream::{ByteStream, SourceError};
use crate::domain::digest::{Algorithm, Digest};

/// How much is read from a file at once.
const PIECE: u64 = 256 << 10;

/// A running hash under one of the algorithms that digests have.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha384(Box<Sha384>),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha384 => State::Sha384(Box::default()),
            Algorithm::Sha512 => State::Sha512(Box::default()),
        })
    }

    /// Hash more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all of them.
    #[must_use]
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(state) => Digest::sha256(state.finalize().into()),
            State::Sha384(state) => Digest::sha384(state.finalize().into()),
            State::Sha512(state) => Digest::sha512(state.finalize().into()),
        }
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        let mut hasher = Self::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }
}

/// A part of an open file: a whole file, or a member of an archive.
#[derive(Debug, Clone)]
pub struct FileRange {
    file: Arc<File>,
    name: Arc<str>,
    start: u64,
    size: u64,
}

impl FileRange {
    /// `size` bytes of `file` from `start` on; `name` is for messages.
    #[must_use]
    pub fn new(file: Arc<File>, name: &str, start: u64, size: u64) -> Self {
        Self { file, name: name.into(), start, size }
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The path, for an archive with its member.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An error about it.
    pub(super) fn unreadable(&self, source: io::Error) -> SourceError {
        SourceError::Unreadable { what: self.name.to_string(), source }
    }

    /// Read the piece at `offset`, which ends before `end`. Blocking. Never empty.
    fn piece(&self, offset: u64, end: u64) -> Result<Bytes, SourceError> {
        let length = usize::try_from(PIECE.min(end - offset)).unwrap_or(usize::MAX);
        let mut piece = vec![0; length];
        let got =
            self.file.read_at(&mut piece, self.start + offset).map_err(|error| self.unreadable(error))?;
        if got == 0 {
            let why = format!("it ends after {offset} of {} bytes", self.size);
            return Err(self.unreadable(io::Error::new(io::ErrorKind::UnexpectedEof, why)));
        }
        piece.truncate(got);
        Ok(piece.into())
    }

    /// Read all of it, where it has at most `limit` bytes. Blocking.
    ///
    /// # Errors
    /// When it cannot be read, or is larger.
    pub fn read(&self, limit: u64) -> Result<Vec<u8>, SourceError> {
        if self.size > limit {
            let why = format!("it has {} bytes, and at most {limit} are read", self.size);
            return Err(self.unreadable(io::Error::new(io::ErrorKind::FileTooLarge, why)));
        }
        let mut all = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default());
        while (all.len() as u64) < self.size {
            all.extend_from_slice(&self.piece(all.len() as u64, self.size)?);
        }
        Ok(all)
    }

    /// The digest of its bytes. Blocking.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    pub fn hash(&self, algorithm: Algorithm) -> Result<Digest, SourceError> {
        let mut hasher = Hasher::new(algorithm);
        let mut offset = 0;
        while offset < self.size {
            let piece = self.piece(offset, self.size)?;
            hasher.update(&piece);
            offset += piece.len() as u64;
        }
        Ok(hasher.finish())
    }

    /// The bytes of `range`, cut to what there is.
    #[must_use]
    pub fn stream(&self, range: Range<u64>) -> ByteStream {
        let end = range.end.min(self.size);
        stream::unfold((self.clone(), range.start), move |(file, offset)| async move {
            if offset >= end {
                return None;
            }
            let reader = file.clone();
            let piece = tokio::task::spawn_blocking(move || reader.piece(offset, end)).await;
            let piece = piece.unwrap_or_else(|error| Err(file.unreadable(io::Error::other(error))));
            let next = piece.as_ref().map_or(u64::MAX, |piece| offset + piece.len() as u64);
            Some((piece, (file, next)))
        })
        .boxed()
    }
}
