//! The result as a table for people, JSON for machines and a curve as SVG.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::curve::Curve;
use crate::measure::{Run, Runs, megabytes};

/// What stands around the tables in the page.
const BEGIN: &str = "<!-- measured: written by cargo bench --bench sides -->\n";
const END: &str = "<!-- end of what was measured -->\n";

/// The page with these tables instead of the old ones; behind all of it if it had none.
fn between(page: &str, tables: &str) -> String {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.unwrap_or((page, ""));
    format!("{before}{BEGIN}\n{tables}\n{END}{after}")
}

/// Everything that was measured.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    pub(crate) curve: Option<Curve>,
}

/// What a ratio should be.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// One subject against one peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    what: String,
    /// What the ratio is of: `time`, `rate`, `CPU`.
    measure: String,
    subject: Runs,
    peer: Runs,
    ratio: (f64, f64, f64),
    target: Option<Target>,
}

impl Row {
    pub(crate) fn new(
        what: &str,
        measure: &str,
        subject: &Runs,
        peer: &Runs,
        of: impl Fn(&Run) -> f64,
        target: Option<Target>,
    ) -> Self {
        let ratio = subject.ratio(peer, of);
        Self {
            what: what.to_owned(),
            measure: measure.to_owned(),
            subject: subject.clone(),
            peer: peer.clone(),
            ratio,
            target,
        }
    }

    fn verdict(&self) -> String {
        match self.target {
            Some(Target::AtMost(most)) => say(self.ratio.0 <= most, &format!("≤ {most:.3}")),
            Some(Target::AtLeast(least)) => say(self.ratio.0 >= least, &format!("≥ {least:.2}")),
            None => "-".to_owned(),
        }
    }
}

fn say(is_met: bool, target: &str) -> String {
    format!("{target} {}", if is_met { "met" } else { "**missed**" })
}

impl Table {
    pub(crate) fn markdown(&self) -> String {
        let mut text =
            "| what | peer | regfsck | peer | ratio (spread) | target | CPU of each | peak memory |\n\
                        |---|---|---|---|---|---|---|---|\n"
                .to_owned();
        for row in &self.rows {
            let (median, least, most) = row.ratio;
            let seconds = |run: &Run| run.seconds;
            let _ = writeln!(
                text,
                "| {} | `{}` | {:.2} s | {:.2} s | {} {median:.3} ({least:.3}–{most:.3}) | {} | {:.2} s, {:.2} s | {:.0} MB |",
                row.what,
                row.peer.name.replace('|', "\\|"),
                row.subject.median(seconds),
                row.peer.median(seconds),
                row.measure,
                row.verdict(),
                row.subject.median(|run| run.cpu),
                row.peer.median(|run| run.cpu),
                row.subject.median(|run| megabytes(run.peak_bytes)),
            );
        }
        if let Some(curve) = &self.curve {
            text.push('\n');
            text.push_str(&curve.markdown());
        }
        text
    }

    /// What an earlier run measured, with what this one did in its place: not all need be measured at once, and what is
    /// compared is always of one run.
    fn over(self, earlier: Self) -> Self {
        let is_new = |row: &Row| !self.rows.iter().any(|own| own.what == row.what);
        let rows = earlier.rows.into_iter().filter(is_new).chain(self.rows.clone()).collect();
        Self { rows, curve: self.curve.or(earlier.curve) }
    }

    /// Write what was measured into a folder.
    pub(crate) fn write(self, folder: &Path) -> Result<()> {
        let file = folder.join("performance.json");
        let earlier = fs::read(&file).map(|text| serde_json::from_slice(&text));
        let table = self.over(earlier.unwrap_or_else(|_| Ok(Self::default()))?);
        fs::write(file, serde_json::to_string_pretty(&table)?)?;
        table.draw(folder)
    }

    fn draw(&self, folder: &Path) -> Result<()> {
        let page = folder.join("performance.md");
        let text = fs::read_to_string(&page).unwrap_or_else(|_| format!("{BEGIN}{END}"));
        fs::write(page, between(&text, &self.markdown()))?;
        if let Some(curve) = &self.curve {
            fs::write(folder.join("performance-curve.svg"), curve.svg())?;
        }
        Ok(())
    }
}
