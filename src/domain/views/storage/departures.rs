//! What is left of repositories that are gone without a trace of their names: the folder that they lay in was changed when
//! they went, and their content is older than every repository that has it since.

use jiff::Timestamp;

use super::{Digest, StorageView};

/// A repository's first content is stored after its folder was made; times are told in whole seconds.
const SLACK: i64 = 2;

/// Of what no repository has, which is told otherwise.
const HOMELESS: i64 = i64::MAX;

/// What the folders of repositories tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Departures {
    /// The folders that something has left since the last came into them.
    pub left: Vec<Departure>,
    /// What came with a repository that is gone, sorted by digest.
    pub bereft: Vec<Bereft>,
}

/// A blob that is older than every repository that has it: one that is gone had it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bereft {
    /// Its digest.
    pub digest: Digest,
    /// When it was stored, in seconds since 1970.
    pub stored: i64,
    /// When the oldest repository that has it was made.
    pub since: i64,
}

/// A folder of repositories that something has left since the last came into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// Its path below `repositories/`; empty for that itself.
    pub folder: Box<str>,
    /// When that was, by storage's own clock.
    pub at: Timestamp,
}

impl Departure {
    /// Whether a repository of that name lies below it.
    #[must_use]
    pub fn is_around(&self, name: &str) -> bool {
        let below = name.strip_prefix(&*self.folder);
        self.folder.is_empty() || below.is_some_and(|rest| rest.starts_with('/'))
    }
}

impl Bereft {
    /// All of them, sorted by digest. `made` tells when each repository's folder was made, in seconds since 1970; where that
    /// is not told, it is old.
    #[must_use]
    pub fn find(view: &StorageView, made: &[Option<i64>]) -> Vec<Self> {
        let homes = view.blobs.iter().zip(first_homes(view, made));
        let bereft = homes.filter_map(|(blob, since)| {
            let is_bereft = since != HOMELESS && since > blob.modified.saturating_add(SLACK);
            is_bereft.then_some(Self { digest: blob.digest, stored: blob.modified, since })
        });
        bereft.collect()
    }
}

/// When the oldest repository that has it was made, of each blob.
fn first_homes(view: &StorageView, made: &[Option<i64>]) -> Vec<i64> {
    let mut first = vec![HOMELESS; view.blobs.len()];
    for (repository, made) in view.repositories.iter().zip(made) {
        let made = made.unwrap_or(i64::MIN);
        let links = repository.layers.iter().chain(&repository.revisions);
        let links = links.map(|link| link.data().unwrap_or(link.digest));
        let traces = repository.traces.layers.iter().chain(&repository.traces.revisions);
        for at in links.chain(traces.map(|trace| trace.digest)).filter_map(|digest| view.position(&digest)) {
            if let Some(known) = first.get_mut(at) {
                *known = made.min(*known);
            }
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::super::{Links, Repository, StoredBlob, Target, Traces};
    use super::*;
    use crate::domain::digest::Digest;

    fn digest(n: u8) -> Digest {
        Digest::sha256([n; 32])
    }

    fn repository(name: &str, layers: &[u8]) -> Repository {
        Repository {
            name: name.parse().unwrap(),
            layers: layers.iter().map(|n| (digest(*n), Target::Same)).collect(),
            revisions: Links::default(),
            tags: Vec::new(),
            has_layers: true,
            has_manifests: true,
            has_tags: true,
            traces: Traces::default(),
        }
    }

    #[test]
    fn what_is_older_than_every_repository_that_has_it_had_another_home() {
        let blob = |n, modified| StoredBlob { digest: digest(n), size: 1, modified };
        let view = StorageView {
            blobs: vec![blob(1, 100), blob(2, 100), blob(3, 199), blob(4, 100)],
            repositories: vec![repository("a", &[2]), repository("b", &[1, 2, 3])],
            ..StorageView::empty("/r".into(), Timestamp::UNIX_EPOCH)
        };
        let told = |made: [Option<i64>; 2]| {
            Bereft::find(&view, &made).into_iter().map(|it| (it.digest, it.since)).collect::<Vec<_>>()
        };
        let one = vec![(digest(1), 200)];
        assert_eq!(told([Some(50), Some(200)]), one, "4 has no home, which is told otherwise");
        assert_eq!(told([None, None]), [], "no times are told");
        assert_eq!(told([Some(150), Some(200)]), [(digest(1), 200), (digest(2), 150)]);
        assert_eq!(told([None, Some(200)]), one);
    }

    #[test]
    fn a_folder_is_around_what_lies_below_it() {
        let around = |folder: &str, name| {
            Departure { folder: folder.into(), at: Timestamp::UNIX_EPOCH }.is_around(name)
        };
        assert!(around("", "a") && around("x", "x/a") && around("x", "x/a/b"));
        assert!(!around("x", "xy/a") && !around("x/a", "x/a") && !around("x/a", "x"));
    }
}
