//! The walk over `repositories/`: first which repositories there are, then each of them, in parallel.

use rayon::prelude::*;

use super::folder::{FileKind, Folder};
use super::links::{self, LinkFile};
use super::looks;
use super::names;
use super::notes::{Notes, is_gone};
use super::uploads;
use super::words::{NO_TARGET, NOT_MANIFESTS, NOT_TAG, RESERVED};
use crate::domain::layout;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::shard::Shard;
use crate::domain::views::storage::{Links, Repository, StoredTag, StoredUpload, TagTarget, Traces};
use crate::engine::ports::{Event, Events, Scope};

/// All that lies below `repositories/`.
#[derive(Default)]
pub(super) struct Walked {
    /// Sorted by name.
    pub(super) repositories: Vec<Repository>,
    pub(super) uploads: Vec<StoredUpload>,
    /// When a folder around repositories was last changed.
    pub(super) changed: Option<i64>,
    pub(super) notes: Notes,
}

/// Walk the repositories that `scope` includes, or those of them that belong to a part.
pub(super) fn walk(root: &Folder, (part, scope): (Option<Shard>, &dyn Scope), events: &dyn Events) -> Walked {
    let mut all = Walked::default();
    let Some(folder) = root.enter_noting(layout::REPOSITORIES, &mut all.notes) else { return all };
    let names::Found { mut names, changed, notes } = names::find(&folder);
    all.changed = changed;
    all.notes.extend(notes);
    names.retain(|name| scope.includes(name) && part.is_none_or(|part| part.has_repository(name)));
    names.sort_unstable();
    events.emit(Event::Stage("repositories", Some(names.len() as u64)));
    let read: Vec<_> = names
        .into_par_iter()
        .with_max_len(looks::FEW)
        .filter(|_| !events.stop_requested())
        .map(|name| {
            let one = read(&folder, name);
            events.emit(Event::Advanced(1));
            one
        })
        .collect();
    events.emit(Event::Finished);
    for (repository, uploads, notes) in read {
        all.repositories.extend(repository);
        all.uploads.extend(uploads);
        all.notes.extend(notes);
    }
    all
}

/// The names of the repositories, sorted.
pub(super) fn names(root: &Folder) -> Vec<RepositoryName> {
    let mut notes = Notes::default();
    let Some(folder) = root.enter_noting(layout::REPOSITORIES, &mut notes) else { return Vec::new() };
    let mut names = names::find(&folder).names;
    names.retain(|name| {
        let entered = folder.enter_noting(name.as_str(), &mut notes);
        let parts = entered.map(|folder| Parts::of(&folder, &mut notes));
        parts.is_some_and(|parts| parts.layers || parts.manifests)
    });
    names.sort_unstable();
    names
}

type Read = (Option<Repository>, Vec<StoredUpload>, Notes);

/// Read one folder; it is a repository only if it has a repository's parts.
fn read(repositories: &Folder, name: RepositoryName) -> Read {
    let mut notes = Notes::default();
    let Some(folder) = repositories.enter_noting(name.as_str(), &mut notes) else {
        return (None, Vec::new(), notes);
    };
    let parts = Parts::of(&folder, &mut notes);
    let mut repository = Repository {
        name,
        layers: Links::default(),
        revisions: Links::default(),
        tags: Vec::new(),
        has_layers: parts.layers,
        has_manifests: parts.manifests,
        has_tags: false,
        traces: Traces::default(),
    };
    if parts.layers
        && let Some(layers) = folder.enter_noting(layout::LAYERS, &mut notes)
    {
        (repository.layers, repository.traces.layers) = links::all(&layers, &[], &mut notes);
    }
    if parts.manifests
        && let Some(manifests) = folder.enter_noting(layout::MANIFESTS, &mut notes)
    {
        read_manifests(&manifests, &mut repository, &mut notes);
    }
    let uploads =
        if parts.uploads { uploads::all(&folder, &repository.name, &mut notes) } else { Vec::new() };
    (parts.any().then_some(repository), uploads, notes)
}

/// Which of a repository's parts a folder has.
#[derive(Default)]
struct Parts {
    layers: bool,
    manifests: bool,
    uploads: bool,
}

impl Parts {
    fn of(folder: &Folder, notes: &mut Notes) -> Self {
        let mut parts = Self::default();
        let listed = folder.each(|name, kind| match (str::from_utf8(name).unwrap_or_default(), kind) {
            (layout::LAYERS, FileKind::Folder) => parts.layers = true,
            (layout::MANIFESTS, FileKind::Folder) => parts.manifests = true,
            (layout::UPLOADS, FileKind::Folder) => parts.uploads = true,
            // What does not begin with `_` was looked at when repositories were searched for.
            _ if !name.starts_with(b"_") => {}
            (_, FileKind::Symlink) => notes.symlink(folder.path_of(name)),
            _ => notes.stray(folder.path_of(name), RESERVED),
        });
        if let Err(error) = listed {
            notes.failed(folder.path().to_owned(), &error);
        }
        parts
    }

    const fn any(&self) -> bool {
        self.layers || self.manifests || self.uploads
    }
}

fn read_manifests(manifests: &Folder, repository: &mut Repository, notes: &mut Notes) {
    manifests.each_folder(NOT_MANIFESTS, notes, |name, notes| {
        match str::from_utf8(name).unwrap_or_default() {
            layout::REVISIONS => {
                if let Some(revisions) = manifests.enter_noting(name, notes) {
                    // Where the signatures of schema 1 manifests were kept.
                    (repository.revisions, repository.traces.revisions) =
                        links::all(&revisions, &[layout::SIGNATURES], notes);
                }
            }
            layout::TAGS => {
                repository.has_tags = true;
                if let Some(tags) = manifests.enter_noting(name, notes) {
                    repository.tags = read_tags(&tags, notes);
                }
            }
            _ => notes.stray(manifests.path_of(name), NOT_MANIFESTS),
        }
    });
}

fn read_tags(folder: &Folder, notes: &mut Notes) -> Vec<StoredTag> {
    let mut names = Vec::new();
    folder.each_folder(NOT_TAG, notes, |name, notes| {
        match std::str::from_utf8(name).ok().and_then(|name| name.parse::<Tag>().ok()) {
            Some(tag) => names.push(tag),
            None => notes.stray(folder.path_of(name), NOT_TAG),
        }
    });
    let mut tags = looks::in_parts(names, notes, |tag, _, notes| {
        let current = read_tag(folder, &tag, notes)?;
        Some(StoredTag { tag, current })
    });
    tags.sort_unstable_by(|one, other| one.tag.cmp(&other.tag));
    tags.shrink_to_fit();
    tags
}

/// What a tag says; `None` if its folder is not there. The tag's history (`index/…`) is not looked at: no
/// daemon reads it to serve anything.
pub(super) fn read_tag(tags: &Folder, tag: &Tag, notes: &mut Notes) -> Option<TagTarget> {
    let current = format!("{tag}/{}", layout::CURRENT);
    let path = format!("{current}/{}", layout::LINK);
    let (mut folder, mut seen) = (None, None);
    let content = match tags.look(&current) {
        Ok(look) if look.kind == FileKind::Symlink => {
            notes.symlink(tags.path_of(&current));
            return Some(TagTarget::Unknown);
        }
        Ok(look) => {
            folder = Some(look);
            links::read_noting(tags, &path, &mut seen)
        }
        Err(error) if is_gone(&error) => LinkFile::Nothing,
        Err(error) => LinkFile::Failed(error),
    };
    tags.note_kept(path.as_bytes(), &[seen, folder], notes);
    let vanished = || tags.look(tag.as_str()).is_err_and(|error| is_gone(&error));
    match content {
        LinkFile::Digest(digest) => Some(TagTarget::Digest(digest)),
        LinkFile::Invalid(start) => Some(TagTarget::Invalid(start)),
        LinkFile::Nothing if vanished() => None,
        LinkFile::Nothing => Some(TagTarget::Missing),
        LinkFile::NotRegular => {
            notes.stray(tags.path_of(&path), NO_TARGET);
            Some(TagTarget::Missing)
        }
        LinkFile::Failed(error) => {
            notes.failed(tags.path_of(&path), &error);
            Some(TagTarget::Unknown)
        }
    }
}
