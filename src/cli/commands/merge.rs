//! `regfsck merge`

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::cli::args::merge::MergeCommand;
use crate::cli::terminal::Terminal;
use crate::domain::merge::merge;
use crate::domain::report::Report;

/// Join the reports of shards and write the whole one; its exit status.
pub(in crate::cli) fn run(command: &MergeCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result)?;
    let reports = command.reports.iter().map(|file| read(file)).collect::<Result<_>>()?;
    let report = merge(reports).context("cannot merge these reports")?;
    terminal.write_report(&report)
}

fn read(file: &Path) -> Result<Report> {
    let shown = || format!("cannot read the report `{}`", file.display());
    let text = std::fs::read(file).with_context(shown)?;
    serde_json::from_slice(&text).with_context(shown)
}
