//! `regfsck merge`

use std::fs::File;
use std::io::BufReader;
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
    // As it comes: what is no report, and perhaps has no end, is not read whole.
    let file = BufReader::new(File::open(file).with_context(shown)?);
    serde_json::from_reader(file).with_context(shown)
}
