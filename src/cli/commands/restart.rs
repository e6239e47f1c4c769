//! `regfsck restart`

use anyhow::{Result, bail};

use super::failure::of_session;
use crate::cli::args::repair::RestartCommand;
use crate::cli::settings::session::Opening;
use crate::cli::terminal::Terminal;
use crate::domain::plan::Goal;

/// Restart the daemon and prove that its false claims are gone; the exit status.
pub(in crate::cli) fn run(command: &RestartCommand, terminal: Terminal) -> Result<u8> {
    if command.restart.restart.is_empty() && command.check.target.config.container.is_none() {
        bail!("restart what? give --restart SPEC, such as systemd:docker-registry or docker:registry");
    }
    let terminal = terminal.with_result(&command.result)?.with_progress(&command.progress);
    let report = super::runtime()?.block_on(async {
        let opening = Opening::new(&command.check, &command.state, &terminal).await?;
        let opening = opening.with_restarts(&command.restart)?.agreed(command.consent.yes);
        opening.session().run(Goal::Restart).await.map_err(of_session)
    })?;
    terminal.write_report(&report)
}
