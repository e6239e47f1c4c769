//! Upload sessions of the daemon, as storage has them.

use std::io;

use jiff::Timestamp;

use super::folder::{FileKind, Folder, Look};
use super::looks;
use super::notes::{Notes, is_gone};
use super::printable::show;
use super::words::{NO_FILE, NOT_PART, NOT_SESSION};
use crate::domain::layout;
use crate::domain::name::RepositoryName;
use crate::domain::views::storage::StoredUpload;

/// More than the longest time that a daemon writes.
const TIME_BYTES: usize = 64;

/// The upload sessions of a repository, sorted by their names.
pub(super) fn all(repository: &Folder, name: &RepositoryName, notes: &mut Notes) -> Vec<StoredUpload> {
    let mut uploads = Vec::new();
    if let Some(folder) = repository.enter_noting(layout::UPLOADS, notes) {
        let mut ids = Vec::new();
        folder.each_folder(NOT_SESSION, notes, |id, notes| {
            if is_uuid(id) {
                ids.push(show(id));
            } else {
                notes.stray(folder.path_of(id), NOT_SESSION);
            }
        });
        uploads = looks::in_parts(ids, notes, |id, _, notes| {
            read(&folder.enter_noting(&id, notes)?, name, id, notes)
        });
    }
    uploads.sort_unstable_by(|one: &StoredUpload, other| one.id.cmp(&other.id));
    uploads
}

/// Whether a session may have this name.
pub(in crate::adapters) fn is_uuid(id: &[u8]) -> bool {
    id.len() == 36 && id.iter().all(|c| c.is_ascii_hexdigit() || *c == b'-')
}

fn read(session: &Folder, name: &RepositoryName, id: String, notes: &mut Notes) -> Option<StoredUpload> {
    let own = session.look(".").map_err(|error| notes.failed(session.path().to_owned(), &error)).ok()?;
    let data = part(session, layout::DATA, notes);
    let start = part(session, layout::STARTED_AT, notes);
    note_others(session, notes);
    let modified = [data, start].into_iter().flatten().map(|look| look.modified).fold(own.modified, i64::max);
    Some(StoredUpload {
        repository: name.clone(),
        id,
        started: start.and_then(|_| started(session)).unwrap_or(modified),
        modified,
        size: data.map_or(0, |look| look.size),
        has_start: start.is_some(),
    })
}

/// A regular file of a session.
fn part(session: &Folder, name: &str, notes: &mut Notes) -> Option<Look> {
    match session.look(name) {
        Ok(look) if look.kind == FileKind::File => Some(look),
        Ok(_) => {
            notes.stray(session.path_of(name), NO_FILE);
            None
        }
        Err(error) if is_gone(&error) => None,
        Err(error) => {
            notes.failed(session.path_of(name), &error);
            None
        }
    }
}

/// What `startedat` says, in seconds since 1970.
fn started(session: &Folder) -> Option<i64> {
    let mut buffer = [0; TIME_BYTES];
    let length = rustix::io::read(session.file(layout::STARTED_AT).ok()?, &mut buffer).ok()?;
    let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
    text.trim().parse::<Timestamp>().ok().map(Timestamp::as_second)
}

fn note_others(session: &Folder, notes: &mut Notes) {
    let listed: io::Result<()> = session.each(|name, _| {
        let parts = [layout::DATA, layout::STARTED_AT, layout::HASH_STATES];
        if !parts.iter().any(|part| name == part.as_bytes()) {
            notes.stray(session.path_of(name), NOT_PART);
        }
    });
    if let Err(error) = listed {
        notes.failed(session.path().to_owned(), &error);
    }
}
