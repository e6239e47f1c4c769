//! From keys to what they are: blobs, links, tags, sessions, and what does not belong there.

use std::collections::{BTreeMap, HashMap};

use super::answers::{ContentMark, ListedKey};
use super::misplaced::{EXTENDS_DATA, Misplaced, judge};
use crate::adapters::storage::notes::Notes;
use crate::adapters::storage::printable::show;
use crate::adapters::storage::uploads::is_uuid;
use crate::adapters::storage::words::NOT_SESSION;
use crate::domain::digest::Digest;
use crate::domain::layout::{DATA, LAYERS, LINK, LinkPlace, MANIFESTS, Place, TAGS, UPLOADS, UploadPart};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::views::storage::{StoredBlob, StoredUpload};

/// A link as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListedLink {
    pub(super) mark: ContentMark,
    pub(super) size: u64,
}

/// What a repository has.
#[derive(Debug, Default)]
pub(super) struct Holding {
    pub(super) layers: BTreeMap<Digest, Option<ListedLink>>,
    pub(super) revisions: BTreeMap<Digest, Option<ListedLink>>,
    /// Without a link where only something else of the tag is there.
    pub(super) tags: BTreeMap<Tag, Option<ListedLink>>,
    pub(super) has_layers: bool,
    pub(super) has_manifests: bool,
    pub(super) has_tags: bool,
}

/// An upload session as a listing shows it.
#[derive(Debug, Default)]
struct Session {
    started: Option<i64>,
    modified: i64,
    size: u64,
}

/// All that was listed so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) blobs: Vec<StoredBlob>,
    /// What the store calls the content of each small blob: manifests are among them.
    pub(super) tags: HashMap<Digest, Box<str>>,
    pub(super) repositories: BTreeMap<RepositoryName, Holding>,
    uploads: BTreeMap<(RepositoryName, String), Session>,
    /// What lies beside data or links, and which.
    beside: Vec<(String, Misplaced)>,
    pub(super) notes: Notes,
    /// How many keys.
    pub(super) keys: u64,
}

/// No manifest is larger.
const SMALL: u64 = 4 << 20;

impl Gathered {
    /// Take in one key, which is told below the storage root.
    pub(super) fn take(&mut self, listed: ListedKey) {
        self.keys += 1;
        // What consoles make of a folder, and no driver.
        if listed.key.ends_with(b"/") && listed.size == 0 {
            return;
        }
        let Ok(text) = std::str::from_utf8(&listed.key) else {
            return self.misplaced(&show(&listed.key));
        };
        let link = ListedLink { mark: listed.mark, size: listed.size };
        match Place::from(text) {
            Place::Data(digest) => {
                self.blobs.push(StoredBlob { digest, size: listed.size, modified: listed.modified });
                if listed.size <= SMALL {
                    self.tags.insert(digest, listed.tag);
                }
            }
            Place::Link(name, place) => self.linked(name, place, Some(link)),
            Place::Entry(name, tag, _) => self.linked(name, LinkPlace::Tag(tag), None),
            Place::Signature(name, ..) => self.repositories.entry(name).or_default().has_manifests = true,
            Place::Upload(name, id, Some(part)) if is_uuid(id.as_bytes()) => {
                self.upload(name, &id, part, &listed);
            }
            Place::Upload(name, id, _) => {
                self.repositories.entry(name.clone()).or_default();
                self.notes.stray(show(Place::Upload(name, id, None).to_string().as_bytes()), NOT_SESSION);
            }
            Place::Folder(_) | Place::Other(_) => self.misplaced(&show(text.as_bytes())),
        }
    }

    fn linked(&mut self, name: RepositoryName, place: LinkPlace, link: Option<ListedLink>) {
        let holding = self.repositories.entry(name).or_default();
        match place {
            LinkPlace::Layer(digest) => {
                holding.has_layers = true;
                let known = holding.layers.entry(digest).or_default();
                *known = link.or(*known);
            }
            LinkPlace::Revision(digest) => {
                holding.has_manifests = true;
                let known = holding.revisions.entry(digest).or_default();
                *known = link.or(*known);
            }
            LinkPlace::Tag(tag) => {
                (holding.has_manifests, holding.has_tags) = (true, true);
                let known = holding.tags.entry(tag).or_default();
                *known = link.or(*known);
            }
        }
    }

    fn upload(&mut self, name: RepositoryName, id: &str, part: UploadPart, listed: &ListedKey) {
        self.repositories.entry(name.clone()).or_default();
        let session = self.uploads.entry((name, id.to_owned())).or_default();
        session.modified = session.modified.max(listed.modified);
        match part {
            UploadPart::StartedAt => session.started = Some(listed.modified),
            UploadPart::Data => session.size = listed.size,
            UploadPart::HashStates | UploadPart::HashState(..) => {}
        }
    }

    /// A multipart upload that was not ended: what came of it is in no listing.
    pub(super) fn unfinished(&mut self, key: &[u8], begun: i64) {
        let place = std::str::from_utf8(key).ok().map(Place::from);
        if let Some(Place::Upload(name, id, _)) = place
            && is_uuid(id.as_bytes())
        {
            let session = self.uploads.entry((name, id.into())).or_default();
            session.modified = session.modified.max(begun);
        }
    }

    fn misplaced(&mut self, path: &str) {
        let names: Vec<_> = path.split('/').collect();
        match judge(&names) {
            Misplaced::Stray(depth, why) => {
                let stray = names.get(..depth).unwrap_or(&names).join("/");
                self.known_by(&names);
                self.notes.stray(stray, why);
            }
            Misplaced::OfTag(name, tag) => self.linked(name, LinkPlace::Tag(tag), None),
            Misplaced::InUpload(name, id) => {
                self.uploads.entry((name.clone(), id)).or_default();
                self.repositories.entry(name).or_default();
            }
            beside @ (Misplaced::BesideData(..) | Misplaced::BesideLink(..)) => {
                self.beside.push((path.to_owned(), beside));
            }
            Misplaced::Known => self.known_by(&names),
        }
    }

    /// A folder of a repository that holds something shows the repository, whatever it is.
    fn known_by(&mut self, names: &[&str]) {
        let Some(part) = names.iter().position(|name| name.starts_with('_')) else { return };
        let name = names.get(1..part).unwrap_or_default().join("/").parse::<RepositoryName>();
        let (Ok(name), Some(next)) = (name, names.get(part + 1)) else { return };
        let part = names.get(part).copied().unwrap_or_default();
        let has = [LAYERS, MANIFESTS, UPLOADS];
        if !has.contains(&part) {
            return;
        }
        let is_tags = *next == TAGS && names.last() != Some(next);
        let holding = self.repositories.entry(name).or_default();
        holding.has_layers |= part == LAYERS;
        holding.has_manifests |= part == MANIFESTS;
        holding.has_tags |= part == MANIFESTS && is_tags;
    }

    /// When all is in: put in order, and judge what lies beside something else.
    pub(super) fn settle(&mut self) {
        self.blobs.sort_unstable_by_key(|blob| blob.digest);
        self.blobs.dedup_by_key(|blob| blob.digest);
        for (path, beside) in std::mem::take(&mut self.beside) {
            match beside {
                Misplaced::BesideData(digest, extends) => {
                    let is_stored = self.blobs.binary_search_by(|blob| blob.digest.cmp(&digest)).is_ok();
                    if extends {
                        self.notes.stray(path, EXTENDS_DATA);
                    } else if !is_stored {
                        self.notes.stray(path, &lacks(DATA));
                    }
                }
                Misplaced::BesideLink(name, place) => {
                    let known = self.repositories.get(&name).is_some_and(|holding| holding.has(&place));
                    if !known {
                        self.linked(name, place, None);
                        self.notes.stray(path, &lacks(LINK));
                    }
                }
                Misplaced::Stray(..) | Misplaced::OfTag(..) | Misplaced::InUpload(..) | Misplaced::Known => {}
            }
        }
    }

    /// The upload sessions, sorted.
    pub(super) fn sessions(&mut self) -> Vec<StoredUpload> {
        let sessions = std::mem::take(&mut self.uploads).into_iter();
        let session = |((repository, id), session): ((RepositoryName, String), Session)| StoredUpload {
            repository,
            id,
            started: session.started.unwrap_or(session.modified),
            modified: session.modified,
            size: session.size,
            has_start: session.started.is_some(),
        };
        sessions.map(session).collect()
    }
}

impl Holding {
    fn has(&self, place: &LinkPlace) -> bool {
        let found = match place {
            LinkPlace::Layer(digest) => self.layers.get(digest),
            LinkPlace::Revision(digest) => self.revisions.get(digest),
            LinkPlace::Tag(tag) => self.tags.get(tag),
        };
        found.is_some_and(Option::is_some)
    }
}

fn lacks(file: &str) -> String {
    format!("it lies in a folder that holds no `{file}` file")
}
