//! `regfsck demo`

mod story;

use std::io::Write;

use anyhow::Result;

use super::check;
use crate::cli::args::demo::DemoCommand;
use crate::cli::args::{self, Subcommand};
use crate::cli::terminal::Terminal;

/// Tell the story; its checks are the ones that any user runs.
pub(in crate::cli) fn run(demo: DemoCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_drawing(&demo.drawing).with_progress(&demo.progress);
    let check = async |target: &story::DemoTarget, out: &mut dyn Write| {
        let config = target.config.clone().into_os_string();
        let typed = ["regfsck".into(), "check".into(), "--probe-manifests".into(), "--config".into(), config];
        let Subcommand::Check(command) = args::parse(typed)?.command else { return Ok(0) };
        let report = check::report(&command, &terminal).await?;
        terminal.draw(&report, out)?;
        Ok(report.exit_status)
    };
    super::runtime()?.block_on(story::tell(demo, &mut terminal.stdout(), check))?;
    Ok(0)
}
