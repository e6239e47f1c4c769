//! The table: what helps, finding by finding.
//!
//! It was measured on six versions of distribution: an upload without asking first heals missing data everywhere; a
//! plain push of a claimed manifest is swallowed, unless its bytes are there again; damaged files are never healed in place; a restart empties an
//! in-memory cache and does nothing to Redis.

use Way::{Do, Else, IfNeeded, Never};

use super::obstacle::Obstacle;
use crate::domain::action::Action::{
    self, CollectGarbage, DeleteClaim, Inspect, PurgeCache, PurgeUploads, PushImage, PutManifest, Quarantine,
    Restart, ReturnManifest, RewriteLink, UploadBlob, UploadManifest,
};
use crate::domain::code::Code::{
    self, CorruptBlob, DanglingLayerLink, EmptyBlob, HiddenBlob, HollowIndex, InvalidLink, MissingBlob,
    MissingLink, MissingManifest, OrphanBlob, PartialIndex, PhantomBlob, PhantomLink, PhantomManifest,
    ReplicaDisagreement, ServerError, SizeMismatch, StaleCacheEntry, StaleUpload, StrayFile, TagMismatch,
    TruncatedBlob, UnreadableFile, UnreadableManifest, WrongDescriptor,
};

/// What exactly a finding is about, as far as that decides what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Content, or anything else.
    Content,
    /// Content that is a manifest.
    Manifest,
    /// A link to a config or layer.
    Layer,
    /// A link to a manifest.
    Revision,
    /// A tag.
    Tag,
    /// A key that gives one repository access to content that is stored.
    Membership,
}

/// One way to help.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// It helps, if it can be done.
    Do(Action),
    /// The same, where anything that is known needs the content.
    IfNeeded(Action),
    /// The same, where nothing before it can be done.
    Else(Action),
    /// It does not help, although one may think so.
    Never(Action, Obstacle),
}

/// Which findings, of what kind where that matters, and what helps against them in order: the first that can be done
/// is planned.
type Row = (&'static [Code], Option<About>, &'static [Way]);

/// The first row that fits counts.
const TABLE: &[Row] = &[
    // Claims.
    (
        &[PhantomBlob],
        ANY,
        &[IfNeeded(UploadBlob), Do(DeleteClaim), Do(PurgeCache), Do(UploadBlob), Do(Restart)],
    ),
    (&[PhantomLink], ANY, &[Do(DeleteClaim), Do(PurgeCache), Do(Restart)]),
    (
        &[PhantomManifest],
        ANY,
        &[
            IfNeeded(UploadManifest),
            Do(PurgeCache),
            Do(ReturnManifest),
            DELETES_NO_MANIFEST,
            Do(UploadManifest),
            Do(Restart),
        ],
    ),
    (&[StaleCacheEntry], Some(About::Membership), &[Do(PurgeCache), RESTARTS_NO_REDIS]),
    (&[StaleCacheEntry], ANY, &[Do(UploadBlob), Do(PurgeCache), RESTARTS_NO_REDIS]),
    // What is lost.
    (&[MissingBlob], ANY, &[Do(UploadBlob), Do(PushImage)]),
    (&[MissingManifest, HollowIndex, PartialIndex], ANY, &[Do(UploadManifest), Do(PushImage)]),
    (&[MissingLink], Some(About::Layer), &[Do(UploadBlob), Do(PushImage)]),
    (&[MissingLink], ANY, &[Do(PutManifest), Do(PushImage)]),
    (&[InvalidLink], Some(About::Tag), &[Do(PutManifest), Do(PushImage)]),
    (&[InvalidLink], ANY, &[Do(RewriteLink)]),
    // What is bad: where a file exists, a daemon throws an upload away.
    (BAD, Some(About::Manifest), &[Do(Quarantine), Do(UploadManifest), Do(PushImage)]),
    (BAD, ANY, &[Do(Quarantine), Do(UploadBlob), Do(PushImage)]),
    (&[WrongDescriptor], ANY, &[Never(UploadBlob, Obstacle::Misdescribed), Do(Inspect)]),
    // What is stored and answered for wrongly. Nothing that is stored is deleted; nor would a DELETE reach the size,
    // which is in the daemon's global entry.
    (&[SizeMismatch], ANY, &[UPLOADS_NO_MEMORY, Do(Restart), Do(PurgeCache), Else(Inspect)]),
    (&[HiddenBlob], ANY, &[UPLOADS_NO_MEMORY, Do(Restart), Else(Inspect)]),
    (&[ServerError], ANY, &[Do(Inspect), UPLOADS_NO_MEMORY, Do(Restart)]),
    (&[ReplicaDisagreement], Some(About::Tag), &[Do(Inspect)]),
    (&[ReplicaDisagreement], ANY, &[Do(Inspect), Never(UploadBlob, Obstacle::ReplicaRemembers), Do(Restart)]),
    (&[TagMismatch, StrayFile, UnreadableFile], ANY, &[Do(Inspect)]),
    // Leftovers. Garbage collection of no version removes a dangling link, and a push of the layer makes it right.
    (&[OrphanBlob], ANY, &[Do(CollectGarbage)]),
    (&[DanglingLayerLink], ANY, &[Never(CollectGarbage, Obstacle::Leftover)]),
    (&[StaleUpload], ANY, &[Do(PurgeUploads)]),
];

const ANY: Option<About> = None;
const BAD: &[Code] = &[UnreadableManifest, EmptyBlob, TruncatedBlob, CorruptBlob];
const DELETES_NO_MANIFEST: Way = Never(DeleteClaim, Obstacle::ClearsNoManifest);
const RESTARTS_NO_REDIS: Way = Never(Restart, Obstacle::OutlivesRestart);
const UPLOADS_NO_MEMORY: Way = Never(UploadBlob, Obstacle::Remembered);

/// Whether a file is there whose bytes are not right.
pub(super) fn is_bad(code: Code) -> bool {
    BAD.contains(&code)
}

/// What helps, in order.
pub(super) fn ways(code: Code, about: About) -> &'static [Way] {
    let fits = |(codes, kind, _): &&Row| codes.contains(&code) && kind.is_none_or(|kind| kind == about);
    TABLE.iter().find(fits).map_or(&[], |(_, _, ways)| ways)
}

/// What settles a finding that has another one beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Whatever uploads the same content.
    Upload,
    /// Whatever uploads the same content or clears its keys.
    UploadOrPurge,
    /// Whatever replaces the bad file of the same content.
    Replacement,
    /// The same, or whatever clears its keys.
    ReplacementOrPurge,
    /// Whatever is done about the same content.
    Anything,
    /// Whatever brings one of the manifests that it lists.
    Children,
}

/// Findings that need no help of their own where another one's does it.
#[must_use]
pub const fn beside(code: Code, about: About) -> Option<Beside> {
    if matches!(about, About::Membership) {
        return None;
    }
    match code {
        Code::PhantomBlob | Code::PhantomManifest => Some(Beside::Upload),
        Code::StaleCacheEntry => Some(Beside::UploadOrPurge),
        Code::SizeMismatch => Some(Beside::ReplacementOrPurge),
        Code::HiddenBlob | Code::ServerError => Some(Beside::Replacement),
        Code::ReplicaDisagreement => Some(Beside::Anything),
        Code::HollowIndex | Code::PartialIndex => Some(Beside::Children),
        Code::PhantomLink
        | Code::MissingBlob
        | Code::MissingManifest
        | Code::MissingLink
        | Code::EmptyBlob
        | Code::TruncatedBlob
        | Code::CorruptBlob
        | Code::WrongDescriptor
        | Code::UnreadableManifest
        | Code::UnreadableFile
        | Code::InvalidLink
        | Code::TagMismatch
        | Code::DanglingLayerLink
        | Code::OrphanBlob
        | Code::StaleUpload
        | Code::StrayFile => None,
    }
}
