//! Which blobs storage holds, folder by folder: what tells that garbage was collected.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::digest::Digest;

/// Which blobs there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobCensus {
    /// The folders that hold them, by their paths.
    pub shards: BTreeMap<String, ShardCensus>,
}

/// The blobs in one folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardCensus {
    /// When the folder was changed last, in nanoseconds since 1970; `None` where it may have been changed again by the
    /// same clock after it was read.
    pub changed: Option<i128>,
    /// The blobs, sorted.
    pub blobs: Vec<Digest>,
}

impl BlobCensus {
    /// All of them.
    #[must_use]
    pub fn blobs(&self) -> BTreeSet<Digest> {
        self.shards.values().flat_map(|shard| &shard.blobs).copied().collect()
    }

    /// What was there before and is not any more.
    #[must_use]
    pub fn gone_since(&self, before: &Self) -> Vec<Digest> {
        let mut gone = Vec::new();
        for (path, shard) in &before.shards {
            match self.shards.get(path) {
                Some(now) if now.changed.is_some() && now.changed == shard.changed => {}
                Some(now) => {
                    let is_gone = |blob: &&Digest| now.blobs.binary_search(blob).is_err();
                    gone.extend(shard.blobs.iter().filter(is_gone));
                }
                None => gone.extend(&shard.blobs),
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(changed: Option<i128>, blobs: &[u8]) -> ShardCensus {
        ShardCensus { changed, blobs: blobs.iter().map(|n| Digest::sha256([*n; 32])).collect() }
    }

    fn census(shards: &[(&str, ShardCensus)]) -> BlobCensus {
        let shards = shards.iter().map(|(path, shard)| ((*path).to_owned(), shard.clone()));
        BlobCensus { shards: shards.collect() }
    }

    #[test]
    fn what_went_is_told_and_what_came_is_not() {
        let before =
            census(&[("a", shard(Some(1), &[1, 2])), ("b", shard(Some(1), &[3])), ("c", shard(None, &[4]))]);
        let after = census(&[("a", shard(Some(2), &[2, 5])), ("c", shard(None, &[4, 6]))]);
        assert_eq!(after.gone_since(&before), [1, 3].map(|n| Digest::sha256([n; 32])));
        assert_eq!(before.gone_since(&before), []);
        assert_eq!(before.gone_since(&BlobCensus::default()), []);
    }
}
