//! What undo takes back, for people: before, after, and of which runs it could.

use std::collections::BTreeSet;

use super::changes::sentence;
use super::drawing::{Drawing, hang, line};
use super::words::{counted, grouped};
use crate::domain::history::{History, RecordedChange, Run, Undone};
use crate::domain::name::Image;

/// How many changes or images are named before they are counted.
const SHOWN: usize = 10;

/// The runs that changed the registry, the newest first; `typed` is what takes one back.
#[must_use]
pub fn list(history: &History, typed: impl Fn(&Run) -> String, drawing: Drawing) -> String {
    let mut text = String::new();
    for run in history.repairs() {
        let began = run.started.strftime("%Y-%m-%d %H:%M:%SZ");
        let lead = format!("{}  {began}  ", run.id);
        hang(&mut text, &lead, 4, &state(run), drawing);
    }
    if text.is_empty() {
        line(&mut text, "nothing was changed here yet");
    }
    if let Some(run) = history.last_undoable() {
        line(&mut text, "one is taken back by its name, such as:");
        line(&mut text, &format!("  {}", typed(run)));
    }
    text
}

/// What can be done about a run.
fn state(run: &Run) -> String {
    let left = run.undoable().len() as u64;
    let lasting: Vec<_> = run.lasting().into_iter().collect();
    let stays = if lasting.is_empty() { String::new() } else { format!("; stays: {}", lasting.join("; ")) };
    match (run.changed_storage(), left) {
        (_, 1..) => format!("can be taken back: {}{stays}", counted(left, "change")),
        (true, 0) => "was taken back".into(),
        (false, _) if lasting.is_empty() => "changed nothing".into(),
        (false, _) => format!("cannot be taken back: {}", lasting.join("; ")),
    }
}

/// What is about to be taken back, and what that breaks; nothing where storage could not be looked at.
#[must_use]
pub fn proposal(run: &Run, broken: Option<&BTreeSet<Image>>, drawing: Drawing) -> String {
    let changes = run.undoable();
    let mut text = String::new();
    let began = run.started.strftime("%Y-%m-%d %H:%M:%SZ");
    line(
        &mut text,
        &format!("run {} of {began}: {} to take back", run.id, counted(changes.len() as u64, "change")),
    );
    told(&mut text, changes.iter().map(|recorded| sentence(&recorded.change)), drawing);
    let Some(broken) = broken else {
        hang(&mut text, "", 0, "what will be broken again is not known: storage cannot be read", drawing);
        return text;
    };
    if broken.is_empty() {
        line(&mut text, "no image will be broken by it");
    } else {
        line(&mut text, &format!("{} will be broken again:", counted(broken.len() as u64, "image")));
        told(&mut text, broken.iter().map(ToString::to_string), drawing);
    }
    text
}

/// What was taken back.
#[must_use]
pub fn undone(undone: &Undone, drawing: Drawing) -> String {
    let mut text = String::new();
    let count = counted(undone.taken_back.len() as u64, "change");
    line(&mut text, &format!("run {}: {count} taken back", undone.run));
    told(&mut text, undone.taken_back.iter().map(|recorded| sentence(&recorded.change)), drawing);
    for (RecordedChange { change, .. }, why) in &undone.left {
        hang(&mut text, "left as it is: ", 2, &format!("{}: {why}", sentence(change)), drawing);
    }
    text
}

fn told(text: &mut String, all: impl ExactSizeIterator<Item = String>, drawing: Drawing) {
    let most = if drawing.no_trunc { usize::MAX } else { SHOWN };
    let rest = all.len().saturating_sub(most);
    for one in all.take(most) {
        hang(text, "  ", 4, &one, drawing);
    }
    if rest > 0 {
        line(text, &format!("  and {} more", grouped(rest as u64)));
    }
}
