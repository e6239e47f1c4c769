//! All of a storage in memory as one view.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use regfsck::domain::digest::{Algorithm, Digest};
use regfsck::domain::layout::{
    BLOBS, FolderPlace, HASH_STATES, LinkPlace, Part, Place, SIGNATURES, UploadPart,
};
use regfsck::domain::manifest::parse;
use regfsck::domain::name::{RepositoryName, Tag};
use regfsck::domain::observed::{Thing, Unlooked};
use regfsck::domain::views::storage::{
    Links, ReadManifest, Repository, StorageView, StoredBlob, StoredTag, StoredUpload, StrayFile, TagTarget,
    Target, Trace, Traces,
};
use regfsck::engine::ports::Scope;

use crate::doubles::disk::{Disk, Node};

/// What is known of a repository so far.
#[derive(Default)]
struct Parts {
    layers: BTreeMap<Digest, Target>,
    revisions: BTreeMap<Digest, Target>,
    traces: Traces,
    tags: BTreeMap<Tag, TagTarget>,
    has: Vec<Part>,
    uploads: BTreeMap<String, StoredUpload>,
}

struct Walk<'a> {
    disk: &'a Disk,
    root: &'a str,
    scope: &'a dyn Scope,
    repositories: BTreeMap<RepositoryName, Parts>,
    view: StorageView,
}

/// What a link says.
pub fn target(bytes: &[u8], named: Option<Digest>) -> Target {
    match tag_target(bytes) {
        TagTarget::Digest(digest) if Some(digest) == named => Target::Same,
        TagTarget::Digest(digest) => Target::Other(Box::new(digest)),
        TagTarget::Invalid(start) => Target::Invalid(start),
        TagTarget::Missing | TagTarget::Unknown => Target::Unknown,
    }
}

pub fn tag_target(bytes: &[u8]) -> TagTarget {
    match std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()) {
        Some(digest) => TagTarget::Digest(digest),
        None => TagTarget::Invalid(printable(bytes).chars().take(80).collect()),
    }
}

/// What is not plain, as escapes.
fn printable(bytes: &[u8]) -> String {
    let plain = |byte: &u8| *byte != b'\\' && (byte.is_ascii_graphic() || *byte == b' ');
    bytes
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("\\x{byte:02x}") })
        .collect()
}

/// Whether an upload session may have this name.
pub fn is_session(id: &str) -> bool {
    id.len() == 36 && id.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-')
}

/// Look at everything below `root` that `scope` includes.
pub fn collect(disk: &Disk, root: &str, scope: &dyn Scope, now: Timestamp) -> StorageView {
    let view = StorageView { changed: Some(super::LONG_AGO), ..StorageView::empty(format!("/{root}"), now) };
    let mut walk = Walk { disk, root, scope, repositories: BTreeMap::new(), view };
    walk.folder("");
    walk.finish()
}

impl Walk<'_> {
    fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.root).trim_end_matches('/').to_owned()
    }

    fn unknown(&mut self, below: &str, error: &std::io::Error) {
        let place =
            Thing::from(Place::from(below.to_owned())).below(&Arc::from(format!("/{}", self.root).as_str()));
        self.view.unknown.push(Unlooked::new(place, error.to_string()));
    }

    fn stray(&mut self, path: String) {
        self.view.stray.push(StrayFile { place: path.into(), why: "the layout does not know it".into() });
    }

    /// Look at everything in a folder.
    fn folder(&mut self, below: &str) {
        let listed = self.disk.list(&self.path(below));
        match listed {
            Ok(listed) => {
                for (name, node) in listed {
                    let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
                    match (self.disk.look(&self.path(&path)), node) {
                        (Err(error), _) => self.unknown(&path, &error),
                        (Ok(_), Node::Folder) => self.enter(&path),
                        (Ok(_), Node::File(..)) => self.file(&path),
                    }
                }
            }
            Err(error) => self.unknown(below, &error),
        }
    }

    fn of(&mut self, name: &RepositoryName) -> &mut Parts {
        self.repositories.entry(name.clone()).or_default()
    }

    /// A folder: what it is by itself, then what is in it.
    fn enter(&mut self, path: &str) {
        let place = Place::from(path);
        if place.repository().is_some_and(|name| !self.scope.includes(name)) {
            // Another repository may lie below it.
            if matches!(place, Place::Folder(FolderPlace::Repository(_))) {
                self.folder(path);
            }
            return;
        }
        match place {
            Place::Folder(FolderPlace::Part(name, part)) => self.of(&name).has.push(part),
            Place::Folder(FolderPlace::Tag(name, tag)) => return self.tag(&name, tag),
            Place::Folder(FolderPlace::Link(name, place)) => return self.linked(path, &name, &place),
            Place::Folder(FolderPlace::Blob(_)) => return self.blob(path),
            Place::Upload(name, id, None) if is_session(&id) => return self.session(path, &name, &id),
            Place::Folder(FolderPlace::Blobs | FolderPlace::Repositories | FolderPlace::Repository(_)) => {}
            Place::Other(_) if is_on_the_way(path) => {}
            _ => return self.stray(path.to_owned()),
        }
        self.folder(path);
    }

    /// A file where only folders belong.
    fn file(&mut self, path: &str) {
        let place = Place::from(path);
        let is_part = !matches!(place, Place::Folder(FolderPlace::Repository(_)));
        if !is_part || place.repository().is_none_or(|name| self.scope.includes(name)) {
            self.stray(path.to_owned());
        }
    }

    /// A tag's folder. Of what is in it only what it names now is looked at.
    fn tag(&mut self, name: &RepositoryName, tag: Tag) {
        let link = Place::Link(name.clone(), LinkPlace::Tag(tag.clone())).to_string();
        let target = match self.disk.look(&self.path(&link)) {
            Ok(Some(Node::File(bytes, _))) => tag_target(bytes),
            Ok(Some(Node::Folder)) => {
                self.stray(link);
                TagTarget::Missing
            }
            Ok(None) => TagTarget::Missing,
            Err(error) => {
                self.unknown(&link, &error);
                TagTarget::Unknown
            }
        };
        self.of(name).tags.insert(tag, target);
    }

    /// The folder of a blob. Beside its data nothing is looked at.
    fn blob(&mut self, path: &str) {
        let Place::Folder(FolderPlace::Blob(digest)) = Place::from(path) else { return };
        let data = format!("{path}/data");
        match self.disk.look(&self.path(&data)) {
            Ok(Some(Node::File(bytes, modified))) => {
                self.view.blobs.push(StoredBlob { digest, size: bytes.len() as u64, modified: *modified });
            }
            Ok(Some(Node::Folder)) => self.stray(data),
            Ok(None) => self.leftovers(path, &[]),
            Err(error) => self.unknown(&data, &error),
        }
    }

    /// What lies in a folder that lacks its file.
    fn leftovers(&mut self, path: &str, known: &[&str]) {
        let names: Vec<String> =
            self.disk.list(&self.path(path)).into_iter().flatten().map(|(name, _)| name.to_owned()).collect();
        for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
            self.stray(format!("{path}/{name}"));
        }
    }

    /// The folder of a layer or revision link. An empty one is what garbage collection leaves.
    fn linked(&mut self, path: &str, name: &RepositoryName, place: &LinkPlace) {
        let (LinkPlace::Layer(digest) | LinkPlace::Revision(digest)) = place else { return };
        let (digest, is_layer) = (*digest, matches!(place, LinkPlace::Layer(_)));
        let link = format!("{path}/link");
        let target = match self.disk.look(&self.path(&link)) {
            Ok(Some(Node::File(bytes, _))) => target(bytes, Some(digest)),
            Ok(Some(Node::Folder)) => {
                self.stray(link);
                Target::Missing
            }
            Ok(None) if self.disk.list(&self.path(path)).is_ok_and(|listed| listed.is_empty()) => {
                let traces = &mut self.of(name).traces;
                let left = if is_layer { &mut traces.layers } else { &mut traces.revisions };
                return left.push(Trace { digest, made: super::LONG_AGO });
            }
            Ok(None) => {
                self.leftovers(
                    path,
                    if matches!(place, LinkPlace::Revision(_)) { &[SIGNATURES] } else { &[] },
                );
                Target::Missing
            }
            Err(error) => {
                self.unknown(&link, &error);
                Target::Unknown
            }
        };
        let parts = self.of(name);
        let links = if is_layer { &mut parts.layers } else { &mut parts.revisions };
        links.insert(digest, target);
    }

    /// An upload session. The states of its hash are not looked at.
    fn session(&mut self, path: &str, name: &RepositoryName, id: &str) {
        let part = |part: UploadPart| {
            let place = Place::Upload(name.clone(), id.into(), Some(part)).to_string();
            self.disk.file(&self.path(&place)).ok().flatten()
        };
        let (data, start) = (part(UploadPart::Data), part(UploadPart::StartedAt));
        let modified =
            [data, start].into_iter().flatten().map(|(_, modified)| modified).max().unwrap_or_default();
        let started =
            start.and_then(|(text, _)| std::str::from_utf8(text).ok()?.trim().parse::<Timestamp>().ok());
        let upload = StoredUpload {
            repository: name.clone(),
            id: id.to_owned(),
            started: started.map_or(modified, Timestamp::as_second),
            modified,
            size: data.map_or(0, |(bytes, _)| bytes.len() as u64),
            has_start: start.is_some(),
        };
        self.of(name).uploads.insert(id.to_owned(), upload);
        self.leftovers(path, &["data", "startedat", HASH_STATES]);
    }

    fn finish(mut self) -> StorageView {
        self.view.blobs.sort_unstable_by_key(|blob| blob.digest);
        for (name, mut parts) in std::mem::take(&mut self.repositories) {
            parts.traces.layers.sort_unstable();
            parts.traces.revisions.sort_unstable();
            self.view.uploads.extend(parts.uploads.into_values());
            self.view.repositories.push(Repository {
                name,
                layers: parts.layers.into_iter().collect::<Vec<_>>().into_iter().collect::<Links>(),
                revisions: parts.revisions.into_iter().collect::<Vec<_>>().into_iter().collect::<Links>(),
                has_layers: parts.has.contains(&Part::Layers),
                has_manifests: parts.has.contains(&Part::Manifests),
                has_tags: parts.has.contains(&Part::Tags),
                traces: parts.traces,
                tags: parts.tags.into_iter().map(|(tag, current)| StoredTag { tag, current }).collect(),
            });
        }
        let mut open = named(&self.view.repositories);
        let mut seen = BTreeSet::new();
        while let Some(digest) = open.pop() {
            if !seen.insert(digest) {
                continue;
            }
            match self.disk.file(&self.path(&Place::Data(digest).to_string())) {
                Ok(Some((bytes, _))) => {
                    let read = read(bytes);
                    let listed = read.manifest().into_iter().flat_map(|manifest| &manifest.children);
                    open.extend(listed.map(|child| child.digest));
                    self.view.manifests.insert(digest, read);
                }
                Ok(None) => {}
                Err(error) => self.unknown(&Place::Data(digest).to_string(), &error),
            }
        }
        self.view.stray.sort_unstable();
        Unlooked::sort(&mut self.view.unknown);
        self.view
    }
}

fn read(bytes: &[u8]) -> ReadManifest {
    parse(bytes).map_or_else(|error| ReadManifest::Unreadable(error.to_string()), ReadManifest::Manifest)
}

/// The digests that revision links and tags name.
fn named(repositories: &[Repository]) -> Vec<Digest> {
    let revisions = repositories.iter().flat_map(|repository| &repository.revisions);
    let tags = repositories.iter().flat_map(|repository| &repository.tags);
    let tagged = tags.filter_map(|tag| match tag.current {
        TagTarget::Digest(digest) => Some(digest),
        TagTarget::Invalid(_) | TagTarget::Missing | TagTarget::Unknown => None,
    });
    revisions.map(|link| link.data().unwrap_or(link.digest)).chain(tagged).collect()
}

/// Whether a folder that is no place leads to places: that of an algorithm, or of digests' first two digits.
fn is_on_the_way(path: &str) -> bool {
    let Some((above, name)) = path.rsplit_once('/') else { return false };
    let is_algorithm = |name: &str| Algorithm::from_name(name).is_some();
    match Place::from(above) {
        Place::Folder(FolderPlace::Blobs | FolderPlace::Part(_, Part::Layers | Part::Revisions)) => {
            is_algorithm(name)
        }
        Place::Other(_) => {
            let is_shard = name.len() == 2 && name.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
            is_shard && above.split_once('/').is_some_and(|(top, rest)| top == BLOBS && is_algorithm(rest))
        }
        _ => false,
    }
}
