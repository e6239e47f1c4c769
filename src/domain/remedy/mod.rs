//! What helps against a finding, what cannot, and why: one table for the report, which offers it, and for the
//! planner, which plans the first that can be done.
//!
//! ```text
//! finding ─ways─► what helps, in order ─capabilities─► what can be done, what it still needs, what cannot and why
//! ```

mod goal;
mod obstacle;
mod table;
#[cfg(test)]
mod tests;

pub use self::goal::Goal;
pub use self::obstacle::{Helpless, Obstacle};
use self::table::Way;
pub use self::table::{About, Beside, beside};
use super::action::{Action, Need, Remedy};
use super::code::Code;
use super::digest::Digest;
use super::finding::Finding;
use super::layout::LinkPlace;
use super::rules::{CacheKind, DaemonSettings};

/// What there is to work with, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Capabilities<'a> {
    /// What is wanted.
    pub goal: Goal,
    /// What the daemon allows, and where it remembers.
    pub daemon: &'a DaemonSettings,
    /// Whether storage can be looked at.
    pub has_storage: bool,
    /// Whether there is something that restarts the daemon.
    pub has_service: bool,
    /// Its cache in Redis.
    pub redis: Redis,
}

/// What is known of a daemon's cache in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redis {
    /// Nobody gave it.
    NotGiven,
    /// It is not, or not only, this registry's cache.
    Shared,
    /// It may be purged.
    Open,
}

/// A finding, as far as that decides what helps.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, not a state")]
pub struct Case {
    /// What is wrong.
    pub code: Code,
    /// With what.
    pub about: About,
    /// Whether something needs the content, as far as that is known.
    pub is_needed: bool,
    /// Whether Redis is known to have wrong keys of it.
    pub has_keys: bool,
    /// Whether a local engine has an image that it breaks.
    pub has_image: bool,
    /// Whether the bytes that it takes are at hand, and what is lacking otherwise.
    pub bytes: Result<(), Obstacle>,
    /// Whether those of the manifest itself are, whatever it needs.
    pub has_manifest: bool,
}

/// What is to be thought of a remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prospect {
    /// The remedy.
    pub action: Action,
    /// What it still needs, if it can work at all.
    pub works: Result<Option<Need>, Obstacle>,
}

impl About {
    /// What a finding is about; which stored content is a manifest has to be told.
    #[must_use]
    pub fn of(finding: &Finding, is_manifest: impl Fn(&Digest) -> bool) -> Self {
        let subject = &finding.subject;
        let Some(digest) = &subject.digest else {
            return if subject.tag.is_some() { Self::Tag } else { Self::Content };
        };
        match finding.code {
            Code::MissingLink | Code::InvalidLink => {
                if let Some(LinkPlace::Layer(_)) = subject.as_link() {
                    Self::Layer
                } else {
                    Self::Revision
                }
            }
            Code::StaleCacheEntry if subject.repository.is_some() => Self::Membership,
            Code::MissingManifest
            | Code::PhantomManifest
            | Code::HollowIndex
            | Code::PartialIndex
            | Code::WrongDescriptor
            | Code::UnreadableManifest => Self::Manifest,
            Code::EmptyBlob | Code::TruncatedBlob | Code::CorruptBlob if is_manifest(digest) => {
                Self::Manifest
            }
            Code::EmptyBlob
            | Code::TruncatedBlob
            | Code::CorruptBlob
            | Code::PhantomBlob
            | Code::PhantomLink
            | Code::MissingBlob
            | Code::StaleCacheEntry
            | Code::SizeMismatch
            | Code::TagMismatch
            | Code::HiddenBlob
            | Code::ReplicaDisagreement
            | Code::ServerError
            | Code::UnreadableFile
            | Code::DanglingLayerLink
            | Code::OrphanBlob
            | Code::StaleUpload
            | Code::StrayFile => Self::Content,
        }
    }
}

impl<'a> Capabilities<'a> {
    /// What a check knows of: it asks for no services.
    #[must_use]
    pub const fn found(daemon: &'a DaemonSettings, has_storage: bool, redis: Redis) -> Self {
        Self { goal: Goal::Fix, daemon, has_storage, has_service: false, redis }
    }
}

impl Case {
    /// A finding of a check, which asks no source: what is stored is at hand, and what is not is not.
    #[must_use]
    pub fn found(finding: &Finding, is_manifest: impl Fn(&Digest) -> bool, has_keys: bool) -> Self {
        let about = About::of(finding, is_manifest);
        let is_stored = finding.code == Code::MissingLink && about != About::Tag;
        let bytes = if is_stored { Ok(()) } else { Err(Obstacle::Lacks(Need::Bytes)) };
        // What is lost may have needed it, too.
        Self {
            code: finding.code,
            about,
            is_needed: true,
            has_keys,
            has_image: false,
            bytes,
            has_manifest: false,
        }
    }
}

impl Prospect {
    /// What keeps it from being done now.
    ///
    /// # Errors
    /// Any obstacle, what is not at hand among them.
    pub fn now(&self) -> Result<(), Obstacle> {
        match self.works {
            Ok(Some(need)) => Err(Obstacle::Lacks(need)),
            Ok(None) if self.action.is_by_hand() => Err(Obstacle::ByHand),
            Ok(None) => Ok(()),
            Err(obstacle) => Err(obstacle),
        }
    }
}

/// Everything that one may think of, in order.
#[must_use]
pub fn prospects(case: &Case, capabilities: Capabilities<'_>) -> Vec<Prospect> {
    let mut prospects: Vec<Prospect> = Vec::new();
    for way in table::ways(case.code, case.about) {
        let (action, works) = match *way {
            Way::IfNeeded(action) if !case.is_needed => (action, Err(Obstacle::IsUnneeded)),
            Way::Else(_) if prospects.iter().any(|earlier| earlier.works.is_ok()) => continue,
            Way::Do(action) | Way::IfNeeded(action) | Way::Else(action) => {
                (action, capabilities.allow(action, case))
            }
            Way::Never(action, obstacle) => (action, Err(obstacle)),
        };
        prospects.push(Prospect { action, works });
    }
    prospects
}

/// The remedies that can work, for the report.
#[must_use]
pub fn offered(case: &Case, capabilities: Capabilities<'_>) -> Vec<Remedy> {
    let mut remedies: Vec<Remedy> = Vec::new();
    for Prospect { action, works } in prospects(case, capabilities) {
        if let Ok(needs) = works
            && !remedies.iter().any(|known| known.action == action)
        {
            remedies.push(Remedy::new(action, needs));
        }
    }
    remedies
}

impl Capabilities<'_> {
    /// What a remedy still needs, if it can work at all.
    fn allow(&self, action: Action, case: &Case) -> Result<Option<Need>, Obstacle> {
        match action {
            Action::Quarantine if self.daemon.fetches() => self.set_aside(),
            _ if self.daemon.fetches() && table::is_bad(case.code) => Err(Obstacle::Fetched),
            Action::Quarantine | Action::UploadBlob | Action::UploadManifest | Action::PutManifest => {
                self.want(action)?;
                self.write()?;
                needing(case.bytes)
            }
            Action::ReturnManifest => {
                self.want(action)?;
                self.write()?;
                if !case.has_manifest {
                    return Ok(Some(Need::Bytes));
                }
                Ok((!self.has_storage).then_some(Need::Storage))
            }
            Action::PushImage => {
                self.want(action)?;
                self.write()?;
                if case.has_image { Ok(None) } else { Err(Obstacle::LacksImage) }
            }
            Action::DeleteClaim => self.delete(),
            Action::PurgeCache => self.purge(case),
            Action::Restart => self.restart(case),
            Action::RewriteLink => self.want(action).map(|()| None),
            Action::CollectGarbage | Action::PurgeUploads | Action::Inspect => Ok(None),
        }
    }

    /// A pull-through cache fetches what is moved away, as soon as it does not remember having it.
    fn set_aside(&self) -> Result<Option<Need>, Obstacle> {
        self.want(Action::Quarantine)?;
        Ok(match (self.daemon.cache, self.redis) {
            _ if !self.has_storage => Some(Need::Storage),
            (CacheKind::None, _) | (CacheKind::Redis, Redis::Open) => None,
            (CacheKind::Redis, Redis::NotGiven) => Some(Need::Redis),
            (CacheKind::Redis, Redis::Shared) => return Err(Obstacle::SharedRedis),
            (CacheKind::InMemory | CacheKind::Unknown, _) => (!self.has_service).then_some(Need::Service),
        })
    }

    /// Whether that is wanted at all.
    const fn want(&self, action: Action) -> Result<(), Obstacle> {
        let is_wanted = match self.goal {
            Goal::Fix => true,
            Goal::Purge => matches!(action, Action::PurgeCache | Action::DeleteClaim),
            Goal::Collection => {
                matches!(action, Action::PurgeCache | Action::DeleteClaim | Action::ReturnManifest)
            }
            Goal::Restart => matches!(action, Action::Restart),
        };
        if is_wanted { Ok(()) } else { Err(Obstacle::OtherGoal(self.goal)) }
    }

    /// Whether the daemon takes writes.
    fn write(&self) -> Result<(), Obstacle> {
        if self.daemon.fetches() {
            Err(Obstacle::PullThrough)
        } else if self.daemon.read_only == Some(true) {
            Err(Obstacle::ReadOnly)
        } else {
            Ok(())
        }
    }

    fn delete(&self) -> Result<Option<Need>, Obstacle> {
        if self.daemon.cache == CacheKind::Redis {
            return Err(Obstacle::OtherCache);
        }
        self.want(Action::DeleteClaim)?;
        self.write()?;
        match self.daemon.delete {
            Some(false) => Err(Obstacle::NoDeletes),
            Some(true) | None => Ok((!self.has_storage).then_some(Need::Storage)),
        }
    }

    fn purge(&self, case: &Case) -> Result<Option<Need>, Obstacle> {
        // An entry that was seen in Redis is there, whatever else is known.
        let is_seen = case.code == Code::StaleCacheEntry || case.has_keys;
        if !is_seen && matches!(self.daemon.cache, CacheKind::InMemory | CacheKind::None) {
            return Err(Obstacle::OtherCache);
        }
        self.want(Action::PurgeCache)?;
        match self.redis {
            Redis::NotGiven => Ok(Some(Need::Redis)),
            Redis::Shared => Err(Obstacle::SharedRedis),
            Redis::Open if case.code == Code::SizeMismatch && !case.has_keys => Err(Obstacle::RightInRedis),
            Redis::Open => Ok(None),
        }
    }

    fn restart(&self, case: &Case) -> Result<Option<Need>, Obstacle> {
        let is_stored = matches!(case.code, Code::SizeMismatch | Code::HiddenBlob | Code::ServerError);
        match self.daemon.cache {
            CacheKind::Redis => Err(Obstacle::OutlivesRestart),
            // Who claims what is not there does remember, whatever the configuration says.
            CacheKind::None if is_stored => Err(Obstacle::NoCache),
            CacheKind::None | CacheKind::InMemory | CacheKind::Unknown => {
                self.want(Action::Restart)?;
                Ok((!self.has_service).then_some(Need::Service))
            }
        }
    }
}

/// What is not at hand can be brought; other obstacles stay.
const fn needing(bytes: Result<(), Obstacle>) -> Result<Option<Need>, Obstacle> {
    match bytes {
        Ok(()) => Ok(None),
        Err(Obstacle::Lacks(need)) => Ok(Some(need)),
        Err(obstacle) => Err(obstacle),
    }
}
