//! How much content a check hashes in one run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::adapters::journal::BookmarkFile;
use crate::cli::args::content::{ContentArguments, PartArguments};
use crate::cli::args::values::Portion;
use crate::domain::content::ContentSubset;
use crate::engine::check::{Budget, ContentCheck};
use crate::engine::ports::Bookmark;

/// Which content is hashed, if any is, in a run that begins now; `state_dir` is where it remembers how far it got.
///
/// # Errors
/// When there is a budget but nothing to spend it on, or no place for what is to be remembered.
pub(in crate::cli) fn content(
    arguments: &ContentArguments,
    part: &PartArguments,
    has_storage: bool,
    state_dir: impl FnOnce() -> Result<PathBuf>,
) -> Result<Option<ContentCheck>> {
    let whole = arguments.content.then_some(ContentSubset { part: 1, of: 1 });
    let subset = whole.or_else(|| arguments.content_subset.map(Portion::today));
    let paced = arguments.bytes_per_second.map(|_| "--bytes-per-second");
    match (unhashed(part).or(paced), subset) {
        (Some(flag), None) => {
            bail!("{flag} is about hashing content: give --content or --content-subset too")
        }
        (Some(flag), Some(_)) if !has_storage => {
            bail!("{flag} is about content in storage: give --storage DIR or --config FILE")
        }
        _ => {}
    }
    let longest = part.max_duration.map(Duration::try_from).transpose().context("--max-duration")?;
    let resume = part.resume.then(state_dir).transpose().context("--resume")?;
    let budget = Budget {
        until: longest.and_then(|longest| Instant::now().checked_add(longest)),
        bytes_per_second: arguments.bytes_per_second,
        resume: resume.map(|dir| Arc::new(BookmarkFile::new(&dir, part.shard)) as Arc<dyn Bookmark>),
    };
    Ok(subset.map(|subset| ContentCheck { subset, budget }))
}

/// Refuse to repair by a part: it is proved by what a whole check no longer finds, and what a part leaves out would look
/// repaired.
///
/// # Errors
/// Which flag makes it one.
pub(in crate::cli) fn refuse_parts(part: &PartArguments) -> Result<()> {
    match part.shard.map(|_| "--shard").or(unhashed(part)) {
        Some(flag) => bail!(
            "{flag} is for checks that only look: what is changed is proved by checking all of it again; leave {flag} out"
        ),
        None => Ok(()),
    }
}

/// The first flag that was given of those that leave content unhashed.
fn unhashed(part: &PartArguments) -> Option<&'static str> {
    let bounded = part.max_duration.map(|_| "--max-duration");
    bounded.or(part.resume.then_some("--resume"))
}
