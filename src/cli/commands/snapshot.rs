//! `regfsck snapshot`: storage's view in a file.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::adapters::snapshot;
use crate::cli::args::{Format, OutputArguments, OutputFormat, TargetArguments};
use crate::cli::settings::target::{self, Target};
use crate::cli::terminal;
use crate::cli::terminal::progress::Progress;
use crate::domain::verdict;
use crate::engine::ports::Storage as _;

/// What is written down, and where.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck snapshot --config /etc/docker/registry/config.yml -o before-gc.snapshot
  regfsck check --config /etc/docker/registry/config.yml --since before-gc.snapshot")]
pub struct SnapshotArguments {
    /// The registry.
    #[command(flatten)]
    pub target: TargetArguments,
    /// Write the snapshot to this file; one that is there is replaced when the new one is whole
    // Here -o means a file, so this argument takes the place of the one that every other subcommand has.
    #[arg(id = "formats", short = 'o', long = "output", value_name = "FILE", value_parser = file)]
    pub file: OutputFormat,
}

fn file(text: &str) -> Result<OutputFormat, String> {
    if text.is_empty() {
        return Err("it names no file".into());
    }
    Ok(OutputFormat { format: Format::Table, file: Some(PathBuf::from(text)) })
}

/// Look at storage and write it down.
pub(in crate::cli) fn run(arguments: &SnapshotArguments, output: &OutputArguments) -> Result<u8> {
    let config = target::config(&arguments.target)?;
    let storage = target::storage(&arguments.target, config.as_ref(), None)?
        .context("a snapshot is of storage: use --storage DIR or --config FILE")?;
    let scope = Target::scope(&arguments.target);
    let events = Arc::new(Progress::new(output));
    let view = storage.collect(&*scope, &*events)?;
    let file = arguments.file.file.as_deref().context("-o: name a file for the snapshot")?;
    let size = snapshot::write(file, &view).context("cannot take it")?;
    if !output.quiet {
        let text = format!(
            "{}: {} repositories, {} blobs, {} manifests in {size} bytes\n",
            file.display(),
            view.repositories.len(),
            view.blobs.len(),
            view.manifests.len(),
        );
        terminal::print(&text)?;
    }
    // What could not be looked at would later seem to have been absent.
    Ok(if view.unknown.is_empty() { 0 } else { complain(&view.unknown) })
}

fn complain(unknown: &[crate::domain::observed::Unlooked]) -> u8 {
    let mut err = anstream::stderr().lock();
    for unlooked in unknown.iter().take(10) {
        let text = format_args!("warning: could not look at {}: {}\n", unlooked.what, unlooked.why);
        let _ = std::io::Write::write_fmt(&mut err, text);
    }
    verdict::exit_status(crate::domain::report::Verdict::Incomplete)
}
