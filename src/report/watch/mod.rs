//! What a watch shows.

mod metrics;
mod page;
#[cfg(test)]
mod tests;

pub use metrics::write as write_metrics;
pub use page::page;

use super::headline::Headline;
use crate::domain::report::Report;

/// A report in a line.
#[must_use]
pub fn headline(report: &Report) -> String {
    Headline::of(report).to_string()
}
