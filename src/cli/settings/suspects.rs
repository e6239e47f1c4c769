//! `--suspects` and `--since`: what is suspect before anything was looked at.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use crate::adapters::snapshot;
use crate::adapters::suspects::read_suspects;
use crate::cli::args::suspects::SuspectArguments;
use crate::cli::terminal::say;
use crate::domain::counted::counted;
use crate::domain::suspects::{Suspect, Suspects};
use crate::domain::views::storage::StorageView;

/// The suspects that the files name.
pub(in crate::cli) fn read(arguments: &SuspectArguments) -> Result<Vec<Suspect>> {
    let mut suspects = Vec::new();
    for path in &arguments.suspects {
        let found = read_one(path)?;
        complain(path, &found);
        suspects.extend(found.pairs);
    }
    Ok(suspects)
}

fn read_one(path: &Path) -> Result<Suspects> {
    let shown = || format!("--suspects: cannot read `{}`", path.display());
    if path == Path::new("-") {
        if std::io::stdin().is_terminal() {
            bail!("--suspects -: stdin is a terminal; pipe the list in, or name a file");
        }
        return read_suspects(std::io::stdin().lock()).with_context(shown);
    }
    let file: Box<dyn BufRead> = Box::new(BufReader::new(File::open(path).with_context(shown)?));
    read_suspects(file).with_context(shown)
}

/// Say what was not understood: a list that names nothing would otherwise look like a clean one.
fn complain(path: &Path, found: &Suspects) {
    if found.not_understood == 0 {
        return;
    }
    let Suspects { not_understood, lines, pairs, examples } = found;
    say(format_args!(
        "warning: `{}`: {not_understood} of {lines} lines were not understood; read: {}",
        path.display(),
        counted(pairs.len() as u64, "suspect")
    ));
    for (number, line) in examples {
        say(format_args!("  line {number}: {line}"));
    }
}

/// The earlier look at storage.
pub(in crate::cli) fn since(arguments: &SuspectArguments) -> Result<Option<Arc<StorageView>>> {
    let Some(path) = &arguments.since else { return Ok(None) };
    let view = snapshot::read(path).context("--since: failed")?;
    Ok(Some(Arc::new(view)))
}
