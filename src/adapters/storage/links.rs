//! Link files: those of layers, of revisions, and what tags name.
//!
//! A link holds a digest and nothing else, not even a newline: the daemon parses it strictly. Each folder
//! of links is listed once and each link opened from there; the folder of a link itself is opened only
//! where `link` is missing, so what else lies beside a link is not seen.

use std::io;

use rustix::fs::fstat;

use super::blobs::algorithm;
use super::folder::{FileKind, Folder, Look};
use super::leftovers::{self, Leftovers};
use super::looks;
use super::notes::{Notes, is_gone};
use super::printable::show_start;
use super::words::{NO_LINK, NOT_LINK, NOT_LINK_ALGORITHM};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::layout;
use crate::domain::views::storage::{Links, Target, Trace};

/// More than the longest digest (135 bytes), so that what follows one is seen; never more is read.
const LINK_BYTES: usize = 512;

/// What is at a link's path.
#[derive(Debug)]
pub(super) enum LinkFile {
    /// A file with exactly this digest in it.
    Digest(Digest),
    /// A file with something else in it; its start.
    Invalid(Box<str>),
    /// Nothing.
    Nothing,
    /// A folder, pipe, socket or device.
    NotRegular,
    /// It could not be read.
    Failed(io::Error),
}

/// Read the link file at `path` below `folder`.
pub(super) fn read(folder: &Folder, path: impl AsRef<[u8]>) -> LinkFile {
    read_noting(folder, path, &mut None)
}

/// The same; who may read the file is looked at where that is of interest.
pub(super) fn read_noting(folder: &Folder, path: impl AsRef<[u8]>, seen: &mut Option<Look>) -> LinkFile {
    let mut buffer = [0; LINK_BYTES];
    match read_start(folder, path, &mut buffer, seen) {
        Ok(Some(content)) => understand(content),
        Ok(None) => LinkFile::NotRegular,
        Err(error) if is_gone(&error) => LinkFile::Nothing,
        Err(error) => LinkFile::Failed(error),
    }
}

fn understand(content: &[u8]) -> LinkFile {
    match std::str::from_utf8(content).ok().and_then(|text| text.parse().ok()) {
        Some(digest) => LinkFile::Digest(digest),
        None => LinkFile::Invalid(show_start(content)),
    }
}

/// The digest in a link file or the start of what it says, for whoever throws anything at it.
#[cfg(any(test, fuzzing))]
pub(crate) fn link(content: &[u8]) -> Result<Digest, Box<str>> {
    match understand(content) {
        LinkFile::Digest(digest) => Ok(digest),
        LinkFile::Invalid(start) => Err(start),
        LinkFile::Nothing | LinkFile::NotRegular | LinkFile::Failed(_) => Err("".into()),
    }
}

/// The start of a regular file; `None` if it is none.
fn read_start<'a>(
    folder: &Folder,
    path: impl AsRef<[u8]>,
    buffer: &'a mut [u8],
    seen: &mut Option<Look>,
) -> io::Result<Option<&'a [u8]>> {
    let file = match folder.file(path) {
        Ok(file) => file,
        // A socket.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let length = rustix::io::read(&file, &mut *buffer);
    if folder.has_reader() {
        *seen = Some(Look::of(&fstat(&file)?));
    }
    // Only what does not look like a link needs the second question.
    if !matches!(length, Ok(71 | 135)) && Look::of(&fstat(&file)?).kind != FileKind::File {
        return Ok(None);
    }
    Ok(buffer.get(..length?))
}

/// The links of a folder, and the empty folders of those that are gone.
pub(super) type Found = (Links, Vec<Trace>);

/// Every link below a `_layers` or `revisions` folder, and what is left of others, sorted by digest. `known` are the
/// names that may lie in a link's folder beside `link`.
pub(super) fn all(parent: &Folder, known: &[&str], notes: &mut Notes) -> Found {
    let (mut links, mut traces) = (Vec::new(), Vec::new());
    parent.each_folder(NOT_LINK_ALGORITHM, notes, |name, notes| match algorithm(name) {
        Some(algorithm) => {
            if let Some(folder) = parent.enter_noting(name, notes) {
                read_folder(&folder, algorithm, known, (&mut links, &mut traces), notes);
            }
        }
        None => notes.stray(parent.path_of(name), NOT_LINK_ALGORITHM),
    });
    traces.sort_unstable();
    traces.shrink_to_fit();
    (links.into_iter().collect(), traces)
}

fn read_folder(
    folder: &Folder,
    algorithm: Algorithm,
    known: &[&str],
    (links, traces): (&mut Vec<(Digest, Target)>, &mut Vec<Trace>),
    notes: &mut Notes,
) {
    let mut digests = Vec::new();
    folder.each_folder(NOT_LINK, notes, |name, notes| match Digest::from_hex(algorithm, name) {
        Some(digest) => digests.push(digest),
        None => notes.stray(folder.path_of(name), NOT_LINK),
    });
    for seen in
        looks::in_parts(digests, notes, |digest, path, notes| look_at(folder, digest, (path, known), notes))
    {
        match seen {
            Seen::Link(digest, target) => links.push((digest, target)),
            Seen::Trace(trace) => traces.push(trace),
        }
    }
}

/// What the folder of a link holds.
enum Seen {
    Link(Digest, Target),
    Trace(Trace),
}

fn look_at(
    folder: &Folder,
    digest: Digest,
    (path, known): (&mut String, &[&str]),
    notes: &mut Notes,
) -> Option<Seen> {
    path.clear();
    digest.push_hex(path);
    path.push('/');
    path.push_str(layout::LINK);
    let mut seen = None;
    let mut content = read_noting(folder, &*path, &mut seen);
    if matches!(content, LinkFile::Nothing) {
        match leftovers::list(folder, digest.hex().as_bytes(), layout::LINK, known, notes) {
            Leftovers::Gone => return None,
            Leftovers::Nothing(made) => return Some(Seen::Trace(Trace { digest, made })),
            Leftovers::Something => {}
            Leftovers::Arrived => content = read_noting(folder, &*path, &mut seen),
        }
    }
    folder.note_kept(path.as_bytes(), &[seen], notes);
    Some(Seen::Link(digest, target(content, Some(digest), || folder.path_of(&*path), notes)))
}

/// What a link says, given the digest that its folder names, if it names one.
pub(super) fn target(
    content: LinkFile,
    named: Option<Digest>,
    path: impl FnOnce() -> String,
    notes: &mut Notes,
) -> Target {
    match content {
        LinkFile::Digest(digest) if Some(digest) == named => Target::Same,
        LinkFile::Digest(digest) => Target::Other(Box::new(digest)),
        LinkFile::Invalid(start) => Target::Invalid(start),
        LinkFile::Nothing => Target::Missing,
        LinkFile::NotRegular => {
            notes.stray(path(), NO_LINK);
            Target::Missing
        }
        LinkFile::Failed(error) => {
            notes.failed(path(), &error);
            Target::Unknown
        }
    }
}
