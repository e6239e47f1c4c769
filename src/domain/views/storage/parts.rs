//! A view that was collected in parts, on several machines.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::StorageView;
use crate::domain::observed::Unlooked;
use crate::domain::shard::Shard;

/// Which part of storage a view shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewPart {
    /// Which of how many.
    pub shard: Shard,
    /// The names or patterns of the repositories that were looked for; none means all.
    pub repositories: Vec<String>,
}

/// Why views are not the parts of one.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum JoinError {
    /// One says that there are more.
    #[error(
        "part {} of {of} is missing{}",
        missing.first().map_or(0, |first| *first),
        others(missing.len())
    )]
    Missing {
        /// Which ones, from 0.
        missing: Vec<u32>,
        /// Of how many.
        of: u32,
    },
    /// The same part twice.
    #[error("part {0} is there twice")]
    Twice(Shard),
    /// Parts of different numbers of parts.
    #[error("{0} and {1} are no parts of one whole")]
    Mixed(Shard, Shard),
    /// Parts of different storage.
    #[error("they are of different storage: `{0}` and `{1}`")]
    Roots(String, String),
    /// Parts for which different repositories were looked for.
    #[error("for {0} other repositories were looked for than for {1}")]
    Repositories(Shard, Shard),
    /// Some were collected long after others.
    #[error("{0} was collected at {1}, and {2} at {3}: collect all of them on the same day")]
    Old(Shard, Timestamp, Shard, Timestamp),
}

fn others(count: usize) -> String {
    if count > 1 { format!(", and {} more", count - 1) } else { String::new() }
}

/// Between the first and the last part, in seconds. What changed between them takes a second look to tell.
const APART: i64 = 24 * 60 * 60;

impl StorageView {
    /// What of it belongs to that part. Of manifests all are kept, since repositories of any part may name them.
    #[must_use]
    pub fn part(mut self, shard: Shard) -> Self {
        self.blobs.retain(|blob| blob.digest.bytes().first().is_none_or(|first| shard.has_folder(*first)));
        self.repositories.retain(|repository| shard.has_repository(&repository.name));
        self.uploads.retain(|upload| shard.has_repository(&upload.repository));
        self
    }

    /// The view of which these are the parts: what one machine would have seen.
    ///
    /// # Errors
    /// When they are not all parts of one whole, each once.
    pub fn join(mut parts: Vec<(ViewPart, Self)>) -> Result<Option<Self>, JoinError> {
        parts.sort_by_key(|(part, _)| part.shard);
        fit(&parts)?;
        let mut views = parts.into_iter().map(|(_, view)| view);
        let Some(mut whole) = views.next() else { return Ok(None) };
        let mut manifests: Vec<_> = std::mem::take(&mut whole.manifests).into_iter().collect();
        for view in views {
            whole.collected = whole.collected.min(view.collected);
            whole.changed = whole.changed.max(view.changed);
            whole.blobs.extend(view.blobs);
            whole.repositories.extend(view.repositories);
            whole.uploads.extend(view.uploads);
            whole.stray.extend(view.stray);
            whole.closed.extend(view.closed);
            whole.unknown.extend(view.unknown);
            manifests.extend(view.manifests);
        }
        whole.manifests = manifests.into_iter().collect();
        whole.blobs.sort_unstable_by_key(|blob| blob.digest);
        whole.repositories.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        whole
            .uploads
            .sort_unstable_by(|one, other| (&one.repository, &one.id).cmp(&(&other.repository, &other.id)));
        // All walked what lies around repositories and folders of blobs.
        whole.stray.sort_unstable();
        whole.stray.dedup();
        whole.closed.sort_unstable();
        whole.closed.dedup();
        Unlooked::sort(&mut whole.unknown);
        Ok(Some(whole))
    }
}

/// Whether sorted parts are all parts of one whole, each once.
fn fit(parts: &[(ViewPart, StorageView)]) -> Result<(), JoinError> {
    let Some((first, view)) = parts.first() else { return Ok(()) };
    for (part, other) in parts {
        if part.shard.of != first.shard.of {
            return Err(JoinError::Mixed(first.shard, part.shard));
        }
        if other.root != view.root {
            return Err(JoinError::Roots(view.root.clone(), other.root.clone()));
        }
        if part.repositories != first.repositories {
            return Err(JoinError::Repositories(first.shard, part.shard));
        }
        if (other.collected.as_second() - view.collected.as_second()).abs() > APART {
            return Err(JoinError::Old(first.shard, view.collected, part.shard, other.collected));
        }
    }
    for pair in parts.windows(2) {
        if let [(one, _), (other, _)] = pair
            && one.shard == other.shard
        {
            return Err(JoinError::Twice(one.shard));
        }
    }
    let has = |index: &u32| parts.iter().any(|(part, _)| part.shard.index == *index);
    let missing: Vec<_> = (0..first.shard.of).filter(|index| !has(index)).collect();
    if missing.is_empty() { Ok(()) } else { Err(JoinError::Missing { missing, of: first.shard.of }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::Digest;
    use crate::domain::views::storage::{Repository, StoredBlob};

    fn whole() -> StorageView {
        let blob = |n: u8| StoredBlob { digest: Digest::sha256([n; 32]), size: n.into(), modified: 0 };
        let repository = |n: u8| -> Repository {
            serde_json::from_str(&format!(
                r#"{{"name":"team/app{n}","layers":[],"revisions":[],"tags":[],"has_layers":true,"has_manifests":true,"has_tags":false}}"#
            ))
            .unwrap()
        };
        let mut repositories: Vec<_> = (0..50).map(repository).collect();
        repositories.sort_by(|one, other| one.name.cmp(&other.name));
        StorageView {
            changed: Some(7),
            blobs: (0..=255).map(blob).collect(),
            repositories,
            ..StorageView::empty("/var/lib/registry/docker/registry/v2".into(), Timestamp::UNIX_EPOCH)
        }
    }

    fn parts(of: u32) -> Vec<(ViewPart, StorageView)> {
        let part = |index| {
            let shard = Shard::new(index, of).unwrap();
            (ViewPart { shard, repositories: Vec::new() }, whole().part(shard))
        };
        (0..of).map(part).collect()
    }

    #[test]
    fn what_is_divided_is_joined_again_in_any_order() {
        let text = |view: &StorageView| serde_json::to_string(view).unwrap();
        for of in [1, 2, 3, 7, 300] {
            let mut divided = parts(of);
            divided.reverse();
            let joined = StorageView::join(divided).unwrap().unwrap();
            assert_eq!(text(&joined), text(&whole()), "{of}");
        }
    }

    #[test]
    fn what_is_no_whole_is_refused_by_what_it_lacks() {
        let refused = |parts| StorageView::join(parts).unwrap_err().to_string();
        let mut some = parts(4);
        some.remove(1);
        assert_eq!(refused(some.clone()), "part 1 of 4 is missing");
        some.remove(0);
        assert_eq!(refused(some), "part 0 of 4 is missing, and 1 more");
        let mut twice = parts(2);
        twice.push(twice[1].clone());
        assert_eq!(refused(twice), "part 1/2 is there twice");
        let mut mixed = parts(2);
        mixed.push(parts(3).remove(2));
        assert_eq!(refused(mixed), "0/2 and 2/3 are no parts of one whole");
        let mut moved = parts(2);
        moved[1].1.root = "/mnt/docker/registry/v2".into();
        assert!(refused(moved).starts_with("they are of different storage"));
        let mut scoped = parts(2);
        scoped[1].0.repositories = vec!["team/*".into()];
        assert_eq!(refused(scoped), "for 0/2 other repositories were looked for than for 1/2");
        let mut old = parts(2);
        old[1].1.collected = Timestamp::from_second(APART + 1).unwrap();
        assert!(refused(old).ends_with("collect all of them on the same day"));
        assert!(StorageView::join(Vec::new()).unwrap().is_none());
    }
}
