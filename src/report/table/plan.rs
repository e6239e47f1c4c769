//! A plan, as it is shown before anybody agrees to it.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};

use super::words::counted;
use super::{Drawing, hang};
use crate::domain::finding::Risk;
use crate::domain::plan::Plan;

/// Draw a plan: what will be done, in order, and what nothing in it helps.
#[must_use]
pub fn plan(plan: &Plan, drawing: Drawing) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(drawing.width).force_no_tty();
    table.set_header(["", "step", "from", "risk"]);
    for (number, step) in plan.steps.iter().enumerate().take(if drawing.no_trunc { usize::MAX } else { 50 }) {
        let risk = match step.risk {
            Risk::None => "none",
            Risk::Low => "low",
            Risk::Downtime => "downtime",
            Risk::Deletes => "deletes",
        };
        let from = step.from.clone().unwrap_or_default();
        table.add_row([(number + 1).to_string(), step.what.clone(), from, risk.to_owned()]);
    }
    let mut text =
        format!("plan: {}\n\n{}\n", counted(plan.steps.len() as u64, "step"), table.to_string().trim_end());
    for (finding, why) in &plan.unresolved {
        hang(&mut text, "no help for: ", 2, &format!("{finding}: {why}"), drawing);
    }
    text
}
