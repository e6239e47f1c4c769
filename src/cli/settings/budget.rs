//! How much content a check hashes in one run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::adapters::journal::BookmarkFile;
use crate::cli::args::duration;
use crate::domain::content::ContentSubset;
use crate::domain::shard::Shard;
use crate::engine::check::Budget;
use crate::engine::ports::Bookmark;

/// Seconds a day, in UTC.
const DAY: i64 = 24 * 60 * 60;

/// How much content is hashed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Content")]
pub struct BudgetArguments {
    /// Begin no more hashing after so long; what was not hashed is said
    #[arg(long, env = "REGFSCK_MAX_DURATION", value_name = "DURATION", value_parser = duration)]
    pub max_duration: Option<jiff::SignedDuration>,
    /// Read at most so much content a second, such as 50MB
    #[arg(long, env = "REGFSCK_BYTES_PER_SECOND", value_name = "SIZE", value_parser = size)]
    pub bytes_per_second: Option<u64>,
    /// Hash from where the last such run stopped, and remember where this one stops
    #[arg(long, env = "REGFSCK_RESUME")]
    pub resume: bool,
}

impl BudgetArguments {
    /// The budget of a run that begins now; `state_dir` is where it remembers how far it got.
    ///
    /// # Errors
    /// When there is a budget but nothing to spend it on, or no place for what is to be remembered.
    pub(in crate::cli) fn budget(
        &self,
        content: Option<ContentSubset>,
        has_storage: bool,
        shard: Option<Shard>,
        state_dir: impl FnOnce() -> Result<PathBuf>,
    ) -> Result<Budget> {
        match (self.given(), content) {
            (Some(flag), None) => {
                bail!("{flag} is about hashing content: give --content or --content-subset too")
            }
            (Some(flag), Some(_)) if !has_storage => {
                bail!("{flag} is about content in storage: give --storage DIR or --config FILE")
            }
            _ => {}
        }
        let longest = self.max_duration.map(Duration::try_from).transpose().context("--max-duration")?;
        let resume = self.resume.then(state_dir).transpose().context("--resume")?;
        Ok(Budget {
            until: longest.and_then(|longest| Instant::now().checked_add(longest)),
            bytes_per_second: self.bytes_per_second,
            resume: resume.map(|dir| Arc::new(BookmarkFile::new(&dir, shard)) as Arc<dyn Bookmark>),
        })
    }

    /// The first flag that was given.
    fn given(&self) -> Option<&'static str> {
        let paced = self.bytes_per_second.map(|_| "--bytes-per-second");
        self.partial().or(paced)
    }

    /// The first flag that was given of those that leave content unhashed.
    pub(in crate::cli) fn partial(&self) -> Option<&'static str> {
        let bounded = self.max_duration.map(|_| "--max-duration");
        bounded.or(self.resume.then_some("--resume"))
    }
}

fn size(text: &str) -> Result<u64, String> {
    match text.parse::<bytesize::ByteSize>() {
        Ok(size) if size.as_u64() > 0 => Ok(size.as_u64()),
        _ => Err(format!("`{text}` is no size above 0; write it like 500kB, 50MB or 1GiB")),
    }
}

/// `N/T`, or `day/T`: the part whose turn it is today, in UTC.
pub(in crate::cli) fn subset(text: &str) -> Result<ContentSubset, String> {
    let today = u64::try_from(jiff::Timestamp::now().as_second() / DAY).unwrap_or_default();
    subset_on(text, today).ok_or_else(|| {
        format!(
            "`{text}` is no part of a whole; write it like 3/7, from 1/7 to 7/7, or day/7 for another part each day"
        )
    })
}

fn subset_on(text: &str, today: u64) -> Option<ContentSubset> {
    let (part, of) = text.split_once('/')?;
    let of: u64 = of.parse().ok()?;
    if part == "day" {
        return ContentSubset::of_day(today, of);
    }
    let part = part.parse().ok()?;
    (1..=of).contains(&part).then_some(ContentSubset { part, of })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subset_is_named_by_its_number_or_by_the_day() {
        assert_eq!(subset_on("3/7", 0), Some(ContentSubset { part: 3, of: 7 }));
        assert_eq!(subset_on("day/7", 20_003), Some(ContentSubset { part: 20_003 % 7 + 1, of: 7 }));
        for text in ["0/7", "8/7", "day/0", "day", "1/", "x/2"] {
            assert_eq!(subset_on(text, 5), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(size("50MB"), Ok(50_000_000));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert!(size("0").is_err() && size("fast").is_err());
    }
}
