//! What can be done: the one vocabulary of remedies in reports and of steps in plans.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What can be done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Move the bad file beside the storage root, so that an upload is not thrown away.
    Quarantine,
    /// Upload the bytes without asking the daemon first.
    UploadBlob,
    /// Upload the manifest's bytes as a blob, then PUT it for its links.
    UploadManifest,
    /// Put the manifest's bytes back as a blob, without a link: what the daemon believes is true then, and any push works.
    ReturnManifest,
    /// PUT the manifest that is stored, which writes its link again.
    PutManifest,
    /// Write the link's content again from its folder's name.
    RewriteLink,
    /// DELETE the claim over the API.
    DeleteClaim,
    /// Delete exactly the stale keys from Redis.
    PurgeCache,
    /// Restart the daemon, which forgets an in-memory cache.
    Restart,
    /// Run garbage collection, which removes it.
    CollectGarbage,
    /// Let the daemon's upload purging remove it, or remove it by hand.
    PurgeUploads,
    /// Look at it: only a person can tell.
    Inspect,
    /// Let a local engine push the image that it has.
    PushImage,
}

impl Action {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::UploadBlob => "upload-blob",
            Self::UploadManifest => "upload-manifest",
            Self::ReturnManifest => "return-manifest",
            Self::PutManifest => "put-manifest",
            Self::RewriteLink => "rewrite-link",
            Self::DeleteClaim => "delete-claim",
            Self::PurgeCache => "purge-cache",
            Self::Restart => "restart",
            Self::CollectGarbage => "collect-garbage",
            Self::PurgeUploads => "purge-uploads",
            Self::Inspect => "inspect",
            Self::PushImage => "push-image",
        }
    }

    /// Whether no plan does it: a person or the registry itself has to.
    #[must_use]
    pub const fn is_by_hand(self) -> bool {
        match self {
            Self::CollectGarbage | Self::PurgeUploads | Self::Inspect => true,
            Self::Quarantine
            | Self::UploadBlob
            | Self::UploadManifest
            | Self::ReturnManifest
            | Self::PutManifest
            | Self::RewriteLink
            | Self::DeleteClaim
            | Self::PurgeCache
            | Self::Restart
            | Self::PushImage => false,
        }
    }

    /// What carrying it out puts at risk.
    #[must_use]
    pub const fn risk(self) -> Risk {
        match self {
            Self::UploadBlob
            | Self::UploadManifest
            | Self::ReturnManifest
            | Self::PutManifest
            | Self::PurgeCache
            | Self::Inspect => Risk::None,
            // The image that the engine pushes may be a newer make than the one that was lost.
            Self::Quarantine | Self::RewriteLink | Self::DeleteClaim | Self::PushImage => Risk::Low,
            Self::Restart => Risk::Downtime,
            Self::CollectGarbage | Self::PurgeUploads => Risk::Deletes,
        }
    }
}

/// What carrying out a remedy puts at risk, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// It only adds what should be there.
    None,
    /// It changes something in place; the journal can put it back or a push can.
    Low,
    /// The registry is away for a moment.
    Downtime,
    /// It deletes from storage; regfsck never does that itself.
    Deletes,
}

/// What a remedy takes beside consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Need {
    /// The bytes that are gone.
    #[serde(rename = "a source of the bytes (--source)", alias = "a source of the bytes")]
    Bytes,
    /// What restarts the daemon.
    #[serde(rename = "a way to restart the daemon (--restart)")]
    Service,
    /// The cache.
    #[serde(rename = "the daemon's Redis, if it has one (--redis)")]
    Redis,
    /// Whoever deletes looks first.
    #[serde(rename = "a look at storage (--storage)")]
    Storage,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One thing that can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Remedy {
    /// What.
    pub action: Action,
    /// What that puts at risk.
    pub risk: Risk,
    /// What it takes that is not at hand yet, such as a source of the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub needs: Option<Need>,
}

impl Remedy {
    /// The remedy, and what it needs first.
    #[must_use]
    pub const fn new(action: Action, needs: Option<Need>) -> Self {
        Self { action, risk: action.risk(), needs }
    }
}
