//! What a check is asked to do.

use std::sync::Arc;

use anyhow::{Result, bail};

use super::starts::witnesses;
use super::target::Target;
use super::{budget, state, suspects};
use crate::adapters::last_look::LastLookFiles;
use crate::cli::args::check::{CheckArguments, ProbeArgument};
use crate::cli::args::content::PartArguments;
use crate::cli::args::means::StateArguments;
use crate::engine::check::{Asking, Extent, Leads, Options, Probe};
use crate::engine::ports::Memory;

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
    if let (Some(storage), Ok(state)) = (&target.storage, state::folder(kept, &target.named)) {
        storage.remember_in(&state);
    }
    if part.shard.is_some() && !has_storage {
        bail!("--shard needs storage: give --storage DIR or --config FILE");
    }
    let content =
        budget::content(&arguments.content, part, has_storage, || state::folder(kept, &target.named))?;
    let state = state::folder(kept, &target.named).ok();
    let state = state.as_deref();
    Ok(Options {
        extent: Extent { scope: target.scope.clone(), shard: part.shard, grace: arguments.grace },
        asking: Asking {
            probe: match arguments.probe {
                ProbeArgument::Suspects => Probe::Suspects,
                ProbeArgument::All => Probe::All,
            },
            probe_manifests: false,
            jobs: usize::from(arguments.connection.jobs),
        },
        content,
        leads: Leads {
            suspects: suspects::read(&arguments.suspects)?,
            since: suspects::since(&arguments.suspects)?,
            ..Leads::default()
        },
        daemon: target.daemon.clone(),
        memory: state.map(|dir| Arc::new(LastLookFiles::new(dir)) as Arc<dyn Memory>),
        starts: Some(Arc::new(witnesses(target, &[], state, arguments.started))),
    })
}
