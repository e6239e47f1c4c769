//! Why a remedy cannot work, and what is said of a finding that none helps.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::goal::Goal;
use crate::domain::action::{Action, Need};
use crate::domain::digest::Digest;

/// Why a remedy cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// What it needs is not at hand.
    Lacks(Need),
    /// No source has this blob, which a manifest needs.
    LacksBlob(Digest),
    /// No source has this manifest, which an index needs.
    LacksManifest(Digest),
    /// No local engine has the image.
    LacksImage,
    /// Nothing tells what the tag should name.
    TagIsLost,
    /// Nothing that is known needs the content: there are better ways than to upload it.
    IsUnneeded,
    /// No repository has use for the content.
    HasNoPlace,
    /// The registry is in read-only mode.
    ReadOnly,
    /// The registry is a pull-through cache.
    PullThrough,
    /// What is moved away there it fetches itself.
    Fetched,
    /// The registry allows no deletes.
    NoDeletes,
    /// A DELETE clears no manifest from a daemon's memory.
    ClearsNoManifest,
    /// The bytes are right: the manifest that describes them is not.
    Misdescribed,
    /// The bytes are right: what the daemon remembers of them is not.
    Remembered,
    /// The same of some replica.
    ReplicaRemembers,
    /// The daemon has no cache.
    NoCache,
    /// It is not in that kind of cache.
    OtherCache,
    /// What is in Redis outlives a restart.
    OutlivesRestart,
    /// This Redis is not, or not only, this registry's cache.
    SharedRedis,
    /// What Redis has of it is right.
    RightInRedis,
    /// Something else is wanted.
    OtherGoal(Goal),
    /// Nothing removes it, and nothing has to.
    Leftover,
    /// Only a person or the registry itself can do it.
    ByHand,
}

/// How much it says, beside others. The most telling ones are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Silent,
    /// Only where nothing else is to be said.
    Light,
    Plain,
    /// It makes everything else pointless.
    Decisive,
}

const FIX: &str = "check --fix does that";

impl Obstacle {
    const fn weight(self, action: Action) -> Weight {
        match (self, action) {
            (Self::LacksImage | Self::IsUnneeded | Self::OtherCache | Self::Fetched, _)
            | (Self::OtherGoal(_), Action::PushImage)
            | (Self::OtherGoal(Goal::Restart), Action::DeleteClaim) => Weight::Silent,
            (Self::OtherGoal(Goal::Restart), Action::PurgeCache) => Weight::Plain,
            (Self::ByHand | Self::OtherGoal(Goal::Restart), _) => Weight::Light,
            (
                Self::NoCache
                | Self::SharedRedis
                | Self::RightInRedis
                | Self::HasNoPlace
                | Self::Misdescribed,
                _,
            ) => Weight::Decisive,
            _ => Weight::Plain,
        }
    }

    /// What is so, in words.
    fn why(self, action: Action, is_first: bool) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Lacks(Need::Bytes) if is_first => "no source has its bytes",
            Self::Lacks(Need::Bytes) => "no source has the bytes",
            Self::Lacks(Need::Storage) => "nothing is deleted without a look at storage (--storage)",
            Self::LacksBlob(digest) => {
                return Some(format!("no source has blob {}, which it needs", digest.short()).into());
            }
            Self::LacksManifest(digest) => {
                return Some(format!("no source has manifest {}, which it needs", digest.short()).into());
            }
            Self::TagIsLost => "what the tag should name is lost",
            Self::HasNoPlace => "nothing needs it",
            Self::ReadOnly => "the registry is in read-only mode",
            Self::PullThrough => "a pull-through cache takes no uploads",
            Self::NoDeletes => "the registry allows no deletes",
            Self::ClearsNoManifest => "nothing else clears a manifest from the daemon's memory",
            Self::Misdescribed => "the content is right, and no upload changes a manifest",
            Self::Remembered => "the daemon's memory of it is wrong",
            Self::ReplicaRemembers => "the memory of some replica is wrong",
            Self::NoCache => "the daemon has no cache that could be wrong",
            Self::OutlivesRestart => "a restart clears nothing in Redis",
            Self::SharedRedis => "this Redis is not, or not only, this registry's cache: nothing is purged",
            Self::RightInRedis => "Redis has it right",
            Self::OtherGoal(goal) => unwanted(goal, action)?,
            Self::Leftover => "a normal leftover",
            Self::ByHand if action == Action::CollectGarbage => "a normal leftover",
            Self::ByHand if action == Action::PurgeUploads => "the daemon's upload purging removes it",
            Self::ByHand => "only a person can tell what is right",
            Self::Lacks(Need::Service | Need::Redis)
            | Self::LacksImage
            | Self::IsUnneeded
            | Self::Fetched
            | Self::OtherCache => return None,
        }))
    }

    /// What would help, in words.
    const fn cure(self, action: Action) -> Option<&'static str> {
        Some(match self {
            Self::Lacks(Need::Bytes) | Self::LacksBlob(_) | Self::LacksManifest(_) => {
                "give one with --source"
            }
            Self::Lacks(Need::Service) if matches!(action, Action::Quarantine) => {
                "the bad file can be moved away where the daemon is restarted then (--restart SPEC), and the next pull fetches it again"
            }
            Self::Lacks(Need::Redis) if matches!(action, Action::Quarantine) => {
                "the bad file can be moved away where its keys are purged then (--redis URL), and the next pull fetches it again"
            }
            Self::Lacks(Need::Service) => "a restart of the daemon clears it (--restart SPEC)",
            Self::Lacks(Need::Redis) => "its keys have to be purged (--redis URL)",
            Self::TagIsLost => {
                "push it again, give a --source that has it, or remove the tag: its folder below `_manifests/tags`"
            }
            Self::HasNoPlace => "garbage collection removes it",
            Self::Misdescribed => "build the image again, or push it again from an engine that has it",
            Self::ReadOnly => "switch that off for the repair",
            Self::PullThrough => "restart it, and the next pull fetches the content again",
            Self::NoCache | Self::RightInRedis => "its log may tell why",
            Self::Leftover => "garbage collection removes what can be removed",
            Self::ByHand if matches!(action, Action::CollectGarbage) => {
                "garbage collection removes what can be removed"
            }
            Self::OtherGoal(Goal::Purge | Goal::Collection) if matches!(action, Action::Restart) => {
                "a restart of the daemon clears it (regfsck restart)"
            }
            Self::OtherGoal(_) if matches!(action, Action::PurgeCache) => {
                "its keys have to be purged (regfsck purge)"
            }
            Self::OtherGoal(_) => FIX,
            Self::Lacks(Need::Storage)
            | Self::LacksImage
            | Self::IsUnneeded
            | Self::Fetched
            | Self::NoDeletes
            | Self::ClearsNoManifest
            | Self::Remembered
            | Self::ReplicaRemembers
            | Self::OtherCache
            | Self::OutlivesRestart
            | Self::SharedRedis
            | Self::ByHand => return None,
        })
    }
}

/// What a command that was given does not do.
const fn unwanted(goal: Goal, action: Action) -> Option<&'static str> {
    match (goal, action) {
        (_, Action::Restart | Action::PurgeCache | Action::DeleteClaim) | (Goal::Fix, _) => None,
        (Goal::Purge | Goal::Collection, Action::RewriteLink) => Some("a purge writes no link"),
        (Goal::Purge | Goal::Collection, _) => Some("a purge uploads nothing"),
        (Goal::Restart, Action::RewriteLink) => Some("a restart writes no link"),
        (Goal::Restart, _) => Some("a restart brings nothing back"),
    }
}

/// Why nothing in a plan helps a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Helpless {
    /// What keeps each remedy from working, in order.
    Hindered(Vec<(Action, Obstacle)>),
    /// As a saved plan says it.
    Saved(String),
}

impl From<String> for Helpless {
    fn from(said: String) -> Self {
        Self::Saved(said)
    }
}

impl From<Helpless> for String {
    fn from(helpless: Helpless) -> Self {
        helpless.to_string()
    }
}

impl fmt::Display for Helpless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hindered(obstacles) => say(obstacles, f),
            Self::Saved(said) => f.write_str(said),
        }
    }
}

/// Each reason once, and what would help in the end.
fn say(obstacles: &[(Action, Obstacle)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let weight = |(action, obstacle): &(Action, Obstacle)| obstacle.weight(*action);
    let most = obstacles.iter().map(weight).max().unwrap_or(Weight::Silent);
    let telling = obstacles.iter().filter(|each| weight(each) == most && most > Weight::Silent);
    let mut said: Vec<Cow<'_, str>> = Vec::new();
    let (mut known, mut cure) = (Vec::new(), None);
    for (action, obstacle) in telling {
        cure = obstacle.cure(*action).or(cure);
        if !known.contains(obstacle) {
            known.push(*obstacle);
            said.extend(obstacle.why(*action, said.is_empty()));
        }
    }
    f.write_str(&said.join(", and "))?;
    match cure {
        Some(cure) if said.is_empty() => f.write_str(cure),
        Some(cure) => write!(f, "; {cure}"),
        None if said.is_empty() => f.write_str("nothing to do follows from it"),
        None => Ok(()),
    }
}
