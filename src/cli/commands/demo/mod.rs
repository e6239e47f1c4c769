//! `regfsck demo`

mod story;

use std::ffi::OsStr;
use std::io::Write;

use anyhow::Result;

use self::story::{DemoTarget, Then};
use super::check;
use crate::cli::args::demo::DemoCommand;
use crate::cli::args::{self, Subcommand};
use crate::cli::terminal::Terminal;

/// Tell the story; its checks are the ones that any user runs.
pub(in crate::cli) fn run(demo: DemoCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_drawing(&demo.drawing).with_progress(&demo.progress);
    let check = async |target: &DemoTarget, repair: Then, out: &mut dyn Write| {
        let config = target.config.as_os_str();
        let mut typed: Vec<&OsStr> = vec!["regfsck".as_ref(), "check".as_ref(), "--config".as_ref(), config];
        if repair == Then::Repair {
            typed.extend(["--fix", "--yes", "--source", &target.mirror].map(OsStr::new));
        }
        let parsed = args::parse(typed.into_iter().map(OsStr::to_owned))?.command;
        let Subcommand::Check(mut command) = parsed else { return Ok(0) };
        // Nothing of a registry that goes is left with the user. Nobody has to type it.
        command.state.state_dir = Some(target.state.clone());
        let report = match repair {
            Then::Nothing => check::report(&command, &terminal).await?,
            Then::Repair => check::fixed(&command, &terminal).await?.0,
        };
        terminal.draw(&report, out)?;
        Ok(report.exit_status)
    };
    super::runtime()?.block_on(story::tell(demo, &mut terminal.stdout(), check))?;
    Ok(0)
}
