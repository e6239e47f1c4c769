//! The plan: what a repair will do, as a value that can be shown, saved, approved and carried out.
//!
//! Steps stand in the order in which they are carried out, stage by stage: content before what needs it,
//! claims last. Within a stage they are independent, but for those they name in [`Step::after`].

mod materials;
mod outcome;
pub mod planner;
mod saved;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::materials::Materials;
pub use self::outcome::{Outcome, Proof, StepResult};
use super::action::{Action, Risk};
use super::digest::Digest;
use super::layout::{LinkPlace, Place};
use super::name::{Reference, RepositoryName, Tag};
pub use super::remedy::Goal;
use super::remedy::Helpless;
use super::rules::Condition;
use super::target::Target;
use super::views::cache::StaleKeys;

/// The version of the plan's file format.
pub const VERSION: u32 = 1;

/// What a repair will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// When it was made.
    #[cfg_attr(test, schemars(with = "super::schema::Time"))]
    pub created: Timestamp,
    /// The registry that it was made for.
    pub target: Target,
    /// How it is carried out, as flags that can be typed, without secrets: the target, the sources, what restarts the
    /// daemon. Of a plan that was saved; a repair that asks at once has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The findings that nothing in it helps, by id, and what would.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>"))]
    pub unresolved: BTreeMap<String, Helpless>,
    /// Those of them that are only notes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub notes: BTreeSet<String>,
}

/// When a step is carried out. The order is that of the stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Links in storage are put right.
    Links,
    /// Configs and layers are uploaded; bad files make room just before.
    Blobs,
    /// Manifests of single images.
    Manifests,
    /// Indexes, which need those.
    Indexes,
    /// Tags.
    Tags,
    /// Claims that no bytes are at hand for are cleared.
    Claims,
    /// The daemon is restarted.
    Restart,
    /// A local engine pushes what it has.
    Push,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Step {
    /// Its name, unique in the plan and the same in every plan for the same damage.
    pub id: String,
    /// When.
    pub stage: Stage,
    /// What.
    pub action: StepAction,
    /// What it does, for people.
    pub what: String,
    /// What it puts at risk.
    pub risk: Risk,
    /// Where its bytes come from, where it takes some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where else a source may have its bytes: the repositories that need them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sought: Vec<RepositoryName>,
    /// The steps that must have been carried out before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// The findings that it should resolve, by id.
    pub resolves: Vec<String>,
    /// What must still be so in storage for it to make sense.
    pub preconditions: Vec<Condition>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum StepAction {
    /// Write the link's content again.
    RewriteLink {
        /// The repository.
        repository: RepositoryName,
        /// The link.
        place: LinkPlace,
        /// What it will say.
        digest: Digest,
    },
    /// Move a bad file to the quarantine: a pull-through cache fetches it again.
    SetAside {
        /// The content.
        digest: Digest,
    },
    /// Upload a config or layer without asking first.
    UploadBlob {
        /// The repository to upload into.
        repository: RepositoryName,
        /// The content.
        digest: Digest,
        /// Its size in bytes, where a descriptor gives one.
        size: Option<u64>,
        /// Whether a bad file lies where it belongs, which must go to the quarantine first.
        replaces: bool,
    },
    /// Upload a manifest's bytes as a blob, then PUT it for its links.
    RestoreManifest {
        /// The repository to put it into.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
        /// Whether a bad file lies where it belongs, which must go to the quarantine first.
        replaces: bool,
    },
    /// Upload a manifest's bytes as a blob and take the link away again: nobody needs it, but a daemon believes in it.
    ReturnManifest {
        /// The repository to upload into.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
    },
    /// PUT a manifest that is stored, for a link or a tag to it.
    PutManifest {
        /// The repository.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
        /// The tag to write; without one, only the revision link.
        tag: Option<Tag>,
    },
    /// DELETE the claim over the API.
    DeleteClaim {
        /// The repository whose claim it is.
        repository: RepositoryName,
        /// What is claimed.
        digest: Digest,
    },
    /// Delete exactly the stale keys from Redis.
    PurgeCache(StaleKeys),
    /// Restart the daemon.
    Restart {
        /// The service, as given.
        service: String,
        /// Only if the daemon announces a wrong size of one of these; empty: in any case.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        if_wrong: Vec<Remembered>,
    },
    /// Let the local engine push an image, as `docker push` does.
    PushImage {
        /// The repository.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
    },
}

/// Content of which a daemon's memory may have a wrong size, and a repository to ask about it in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Remembered {
    /// The repository.
    pub repository: RepositoryName,
    /// The content.
    pub digest: Digest,
    /// Its right size in bytes, where a descriptor gives one.
    pub size: Option<u64>,
}

impl StepAction {
    /// The name of a step that does this.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::RewriteLink { repository, place, .. } => {
                format!("rewrite-link:{}", Place::Link(repository.clone(), place.clone()))
            }
            Self::SetAside { digest } => format!("set-aside:{digest}"),
            Self::UploadBlob { repository, digest, .. } => format!("upload-blob:{repository}:{digest}"),
            Self::RestoreManifest { repository, digest, .. } => {
                format!("restore-manifest:{repository}:{digest}")
            }
            Self::ReturnManifest { repository, digest } => format!("return-manifest:{repository}:{digest}"),
            Self::PutManifest { repository, digest, tag: None } => {
                format!("put-manifest:{repository}:{digest}")
            }
            Self::PutManifest { repository, tag: Some(tag), .. } => {
                format!("put-manifest:{repository}:{tag}")
            }
            Self::DeleteClaim { repository, digest } => format!("delete-claim:{repository}:{digest}"),
            Self::PurgeCache(keys) => format!("purge-cache:{}", keys.digest),
            Self::Restart { service, .. } => format!("restart:{service}"),
            Self::PushImage { repository, tag } => format!("push-image:{repository}:{tag}"),
        }
    }

    /// Which remedy it is a step of.
    #[must_use]
    pub const fn kind(&self) -> Action {
        match self {
            Self::RewriteLink { .. } => Action::RewriteLink,
            Self::SetAside { .. } => Action::Quarantine,
            Self::UploadBlob { .. } => Action::UploadBlob,
            Self::RestoreManifest { .. } => Action::UploadManifest,
            Self::ReturnManifest { .. } => Action::ReturnManifest,
            Self::PutManifest { .. } => Action::PutManifest,
            Self::DeleteClaim { .. } => Action::DeleteClaim,
            Self::PurgeCache { .. } => Action::PurgeCache,
            Self::Restart { .. } => Action::Restart,
            Self::PushImage { .. } => Action::PushImage,
        }
    }

    /// What carrying it out puts at risk.
    #[must_use]
    pub fn risk(&self) -> Risk {
        let risk = self.kind().risk();
        if self.replaces() { risk.max(Action::Quarantine.risk()) } else { risk }
    }

    /// What it does, for people.
    #[must_use]
    pub fn what(&self) -> String {
        let aside = |replaces: bool| if replaces { "move the bad file to the quarantine, then " } else { "" };
        match self {
            Self::RewriteLink { repository, place, digest } => {
                format!("write {} into {}", digest.short(), Place::Link(repository.clone(), place.clone()))
            }
            Self::SetAside { digest } => {
                format!(
                    "move the bad file of {} to the quarantine, so that the next pull fetches it",
                    digest.short()
                )
            }
            Self::UploadBlob { repository, digest, replaces, .. } => {
                format!("{}upload blob {} to {repository}", aside(*replaces), digest.short())
            }
            Self::RestoreManifest { repository, digest, replaces } => {
                format!("{}upload manifest {} to {repository} and link it", aside(*replaces), digest.short())
            }
            Self::ReturnManifest { repository, digest } => format!(
                "put the bytes of manifest {} back through {repository}, without a link: the daemon believes in it",
                digest.short()
            ),
            Self::PutManifest { repository, digest, tag: None } => {
                format!("link manifest {} in {repository} again", digest.short())
            }
            Self::PutManifest { repository, digest, tag: Some(tag) } => {
                format!("tag manifest {} as {repository}:{tag} again", digest.short())
            }
            Self::DeleteClaim { repository, digest } => {
                format!("make the daemon forget blob {} in {repository} (DELETE)", digest.short())
            }
            Self::PurgeCache(keys) => format!("delete the keys of {} from Redis", keys.digest.short()),
            Self::Restart { service, if_wrong } if if_wrong.is_empty() => {
                format!("restart the daemon ({service})")
            }
            Self::Restart { service, .. } => {
                format!("restart the daemon ({service}) if it remembers a wrong size of what was replaced")
            }
            Self::PushImage { repository, tag } => format!("let the local engine push {repository}:{tag}"),
        }
    }

    /// The repository that it writes to over the API, where it does.
    #[must_use]
    pub const fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::UploadBlob { repository, .. }
            | Self::RestoreManifest { repository, .. }
            | Self::ReturnManifest { repository, .. }
            | Self::PutManifest { repository, .. }
            | Self::DeleteClaim { repository, .. }
            | Self::PushImage { repository, .. } => Some(repository),
            Self::RewriteLink { .. } | Self::SetAside { .. } | Self::PurgeCache(_) | Self::Restart { .. } => {
                None
            }
        }
    }

    /// The content that it is about.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        match self {
            Self::RewriteLink { digest, .. }
            | Self::SetAside { digest }
            | Self::UploadBlob { digest, .. }
            | Self::RestoreManifest { digest, .. }
            | Self::ReturnManifest { digest, .. }
            | Self::PutManifest { digest, .. }
            | Self::DeleteClaim { digest, .. }
            | Self::PurgeCache(StaleKeys { digest, .. }) => Some(digest),
            Self::Restart { .. } | Self::PushImage { .. } => None,
        }
    }

    /// Whether it restarts this service.
    #[must_use]
    pub fn restarts(&self, spec: &str) -> bool {
        matches!(self, Self::Restart { service, .. } if service == spec)
    }

    /// Whether a bad file goes to the quarantine first.
    #[must_use]
    pub const fn replaces(&self) -> bool {
        matches!(self, Self::UploadBlob { replaces: true, .. } | Self::RestoreManifest { replaces: true, .. })
    }

    /// Whether it uploads content.
    #[must_use]
    pub const fn is_upload(&self) -> bool {
        matches!(self, Self::UploadBlob { .. } | Self::RestoreManifest { .. })
    }

    /// By what a manifest is PUT.
    #[must_use]
    pub fn reference(&self) -> Option<Reference> {
        match self {
            Self::PutManifest { tag: Some(tag), .. } => Some(Reference::Tag(tag.clone())),
            Self::PutManifest { digest, tag: None, .. } | Self::RestoreManifest { digest, .. } => {
                Some(Reference::Digest(*digest))
            }
            Self::RewriteLink { .. }
            | Self::SetAside { .. }
            | Self::UploadBlob { .. }
            | Self::ReturnManifest { .. }
            | Self::DeleteClaim { .. }
            | Self::PurgeCache(_)
            | Self::Restart { .. }
            | Self::PushImage { .. } => None,
        }
    }
}

impl Step {
    /// A step that stands alone and resolves no finding in particular.
    #[must_use]
    pub fn new(action: StepAction, stage: Stage) -> Self {
        Self {
            id: action.id(),
            stage,
            what: action.what(),
            risk: action.risk(),
            from: None,
            sought: Vec::new(),
            after: Vec::new(),
            resolves: Vec::new(),
            preconditions: Vec::new(),
            action,
        }
    }
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// A plan that somebody agreed to. The executor takes nothing else.
#[derive(Debug, Clone)]
pub struct Approved(Plan);

/// Who agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// A person, who was shown the plan and asked.
    Asked,
    /// Whoever gave `--yes`.
    BeforeHand,
}

impl Approved {
    /// The plan, now that somebody agreed to it.
    #[must_use]
    pub fn new(plan: Plan, _consent: Consent) -> Self {
        Self(plan)
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.0
    }
}
