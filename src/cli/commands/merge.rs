//! Splitting a check among machines, and joining what they report.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cli::args::OutputArguments;
use crate::cli::commands::check;
use crate::domain::merge::merge;
use crate::domain::report::Report;
use crate::domain::shard::Shard;

/// What tells each pod of a Kubernetes Indexed Job which one it is.
const INDEX: &str = "JOB_COMPLETION_INDEX";

/// Which part of the check this machine does.
#[derive(Debug, Clone, Args)]
pub struct ShardArguments {
    /// Judge part I of N only, from 0/N; auto/N takes I from `JOB_COMPLETION_INDEX`; `regfsck merge` joins the reports
    ///
    /// Every part walks all of storage, because whether content is needed can only be told from all links. What
    /// is split is what costs most: hashing content, asking the daemon, and looking again.
    #[arg(long, env = "REGFSCK_SHARD", value_name = "I/N", value_parser = shard, help_heading = "Check")]
    pub shard: Option<Shard>,
}

fn shard(text: &str) -> Result<Shard, String> {
    shard_in(text, std::env::var(INDEX).ok().as_deref())
}

fn shard_in(text: &str, index: Option<&str>) -> Result<Shard, String> {
    match text.strip_prefix("auto/") {
        Some(of) => {
            let index = index.ok_or_else(|| {
                format!("`{text}` needs {INDEX}, which the pods of a Kubernetes Indexed Job have")
            })?;
            format!("{index}/{of}").parse()
        }
        None => text.parse(),
    }
}

/// Join the reports of shards and write the whole one.
pub(in crate::cli) fn run(files: &[PathBuf], output: &OutputArguments) -> Result<u8> {
    let reports = files.iter().map(|file| read(file)).collect::<Result<_>>()?;
    let report = merge(reports).context("cannot merge these reports")?;
    check::write(&report, output)?;
    Ok(report.exit_status)
}

fn read(file: &Path) -> Result<Report> {
    let shown = || format!("cannot read the report `{}`", file.display());
    let text = std::fs::read(file).with_context(shown)?;
    serde_json::from_slice(&text).with_context(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_takes_its_number_from_its_job() {
        assert_eq!(shard_in("auto/4", Some("3")), Ok(Shard { index: 3, of: 4 }));
        assert_eq!(shard_in("1/4", Some("3")), Ok(Shard { index: 1, of: 4 }));
        assert!(shard_in("auto/4", Some("4")).is_err());
        assert!(shard_in("auto/4", None).is_err_and(|why| why.contains(INDEX)));
    }
}
