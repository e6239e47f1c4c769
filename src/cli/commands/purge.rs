//! `regfsck purge`

use anyhow::Result;

use super::check::{go_on, typed_again};
use super::failure::of_session;
use crate::cli::args::repair::PurgeCommand;
use crate::cli::settings::session::Opening;
use crate::cli::terminal::Terminal;
use crate::domain::plan::Goal;

/// Make the daemon forget what storage lacks; the exit status.
pub(in crate::cli) fn run(command: &PurgeCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result)?.with_progress(&command.progress);
    let report = super::runtime()?.block_on(async {
        let opening = Opening::new(&command.check, &command.state, &terminal).await?;
        opening.agreed(command.consent.yes).stoppable().run(Goal::Purge).await.map_err(of_session)
    })?;
    let status = terminal.write_report(&report)?;
    go_on(&format!("purge {}", typed_again(&command.check.typed)), &terminal);
    Ok(status)
}
