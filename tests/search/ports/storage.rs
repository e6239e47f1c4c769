//! Storage: what the adapter for filesystems would see if the tree lay in one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;
use regfsck::adapters::sandbox::{Tree, TreeEntry};
use regfsck::domain::digest::{Algorithm, Digest};
use regfsck::domain::journal::{Change, Content};
use regfsck::domain::layout::{LinkPlace, Place};
use regfsck::domain::manifest;
use regfsck::domain::name::{RepositoryName, Tag};
use regfsck::domain::observed::Observed;
use regfsck::domain::views::storage::{
    BlobFile, ContentView, Departures, HashedBlob, Links, ReadManifest, Removal, Repository, StorageView,
    StoredBlob, StoredManifests, StoredTag, StoredUpload, StrayFile, TagTarget, Target, Trace, Traces,
};
use regfsck::engine::ports::{
    Events, Hasher, Pace, Scope, Sessions, Storage, StorageError, StorageWriteError, StorageWriter, Uploads,
};

use super::{Ports, traces};

/// Where the tree seems to lie.
pub const ROOT: &str = "/memory/docker/registry/v2";

pub fn names(tree: &Tree, path: &str) -> Vec<String> {
    tree.list(path).unwrap_or_default().into_iter().map(|(name, _)| name).collect()
}

/// What a link file says, whatever its folder is called; nothing if there is none.
fn link(tree: &Tree, path: &str) -> Option<Result<Digest, Box<str>>> {
    let text = String::from_utf8_lossy(&tree.read(path).ok()?).into_owned();
    Some(text.parse().map_err(|_error| text.into()))
}

fn target(tree: &Tree, path: &str, named: Digest) -> Option<Target> {
    Some(match link(tree, path)? {
        Ok(digest) if digest == named => Target::Same,
        Ok(digest) => Target::Other(Box::new(digest)),
        Err(text) => Target::Invalid(text),
    })
}

/// The links of a folder, and what is left of others: nothing here tells when it was left.
fn links(tree: &Tree, folder: &str) -> (Links, Vec<Trace>) {
    let (mut found, mut traces) = (Vec::new(), Vec::new());
    for name in names(tree, folder) {
        let algorithm = Algorithm::from_name(&name).expect("the tree holds nothing odd");
        for hex in names(tree, &format!("{folder}/{name}")) {
            let digest = Digest::from_hex(algorithm, hex.as_bytes()).expect("the tree holds nothing odd");
            match target(tree, &format!("{folder}/{name}/{hex}/link"), digest) {
                Some(target) => found.push((digest, target)),
                None => traces.push(Trace { digest, made: 0 }),
            }
        }
    }
    (found.into_iter().collect(), traces)
}

fn tag_target(tree: &Tree, folder: &str) -> Option<TagTarget> {
    tree.list(folder).ok()?;
    Some(match link(tree, &format!("{folder}/current/link")) {
        Some(Ok(digest)) => TagTarget::Digest(digest),
        Some(Err(text)) => TagTarget::Invalid(text),
        None => TagTarget::Missing,
    })
}

fn repository(tree: &Tree, name: &str) -> Option<Repository> {
    let folder = format!("repositories/{name}");
    let has = |part: &str| tree.list(&format!("{folder}/{part}")).is_ok();
    let (has_layers, has_manifests) = (has("_layers"), has("_manifests"));
    let tags = format!("{folder}/_manifests/tags");
    let tag = |tag: String| {
        let current = tag_target(tree, &format!("{tags}/{tag}"))?;
        Some(StoredTag { tag: tag.parse().expect("the tree holds nothing odd"), current })
    };
    let (layers, layer_traces) = links(tree, &format!("{folder}/_layers"));
    let (revisions, revision_traces) = links(tree, &format!("{folder}/_manifests/revisions"));
    (has_layers || has_manifests || has("_uploads")).then(|| Repository {
        name: name.parse().expect("the tree holds nothing odd"),
        layers,
        revisions,
        tags: names(tree, &tags).into_iter().filter_map(tag).collect(),
        has_layers,
        has_manifests,
        has_tags: has("_manifests/tags"),
        traces: Traces { layers: layer_traces, revisions: revision_traces },
    })
}

fn repository_names(tree: &Tree, folder: &str, found: &mut Vec<String>) {
    for name in names(tree, folder).into_iter().filter(|name| !name.starts_with('_')) {
        let folder = format!("{folder}/{name}");
        repository_names(tree, &folder, found);
        found.push(folder.split_once('/').unwrap().1.to_owned());
    }
}

/// All repositories, sorted by name.
pub fn repositories(tree: &Tree) -> Vec<Repository> {
    let mut names = Vec::new();
    repository_names(tree, "repositories", &mut names);
    let mut repositories: Vec<_> = names.iter().filter_map(|name| repository(tree, name)).collect();
    repositories.sort_by(|one, other| one.name.cmp(&other.name));
    repositories
}

fn blobs(tree: &Tree) -> Vec<StoredBlob> {
    let paths = tree.files().into_iter().filter(|path| path.starts_with("blobs/") && path.ends_with("/data"));
    let blob = |path: String| {
        let parts: Vec<_> = path.split('/').collect();
        let digest = Digest::from_hex(Algorithm::from_name(parts[1])?, parts[3].as_bytes())?;
        Some(StoredBlob { digest, size: size(tree, &digest)?, modified: traces::stored(tree, &digest) })
    };
    let mut blobs: Vec<_> = paths.filter_map(blob).collect();
    blobs.sort_unstable_by_key(|blob| blob.digest);
    blobs
}

/// The path of a blob's file.
pub fn data(digest: &Digest) -> String {
    Place::Data(*digest).to_string()
}

pub fn size(tree: &Tree, digest: &Digest) -> Option<u64> {
    match tree.look(&data(digest)) {
        Ok(TreeEntry::File(size)) => Some(size),
        Ok(TreeEntry::Folder) | Err(_) => None,
    }
}

fn manifests(tree: &Tree, repositories: &[Repository]) -> StoredManifests {
    let mut open = Vec::new();
    for repository in repositories {
        open.extend(repository.revisions.iter().map(|link| link.data().unwrap_or(link.digest)));
        open.extend(repository.tags.iter().filter_map(|tag| match tag.current {
            TagTarget::Digest(digest) => Some(digest),
            TagTarget::Invalid(_) | TagTarget::Missing | TagTarget::Unknown => None,
        }));
    }
    let mut known = StoredManifests::new();
    while let Some(digest) = open.pop() {
        let Some(bytes) = tree.read(&data(&digest)).ok().filter(|_| !known.contains_key(&digest)) else {
            continue;
        };
        let read = match manifest::parse(&bytes) {
            Ok(manifest) => ReadManifest::Manifest(manifest),
            Err(error) => ReadManifest::Unreadable(error.to_string()),
        };
        open.extend(read.manifest().iter().flat_map(|read| &read.children).map(|child| child.digest));
        known.insert(digest, read);
    }
    known
}

fn uploads(tree: &Tree, repositories: &[Repository]) -> Vec<StoredUpload> {
    let of = |repository: &Repository| {
        let folder = format!("repositories/{}/_uploads", repository.name);
        let upload = |id: String| {
            let part = |name: &str| tree.read(&format!("{folder}/{id}/{name}")).ok();
            StoredUpload {
                repository: repository.name.clone(),
                started: 0,
                modified: 0,
                size: part("data").map_or(0, |data| data.len() as u64),
                has_start: part("startedat").is_some(),
                id,
            }
        };
        names(tree, &folder).into_iter().map(upload).collect::<Vec<_>>()
    };
    repositories.iter().flat_map(of).collect()
}

impl Storage for Ports {
    fn location(&self) -> String {
        ROOT.to_owned()
    }

    fn collect(&self, scope: &dyn Scope, _events: &dyn Events) -> Result<StorageView, StorageError> {
        let tree = self.registry.files();
        let mut repositories = repositories(&tree);
        repositories.retain(|one| scope.includes(&one.name));
        Ok(StorageView {
            changed: Some(0),
            root: ROOT.to_owned(),
            collected: Timestamp::now(),
            blobs: blobs(&tree),
            manifests: manifests(&tree, &repositories),
            uploads: uploads(&tree, &repositories),
            repositories,
            stray: Vec::<StrayFile>::new(),
            closed: Vec::new(),
            unknown: Vec::new(),
        })
    }

    fn hash_all(&self, digests: &[Digest], _pace: &dyn Pace, _events: &dyn Events) -> ContentView {
        let hashed = digests.iter().filter_map(|digest| self.hash(digest).present().copied());
        let mut view = ContentView::default();
        for hashed in hashed {
            view.blobs += 1;
            view.bytes += hashed.size;
            view.wrong.extend((hashed.actual != hashed.digest).then_some(hashed));
        }
        view
    }

    fn blob(&self, digest: &Digest) -> Observed<BlobFile> {
        match size(&self.registry.files(), digest) {
            Some(size) => Observed::Present(BlobFile { size, modified: 0 }),
            None => Observed::Absent,
        }
    }

    /// Nothing here tells when: a folder of which all is gone lost something last, and no two blobs of this world share one.
    fn removals(&self, _blobs: &[StoredBlob]) -> Vec<Removal> {
        let tree = self.registry.files();
        let folders = names(&tree, "blobs/sha256");
        let empty =
            folders.into_iter().filter(|name| names(&tree, &format!("blobs/sha256/{name}")).is_empty());
        let removal = |name: String| Removal {
            first: u8::from_str_radix(&name, 16).unwrap(),
            at: Timestamp::UNIX_EPOCH,
        };
        empty.map(removal).collect()
    }

    /// See [`super::traces`].
    fn departures(&self, view: &StorageView) -> Departures {
        traces::departures(&self.registry.files(), view)
    }

    fn link(&self, repository: &RepositoryName, place: &LinkPlace) -> Observed<Target> {
        let (tree, path) = (self.registry.files(), link_path(repository, place));
        let seen = match place {
            LinkPlace::Layer(digest) | LinkPlace::Revision(digest) => target(&tree, &path, *digest),
            LinkPlace::Tag(_) => link(&tree, &path).map(|said| match said {
                Ok(digest) => Target::Other(Box::new(digest)),
                Err(text) => Target::Invalid(text),
            }),
        };
        seen.map_or(Observed::Absent, Observed::Present)
    }

    fn tag(&self, repository: &RepositoryName, tag: &Tag) -> Observed<TagTarget> {
        let folder = format!("repositories/{repository}/_manifests/tags/{tag}");
        tag_target(&self.registry.files(), &folder).map_or(Observed::Absent, Observed::Present)
    }

    fn read(&self, digest: &Digest, limit: u64) -> Observed<Vec<u8>> {
        match self.registry.files().read(&data(digest)) {
            Ok(bytes) => Observed::Present(bytes.into_iter().take(usize::try_from(limit).unwrap()).collect()),
            Err(_) => Observed::Absent,
        }
    }

    fn hash(&self, digest: &Digest) -> Observed<HashedBlob> {
        match self.registry.files().read(&data(digest)) {
            Ok(bytes) => Observed::Present(HashedBlob {
                digest: *digest,
                actual: Hasher::of(digest.algorithm(), &bytes),
                size: bytes.len() as u64,
            }),
            Err(_) => Observed::Absent,
        }
    }

    fn has_upload(&self, repository: &RepositoryName, id: &str) -> Observed<()> {
        self.exists(&Place::Upload(repository.clone(), id.into(), None))
    }

    fn exists(&self, place: &Place) -> Observed<()> {
        self.registry.files().look(&place.to_string()).map_or(Observed::Absent, |_| Observed::Present(()))
    }
}

impl Uploads for Ports {
    fn sessions(&self) -> Observed<Sessions> {
        Observed::Present(Sessions::new())
    }
}

/// The path of a link file.
pub fn link_path(repository: &RepositoryName, place: &LinkPlace) -> String {
    Place::Link(repository.clone(), place.clone()).to_string()
}

fn absolute(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

fn below(path: &Path) -> &str {
    path.strip_prefix(ROOT).unwrap().to_str().unwrap()
}

/// Where quarantined files seem to lie.
const QUARANTINE: &str = "/memory.regfsck-quarantine";

impl StorageWriter for Ports {
    fn obstacles(&self) -> Vec<String> {
        Vec::new()
    }

    fn quarantine_blob(&self, digest: &Digest) -> Result<Vec<Change>, StorageWriteError> {
        Ok(self.put_away(&data(digest)))
    }

    fn quarantine_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
    ) -> Result<Vec<Change>, StorageWriteError> {
        Ok(self.put_away(&link_path(repository, place)))
    }

    fn write_link(
        &self,
        repository: &RepositoryName,
        place: &LinkPlace,
        digest: &Digest,
    ) -> Result<Vec<Change>, StorageWriteError> {
        let path = link_path(repository, place);
        let old = self.registry.files().read(&path).ok().map(|bytes| Content::new(bytes.to_vec()));
        let new = Content::new(digest.to_string().into_bytes());
        let change = Change::LinkWritten { path: absolute(&path), old: old.clone(), new: new.clone() };
        Ok((old != Some(new)).then_some(change).into_iter().collect())
    }

    fn revert(&self, change: &Change) -> Result<Vec<Change>, StorageWriteError> {
        match change {
            Change::FileMoved { from, to, content } => {
                Ok(vec![Change::FileMoved { from: to.clone(), to: from.clone(), content: *content }])
            }
            _ => Err(StorageWriteError::Elsewhere),
        }
    }

    fn apply(&self, change: &Change) -> Result<(), StorageWriteError> {
        match change {
            Change::FileMoved { from, to, .. } => self.move_file(from, to),
            Change::LinkWritten { path, new, .. } => {
                let bytes = Bytes::copy_from_slice(new.as_bytes());
                self.registry.change_files(|tree| tree.write(below(path), bytes)).expect("write a link");
                Ok(())
            }
            _ => Err(StorageWriteError::Elsewhere),
        }
    }
}

impl Ports {
    /// The move of a file into the quarantine; nothing if there is none.
    fn put_away(&self, path: &str) -> Vec<Change> {
        let Ok(bytes) = self.registry.files().read(path) else { return Vec::new() };
        let content = Hasher::of(Algorithm::Sha256, &bytes);
        vec![Change::FileMoved { from: absolute(path), to: Path::new(QUARANTINE).join(path), content }]
    }

    /// Between storage and quarantine, where nothing may be overwritten.
    fn move_file(&self, from: &Path, to: &Path) -> Result<(), StorageWriteError> {
        let mut quarantine = self.quarantine.lock().unwrap();
        let gone = || StorageWriteError::Gone { from: from.to_owned(), to: to.to_owned() };
        self.registry.change_files(|tree| {
            match (from.strip_prefix(QUARANTINE), to.strip_prefix(QUARANTINE)) {
                (Err(_), Ok(kept)) => {
                    let bytes = tree.read(below(from)).map_err(|_error| gone())?;
                    tree.remove(below(from)).map_err(|_error| gone())?;
                    quarantine.write(kept.to_str().unwrap(), bytes).expect("keep a file");
                    Ok(())
                }
                (Ok(kept), Err(_)) => match tree.look(below(to)) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        let bytes = quarantine.read(kept.to_str().unwrap()).map_err(|_error| gone())?;
                        tree.write(below(to), bytes).expect("put a file back");
                        Ok(())
                    }
                    _ => Err(StorageWriteError::Occupied { from: from.to_owned(), to: to.to_owned() }),
                },
                _ => Err(StorageWriteError::Outside { path: to.to_owned() }),
            }
        })
    }
}
