//! What all that is drawn for people shares: how wide, how coloured, and lines that wrap.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::words::{visible, wrap};

/// How to draw.
#[derive(Debug, Clone, Copy)]
pub struct Drawing {
    /// Columns of the terminal.
    pub width: u16,
    /// Whether to colour.
    pub colour: bool,
    /// Whole digests and every finding.
    pub no_trunc: bool,
    /// Evidence below each finding.
    pub evidence: bool,
}

impl Default for Drawing {
    fn default() -> Self {
        Self { width: 80, colour: false, no_trunc: false, evidence: false }
    }
}

/// Columns that a table needs to be read as one.
const TABLE: u16 = 72;

impl Drawing {
    /// Whether columns have no room beside each other.
    pub(super) const fn is_narrow(self) -> bool {
        self.width < TABLE
    }

    /// Columns that are left right of an indent.
    pub(super) fn room(self, indent: usize) -> usize {
        usize::from(self.width).saturating_sub(indent).max(20)
    }

    pub(super) fn paint(self, content: &str, style: Style) -> String {
        if self.colour { format!("{style}{content}{style:#}") } else { content.to_owned() }
    }
}

/// Writing to a string cannot fail.
pub(super) fn line(text: &mut String, content: &str) {
    let _ = writeln!(text, "{}", visible(content.trim_end()));
}

/// Wrapped behind a lead that stands on the first line alone.
pub(super) fn hang(text: &mut String, lead: &str, indent: usize, content: &str, drawing: Drawing) {
    let mut lines = wrap(content, drawing.room(indent)).into_iter();
    line(text, &format!("{lead}{}", lines.next().unwrap_or_default()));
    for rest in lines {
        line(text, &format!("{}{rest}", " ".repeat(indent)));
    }
}

pub(super) fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(colour.into()))
}
