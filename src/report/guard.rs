//! The report of a guarded garbage collection, for people.

use std::fmt::Write as _;

use bytesize::ByteSize;

use super::drawing::{Drawing, hang};
use super::table;
use super::words::counted;
use crate::domain::gc::{Loss, LossReason};
use crate::domain::guard::{Gate, Guarded, Returned, Stage};

/// So many blobs of one loss are listed before the rest is counted.
const SHOWN: usize = 20;

/// Draw it.
#[must_use]
pub fn draw(guarded: &Guarded, drawing: Drawing) -> String {
    let mut text = String::new();
    match &guarded.refusal {
        Some(why) => line(&mut text, &format!("refused: {why}")),
        None => gate(&mut text, &guarded.gate, drawing),
    }
    if let Some(path) = &guarded.snapshot {
        line(&mut text, &format!("snapshot    {path}"));
    }
    if let Some(collection) = &guarded.collection {
        let ended = match (collection.status, collection.signal, &collection.error) {
            (_, _, Some(why)) => format!("could not be run: {why}"),
            (Some(status), _, _) => format!("exited with {status}"),
            (None, Some(signal), _) => format!("was killed by signal {signal}"),
            (None, None, None) => "ended in an unknown way".into(),
        };
        line(&mut text, &format!("collection  {ended}, named {}", counted(collection.suspects, "suspect")));
        if let Some(log) = &collection.log {
            line(&mut text, &format!("            its output: {log}"));
        }
    }
    if let Some(restart) = &guarded.restart {
        line(&mut text, &format!("restart     {restart}"));
    }
    if let Some(Returned { manifests, bytes }) = guarded.returned {
        let said = format!(
            "{} of {} put back, so that what the daemon remembers is true; the next guarded garbage collection takes and \
             returns them until the daemon restarts",
            counted(manifests, "manifest"),
            ByteSize(bytes)
        );
        hang(&mut text, "returned    ", 12, &said, drawing);
    }
    if let Some(report) = &guarded.report {
        line(&mut text, "");
        text += &table::draw(report, drawing);
    }
    if let Some(stage) = guarded.failed {
        line(&mut text, &format!("failed: {}", failure(stage)));
    }
    text
}

const fn failure(stage: Stage) -> &'static str {
    match stage {
        Stage::Gate => "the gate; garbage collection was not run",
        Stage::Collection => "garbage collection itself; storage was checked after it all the same",
        Stage::Restart => "the restart of the daemon",
        Stage::Check => "the check after garbage collection",
    }
}

/// Writing to a string cannot fail.
fn line(text: &mut String, content: &str) {
    let _ = writeln!(text, "{content}");
}

fn gate(text: &mut String, gate: &Gate, drawing: Drawing) {
    let would =
        format!("{} ({}) would go", counted(gate.garbage_blobs, "blob"), ByteSize(gate.garbage_bytes));
    let word = if gate.open { "open" } else { "shut" };
    line(text, &format!("gate        {word}: {would}"));
    for abort in &gate.aborts {
        line(text, &format!("  gives up: {}: {}", abort.place, abort.why));
    }
    for loss in &gate.losses {
        self::loss(text, loss, drawing);
    }
    for unlooked in &gate.unknown {
        line(text, &format!("  not looked at: {}: {}", unlooked.what, unlooked.why));
    }
    if !gate.open {
        let cure = if gate.open_without_untagged {
            "run garbage collection without -m (--delete-untagged): the gate is open for that"
        } else {
            "repair first (regfsck check --fix, or guard --fix), or, where that is given up, guard --accept-loss"
        };
        line(text, &format!("  to go on: {cure}"));
    }
}

fn loss(text: &mut String, loss: &Loss, drawing: Drawing) {
    let images: Vec<_> = loss.images.iter().map(ToString::to_string).collect();
    let why = match &loss.reason {
        LossReason::ManifestLost { manifests, is_known } => {
            let digests: Vec<_> = manifests.iter().map(ToString::to_string).collect();
            let what = if *is_known { "what it needs" } else { "what it may need" };
            format!("its manifest {} is gone, and {what} would be deleted", digests.join(", "))
        }
        LossReason::NotFollowed => "garbage collection does not get to all of it".into(),
        LossReason::Attached { subject } => {
            format!("it has no tag, and is attached to {subject}, which stays: a signature or the like")
        }
        LossReason::Hollowed => "it has no tag, and its repository no folder of tags: its link stays".into(),
    };
    line(text, &format!("  loses content: {}: {why}", images.join(", ")));
    let most = if drawing.no_trunc { usize::MAX } else { SHOWN };
    for blob in loss.content.iter().take(most) {
        line(text, &format!("    {} ({})", blob.digest, ByteSize(blob.size)));
    }
    if loss.content.len() > most {
        line(text, &format!("    and {} more (--no-trunc or -o json shows all)", loss.content.len() - most));
    }
    for link in &loss.links {
        line(text, &format!("    the link of manifest {link}"));
    }
}
