//! Fetching content so that it is hashed before any of it is uploaded, in bounded memory.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::adapters::files::PrivateFolder;
use crate::domain::manifest::MAX_MANIFEST_BYTES;
use crate::engine::ports::{Source, SourceError, Spool, VerifiedBytes, Wanted};

/// Small pieces from a network are gathered up to this before they are written.
const WRITE: usize = 256 << 10;

/// How often a broken transfer is taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchRetries {
    /// How many times in a row it may break without a new byte.
    pub attempts: u32,
    /// How many times it may break in all.
    pub breaks: u32,
    /// How long to wait after the first break; doubled with each that brings nothing.
    pub pause: Duration,
}

impl Default for FetchRetries {
    fn default() -> Self {
        Self { attempts: 4, breaks: 20, pause: Duration::from_millis(250) }
    }
}

/// Fetch `wanted` from `source`, and take it only if it is what its digest says.
///
/// A local file is hashed where it lies. What comes over a network is spooled to an unnamed file in
/// `spool`, which vanishes with the last handle, even when the process is killed.
///
/// # Errors
/// When the source does not have it, gives something else, or breaks off for good.
pub async fn fetch_verified(
    source: &dyn Source,
    wanted: &Wanted,
    spool: &PrivateFolder,
    patience: FetchRetries,
) -> Result<VerifiedBytes, SourceError> {
    let location = source.location();
    if let Some(range) = source.local(wanted).await? {
        return VerifiedBytes::check(range, &location, wanted.digest, wanted.size).await;
    }
    let failed = |source| SourceError::Spool { path: spool.path().to_owned(), source };
    let file = spool.temporary().map_err(failed)?;
    let name = format!("{} from {location}", wanted.digest);
    let spooled = Spool::new(file, name, wanted.digest);
    let mut transfer =
        Transfer { source, wanted, folder: spool.path(), spool: Some(spooled), patience, breaks: 0 };
    transfer.run().await?;
    transfer.taken()?.finish(&location, wanted.size)
}

struct Transfer<'a> {
    source: &'a dyn Source,
    wanted: &'a Wanted,
    folder: &'a Path,
    /// Away while a thread that may block writes to it.
    spool: Option<Spool>,
    patience: FetchRetries,
    breaks: u32,
}

impl Transfer<'_> {
    fn size(&self) -> u64 {
        self.spool.as_ref().map_or(0, Spool::size)
    }

    fn taken(&mut self) -> Result<Spool, SourceError> {
        let spool = self.spool.take();
        spool.ok_or_else(|| self.spool_error(io::Error::other("a write to it did not return")))
    }

    fn spool_error(&self, source: io::Error) -> SourceError {
        SourceError::Spool { path: self.folder.to_owned(), source }
    }

    /// Spool all of it. A transfer that was taken up again and gives wrong bytes is begun anew, once:
    /// the parts may be of different makes, and a fresh copy right.
    async fn run(&mut self) -> Result<(), SourceError> {
        self.spool_all().await?;
        let wrong = |transfer: &Self| transfer.examine().is_err();
        if self.breaks > 0 && wrong(self) {
            if let Some(spool) = &mut self.spool {
                spool.rewind();
            }
            self.spool_all().await?;
        }
        Ok(())
    }

    fn examine(&self) -> Result<(), SourceError> {
        let location = self.source.location();
        self.spool.as_ref().map_or(Ok(()), |spool| spool.examine(&location, self.wanted.size))
    }

    async fn spool_all(&mut self) -> Result<(), SourceError> {
        let mut idle = 0;
        loop {
            let before = self.size();
            let error = match self.spool_some().await {
                Ok(()) if self.wanted.size.is_none_or(|size| self.size() >= size) => return Ok(()),
                // It ended too early: a cut connection may look like this.
                Ok(()) => None,
                Err(error) if error.is_transient() => Some(error),
                Err(error) => return Err(error),
            };
            idle = if self.size() > before { 1 } else { idle + 1 };
            self.breaks += 1;
            if idle >= self.patience.attempts || self.breaks >= self.patience.breaks {
                return error.map_or(Ok(()), |error| Err(self.after(error)));
            }
            tokio::time::sleep(self.patience.pause * 2_u32.saturating_pow(idle - 1)).await;
        }
    }

    /// The error that a transfer is given up with, and how far it came: 0 bytes is the mark of a phantom.
    fn after(&self, error: SourceError) -> SourceError {
        let SourceError::Interrupted { asked, said } = error else { return error };
        let of = self.wanted.size.map(|size| format!(" of {size}")).unwrap_or_default();
        SourceError::Interrupted { asked, said: format!("after {}{of} bytes: {said}", self.size()) }
    }

    /// Spool from where the spool ends until the stream does.
    async fn spool_some(&mut self) -> Result<(), SourceError> {
        let limit = self.wanted.size.or(self.wanted.is_manifest.then_some(MAX_MANIFEST_BYTES));
        let mut stream = self.source.open(self.wanted, self.size()).await?;
        let mut gathered = BytesMut::new();
        while let Some(piece) = stream.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    self.write(gathered.freeze()).await?;
                    return Err(error);
                }
            };
            let got = self.size() + (gathered.len() + piece.len()) as u64;
            if let Some(wanted) = limit.filter(|limit| got > *limit) {
                let (location, digest) = (self.source.location(), self.wanted.digest);
                return Err(SourceError::WrongSize { location, digest, wanted, got });
            }
            gathered.extend_from_slice(&piece);
            if gathered.len() >= WRITE {
                self.write(gathered.split().freeze()).await?;
            }
        }
        self.write(gathered.freeze()).await
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SourceError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut spool = self.taken()?;
        let written = tokio::task::spawn_blocking(move || {
            let written = spool.write(&bytes);
            (spool, written)
        });
        let (spool, written) = written.await.map_err(|error| self.spool_error(io::Error::other(error)))?;
        self.spool = Some(spool);
        written.map_err(|error| self.spool_error(error))
    }
}
