//! What all that is drawn for people shares: how wide, how coloured, and lines that wrap.

use std::fmt::Write as _;

use anstyle::{Ansi256Color, Color, Style};

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

/// What a colour says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tone {
    Good,
    Bad,
    Doubtful,
    Slight,
}

/// Of the 256 colours, which are the same in all terminals: of the first 16 yellow and green cannot be read on white.
pub(super) const fn colour(tone: Tone) -> Style {
    let number = match tone {
        Tone::Good => 28,
        Tone::Bad => 160,
        Tone::Doubtful => 130,
        Tone::Slight => 31,
    };
    Style::new().fg_color(Some(Color::Ansi256(Ansi256Color(number))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How bright a colour of the cube is, as the web's guidelines for contrast reckon it.
    fn brightness(number: u8) -> f64 {
        let number = number - 16;
        let light = |level: u8| {
            let share = if level == 0 { 0.0 } else { f64::from(55 + 40 * u16::from(level)) / 255.0 };
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * light(number / 36) + 0.7152 * light(number / 6 % 6) + 0.0722 * light(number % 6)
    }

    #[test]
    fn colours_can_be_read_on_white_and_on_black() {
        for tone in [Tone::Good, Tone::Bad, Tone::Doubtful, Tone::Slight] {
            let Some(Color::Ansi256(Ansi256Color(number))) = colour(tone).get_fg_color() else {
                panic!("{tone:?}")
            };
            let brightness = brightness(number);
            let (on_white, on_black) = (1.05 / (brightness + 0.05), (brightness + 0.05) / 0.05);
            assert!(on_white >= 3.0 && on_black >= 3.0, "{tone:?}: {on_white} on white, {on_black} on black");
        }
    }
}
