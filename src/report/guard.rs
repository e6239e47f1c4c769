//! The report of a guarded garbage collection, for people.

use anstyle::Style;
use bytesize::ByteSize;

use super::drawing::{Drawing, hang, line};
use super::table;
use super::table::steps::on;
use super::words::counted;
use crate::domain::gc::{Loss, LossReason};
use crate::domain::guard::{Collected, Gate, Guarded, Returned, Stage};

/// So many blobs of one loss are listed before the rest is counted.
const SHOWN: usize = 20;

/// Draw it.
#[must_use]
pub fn draw(guarded: &Guarded, drawing: Drawing) -> String {
    let mut text = String::new();
    match &guarded.refusal {
        Some(why) => hang(&mut text, "refused: ", 9, why, drawing),
        None => gate(&mut text, &guarded.gate, drawing),
    }
    if let Some(path) = &guarded.snapshot {
        stage(&mut text, "snapshot", path, drawing);
    }
    if let Some(collection) = &guarded.collection {
        collected(&mut text, collection, drawing);
    }
    if let Some(restart) = &guarded.restart {
        stage(&mut text, "restart", restart, drawing);
    }
    if let Some(Returned { manifests, bytes }) = guarded.returned {
        let said = format!(
            "{} of {} put back, so that what the daemon remembers is true; the next guarded garbage collection takes and \
             returns them until the daemon restarts",
            counted(manifests, "manifest"),
            ByteSize(bytes)
        );
        stage(&mut text, "returned", &said, drawing);
    }
    if guarded.refusal.is_none() && !guarded.gate.open && guarded.collection.is_none() {
        go_on(&mut text, guarded, drawing);
    }
    if let Some(report) = &guarded.report {
        line(&mut text, "");
        text += &table::draw(report, drawing);
    }
    if let Some(stage) = guarded.failed {
        hang(&mut text, "failed: ", 8, failure(stage), drawing);
    }
    text
}

/// What came of a stage.
fn stage(text: &mut String, name: &str, said: &str, drawing: Drawing) {
    hang(text, &format!("{name:12}"), 12, said, drawing);
}

fn collected(text: &mut String, collection: &Collected, drawing: Drawing) {
    let ended = match (collection.status, collection.signal, &collection.error) {
        (_, _, Some(why)) => format!("could not be run: {why}"),
        (Some(status), _, _) => format!("exited with {status}"),
        (None, Some(signal), _) => format!("was killed by signal {signal}"),
        (None, None, None) => "ended in an unknown way".into(),
    };
    let said = format!("{ended}, named {}", counted(collection.suspects, "suspect"));
    stage(text, "collection", &said, drawing);
    if let Some(log) = &collection.log {
        stage(text, "", &format!("its output: {log}"), drawing);
    }
}

const fn failure(stage: Stage) -> &'static str {
    match stage {
        Stage::Gate => "the gate; garbage collection was not run",
        Stage::Collection => "garbage collection itself; storage was checked after it all the same",
        Stage::Restart => "the restart of the daemon",
        Stage::Check => "the check after garbage collection",
    }
}

fn gate(text: &mut String, gate: &Gate, drawing: Drawing) {
    let would =
        format!("{} ({}) would go", counted(gate.garbage_blobs, "blob"), ByteSize(gate.garbage_bytes));
    let word = if gate.open { "open" } else { "shut" };
    stage(text, "gate", &format!("{word}: {would}"), drawing);
    for abort in &gate.aborts {
        hang(text, "  ", 4, &format!("gives up: {}: {}", abort.place, abort.why), drawing);
    }
    for loss in &gate.losses {
        self::loss(text, loss, drawing);
    }
    for unlooked in &gate.unknown {
        hang(text, "  ", 4, &format!("not looked at: {}: {}", unlooked.what, unlooked.why), drawing);
    }
}

/// What opens the gate, as commands on the user's own target.
fn go_on(text: &mut String, guarded: &Guarded, drawing: Drawing) {
    let collect = |more: &str| on(&guarded.target, "guard", &[], &format!("{more} -- GC-COMMAND"));
    let ways = if guarded.gate.open_without_untagged {
        vec![(
            "run garbage collection without -m (--delete-untagged): the gate is open for that",
            collect(""),
        )]
    } else {
        vec![
            ("repair first: a check tells what helps", on(&guarded.target, "check", &[], "")),
            ("where that content is given up, let it go", collect(" --accept-loss")),
        ]
    };
    line(text, "");
    line(text, &drawing.paint("what to do", Style::new().bold()));
    for (at, (order, typed)) in ways.into_iter().enumerate() {
        hang(text, if at == 0 { "    - " } else { "   or " }, 6, order, drawing);
        line(text, &format!("        {typed}"));
    }
    line(text, "");
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
    hang(text, "  ", 4, &format!("loses content: {}: {why}", images.join(", ")), drawing);
    let most = if drawing.no_trunc { usize::MAX } else { SHOWN };
    for blob in loss.content.iter().take(most) {
        line(text, &format!("    {} ({})", blob.digest, ByteSize(blob.size)));
    }
    if loss.content.len() > most {
        line(text, &format!("    and {} more (--no-trunc or -o json shows all)", loss.content.len() - most));
    }
    for link in loss.links.iter().take(most) {
        line(text, &format!("    the link of manifest {link}"));
    }
    if loss.links.len() > most {
        line(
            text,
            &format!("    and {} more links (--no-trunc or -o json shows all)", loss.links.len() - most),
        );
    }
    if loss.is_cut {
        line(text, "    and maybe more: what many images would lose is not named with each");
    }
}
