//! `regfsck explain`

use std::fmt::Write as _;

use anyhow::Result;

use crate::cli::args::manual::ExplainCommand;
use crate::cli::terminal::Terminal;
use crate::domain::code::Code;

/// Print the page of a code, or a line for each.
pub(in crate::cli) fn run(command: &ExplainCommand, terminal: &Terminal) -> Result<u8> {
    let text = command.code.map_or_else(list, |code| code.page().to_owned());
    terminal.print(&text)?;
    Ok(0)
}

fn list() -> String {
    let mut text = String::new();
    for code in Code::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:20} {:8} {}", code.as_str(), code.severity().as_str(), code.meaning());
    }
    text
}
