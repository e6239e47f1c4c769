//! Changes of a registry, for people.

use super::words::counted;
use crate::domain::journal::Change;

/// A change that was made, or is about to be.
#[must_use]
pub fn sentence(change: &Change) -> String {
    match change {
        Change::FileMoved { from, to, .. } => format!("`{}` was moved to `{}`", from.display(), to.display()),
        Change::LinkWritten { path, .. } => format!("`{}` was written", path.display()),
        Change::CacheDeleted { keys } => match keys.len() as u64 {
            1 => "1 key was deleted from Redis".into(),
            several => format!("{} were deleted from Redis", counted(several, "key")),
        },
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
