//! Storage's view in a file, so that a later run can tell what has disappeared since.
//!
//! ```text
//! regfsck-snapshot 1\n              so that `head -1` tells what it is
//! gzip of one JSON record a line    the root first, the number of records last
//! sha256:<64 hex>\n                 of all bytes before
//! ```
//!
//! It is written beside its place, for its owner only, and renamed when it is whole. Reading hashes the file before it
//! believes a byte of it; neither needs more memory than the view and the largest repository's record.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::adapters::files;
use crate::domain::digest::Digest;
use crate::domain::observed::Unlooked;
use crate::domain::shard::Shard;
use crate::domain::views::storage::{
    Closed, ReadManifest, Repository, StorageView, StoredBlob, StoredUpload, StrayFile, ViewPart,
};

const NAME: &str = "regfsck-snapshot ";
/// The version of a whole view.
const VERSION: u32 = 1;
/// The version of a part of one, which those who know only whole ones must not take for one.
const PART_VERSION: u32 = 2;
/// Records shrink to a third or so; what shrinks to less than one part in so many was made to fill our memory.
const MOST: u64 = 64;
/// So much of them is never too much.
const ROOM: u64 = 16 << 20;
/// `sha256:`, 64 hexadecimal digits, a line feed.
const TRAILER: u64 = 7 + 64 + 1;

/// Why there is no snapshot to be had.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The operating system refused.
    #[error("{doing} the snapshot `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `write`.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// It is some other file.
    #[error("read the snapshot `{}`: it is none: it does not begin with `{NAME}`", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another version of regfsck wrote it.
    #[error("read the snapshot `{}`: it has version {version}, and this regfsck reads {VERSION} and {PART_VERSION}: take a new one", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// It is a part, where a whole one is needed.
    #[error("read the snapshot `{}`: it is part {shard} only; take one of all storage, without --shard", path.display())]
    Part {
        /// The file.
        path: PathBuf,
        /// Which part.
        shard: Shard,
    },
    /// It is a whole one, where parts are needed.
    #[error("read the snapshot `{}`: it is of all storage, and no part; `regfsck snapshot --shard I/N` takes parts", path.display())]
    Whole {
        /// The file.
        path: PathBuf,
    },
    /// Its end is missing.
    #[error("read the snapshot `{}`: it is cut short: its checksum is not at its end", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// Its bytes are not those that were written.
    #[error("read the snapshot `{}`: it is damaged: {why}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
}

/// One line. The short names keep the file small.
#[derive(Serialize, Deserialize)]
enum Record<'a> {
    #[serde(rename = "root")]
    Root {
        root: String,
        collected: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        changed: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<ViewPart>,
    },
    #[serde(rename = "b")]
    Blob(Digest, u64, i64),
    #[serde(rename = "r")]
    Repository(Held<'a, Repository>),
    #[serde(rename = "m")]
    Manifest(Digest, Held<'a, ReadManifest>),
    #[serde(rename = "u")]
    Upload(Held<'a, StoredUpload>),
    #[serde(rename = "s")]
    Stray(Held<'a, StrayFile>),
    #[serde(rename = "c")]
    Closed(Held<'a, Closed>),
    #[serde(rename = "x")]
    Unknown(Held<'a, Unlooked>),
    #[serde(rename = "end")]
    End(u64),
}

/// Borrowed when written, owned when read.
enum Held<'a, T> {
    Borrowed(&'a T),
    Owned(T),
}

impl<T: Serialize> Serialize for Held<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Borrowed(thing) => thing.serialize(serializer),
            Self::Owned(thing) => thing.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Held<'_, T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::Owned)
    }
}

impl<T: Clone> Held<'_, T> {
    fn take(self) -> T {
        match self {
            Self::Borrowed(thing) => thing.clone(),
            Self::Owned(thing) => thing,
        }
    }
}

fn records<'a>(view: &'a StorageView, part: Option<&ViewPart>) -> impl Iterator<Item = Record<'a>> {
    let root = Record::Root {
        root: view.root.clone(),
        collected: view.collected,
        changed: view.changed.filter(|_| part.is_some()),
        part: part.cloned(),
    };
    std::iter::once(root)
        .chain(view.blobs.iter().map(|blob| Record::Blob(blob.digest, blob.size, blob.modified)))
        .chain(view.repositories.iter().map(|it| Record::Repository(Held::Borrowed(it))))
        .chain(view.manifests.iter().map(|(digest, it)| Record::Manifest(*digest, Held::Borrowed(it))))
        .chain(view.uploads.iter().map(|it| Record::Upload(Held::Borrowed(it))))
        .chain(view.stray.iter().map(|it| Record::Stray(Held::Borrowed(it))))
        .chain(view.closed.iter().map(|it| Record::Closed(Held::Borrowed(it))))
        .chain(view.unknown.iter().map(|it| Record::Unknown(Held::Borrowed(it))))
}

/// Write the view; what was there under that name is replaced only when the new one is whole. Returns the size.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, view: &StorageView) -> Result<u64, SnapshotError> {
    write_file(path, view, None)
}

/// The same for a view of a part.
///
/// # Errors
/// When it cannot be written.
pub fn write_part(path: &Path, view: &StorageView, part: &ViewPart) -> Result<u64, SnapshotError> {
    write_file(path, view, Some(part))
}

fn write_file(path: &Path, view: &StorageView, part: Option<&ViewPart>) -> Result<u64, SnapshotError> {
    let saved = files::save(path, |file| {
        fill(file, view, part)?;
        Ok(file.metadata()?.len())
    });
    saved.map_err(|source| SnapshotError::Io { path: path.into(), doing: "write", source })
}

fn fill(file: &mut File, view: &StorageView, part: Option<&ViewPart>) -> io::Result<()> {
    let mut hashed = Hashed { inner: BufWriter::new(file), hasher: Sha256::new() };
    writeln!(hashed, "{NAME}{}", if part.is_some() { PART_VERSION } else { VERSION })?;
    // A buffer in front, too: records come in small pieces.
    let mut packed = BufWriter::new(GzEncoder::new(hashed, Compression::fast()));
    let mut count = 0_u64;
    for record in records(view, part) {
        serde_json::to_writer(&mut packed, &record)?;
        packed.write_all(b"\n")?;
        count += 1;
    }
    serde_json::to_writer(&mut packed, &Record::End(count))?;
    let Hashed { mut inner, hasher } =
        packed.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    writeln!(inner, "{}", Digest::sha256(hasher.finalize().into()))?;
    inner.flush()
}

struct Hashed<W> {
    inner: W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Read a view of all storage back.
///
/// # Errors
/// When the file cannot be read, or is not byte for byte a snapshot that this version writes, or is a part.
pub fn read(path: &Path) -> Result<StorageView, SnapshotError> {
    read_whole(path, &|_| true)
}

/// The same, without the manifests that another view has.
///
/// # Errors
/// As [`read`].
pub fn read_beside(path: &Path, other: &StorageView) -> Result<StorageView, SnapshotError> {
    read_whole(path, &|manifest| !other.manifests.contains_key(manifest))
}

fn read_whole(path: &Path, wants: &dyn Fn(&Digest) -> bool) -> Result<StorageView, SnapshotError> {
    match read_file(path, wants)? {
        (view, None) => Ok(view),
        (_, Some(part)) => Err(SnapshotError::Part { path: path.into(), shard: part.shard }),
    }
}

/// Read a view of a part back.
///
/// # Errors
/// As [`read`], and when it is whole.
pub fn read_part(path: &Path) -> Result<(ViewPart, StorageView), SnapshotError> {
    let (view, part) = read_file(path, &|_| true)?;
    Ok((part.ok_or_else(|| SnapshotError::Whole { path: path.into() })?, view))
}

/// Read it, with the manifests that are wanted.
fn read_file(
    path: &Path,
    wants: &dyn Fn(&Digest) -> bool,
) -> Result<(StorageView, Option<ViewPart>), SnapshotError> {
    let failed = |source| SnapshotError::Io { path: path.into(), doing: "read", source };
    let corrupt = |why: String| SnapshotError::Corrupt { path: path.into(), why };
    let (mut file, length) = files::open(path).map_err(failed)?;
    let header = verify(path, &mut file, length)?;
    file.seek(SeekFrom::Start(header)).map_err(failed)?;
    let packed = length - header - TRAILER;
    let unpacked = GzDecoder::new(BufReader::new(file.take(packed)));
    let mut lines = BufReader::new(unpacked.take(packed.saturating_mul(MOST).saturating_add(ROOM)));
    let mut reading = Reading::default();
    // As it comes: a line may be as long as all that is unpacked.
    let taken =
        serde_json::Deserializer::from_reader(&mut lines).into_iter::<Record<'_>>().try_for_each(|record| {
            let record = record.map_err(|error| error.to_string())?;
            reading.take(record, wants).map_err(str::to_owned)
        });
    if lines.get_ref().limit() == 0 {
        return Err(corrupt("it unpacks to far more than what was ever packed".into()));
    }
    taken.map_err(corrupt)?;
    reading.finish().ok_or_else(|| corrupt("records are missing".into()))
}

/// Check name, version and checksum; returns where the records begin.
fn verify(path: &Path, file: &mut File, length: u64) -> Result<u64, SnapshotError> {
    let failed = |source| SnapshotError::Io { path: path.into(), doing: "read", source };
    let mut reader = BufReader::new(&mut *file);
    let mut first = Vec::new();
    reader.by_ref().take(64).read_until(b'\n', &mut first).map_err(failed)?;
    let first_line = String::from_utf8_lossy(&first);
    let version =
        first_line.strip_prefix(NAME).ok_or_else(|| SnapshotError::Foreign { path: path.into() })?;
    if ![VERSION, PART_VERSION].map(|known| known.to_string()).contains(&version.trim_end().to_owned()) {
        let version: String = version.trim_end().chars().take(20).collect();
        return Err(SnapshotError::Version { path: path.into(), version });
    }
    let header = first.len() as u64;
    let packed =
        length.checked_sub(header + TRAILER).ok_or_else(|| SnapshotError::Truncated { path: path.into() })?;
    let mut hashed = Hashed { inner: io::sink(), hasher: Sha256::new() };
    hashed.hasher.update(&first);
    io::copy(&mut reader.by_ref().take(packed), &mut hashed).map_err(failed)?;
    let mut trailer = String::new();
    // What is no text is no trailer.
    let told =
        reader.read_to_string(&mut trailer).ok().and_then(|_| trailer.strip_suffix('\n')?.parse().ok());
    let told: Digest = told.ok_or_else(|| SnapshotError::Truncated { path: path.into() })?;
    if told == Digest::sha256(hashed.hasher.finalize().into()) {
        return Ok(header);
    }
    Err(SnapshotError::Corrupt { path: path.into(), why: "its checksum does not fit".into() })
}

/// A view that is not whole yet.
#[derive(Default)]
struct Reading {
    view: Option<StorageView>,
    part: Option<ViewPart>,
    count: u64,
    end: Option<u64>,
}

impl Reading {
    fn take(&mut self, record: Record<'_>, wants: &dyn Fn(&Digest) -> bool) -> Result<(), &'static str> {
        if self.end.is_some() {
            return Err("it goes on behind its end");
        }
        if let Record::End(count) = record {
            self.end = Some(count);
            return Ok(());
        }
        self.count += 1;
        match (record, &mut self.view) {
            (Record::Root { root, collected, changed, part }, view @ None) => {
                *view = Some(StorageView { changed, ..StorageView::empty(root, collected) });
                self.part = part;
            }
            (Record::Root { .. }, Some(_)) => return Err("it has two roots"),
            (_, None) => return Err("it has no root"),
            (Record::Manifest(digest, _), _) if !wants(&digest) => {}
            (record, Some(view)) => add(view, record),
        }
        Ok(())
    }

    fn finish(self) -> Option<(StorageView, Option<ViewPart>)> {
        let view = self.view.filter(|_| self.end == Some(self.count))?;
        Some((view, self.part))
    }
}

fn add(view: &mut StorageView, record: Record<'_>) {
    match record {
        Record::Blob(digest, size, modified) => view.blobs.push(StoredBlob { digest, size, modified }),
        Record::Repository(repository) => view.repositories.push(repository.take()),
        Record::Manifest(digest, manifest) => {
            view.manifests.insert(digest, manifest.take());
        }
        Record::Upload(upload) => view.uploads.push(upload.take()),
        Record::Stray(stray) => view.stray.push(stray.take()),
        Record::Closed(closed) => view.closed.push(closed.take()),
        Record::Unknown(unlooked) => view.unknown.push(unlooked.take()),
        Record::Root { .. } | Record::End(_) => {}
    }
}

mod parts;
#[cfg(test)]
mod tests;

pub use parts::{NoUploads, PartsError, SnapshotStorage};
