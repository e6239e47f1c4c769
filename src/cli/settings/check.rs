//! What a check is asked to do.

use anyhow::{Result, bail};

use super::target::Target;
use super::{budget, state, suspects};
use crate::cli::args::check::{CheckArguments, ProbeArgument};
use crate::cli::args::content::PartArguments;
use crate::cli::args::means::StateArguments;
use crate::engine::check::{Options, Probe};

/// The options of a check of `target`.
///
/// # Errors
/// When the arguments do not fit it, or a file that they name cannot be read.
pub(in crate::cli) fn options(
    arguments: &CheckArguments,
    part: &PartArguments,
    kept: &StateArguments,
    target: &Target,
) -> Result<Options> {
    let has_storage = target.named.storage.is_some();
    if part.shard.is_some() && !has_storage {
        bail!("--shard needs storage: give --storage DIR or --config FILE");
    }
    let budget =
        budget::budget(&arguments.content, part, has_storage, || state::folder(kept, &target.named))?;
    Ok(Options {
        scope: target.scope.clone(),
        grace: arguments.grace,
        probe: match arguments.probe {
            ProbeArgument::Suspects => Probe::Suspects,
            ProbeArgument::All => Probe::All,
        },
        probe_manifests: false,
        content: budget::content(&arguments.content),
        budget,
        shard: part.shard,
        jobs: usize::from(arguments.connection.jobs),
        daemon: target.daemon.clone(),
        suspects: suspects::read(&arguments.suspects)?,
        written: Vec::new(),
        since: suspects::since(&arguments.suspects)?,
    })
}
