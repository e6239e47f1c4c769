//! The journal as a file: one JSON record a line, only ever appended to.
//!
//! ```text
//! <state dir>/                 --state-dir, else $XDG_STATE_HOME/regfsck/<registry>,
//!   journal.jsonl              else ~/.local/state/regfsck/<registry>
//!   lock                       held by `flock`; says who holds it
//!   roots.json                 by what paths the storage was changed
//! ```
//!
//! All of that is ours alone: links are not followed, and what others could write to is refused. That lock keeps two
//! runs from one journal; two runs from one registry are kept by the lock in its storage, or by its address.
//!
//! A record that was torn by a crash has no line end. Nothing was done on its strength, because a step
//! waits until its record is on the disk; so it is cut off when the next run takes the journal.

mod bookmark;
mod file;
mod lock;
mod place;
mod registry_lock;
mod roots;

#[cfg(any(test, fuzzing))]
pub(crate) use file::parse;

pub use bookmark::BookmarkFile;
pub use file::{Contents, FileJournal, path, read};
pub use place::{is_run, new_run, state_dir};
pub use registry_lock::FileLock;
pub use roots::Roots;

use std::io;
use std::path::Path;

use crate::engine::ports::JournalError;

/// What the system said about a file of ours.
fn refused(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Refused { what, path, source }
}
