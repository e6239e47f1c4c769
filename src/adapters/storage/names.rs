//! Which folders may be repositories: those whose path is a repository name. Its grammar bounds the depth.

use rayon::prelude::*;

use super::folder::{FileKind, Folder};
use super::looks;
use super::notes::Notes;
use super::words::{NOT_FOLDER, NOT_NAME};
use crate::domain::name::RepositoryName;

/// What is found below `repositories/`.
#[derive(Default)]
pub(super) struct Found {
    pub(super) names: Vec<RepositoryName>,
    /// When one of the folders was last changed, in seconds since 1970.
    pub(super) changed: Option<i64>,
    pub(super) notes: Notes,
}

/// Find them below `base`, all of a depth at once. A folder that cannot be listed may be a repository all the same.
pub(super) fn find(base: &Folder) -> Found {
    let mut all = list(base, None);
    let mut level = all.names.clone();
    while !level.is_empty() {
        let below: Vec<_> =
            level.into_par_iter().with_max_len(looks::FEW).map(|name| list(base, Some(&name))).collect();
        level = Vec::new();
        for found in below {
            level.extend_from_slice(&found.names);
            all.names.extend(found.names);
            all.changed = all.changed.max(found.changed);
            all.notes.extend(found.notes);
        }
    }
    all
}

/// Those right below one of them, or right below `base`.
fn list(base: &Folder, name: Option<&RepositoryName>) -> Found {
    let mut found = Found::default();
    let entered = name.map(|name| base.enter_noting(name.as_str(), &mut found.notes));
    let folder = match &entered {
        None => base,
        Some(Some(folder)) => folder,
        Some(None) => return found,
    };
    found.changed = folder.changed().ok();
    let listed = folder.each(|entry, kind| take(&mut found, (folder, name), entry, kind));
    if let Err(error) = listed {
        found.notes.failed(folder.path().to_owned(), &error);
    }
    found
}

/// Take in one entry; if it does not belong there, note so.
fn take(found: &mut Found, (folder, name): (&Folder, Option<&RepositoryName>), entry: &[u8], kind: FileKind) {
    // The parts of a repository, which are looked at when it is read.
    if name.is_some() && entry.starts_with(b"_") {
        return;
    }
    match kind {
        FileKind::Symlink => found.notes.symlink(folder.path_of(entry)),
        FileKind::File | FileKind::Other => found.notes.stray(folder.path_of(entry), NOT_FOLDER),
        FileKind::Folder => match below(name, entry) {
            Some(name) => found.names.push(name),
            None => found.notes.stray(folder.path_of(entry), NOT_NAME),
        },
    }
}

fn below(name: Option<&RepositoryName>, entry: &[u8]) -> Option<RepositoryName> {
    let entry = std::str::from_utf8(entry).ok()?;
    match name {
        Some(name) => format!("{name}/{entry}").parse().ok(),
        None => entry.parse().ok(),
    }
}
