//! The registry's core: storage seen through the cache, one repository at a time.

use crate::domain::digest::Digest;
use crate::domain::manifest::MAX_MANIFEST_BYTES;

use super::Flavour;
use super::cache::{Cache, Descriptor};
use super::layout::{Layout, StoreError};

/// What a digest is asked as: it decides which links count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A layer or a config: linked in `_layers`.
    Blob,
    /// A manifest: linked in `_manifests/revisions`; on 2.x a layer link does as well.
    Manifest,
}

/// Storage behind a cache, as a daemon of one flavour sees it.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) layout: Layout,
    pub(super) cache: Cache,
    pub(super) flavour: Flavour,
    pub(super) delete_enabled: bool,
}

impl Store {
    /// What is known of a digest, without regard to repositories: from the cache if it has it.
    pub(super) fn stat(&self, digest: &Digest) -> Result<Descriptor, StoreError> {
        if let Some(known) = self.cache.global(digest) {
            return Ok(known);
        }
        let found = self.layout.stat(digest)?;
        self.cache.remember_globally(digest, found);
        Ok(found)
    }

    /// Whether manifests share the repository's cache with blobs: since 3.0.
    fn is_cached_by_repository(&self, role: Role) -> bool {
        role == Role::Blob || self.flavour == Flavour::V3
    }

    /// What is known of a digest in a repository.
    pub(super) fn stat_in(
        &self,
        repository: &str,
        role: Role,
        digest: &Digest,
    ) -> Result<Descriptor, StoreError> {
        if !self.is_cached_by_repository(role) {
            return self.stat_linked(repository, role, digest);
        }
        if let Some(known) = self.cache.scoped(repository, digest) {
            return Ok(known);
        }
        let found = self.stat_linked(repository, role, digest)?;
        self.cache.remember(repository, digest, found);
        Ok(found)
    }

    fn stat_linked(&self, repository: &str, role: Role, digest: &Digest) -> Result<Descriptor, StoreError> {
        for link in self.links(repository, role, digest) {
            match self.layout.read_link(&link) {
                Ok(target) => return self.stat(&target),
                Err(StoreError::PathNotFound(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Err(StoreError::Unknown)
    }

    /// The link files that make a digest known in a repository, the one to write first.
    fn links(&self, repository: &str, role: Role, digest: &Digest) -> Vec<std::path::PathBuf> {
        let layer = self.layout.layer_link(repository, digest);
        let revision = self.layout.revision_link(repository, digest);
        match (role, self.flavour) {
            (Role::Blob, _) => vec![layer],
            (Role::Manifest, Flavour::V2) => vec![revision, layer],
            (Role::Manifest, Flavour::V3) => vec![revision],
        }
    }

    /// Forgets a digest in a repository: the cache entry first, then the link.
    ///
    /// 3.x fails when the link is gone already, after it has cleared the cache.
    pub(super) fn clear(&self, repository: &str, role: Role, digest: &Digest) -> Result<(), StoreError> {
        self.stat_in(repository, role, digest)?;
        if self.is_cached_by_repository(role) {
            self.cache.forget(repository, digest);
        }
        for link in self.links(repository, role, digest) {
            match self.layout.delete(&link) {
                Err(StoreError::PathNotFound(_)) if self.flavour == Flavour::V2 => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// The bytes of a manifest. The cache decides whether it may be read, storage whether it can.
    pub(super) fn read_manifest(&self, repository: &str, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let known = self.stat_in(repository, Role::Manifest, digest)?;
        match self.layout.read(&self.layout.data(&known.digest)) {
            Err(StoreError::PathNotFound(_)) => Err(StoreError::Unknown),
            Ok(bytes) if bytes.len() as u64 > MAX_MANIFEST_BYTES => {
                Err(StoreError::Unreadable("manifest too large".into()))
            }
            read => read,
        }
    }

    /// Stores a manifest and links it. If the cache claims the data, it is *not written*.
    pub(super) fn put_manifest(
        &self,
        repository: &str,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let descriptor = match self.stat(digest) {
            Ok(known) => known,
            Err(StoreError::Unknown) => {
                self.layout.write(&self.layout.data(digest), bytes)?;
                Descriptor { digest: *digest, size: bytes.len() as u64 }
            }
            Err(other) => return Err(other),
        };
        if self.is_cached_by_repository(Role::Manifest) {
            self.cache.remember(repository, digest, descriptor);
        }
        self.layout.write_link(&self.layout.revision_link(repository, &descriptor.digest), &descriptor.digest)
    }

    /// The tags whose current link names the digest.
    pub(super) fn tags_of(&self, repository: &str, digest: &Digest) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for tag in self.tags(repository).or_else(none_if_unknown)? {
            match self.layout.read_link(&self.layout.current_link(repository, &tag)) {
                Ok(current) if current == *digest => found.push(tag),
                Ok(_) | Err(StoreError::PathNotFound(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(found)
    }

    /// The names in the repository's `tags` folder.
    pub(super) fn tags(&self, repository: &str) -> Result<Vec<String>, StoreError> {
        self.layout.list(&self.layout.tags(repository)).map_err(|error| {
            if matches!(error, StoreError::PathNotFound(_)) {
                StoreError::RepositoryUnknown(repository.to_owned())
            } else {
                error
            }
        })
    }

    /// The repositories of the catalog: those with a `_layers` (2.x) or `_manifests` (3.x) folder.
    pub(super) fn repositories(&self) -> Vec<String> {
        let root = self.layout.repositories();
        let marker = match self.flavour {
            Flavour::V2 => "_layers",
            Flavour::V3 => "_manifests",
        };
        let is_name = |entry: &walkdir::DirEntry| {
            entry.depth() == 0
                || entry.file_type().is_dir() && !entry.file_name().to_string_lossy().starts_with('_')
        };
        let walk = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().filter_entry(is_name);
        walk.flatten()
            .filter(|entry| entry.path().join(marker).is_dir())
            .filter_map(|entry| {
                entry.path().strip_prefix(&root).ok().map(|name| name.to_string_lossy().into_owned())
            })
            .filter(|name| !name.is_empty())
            .collect()
    }
}

fn none_if_unknown(error: StoreError) -> Result<Vec<String>, StoreError> {
    if matches!(error, StoreError::RepositoryUnknown(_)) { Ok(Vec::new()) } else { Err(error) }
}
