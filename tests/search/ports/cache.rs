//! Redis: the keys that the registry in memory keeps itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use regfsck::adapters::sandbox::{CacheState, Keys};
use regfsck::domain::cache_key::CacheKey;
use regfsck::domain::digest::Digest;
use regfsck::domain::journal::{Content, DeletedKey, KeyContent};
use regfsck::domain::name::RepositoryName;
use regfsck::domain::observed::Observed;
use regfsck::domain::views::cache::{
    CacheCollector, CacheInfo, CacheView, CachedBlob, Membership, StaleKeys,
};
use regfsck::engine::ports::{Cache, CacheError, Events};

use super::Ports;

const LOCATION: &str = "redis://memory";

impl Ports {
    fn keys<T>(&self, work: impl FnOnce(&mut Keys) -> T) -> T {
        self.registry.change_cache(|cache| match cache {
            CacheState::Redis(keys) => work(Arc::make_mut(keys)),
            CacheState::Nothing | CacheState::InMemory(_) => panic!("there is no Redis"),
        })
    }
}

/// What a key holds, as far as it is about the digest.
fn content(keys: &Keys, key: &CacheKey<'_>, digest: &Digest) -> Option<KeyContent> {
    match key {
        CacheKey::Entry(digest) => {
            let known = keys.blobs.get(digest)?;
            let fields = [("digest", known.digest.to_string()), ("size", known.size.to_string())];
            let field = |(name, value): (&str, String)| (name.to_owned(), Content::Text(value));
            Some(KeyContent::Hash(fields.map(field).into()))
        }
        CacheKey::Set(name) => {
            let is_member = keys.members.contains(&((*name).into(), *digest));
            is_member.then(|| KeyContent::Members(vec![digest.to_string()]))
        }
        CacheKey::Hash(name, digest) => {
            let is_there = keys.hashes.contains(&((*name).into(), *digest));
            is_there.then(|| KeyContent::Hash(BTreeMap::new()))
        }
    }
}

#[async_trait]
impl Cache for Ports {
    fn location(&self) -> String {
        LOCATION.to_owned()
    }

    async fn collect(&self, _events: &dyn Events) -> Result<CacheView, CacheError> {
        Ok(self.keys(|keys| {
            let mut collector = CacheCollector::default();
            for (digest, known) in &keys.blobs {
                collector.entry(*digest, Some(known.digest), Some(known.size));
            }
            for (name, digest) in &keys.members {
                let repository = collector.repository(name).unwrap();
                collector.member(repository, *digest);
            }
            for (name, digest) in &keys.hashes {
                let repository = collector.repository(name).unwrap();
                collector.hash(repository, *digest);
            }
            collector.finish(LOCATION.to_owned(), Timestamp::now())
        }))
    }

    async fn entry(&self, digest: &Digest) -> Observed<CachedBlob> {
        match self.keys(|keys| keys.blobs.get(digest).copied()) {
            Some(known) => {
                Observed::Present(CachedBlob { digest: *digest, size: known.size, complete: true })
            }
            None => Observed::Absent,
        }
    }

    async fn membership(&self, repository: &RepositoryName, digest: &Digest) -> Observed<Membership> {
        let pair = (repository.as_str().into(), *digest);
        match self.keys(|keys| (keys.members.contains(&pair), keys.hashes.contains(&pair))) {
            (false, false) => Observed::Absent,
            (member, hash) => Observed::Present(Membership { member, hash }),
        }
    }

    async fn held(&self, stale: &StaleKeys) -> Result<Vec<DeletedKey>, CacheError> {
        let held = |key: CacheKey<'_>| {
            let content = self.keys(|keys| content(keys, &key, &stale.digest))?;
            Some(DeletedKey { key: key.to_string(), content })
        };
        Ok(stale.keys().filter_map(held).collect())
    }

    async fn purge(&self, deleted: &[DeletedKey]) -> Result<usize, CacheError> {
        let gone = |key: &&DeletedKey| match (CacheKey::parse(key.key.as_bytes()), &key.content) {
            (Some(CacheKey::Entry(digest)), _) => self.keys(|keys| keys.blobs.remove(&digest).is_some()),
            (Some(CacheKey::Hash(name, digest)), _) => {
                self.keys(|keys| keys.hashes.remove(&(name.into(), digest)))
            }
            (Some(CacheKey::Set(name)), KeyContent::Members(members)) => self.keys(|keys| {
                let pairs = members.iter().map(|member| (name.into(), member.parse().unwrap()));
                pairs.filter(|pair| keys.members.remove(pair)).count() > 0
            }),
            (Some(CacheKey::Set(_)) | None, _) => panic!("{key:?} is no key of a registry"),
        };
        Ok(deleted.iter().filter(gone).count())
    }

    async fn info(&self) -> Result<CacheInfo, CacheError> {
        Ok(CacheInfo::default())
    }
}
