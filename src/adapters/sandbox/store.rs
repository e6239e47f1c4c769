//! The registry's core: storage seen through the cache, one repository at a time.

use std::sync::Arc;

use axum::body::Bytes;

use crate::domain::digest::Digest;
use crate::domain::manifest::MAX_MANIFEST_BYTES;

use super::Flavour;
use super::cache::{CachedDescriptor, DescriptorCache};
use super::layout::{self, Layout, StoreError};
use super::tree::TreeEntry;

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
    pub(super) cache: Arc<DescriptorCache>,
    pub(super) flavour: Flavour,
    pub(super) delete_enabled: bool,
}

impl Store {
    /// What is known of a digest, without regard to repositories: from the cache if it has it.
    pub(super) fn stat(&self, digest: &Digest) -> Result<CachedDescriptor, StoreError> {
        if let Some(known) = self.cache.global(digest) {
            return Ok(known);
        }
        let found = self.layout.stat(digest)?;
        self.cache.remember_globally(digest, found);
        Ok(found)
    }

    /// Whether manifests share the repository's cache with blobs: since 3.0.
    fn is_cached_by_repository(&self, role: Role) -> bool {
        role == Role::Blob || self.flavour.is_3()
    }

    /// What is known of a digest in a repository.
    pub(super) fn stat_in(
        &self,
        repository: &str,
        role: Role,
        digest: &Digest,
    ) -> Result<CachedDescriptor, StoreError> {
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

    fn stat_linked(
        &self,
        repository: &str,
        role: Role,
        digest: &Digest,
    ) -> Result<CachedDescriptor, StoreError> {
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
    fn links(&self, repository: &str, role: Role, digest: &Digest) -> Vec<String> {
        let layer = layout::layer_link(repository, digest);
        match role {
            Role::Blob => vec![layer],
            Role::Manifest if self.flavour.is_3() => vec![layout::revision_link(repository, digest)],
            Role::Manifest => vec![layout::revision_link(repository, digest), layer],
        }
    }

    /// Forgets a digest in a repository: the cache entry first, then the link.
    ///
    /// 3.x fails when the link is gone already, after it has cleared the cache.
    pub(super) fn clear(&self, repository: &str, role: Role, digest: &Digest) -> Result<(), StoreError> {
        self.stat_in(repository, role, digest)?;
        if self.is_cached_by_repository(role) && !self.cache.forget(repository, digest) {
            return Err(StoreError::Unknown);
        }
        for link in self.links(repository, role, digest) {
            match self.layout.delete(&link) {
                Err(StoreError::PathNotFound(_)) if !self.flavour.is_3() => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// The bytes of a manifest. The cache decides whether it may be read, storage whether it can.
    pub(super) fn read_manifest(&self, repository: &str, digest: &Digest) -> Result<Bytes, StoreError> {
        let known = self.stat_in(repository, Role::Manifest, digest)?;
        match self.layout.read(&layout::data(&known.digest)) {
            Err(StoreError::PathNotFound(_)) => Err(StoreError::Unknown),
            Ok(bytes) if bytes.len() as u64 > MAX_MANIFEST_BYTES => {
                Err(StoreError::Unreadable("manifest too large".into()))
            }
            read => read,
        }
    }

    /// Stores a manifest and links it. If the cache claims the data, it is *not written*: after 3.1 storage is
    /// asked instead.
    pub(super) fn put_manifest(
        &self,
        repository: &str,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let is_believed = self.flavour < Flavour::Head;
        let descriptor = match if is_believed { self.stat(digest) } else { self.layout.stat(digest) } {
            Ok(known) => known,
            Err(StoreError::Unknown) => {
                self.layout.write(&layout::data(digest), bytes)?;
                CachedDescriptor { digest: *digest, size: bytes.len() as u64 }
            }
            Err(other) => return Err(other),
        };
        if self.is_cached_by_repository(Role::Manifest) {
            self.cache.remember(repository, digest, descriptor);
        }
        self.layout.write_link(&layout::revision_link(repository, &descriptor.digest), &descriptor.digest)
    }

    /// The tags whose current link names the digest.
    pub(super) fn tags_of(&self, repository: &str, digest: &Digest) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for tag in self.tags(repository).or_else(none_if_unknown)? {
            match self.layout.read_link(&layout::current_link(repository, &tag)) {
                Ok(current) if current == *digest => found.push(tag),
                Ok(_) | Err(StoreError::PathNotFound(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(found)
    }

    /// The names in the repository's `tags` folder.
    pub(super) fn tags(&self, repository: &str) -> Result<Vec<String>, StoreError> {
        match self.layout.list(&layout::tags(repository)) {
            Ok(listed) => Ok(listed.into_iter().map(|(name, _)| name).collect()),
            Err(StoreError::PathNotFound(_)) => Err(StoreError::RepositoryUnknown(repository.to_owned())),
            Err(other) => Err(other),
        }
    }

    /// The repositories of the catalog: those with a `_layers` (2.x) or `_manifests` (3.x) folder.
    pub(super) fn repositories(&self) -> Vec<String> {
        let marker = if self.flavour.is_3() { "_manifests" } else { "_layers" };
        let mut found = Vec::new();
        self.layout.walk(layout::REPOSITORIES, &mut |path, name, entry| {
            let is_name = entry == TreeEntry::Folder && !name.starts_with('_');
            if is_name && matches!(self.layout.look(&format!("{path}/{marker}")), Ok(TreeEntry::Folder)) {
                found.extend(path.split_once('/').map(|(_, name)| name.to_owned()));
            }
            is_name
        });
        found
    }
}

fn none_if_unknown(error: StoreError) -> Result<Vec<String>, StoreError> {
    if matches!(error, StoreError::RepositoryUnknown(_)) { Ok(Vec::new()) } else { Err(error) }
}
