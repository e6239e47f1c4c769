//! The rules: pure functions from views to accusations.
//!
//! An [`Accusation`] is not yet a finding. It names the [`Condition`]s that made it, and only when a second
//! look at the world has shown that all of them still hold does it become one: a push or a garbage collection may
//! have been under way during the first look.

pub mod affected;
pub mod api;
pub mod cache;
mod closed;
pub mod served;
pub mod storage;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::digest::Digest;
use super::finding::{Finding, Subject};
use super::layout::{LinkPlace, Place};
use super::limit::Limit;
use super::name::{RepositoryName, Tag};
use super::observed::Evidence;
use super::views::storage::{TagTarget, Target};

/// What the rules are told beside the views.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The time of the check.
    pub now: Timestamp,
    /// What is younger than this may be in flight: leftovers are not accused.
    pub grace: SignedDuration,
    /// Whether the whole registry was looked at; only then can content be called unneeded.
    pub everything: bool,
    /// What is known of the daemon's configuration.
    pub daemon: DaemonSettings,
}

/// What is known of the daemon's configuration; `None` where nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaemonSettings {
    /// Whether it allows deletes (`storage.delete.enabled`).
    pub delete: Option<bool>,
    /// Whether it is in read-only mode (`storage.maintenance.readonly.enabled`).
    pub read_only: Option<bool>,
    /// Whether it is a pull-through cache (`proxy.remoteurl`).
    pub proxy: Option<bool>,
    /// How long a pull-through cache keeps what it fetched (`proxy.ttl`); nothing is for ever.
    pub ttl: Option<SignedDuration>,
    /// Which manifests an index needs (`validation`).
    pub children: IndexChildren,
    /// Whether it may be of 2.x, which needs all of an index whatever the configuration says.
    pub may_be_of_2: bool,
    /// Where it keeps blob descriptors.
    pub cache: CacheKind,
}

impl DaemonSettings {
    /// Whether it fetches from another registry what it lacks: nothing is missing there.
    #[must_use]
    pub fn fetches(&self) -> bool {
        self.proxy == Some(true)
    }

    /// Whether an index needs its manifest of that platform: a pull-through cache has those that were asked for.
    #[must_use]
    pub fn wants(&self, platform: &str) -> bool {
        !self.fetches() && self.children.wants(platform)
    }
}

/// Which of its manifests an index needs before the daemon takes it: the others may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IndexChildren {
    /// Each.
    #[default]
    All,
    /// Those of these platforms, as `os/architecture`.
    Of(Vec<String>),
    /// None.
    None,
}

impl IndexChildren {
    /// Whether it needs one of that platform, `os/architecture[/variant]`.
    #[must_use]
    pub fn wants(&self, platform: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(wanted) => wanted.iter().any(|wanted| {
                let rest = platform.strip_prefix(wanted.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
            Self::None => false,
        }
    }
}

/// Where the daemon keeps blob descriptors (`storage.cache.blobdescriptor`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheKind {
    /// Not known: no configuration was given.
    #[default]
    Unknown,
    /// Nowhere: it asks storage every time.
    None,
    /// In its own process, forgotten by a restart.
    InMemory,
    /// In Redis, which outlives a restart.
    Redis,
}

/// Something that made an accusation, and must still hold at the second look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The blob's data file is not there.
    DataAbsent(Digest),
    /// The blob's data file is there.
    DataStored(Digest),
    /// The blob's data file has this many bytes.
    DataSize(Digest, u64),
    /// The blob's bytes are no manifest.
    NoManifest(Digest),
    /// The blob's bytes have another digest.
    WrongContent(Digest),
    /// The link file says this.
    LinkSays(RepositoryName, LinkPlace, Target),
    /// The link file is not there.
    NoLink(RepositoryName, LinkPlace),
    /// The tag's link says this.
    TagSays(RepositoryName, Tag, TagTarget),
    /// The upload session is there.
    UploadExists(RepositoryName, String),
    /// The path below the storage root is there.
    PathExists(#[cfg_attr(test, schemars(with = "String"))] Place),
    /// What is at the path below the storage root is kept from the daemon's user.
    Closed(#[cfg_attr(test, schemars(with = "String"))] Place),
    /// Redis has a complete entry of it, of this size.
    Cached(Digest, u64),
    /// Redis has it as a member of the repository's set.
    CachedIn(RepositoryName, Digest),
    /// The blob's bytes have its digest.
    RightContent(Digest),
    /// At least one of these: whoever needs the content that is accused.
    AnyOf(Vec<Condition>),
}

impl Condition {
    /// The repository links the digest neither as a layer nor as a manifest.
    #[must_use]
    pub fn unlinked(repository: &RepositoryName, digest: Digest) -> [Self; 2] {
        [LinkPlace::Layer(digest), LinkPlace::Revision(digest)]
            .map(|place| Self::NoLink(repository.clone(), place))
    }
}

/// So many of those who need a content are looked at again before nobody is thought to.
pub const MOST_HOLDERS: usize = 32;

/// A finding that has yet to survive the second look.
#[derive(Debug, Clone)]
pub struct Accusation {
    /// What it will become.
    pub finding: Finding,
    /// What must still hold; all of it.
    pub conditions: Vec<Condition>,
}

/// So many leftovers of a kind are accused one by one. Whoever pushes decides how many there are.
pub const MOST_LEFTOVERS: usize = 50_000;

/// Accusations, each code and subject once.
#[derive(Debug, Default)]
pub struct Accusations {
    all: BTreeMap<(Code, Subject), Accusation>,
    leftovers: BTreeMap<Code, Leftovers>,
}

/// How many leftovers there are of a kind.
#[derive(Debug, Default)]
struct Leftovers {
    accused: usize,
    /// Those that are only counted.
    more: u64,
}

impl Accusations {
    /// Accuse; a second accusation of the same code and subject only adds its evidence, and to those who need it.
    pub fn add(
        &mut self,
        code: Code,
        subject: Subject,
        message: impl FnOnce() -> String,
        conditions: impl IntoIterator<Item = Condition>,
    ) -> &mut Accusation {
        match self.all.entry((code, subject.clone())) {
            Entry::Occupied(known) => {
                let known = known.into_mut();
                known.needed_too(conditions);
                known
            }
            Entry::Vacant(free) => free.insert(Accusation {
                finding: Finding::new(code, subject, message()),
                conditions: conditions.into_iter().collect(),
            }),
        }
    }

    /// Accuse a leftover, unless there are so many of its kind that it is only counted.
    pub fn add_leftover(
        &mut self,
        code: Code,
        subject: Subject,
        message: impl FnOnce() -> String,
        conditions: impl IntoIterator<Item = Condition>,
    ) -> Option<&mut Accusation> {
        self.has_room(code).then(|| self.add(code, subject, message, conditions))
    }

    fn has_room(&mut self, code: Code) -> bool {
        let known = self.leftovers.entry(code).or_default();
        let has_room = known.accused < MOST_LEFTOVERS;
        if has_room {
            known.accused += 1;
        } else {
            known.more += 1;
        }
        has_room
    }

    /// The leftovers that are only counted.
    pub fn limits(&self) -> impl Iterator<Item = Limit> {
        let counted = self.leftovers.iter().filter(|(_, known)| known.more > 0);
        counted.map(|(code, known)| Limit::LeftoversCounted {
            code: *code,
            named: known.accused as u64,
            more: known.more,
        })
    }

    /// Add all that others accuse, as if it had been accused one after the other.
    pub fn append(&mut self, mut others: Self) {
        let counted = std::mem::take(&mut others.leftovers);
        for (code, known) in &counted {
            self.leftovers.entry(*code).or_default().more += known.more;
        }
        for (key, accusation) in others.all {
            if counted.contains_key(&key.0) && !self.has_room(key.0) {
                continue;
            }
            match self.all.entry(key) {
                Entry::Occupied(mut known) => known.get_mut().needed_too(accusation.conditions),
                Entry::Vacant(free) => {
                    free.insert(accusation);
                }
            }
        }
    }

    /// Accuse what somebody else accuses, with all that they say of it.
    pub fn join(&mut self, accusation: Accusation) {
        match self.all.entry((accusation.finding.code, accusation.finding.subject.clone())) {
            Entry::Occupied(mut known) => {
                known.get_mut().needed_too(accusation.conditions);
                known.get_mut().prove(accusation.finding.evidence);
            }
            Entry::Vacant(free) => {
                free.insert(accusation);
            }
        }
    }

    /// The accusation of that code and subject.
    pub fn get_mut(&mut self, code: Code, subject: &Subject) -> Option<&mut Accusation> {
        self.all.get_mut(&(code, subject.clone()))
    }

    /// Whether that was accused.
    #[must_use]
    pub fn has(&self, code: Code, subject: &Subject) -> bool {
        self.all.contains_key(&(code, subject.clone()))
    }

    /// No longer accuse it of that.
    pub(super) fn acquit(&mut self, code: Code, subject: &Subject) {
        self.all.remove(&(code, subject.clone()));
    }

    /// All of them, for reading.
    pub fn iter(&self) -> impl Iterator<Item = &Accusation> {
        self.all.values()
    }

    /// Keep only what is about these subjects.
    pub fn retain(&mut self, is_kept: impl Fn(&Subject) -> bool) {
        self.all.retain(|(_, subject), _| is_kept(subject));
    }

    /// All of them, sorted by code and subject.
    #[must_use]
    pub fn into_vec(self) -> Vec<Accusation> {
        self.all.into_values().collect()
    }
}

impl Accusation {
    /// Add to those who need the content, as far as anybody has to be asked again.
    fn needed_too(&mut self, conditions: impl IntoIterator<Item = Condition>) {
        let more = conditions.into_iter().filter_map(|condition| {
            if let Condition::AnyOf(holders) = condition { Some(holders) } else { None }
        });
        let known = self.conditions.iter_mut().find_map(|condition| {
            if let Condition::AnyOf(holders) = condition { Some(holders) } else { None }
        });
        if let Some(known) = known {
            let room = MOST_HOLDERS.saturating_sub(known.len());
            known.extend(more.flatten().take(room));
        }
    }

    /// Add what a side said.
    pub fn prove(&mut self, evidence: impl IntoIterator<Item = Evidence>) -> &mut Self {
        self.finding.evidence.extend(evidence);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> Digest {
        Digest::sha256([n; 32])
    }

    /// The nth of many manifests that lack content: some the same content, some their own.
    fn accuse(accusations: &mut Accusations, n: u8) {
        for lost in [n / 50, n] {
            let (said, holder) = (format!("said {n}"), Condition::DataStored(digest(n)));
            let conditions = [Condition::DataAbsent(digest(lost)), Condition::AnyOf(vec![holder])];
            accusations.add(Code::MissingBlob, Subject::data(digest(lost)), || said, conditions);
        }
    }

    #[test]
    fn accusations_of_many_are_those_of_one() {
        let mut one = Accusations::default();
        (0..100).for_each(|n| accuse(&mut one, n));
        let mut many = Accusations::default();
        for part in [0..7, 7..90, 90..100] {
            let mut some = Accusations::default();
            part.for_each(|n| accuse(&mut some, n));
            many.append(some);
        }
        let told = |accusations: Accusations| -> Vec<(String, Vec<Condition>)> {
            let all = accusations.into_vec().into_iter();
            all.map(|it| (format!("{:?} {}", it.finding.subject, it.finding.message), it.conditions))
                .collect()
        };
        assert_eq!(told(many), told(one));
    }

    #[test]
    fn leftovers_are_accused_up_to_a_number_and_counted_from_there() {
        let (mut one, mut other) = (Accusations::default(), Accusations::default());
        for at in 0..MOST_LEFTOVERS + 7 {
            let subject = Subject::place(Place::from(format!("stray {at}")));
            let accused = one.add_leftover(Code::StrayFile, subject, String::new, []);
            assert_eq!(accused.is_some(), at < MOST_LEFTOVERS);
        }
        for at in 0..5 {
            other.add_leftover(Code::StrayFile, Subject::place(format!("x{at}").into()), String::new, []);
            other.add(Code::OrphanBlob, Subject::data(Digest::sha256([at; 32])), String::new, []);
        }
        assert_eq!(other.limits().count(), 0);
        one.append(other);
        let counted = Limit::LeftoversCounted { code: Code::StrayFile, named: 50_000, more: 12 };
        assert_eq!(one.limits().collect::<Vec<_>>(), [counted]);
        assert_eq!(one.into_vec().len(), MOST_LEFTOVERS + 5);
    }
}
