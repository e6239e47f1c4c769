//! Shards: which part of a check one of several machines does.
//!
//! Every finding belongs to exactly one shard: by the repository it names, else by its digest, else by its path.
//! Digests are split into ranges, so that a shard's blobs lie in neighbouring folders; names and paths by a hash
//! that is the same on every machine and in every version (FNV-1a).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::finding::Subject;
use super::name::RepositoryName;

/// One part of a check that is split among machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Shard {
    /// Which part, from 0.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

impl Shard {
    /// The part `index` of `of`, if there is one.
    #[must_use]
    pub const fn new(index: u32, of: u32) -> Option<Self> {
        if index < of { Some(Self { index, of }) } else { None }
    }

    /// Whether the content is this shard's to judge.
    #[must_use]
    pub fn has_digest(&self, digest: &Digest) -> bool {
        self.has(digest.head())
    }

    /// Whether the blobs whose sums begin with this byte, which lie in one folder, are this shard's to list.
    #[must_use]
    pub fn has_folder(&self, first: u8) -> bool {
        self.has(u64::from(first) << 56)
    }

    /// Whether the repository is this shard's to judge.
    #[must_use]
    pub fn has_repository(&self, name: &RepositoryName) -> bool {
        self.has(spread(name.as_str()))
    }

    /// Whether findings about this subject are this shard's to make.
    #[must_use]
    pub fn has_subject(&self, subject: &Subject) -> bool {
        match (&subject.repository, &subject.digest, &subject.place) {
            (Some(name), _, _) => self.has_repository(name),
            (None, Some(digest), _) => self.has_digest(digest),
            (None, None, Some(place)) => self.has(spread(&place.to_string())),
            (None, None, None) => self.has(spread("")),
        }
    }

    /// Numbers are split into ranges of equal length.
    fn has(self, number: u64) -> bool {
        (u128::from(number) * u128::from(self.of)) >> 64 == u128::from(self.index)
    }
}

/// FNV-1a, and a last step that brings its good bits to the front, where ranges look.
fn spread(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once('/')
            .and_then(|(index, of)| Self::new(index.parse().ok()?, of.parse().ok()?))
            .ok_or_else(|| format!("`{text}` is no shard; write it like 0/4, from 0/4 to 3/4"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_belongs_to_exactly_one_shard() {
        for of in [1, 2, 3, 4, 7, 16] {
            let shards: Vec<_> = (0..of).filter_map(|index| Shard::new(index, of)).collect();
            let owners = |owns: &dyn Fn(&Shard) -> bool| shards.iter().filter(|shard| owns(shard)).count();
            for n in 0..=255_u8 {
                let digest = Digest::sha256([n; 32]);
                assert_eq!(owners(&|shard| shard.has_digest(&digest)), 1);
                assert_eq!(owners(&|shard| shard.has_folder(n)), 1);
                let name = format!("team{n}/app").parse().unwrap();
                assert_eq!(owners(&|shard| shard.has_repository(&name)), 1);
                let place = Subject::place(format!("repositories/{n}").into());
                assert_eq!(owners(&|shard| shard.has_subject(&place)), 1);
            }
        }
    }

    #[test]
    fn names_that_are_alike_are_spread() {
        let mut counts = [0; 4];
        for n in 0..4000 {
            let name: RepositoryName = format!("team/app{n}").parse().unwrap();
            let shard = (0..4).position(|at| Shard::new(at, 4).unwrap().has_repository(&name)).unwrap();
            counts[shard] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_shard_reads_back_what_it_shows() {
        assert_eq!("3/4".parse(), Ok(Shard { index: 3, of: 4 }));
        for text in ["4/4", "0/0", "1", "a/b", "-1/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
