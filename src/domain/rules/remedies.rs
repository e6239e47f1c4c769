//! What can be done about a finding, best first, as far as the daemon allows it.
//!
//! The table behind this was measured on six versions of distribution: an upload without asking first
//! heals missing data everywhere; a plain push of a claimed manifest is swallowed; damaged files are never
//! healed in place; a restart empties an in-memory cache and does nothing to Redis.

use super::{CacheKind, Daemon};
use crate::domain::code::Code;
use crate::domain::finding::{Action, Finding, Remedy};
use crate::domain::layout::LinkPlace;

const BYTES: &str = "a source of the bytes (--source)";
const RESTART: &str = "a way to restart the daemon (--restart)";

/// The remedies that can work for `finding`.
#[must_use]
pub fn of(finding: &Finding, daemon: &Daemon) -> Vec<Remedy> {
    let remedies = match finding.code {
        Code::PhantomBlob => {
            let mut remedies = vec![Remedy::needing(Action::UploadBlob, BYTES)];
            remedies.extend(clear(daemon));
            remedies
        }
        Code::PhantomManifest => {
            let mut remedies = vec![Remedy::needing(Action::UploadManifest, BYTES)];
            remedies.extend(clear(daemon).into_iter().filter(|remedy| remedy.action != Action::DeleteClaim));
            remedies
        }
        Code::MissingBlob => vec![Remedy::needing(Action::UploadBlob, BYTES)],
        Code::MissingManifest | Code::HollowIndex | Code::PartialIndex => {
            vec![Remedy::needing(Action::UploadManifest, BYTES)]
        }
        Code::MissingLink => vec![Remedy::new(link_writer(finding))],
        Code::EmptyBlob | Code::TruncatedBlob | Code::CorruptBlob | Code::UnreadableManifest => {
            vec![Remedy::new(Action::Quarantine), Remedy::needing(Action::UploadBlob, BYTES)]
        }
        Code::InvalidLink => vec![Remedy::new(Action::RewriteLink)],
        // Its data is stored, and nothing that is stored is deleted; nor would a DELETE reach the size, which is in the
        // daemon's global entry.
        Code::SizeMismatch | Code::HiddenBlob => {
            clear(daemon).into_iter().filter(|remedy| remedy.action != Action::DeleteClaim).collect()
        }
        Code::StaleCacheEntry => vec![Remedy::new(Action::PurgeCache)],
        Code::OrphanBlob => vec![Remedy::new(Action::CollectGarbage)],
        // Garbage collection of no version removes it, and a push of the layer makes it right.
        Code::DanglingLayerLink => Vec::new(),
        Code::StaleUpload => vec![Remedy::new(Action::PurgeUploads)],
        Code::ServerError | Code::TagMismatch | Code::ReplicaDisagreement | Code::StrayFile => {
            vec![Remedy::new(Action::Inspect)]
        }
    };
    remedies.into_iter().filter(|remedy| is_possible(remedy.action, daemon)).collect()
}

/// How a missing link is written: a layer's by an upload of what is stored, a manifest's by PUT.
fn link_writer(finding: &Finding) -> Action {
    match finding.subject.as_link() {
        Some(LinkPlace::Layer(_)) => Action::UploadBlob,
        Some(LinkPlace::Revision(_) | LinkPlace::Tag(_)) | None => Action::PutManifest,
    }
}

/// What makes the daemon forget a claim.
fn clear(daemon: &Daemon) -> Vec<Remedy> {
    match daemon.cache {
        CacheKind::Redis => vec![Remedy::new(Action::PurgeCache)],
        CacheKind::InMemory => {
            vec![Remedy::new(Action::DeleteClaim), Remedy::needing(Action::Restart, RESTART)]
        }
        CacheKind::Unknown => vec![
            Remedy::new(Action::DeleteClaim),
            Remedy::needing(Action::Restart, RESTART),
            Remedy::needing(Action::PurgeCache, "the daemon's Redis, if it has one (--redis)"),
        ],
        CacheKind::None => vec![Remedy::new(Action::Inspect)],
    }
}

/// Whether the daemon's configuration lets this be done at all.
fn is_possible(action: Action, daemon: &Daemon) -> bool {
    let is_writable = daemon.read_only != Some(true) && daemon.proxy != Some(true);
    match action {
        Action::UploadBlob | Action::UploadManifest | Action::PutManifest => is_writable,
        Action::DeleteClaim => is_writable && daemon.delete != Some(false),
        Action::Quarantine
        | Action::RewriteLink
        | Action::PurgeCache
        | Action::Restart
        | Action::CollectGarbage
        | Action::PurgeUploads
        | Action::Inspect => true,
    }
}
