//! Changes of a registry, for people.

use crate::domain::journal::Change;

/// A change that was made, or is about to be.
#[must_use]
pub fn sentence(change: &Change) -> String {
    match change {
        Change::FileMoved { from, to, .. } => format!("`{}` was moved to `{}`", from.display(), to.display()),
        Change::LinkWritten { path, .. } => format!("`{}` was written", path.display()),
        Change::CacheDeleted { keys } => format!("{} keys were deleted from Redis", keys.len()),
        Change::ClaimDeleted { repository, digest, .. } => {
            format!("{} was deleted from {repository} over the API", digest.short())
        }
        Change::Returned { repository, digest } => {
            format!("the bytes of manifest {} were put back through {repository}", digest.short())
        }
        Change::Restarted { service, .. } => format!("`{service}` was restarted"),
        Change::Uploaded { repository, digest } => format!("{} was uploaded to {repository}", digest.short()),
    }
}
