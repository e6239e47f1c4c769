//! What a run cannot see by its nature, and what would let it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::bucket_setting::BucketSetting;
use super::code::Code;
use super::counted::counted;
use super::shard::Shard;

/// One thing that this kind of run cannot see, and its words.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Limit {
    /// Only this part of the check was made.
    #[error(
        "this is part {0} of the check: what belongs to the other parts is not judged here; regfsck merge joins their reports"
    )]
    Shard(Shard),
    /// Only storage was looked at.
    #[error(
        "only storage was looked at: what the daemon claims, in its cache or to its clients, is not known; give --registry URL"
    )]
    OnlyStorage,
    /// Only the daemon was asked.
    #[error(
        "storage was not looked at: leftovers, links and what the daemon hides are not seen; give --storage DIR"
    )]
    OnlyServed,
    /// Only some repositories were looked at.
    #[error("only some repositories were looked at: content that nothing needs is not reported")]
    SomeRepositories,
    /// Content was not hashed.
    #[error("content was not hashed: corrupt bytes are not seen; give --content")]
    ContentUnhashed,
    /// Content was hashed by an earlier run, not by this one.
    #[error("the content of {} was hashed by an earlier run, not by this one", counted(*.blobs, "blob"))]
    HashedEarlier {
        /// How many blobs.
        blobs: u64,
    },
    /// There was no time to hash all content.
    #[error(
        "the content of {} was not hashed: --max-duration was over; {}",
        counted(*.blobs, "blob"),
        if *.can_resume { "--resume goes on from there" } else { "with --resume the next run goes on" }
    )]
    HashingCut {
        /// How many blobs were left.
        blobs: u64,
        /// Whether the next run goes on from there.
        can_resume: bool,
    },
    /// Files of another size than is described were too much to be hashed unasked.
    #[error(
        "not hashed: {} of another size than a manifest gives, for that is {}: whether the file or the manifest is wrong is not known; give --content",
        counted(*.blobs, "blob"),
        counted(*.bytes, "byte")
    )]
    SizesUnhashed {
        /// How many blobs.
        blobs: u64,
        /// How many bytes they have.
        bytes: u64,
    },
    /// What the daemon believes of manifests that storage lacks is not known.
    #[error(
        "whether the daemon still believes in {} that storage lacks is not known; {}",
        counted(*.manifests, "manifest"),
        if *.probed { "a restart makes sure" } else { "--probe-manifests asks" }
    )]
    Beliefs {
        /// How many manifests.
        manifests: u64,
        /// Whether everything was tried that can be asked.
        probed: bool,
    },
    /// Digests that were handed in without a repository were asked about in some repositories only.
    #[error(
        "handed in without a repository: {}, asked about in {asked} of {} only; write REPOSITORY@DIGEST",
        counted(*.digests, "digest"),
        counted(*.repositories, "repository")
    )]
    BareSuspects {
        /// How many digests.
        digests: u64,
        /// In how many repositories each was asked about.
        asked: u64,
        /// How many repositories there are.
        repositories: u64,
    },
    /// The daemon was asked about some of what is left of links, the newest.
    #[error(
        "the daemon was asked about {asked} of the {traces} links that are gone and that it may remember; a restart makes sure"
    )]
    Traces {
        /// About how many.
        asked: u64,
        /// How many there are.
        traces: u64,
    },
    /// The daemon was asked about some of the pairs that Redis holds stale.
    #[error(
        "the daemon was asked about {asked} of the {pairs} pairs that Redis holds stale; Redis speaks for the others"
    )]
    CachedPairs {
        /// About how many.
        asked: u64,
        /// How many there are.
        pairs: u64,
    },
    /// What came and went between two looks at a bucket left no trace.
    #[error(
        "what was pushed and collected as garbage between two checks: a bucket keeps no trace of it, and the daemon may remember it; collect garbage with regfsck guard"
    )]
    Untraced,
    /// Without storage Redis tells nothing.
    #[error("without storage nothing tells which of Redis's entries are stale")]
    CacheAlone,
    /// Redis holds what is not this registry's.
    #[error(
        "{strange} of {entries} entries in `{location}` are for digests that neither storage nor its repositories know ({stale} others are stale): this Redis is shared with another registry, or is not this registry's cache; those entries are not reported, and nothing is purged"
    )]
    CacheShared {
        /// Where it is, without its password.
        location: String,
        /// How many entries are for digests that nothing here knows.
        strange: u64,
        /// How many other entries are stale.
        stale: u64,
        /// How many entries there are.
        entries: u64,
    },
    /// There are more leftovers of a kind than are named.
    #[error("there are {more} more of `{code}` than the {named} that are named")]
    LeftoversCounted {
        /// Of which kind.
        code: Code,
        /// How many are findings.
        named: u64,
        /// How many are only counted.
        more: u64,
    },
    /// Findings break more images than are named with them.
    #[error(
        "findings that break more than {most} images name {most} of them; each broken image is named by one finding at least"
    )]
    ImagesUnnamed {
        /// The most that one finding names.
        most: u64,
    },
    /// The registry's settings were not given.
    #[error("the registry's settings were not given; give --config FILE")]
    NoSettings,
    /// The registry's version is not known.
    #[error("faults of the registry's version: give --registry-version X.Y.Z")]
    NoVersion,
    /// The registry does not tell its repositories.
    #[error("how many repositories there are: the catalog was refused")]
    NoCatalog,
    /// The bucket's store does not tell how it is set, or not to us.
    #[error("of the bucket: {setting}; {}", whose(right.as_deref()))]
    BucketUntold {
        /// What.
        setting: BucketSetting,
        /// The right to be told; none where nobody who reads objects is told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        right: Option<String>,
    },
    /// What somebody else wrote.
    #[error("{text}")]
    Other {
        /// In its words.
        text: String,
    },
}

/// Who is told.
fn whose(right: Option<&str>) -> String {
    match right {
        Some(right) => format!("to be told takes `{right}`"),
        None => "its store tells that only by its own tools".to_owned(),
    }
}

impl Limit {
    /// The same in a few words: what is not seen, and the flag that lets it be seen. Nothing where no run need mind it.
    #[must_use]
    pub const fn brief(&self) -> Option<&'static str> {
        Some(match self {
            Self::Shard(_) => "the other parts (regfsck merge)",
            Self::OnlyStorage => "the daemon (--registry URL)",
            Self::OnlyServed => "storage (--storage DIR)",
            Self::SomeRepositories => "other repositories",
            Self::ContentUnhashed => "corrupt bytes (--content)",
            Self::HashingCut { .. } => "some content (--resume)",
            Self::SizesUnhashed { .. } => "some sizes (--content)",
            Self::Beliefs { probed: false, .. } => "some beliefs (--probe-manifests)",
            Self::Beliefs { probed: true, .. } => "some beliefs",
            Self::BareSuspects { .. } => "some suspects",
            Self::Traces { .. } => "some traces",
            Self::Untraced => "unguarded garbage collections (regfsck guard)",
            Self::CacheAlone | Self::CacheShared { .. } => "stale keys",
            Self::NoSettings => "settings (--config FILE)",
            Self::NoVersion => "its version (--registry-version X.Y.Z)",
            Self::NoCatalog => "other repositories (--repo NAME)",
            Self::LeftoversCounted { .. } => "some leftovers by name",
            Self::ImagesUnnamed { .. } => "some images by name",
            Self::HashedEarlier { .. }
            | Self::CachedPairs { .. }
            | Self::BucketUntold { .. }
            | Self::Other { .. } => return None,
        })
    }
}

/// All that a run could not see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Limits(pub Vec<Limit>);

/// Limits in JSON: each in words, and each as what it is.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Written {
    /// What this kind of run cannot see, and what would let it.
    limits: Vec<String>,
    /// The same, one by one, to be read by programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    limit_facts: Vec<Limit>,
}

impl From<Limits> for Written {
    fn from(Limits(limit_facts): Limits) -> Self {
        Self { limits: limit_facts.iter().map(ToString::to_string).collect(), limit_facts }
    }
}

impl From<Written> for Limits {
    fn from(Written { limits, limit_facts }: Written) -> Self {
        if limits.len() == limit_facts.len() {
            return Self(limit_facts);
        }
        Self(limits.into_iter().map(|text| Limit::Other { text }).collect())
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Limits {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_back_as_what_they_are_and_those_of_strangers_in_their_words() {
        let own = Limits(vec![
            Limit::Shard(Shard { index: 1, of: 3 }),
            Limit::ContentUnhashed,
            Limit::Beliefs { manifests: 4, probed: false },
        ]);
        let written = serde_json::to_string(&own).unwrap();
        assert_eq!(serde_json::from_str::<Limits>(&written).unwrap(), own);
        let strange = serde_json::from_str::<Limits>(r#"{"limits":["nothing at all"]}"#).unwrap();
        assert_eq!(strange, Limits(vec![Limit::Other { text: "nothing at all".into() }]));
    }
}
