//! The second look: an accusation becomes a finding when everything that made it still holds.

use std::time::Duration;

use jiff::Timestamp;
use rayon::prelude::*;

use super::sizes::{Sizes, right_content, wrong_content};
use crate::domain::cache_key::Lookup;
use crate::domain::finding::Finding;
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::limit::Limit;
use crate::domain::manifest::{self, MAX_MANIFEST_BYTES};
use crate::domain::observed::{Evidence, Observed, Reason, Side, Thing, Unlooked};
use crate::domain::rules::{Accusation, Condition};
use crate::domain::views::storage::{TagTarget, Target};
use crate::engine::ports::{Event, Events, Storage};

/// What the second look leaves.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
    /// Accusations that could not be looked at again.
    pub(super) unknown: Vec<Unlooked>,
    /// What was too much to be hashed.
    pub(super) limit: Option<Limit>,
}

/// What one condition turned out to be.
enum Held {
    Yes(Evidence),
    No,
    Unknown(Unlooked),
}

/// How long the daemon may be in the middle of something: the third look comes after it, and a fourth, for what goes to
/// and fro.
const WRITING: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(70)];

/// Look again at all of them, in parallel; so many bytes are hashed for what has another size than is described.
pub(super) fn look_again(
    storage: &dyn Storage,
    accusations: Vec<Accusation>,
    most: u64,
    events: &dyn Events,
) -> Looked {
    let mut accusations = Some(accusations);
    let mut all = Looked::default();
    storage.at_once(&mut || all = all_of(storage, accusations.take().unwrap_or_default(), most, events));
    all
}

fn all_of(storage: &dyn Storage, accusations: Vec<Accusation>, most: u64, events: &dyn Events) -> Looked {
    let sizes = Sizes::of(&accusations, most);
    let looked: Vec<_> = accusations
        .into_par_iter()
        .map(|accusation| {
            let looked = one(storage, &sizes, accusation);
            events.emit(Event::Advanced(1));
            looked
        })
        .collect();
    let mut all = Looked { limit: sizes.limit(), ..Looked::default() };
    let mut momentary = Vec::new();
    for looked in looked {
        match looked {
            Ok(Some(standing)) if standing.conditions.iter().any(is_momentary) => momentary.push(standing),
            Ok(standing) => all.findings.extend(standing.map(|standing| standing.finding)),
            Err(unlooked) => all.unknown.push(unlooked),
        }
    }
    for pause in WRITING {
        if momentary.is_empty() {
            break;
        }
        std::thread::sleep(pause);
        let lasting = momentary.into_par_iter().filter(|standing| {
            standing.conditions.iter().all(|condition| !matches!(look(storage, condition), Held::No))
        });
        momentary = lasting.collect();
    }
    all.findings.extend(momentary.into_iter().map(|standing| standing.finding));
    all
}

/// Daemons up to 3.0 write links and manifests in place, so a busy tag can be empty at two looks; a DELETE takes the
/// revision's link and then the tags, one by one.
fn is_momentary(condition: &Condition) -> bool {
    if let Condition::LinkSays(_, _, Target::Invalid(text))
    | Condition::TagSays(_, _, TagTarget::Invalid(text)) = condition
    {
        return text.is_empty();
    }
    matches!(
        condition,
        Condition::TagSays(_, _, TagTarget::Missing)
            | Condition::DataSize(_, 0)
            | Condition::NoManifest(_)
            | Condition::NoLink(_, LinkPlace::Revision(_))
    )
}

/// What still stands; nothing if it no longer holds, or what could not be looked at.
fn one(
    storage: &dyn Storage,
    sizes: &Sizes,
    mut accusation: Accusation,
) -> Result<Option<Accusation>, Unlooked> {
    for condition in &accusation.conditions {
        let observed = sizes.observe(storage, condition).unwrap_or_else(|| observe(storage, condition));
        match held(observed) {
            Held::Yes(evidence) => accusation.finding.evidence.push(evidence),
            Held::No => return Ok(None),
            Held::Unknown(unlooked) => return Err(unlooked),
        }
    }
    Ok(Some(accusation))
}

fn look(storage: &dyn Storage, condition: &Condition) -> Held {
    held(observe(storage, condition))
}

fn held((asked, seen): (Thing, Observed<String>)) -> Held {
    match seen {
        Observed::Present(said) => {
            Held::Yes(Evidence { view: Side::Storage, asked, said, at: Timestamp::now() })
        }
        Observed::Absent => Held::No,
        Observed::Unknown(why) => Held::Unknown(Unlooked { what: asked, why }),
    }
}

/// Look at one condition: what was asked, and what was said if it holds; absent if it does not. Blocking.
pub fn observe(storage: &dyn Storage, condition: &Condition) -> (Thing, Observed<String>) {
    match condition {
        Condition::DataAbsent(digest) => (Place::Data(*digest).into(), absent(storage.blob(digest))),
        Condition::DataStored(digest) => {
            (Place::Data(*digest).into(), storage.blob(digest).map(|file| format!("{} bytes", file.size)))
        }
        Condition::DataSize(digest, size) => {
            let file = keep(storage.blob(digest), |file| file.size == *size);
            (Place::Data(*digest).into(), file.map(|file| format!("{} bytes", file.size)))
        }
        Condition::NoManifest(digest) => {
            (Place::Data(*digest).into(), no_manifest(storage.read(digest, MAX_MANIFEST_BYTES + 1)))
        }
        Condition::WrongContent(digest) => (Place::Data(*digest).into(), wrong_content(storage.hash(digest))),
        Condition::LinkSays(name, place, target) => {
            let seen = keep(storage.link(name, place), |seen| seen == target);
            (Place::Link(name.clone(), place.clone()).into(), seen.map(|seen| says(&seen)))
        }
        Condition::NoLink(name, place) => {
            (Place::Link(name.clone(), place.clone()).into(), no_link(storage.link(name, place)))
        }
        Condition::TagSays(name, tag, target) => {
            let seen = keep(storage.tag(name, tag), |seen| seen == target);
            (Place::Link(name.clone(), LinkPlace::Tag(tag.clone())).into(), seen.map(|seen| tag_says(&seen)))
        }
        Condition::UploadExists(name, id) => (
            Place::Upload(name.clone(), id.as_str().into(), None).into(),
            storage.has_upload(name, id).map(|()| "there".into()),
        ),
        Condition::RightContent(digest) => (Place::Data(*digest).into(), right_content(storage.hash(digest))),
        Condition::AnyOf(all) => any_of(storage, all),
        Condition::PathExists(place) => {
            (place.clone().into(), storage.exists(place).map(|()| "there".into()))
        }
        Condition::Closed(place) => {
            (place.clone().into(), storage.is_closed(place).map(|()| "kept from its reader".into()))
        }
        Condition::Cached(digest, _) | Condition::CachedIn(_, digest) => {
            // The cache is asked before storage, and its conditions end there.
            (Lookup::Entry(*digest).into(), Observed::Unknown(Reason::NoCache))
        }
    }
}

/// The first of them that holds; unknown if one of them is and none holds.
fn any_of(storage: &dyn Storage, all: &[Condition]) -> (Thing, Observed<String>) {
    let mut last = (Thing::Rest, Observed::Absent);
    for condition in all {
        let (asked, seen) = observe(storage, condition);
        match seen {
            Observed::Present(_) => return (asked, seen),
            Observed::Unknown(_) => last = (asked, seen),
            Observed::Absent => {}
        }
    }
    last
}

fn keep<T>(seen: Observed<T>, holds: impl FnOnce(&T) -> bool) -> Observed<T> {
    match seen {
        Observed::Present(thing) if !holds(&thing) => Observed::Absent,
        Observed::Present(_) | Observed::Absent | Observed::Unknown(_) => seen,
    }
}

fn absent<T>(seen: Observed<T>) -> Observed<String> {
    match seen {
        Observed::Present(_) => Observed::Absent,
        Observed::Absent => Observed::Present("not there (second look)".into()),
        Observed::Unknown(why) => Observed::Unknown(why),
    }
}

fn no_link(seen: Observed<Target>) -> Observed<String> {
    match seen {
        Observed::Present(Target::Missing) => absent::<()>(Observed::Absent),
        Observed::Present(_) | Observed::Absent | Observed::Unknown(_) => absent(seen),
    }
}

fn no_manifest(seen: Observed<Vec<u8>>) -> Observed<String> {
    match seen {
        Observed::Present(bytes) => match manifest::parse(&bytes) {
            Ok(manifest) => match manifest.flaw {
                Some(flaw) => Observed::Present(format!("{} bytes; {flaw}", bytes.len())),
                None => Observed::Absent,
            },
            Err(error) => Observed::Present(format!("{} bytes; {error}", bytes.len())),
        },
        Observed::Absent => Observed::Absent,
        Observed::Unknown(why) => Observed::Unknown(why),
    }
}

fn says(target: &Target) -> String {
    match target {
        Target::Same => "says its own digest".into(),
        Target::Other(other) => format!("says {other}"),
        Target::Invalid(text) => format!("says `{text}`"),
        Target::Missing => "not there".into(),
        Target::Unknown => "not readable".into(),
    }
}

fn tag_says(target: &TagTarget) -> String {
    match target {
        TagTarget::Digest(digest) => format!("says {digest}"),
        TagTarget::Invalid(text) => format!("says `{text}`"),
        TagTarget::Missing => "not there".into(),
        TagTarget::Unknown => "not readable".into(),
    }
}
