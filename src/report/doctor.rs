//! The doctor's hints, for people.

use std::fmt::Write as _;

use super::drawing::Drawing;
use super::words::wrap;
use crate::domain::doctor::{Diagnosis, Hint};

/// Draw them.
#[must_use]
pub fn draw(diagnosis: &Diagnosis, drawing: Drawing) -> String {
    let mut text = String::new();
    let target = &diagnosis.target;
    for (side, place) in
        [("storage", &target.storage), ("served", &target.registry), ("cache", &target.cache)]
    {
        if let Some(place) = place {
            let _ = writeln!(text, "{side:8} {place}");
        }
    }
    if diagnosis.hints.is_empty() && diagnosis.unknown.is_empty() {
        text.push_str("nothing to change\n");
    }
    for each in &diagnosis.hints {
        hint(&mut text, each, drawing);
    }
    for unlooked in &diagnosis.unknown {
        let _ = writeln!(text, "\nnot looked at: {}: {}", unlooked.what, unlooked.why);
    }
    for limit in &diagnosis.limits.0 {
        let _ = writeln!(text, "\nnot seen: {limit}");
    }
    text
}

fn hint(text: &mut String, hint: &Hint, drawing: Drawing) {
    let setting = hint.setting.as_ref().map(|setting| format!(" ({setting})")).unwrap_or_default();
    let _ = writeln!(text, "\n{}: {}{setting}", hint.severity.as_str(), hint.code);
    let width = usize::from(drawing.width).saturating_sub(10).max(20);
    for (label, what) in [("why", &hint.why), ("change", &hint.change)] {
        for (at, part) in wrap(what, width).iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let _ = writeln!(text, "  {label:6}  {part}");
        }
    }
    // As it is to be copied.
    for line in hint.section.iter().flat_map(|section| section.lines()) {
        let _ = writeln!(text, "          {line}");
    }
}
