//! Second looks at single things.
//!
//! Only "no such file" below a root that could be opened is absent. A root that is gone (a share that
//! was unmounted) is unknown.

use std::error::Error;
use std::io;

use super::FilesystemStorage;
use super::content;
use super::folder::{FileKind, Folder};
use super::links::{self, LinkFile};
use super::manifests::read_file;
use super::notes::{Notes, explain, is_gone};
use super::printable::bytes;
use super::repositories::read_tag;
use super::uploads::is_uuid;
use crate::domain::digest::Digest;
use crate::domain::layout::{self, LinkPlace, Part, Place};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::{Observed, Reason};
use crate::domain::views::storage::{BlobFile, HashedBlob, TagTarget, Target};
use crate::engine::ports::Unhurried;

/// An error and what caused it, in one line.
pub(super) fn with_cause(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl FilesystemStorage {
    /// Open the root, look, and say what that means.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Folder) -> io::Result<Observed<T>>) -> Observed<T> {
        match self.open_root() {
            Ok(Some(root)) => match look(&root) {
                Ok(seen) => seen,
                Err(error) if is_gone(&error) => Observed::Absent,
                Err(error) => Observed::Unknown(explain(&error)),
            },
            Ok(None) => Observed::Absent,
            Err(error) => Observed::Unknown(with_cause(&error).into()),
        }
    }
}

pub(super) fn blob(root: &Folder, digest: &Digest) -> io::Result<Observed<BlobFile>> {
    let look = data_folder(root, digest)?.look(layout::DATA)?;
    Ok(match look.kind {
        FileKind::File => Observed::Present(BlobFile { size: look.size, modified: look.modified }),
        FileKind::Symlink => Observed::Unknown(Reason::Symlink),
        FileKind::Folder | FileKind::Other => Observed::Absent,
    })
}

/// The folder of one blob. Each step refuses symbolic links.
fn data_folder(root: &Folder, digest: &Digest) -> io::Result<Folder> {
    root.at(&layout::FolderPlace::Blob(*digest))
}

pub(super) fn link(root: &Folder, name: &RepositoryName, place: &LinkPlace) -> io::Result<Observed<Target>> {
    let folder = root.at(&layout::FolderPlace::Link(name.clone(), place.clone()))?;
    let named = match place {
        LinkPlace::Layer(digest) | LinkPlace::Revision(digest) => Some(*digest),
        LinkPlace::Tag(_) => None,
    };
    let content = links::read(&folder, layout::LINK);
    Ok(match content {
        LinkFile::Failed(error) => Observed::Unknown(explain(&error)),
        LinkFile::Nothing | LinkFile::NotRegular => Observed::Absent,
        LinkFile::Digest(_) | LinkFile::Invalid(_) => {
            Observed::Present(links::target(content, named, String::new, &mut Notes::default()))
        }
    })
}

pub(super) fn tag(root: &Folder, name: &RepositoryName, tag: &Tag) -> io::Result<Observed<TagTarget>> {
    let tags = root.at(&layout::FolderPlace::Part(name.clone(), Part::Tags))?;
    let mut notes = Notes::default();
    Ok(match read_tag(&tags, tag, &mut notes) {
        None => Observed::Absent,
        Some(TagTarget::Unknown) => {
            let why = notes.unknown.pop().map(|unlooked| unlooked.why);
            Observed::Unknown(why.unwrap_or_else(|| "".into()))
        }
        Some(target) => Observed::Present(target),
    })
}

pub(super) fn read(root: &Folder, digest: &Digest, limit: u64) -> io::Result<Observed<Vec<u8>>> {
    let mut bytes = Vec::new();
    read_file(&data_folder(root, digest)?, layout::DATA, limit, &mut bytes)?;
    Ok(Observed::Present(bytes))
}

pub(super) fn hash(root: &Folder, digest: &Digest) -> io::Result<Observed<HashedBlob>> {
    content::hash(&data_folder(root, digest)?, layout::DATA, digest, &Unhurried).map(Observed::Present)
}

/// A session's name is the daemon's to choose, but nothing else than a UUID is looked up as a path.
pub(super) fn upload(root: &Folder, name: &RepositoryName, id: &str) -> io::Result<Observed<()>> {
    if !is_uuid(id.as_bytes()) {
        return Ok(Observed::Unknown(Reason::NoSession));
    }
    root.at(&layout::FolderPlace::Part(name.clone(), Part::Uploads))?.enter(id).map(|_| Observed::Present(()))
}

/// Open the folder in which a place lies that anything may have named; its own name there.
fn around<'a>(root: &Folder, names: &'a [Vec<u8>]) -> io::Result<Option<(Folder, &'a Vec<u8>)>> {
    let is_name = |name: &Vec<u8>| !name.is_empty() && name != b"." && name != b"..";
    let Some((last, folders)) =
        Some(names).filter(|names| names.iter().all(is_name)).and_then(<[_]>::split_last)
    else {
        return Ok(None);
    };
    Ok(Some((root.descend(folders)?, last)))
}

fn names(place: &Place) -> Vec<Vec<u8>> {
    place.to_string().split('/').map(bytes).collect::<Option<_>>().unwrap_or_default()
}

pub(super) fn exists(root: &Folder, place: &Place) -> io::Result<Observed<()>> {
    match around(root, &names(place))? {
        Some((folder, last)) => folder.look(last).map(|_| Observed::Present(())),
        None => Ok(Observed::Unknown(Reason::OutsideStorage)),
    }
}

/// Whether it is still kept from the daemon's user.
pub(super) fn closed(root: &Folder, place: &Place) -> io::Result<Observed<()>> {
    let root = root.descend::<&[u8]>([])?.read_by_its_daemon();
    let names = names(place);
    let Some((folder, last)) = around(&root, &names)? else {
        return Ok(Observed::Unknown(Reason::OutsideStorage));
    };
    let mut notes = Notes::default();
    let look = folder.look(last)?;
    folder.note_kept(last, &[Some(look)], &mut notes);
    Ok(if notes.closed.is_empty() { Observed::Absent } else { Observed::Present(()) })
}
