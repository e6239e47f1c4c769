//! `regfsck purge`

use anyhow::Result;

use super::session::Session;
use crate::cli::args::repair::PurgeCommand;
use crate::cli::terminal::Terminal;
use crate::domain::plan::Goal;

/// Make the daemon forget what storage lacks; the exit status.
pub(in crate::cli) fn run(command: &PurgeCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result).with_progress(&command.progress);
    let report = super::runtime()?.block_on(async {
        let session = Session::open(&command.check, &command.state, &terminal).await?;
        let mut session = session.asking(command.consent.yes);
        let examination = session.check().await?;
        session.repair(examination, Goal::Purge).await
    })?;
    terminal.write_report(&report)?;
    Ok(report.exit_status)
}
