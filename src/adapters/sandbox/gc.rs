//! The garbage collector: mark and sweep over storage alone, as `registry garbage-collect` does it.
//!
//! It runs as if it were another process: it sees no cache and clears none. What is left stale in a
//! running daemon is the incident that regfsck is about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::domain::digest::{Algorithm, Digest};

use super::Flavour;
use super::cache::{CacheState, DescriptorCache};
use super::files::OnDisk;
use super::layout::{self, Layout, StoreError};
use super::manifests::Document;
use super::store::{Role, Store};

/// What a collection printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcLog {
    /// The text on standard output, line for line that of the real command.
    pub output: String,
    /// Why it was given up (then the real command exits with 1), if it was.
    pub failure: Option<String>,
}

impl GcLog {
    /// The exit status of the real command.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        u8::from(self.failure.is_some())
    }
}

/// Collects the garbage of the registry at `root`.
#[must_use]
pub fn garbage_collect(root: &Path, flavour: Flavour, delete_untagged: bool, dry_run: bool) -> GcLog {
    collect(Layout::new(Arc::new(OnDisk::new(root))), flavour, delete_untagged, dry_run)
}

/// Collects the garbage of the registry whose files these are.
pub(super) fn collect(layout: Layout, flavour: Flavour, delete_untagged: bool, dry_run: bool) -> GcLog {
    let cache = Arc::new(DescriptorCache::new(flavour, CacheState::Nothing));
    let store = Store { layout, cache, flavour, delete_enabled: true };
    let mut collector = Collector { store: &store, delete_untagged, ..Collector::new(&store) };
    let failure = collector.run(dry_run).err().map(|why| format!("failed to garbage collect: {why}"));
    GcLog { output: collector.output, failure }
}

/// An untagged manifest to delete, with the tags whose history may name it.
struct Doomed {
    repository: String,
    digest: Digest,
    tags: Vec<String>,
}

struct Collector<'a> {
    store: &'a Store,
    delete_untagged: bool,
    marked: BTreeSet<Digest>,
    doomed: Vec<Doomed>,
    layers: BTreeMap<String, Vec<Digest>>,
    output: String,
}

impl<'a> Collector<'a> {
    const fn new(store: &'a Store) -> Self {
        Self {
            store,
            delete_untagged: false,
            marked: BTreeSet::new(),
            doomed: Vec::new(),
            layers: BTreeMap::new(),
            output: String::new(),
        }
    }

    fn say(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.output, "{line}");
    }

    fn run(&mut self, dry_run: bool) -> Result<(), String> {
        self.mark().map_err(|error| format!("failed to mark: {}", worded(&error, 2)))?;
        if self.store.flavour.is_3() {
            self.spare_referenced();
        }
        if !dry_run {
            self.delete_manifests().map_err(|error| format!("failed to delete manifest: {error}"))?;
        }
        let garbage =
            self.find_garbage().map_err(|error| format!("error enumerating blobs: {}", worded(&error, 1)))?;
        let (marked, doomed) = (self.marked.len(), self.doomed.len());
        self.say(format_args!(
            "\n{marked} blobs marked, {} blobs and {doomed} manifests eligible for deletion",
            garbage.len()
        ));
        self.sweep(&garbage, dry_run).map_err(|error| format!("failed to delete blob: {error}"))
    }

    fn mark(&mut self) -> Result<(), StoreError> {
        if !self.store.layout.exists(layout::REPOSITORIES) {
            return Err(StoreError::PathNotFound(layout::shown(layout::REPOSITORIES)));
        }
        for name in self.store.repositories() {
            self.say(format_args!("{name}"));
            self.visit_all(&name)?;
            if self.store.flavour.is_3() {
                self.list_unmarked_layers(&name)?;
            }
        }
        Ok(())
    }

    fn visit_all(&mut self, name: &str) -> Result<(), StoreError> {
        let links = match self.store.layout.find(&layout::revisions(name), "link") {
            // A repository may have no manifests. 3.x does not forgive one that has no layers.
            Err(StoreError::PathNotFound(_)) => return Ok(()),
            links => links?,
        };
        for link in links {
            if let Some(digest) = self.linked(&link, name, Role::Manifest)? {
                self.visit(name, &digest)?;
            }
        }
        Ok(())
    }

    /// The digest that a link file names, if its data is stored.
    fn linked(&self, link: &str, name: &str, role: Role) -> Result<Option<Digest>, StoreError> {
        let digest = self.store.layout.read_link(link)?;
        match self.store.stat_in(name, role, &digest) {
            Ok(_) => Ok(Some(digest)),
            Err(StoreError::Unknown) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Marks a manifest and what it needs, unless it is to be deleted.
    fn visit(&mut self, name: &str, digest: &Digest) -> Result<(), StoreError> {
        if self.delete_untagged && self.doom(name, digest)? {
            return Ok(());
        }
        self.say(format_args!("{name}: marking manifest {digest} "));
        self.marked.insert(*digest);
        self.mark_references(name, digest)
    }

    fn doom(&mut self, name: &str, digest: &Digest) -> Result<bool, StoreError> {
        let tagged = self.store.tags_of(name, digest).map_err(|error| {
            StoreError::Unreadable(format!("failed to retrieve tags for digest {digest}: {error}"))
        })?;
        if !tagged.is_empty() {
            return Ok(false);
        }
        if !self.store.flavour.is_3() {
            self.say(format_args!("manifest eligible for deletion: {digest}"));
        }
        match self.store.tags(name) {
            Ok(tags) => {
                self.doomed.push(Doomed { repository: name.to_owned(), digest: *digest, tags });
            }
            Err(StoreError::RepositoryUnknown(_)) if self.store.flavour.is_3() => {
                self.say(format_args!("manifest tags path of repository {name} does not exist"));
            }
            Err(error) => {
                return Err(StoreError::Unreadable(format!("failed to retrieve tags {error}")));
            }
        }
        Ok(true)
    }

    fn mark_references(&mut self, name: &str, digest: &Digest) -> Result<(), StoreError> {
        let read = self.store.read_manifest(name, digest).and_then(|bytes| Document::read(&bytes));
        let document = read.map_err(|error| {
            StoreError::Unreadable(format!("failed to retrieve manifest for digest {digest}: {error}"))
        })?;
        for reference in document.references {
            let is_new = self.marked.insert(reference);
            if is_new || !self.store.flavour.is_3() {
                self.say(format_args!("{name}: marking blob {reference}"));
            }
            let recurses = is_new && self.store.flavour.is_3();
            if recurses && self.store.stat_in(name, Role::Manifest, &reference).is_ok() {
                self.mark_references(name, &reference)?;
            }
        }
        Ok(())
    }

    fn list_unmarked_layers(&mut self, name: &str) -> Result<(), StoreError> {
        let mut layers = Vec::new();
        for link in self.store.layout.find(&layout::layers(name), "link")? {
            layers
                .extend(self.linked(&link, name, Role::Blob)?.filter(|digest| !self.marked.contains(digest)));
        }
        if !layers.is_empty() {
            self.layers.insert(name.to_owned(), layers);
        }
        Ok(())
    }

    /// Keeps untagged manifests that a marked index needs.
    fn spare_referenced(&mut self) {
        let marked = &self.marked;
        self.doomed.retain(|doomed| !marked.contains(&doomed.digest));
        for Doomed { repository, digest, tags } in &self.doomed {
            let _ = writeln!(
                self.output,
                "manifest eligible for deletion: {{{repository} {digest} [{}]}}",
                tags.join(" ")
            );
        }
    }

    fn delete_manifests(&self) -> Result<(), StoreError> {
        let files = &self.store.layout;
        for Doomed { repository, digest, tags } in &self.doomed {
            for tag in tags {
                ignore_missing(files.delete(&layout::index_entry(repository, tag, digest)))?;
            }
            files.delete(&layout::revision(repository, digest))?;
        }
        Ok(())
    }

    /// Every stored blob that is not marked.
    fn find_garbage(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let mut garbage = BTreeSet::new();
        for path in self.store.layout.find(layout::BLOBS, "data")? {
            let digest = digest_of(&path)?;
            if !self.marked.contains(&digest) {
                garbage.insert(digest);
            }
        }
        Ok(garbage)
    }

    fn sweep(&mut self, garbage: &BTreeSet<Digest>, dry_run: bool) -> Result<(), StoreError> {
        for digest in garbage {
            self.say(format_args!("blob eligible for deletion: {digest}"));
            if !dry_run {
                self.store.layout.delete(&layout::blob(digest))?;
            }
        }
        for (name, digests) in std::mem::take(&mut self.layers) {
            for digest in digests {
                self.say(format_args!("{name}: layer link eligible for deletion: {digest}"));
                if !dry_run {
                    self.store.layout.delete(&layout::layer_link(&name, &digest))?;
                }
            }
        }
        Ok(())
    }
}

/// An error that has passed through walks over storage: each of them puts the driver's name before it.
fn worded(error: &StoreError, walks: usize) -> String {
    if matches!(error, StoreError::PathNotFound(_) | StoreError::Io { .. }) {
        error.to_string()
    } else {
        format!("{}{error}", "filesystem: ".repeat(walks))
    }
}

fn ignore_missing(done: Result<(), StoreError>) -> Result<(), StoreError> {
    match done {
        Err(StoreError::PathNotFound(_)) => Ok(()),
        other => other,
    }
}

/// The digest that a data file's path stands for.
fn digest_of(path: &str) -> Result<Digest, StoreError> {
    let mut parts = path.rsplit('/').skip(1);
    let hex = parts.next().unwrap_or_default();
    let algorithm = parts.nth(1).unwrap_or_default();
    Algorithm::from_name(algorithm)
        .and_then(|algorithm| Digest::from_hex(algorithm, hex.as_bytes()))
        .ok_or(StoreError::InvalidDigest("unsupported digest algorithm"))
}
