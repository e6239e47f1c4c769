//! Pushes that wait to be looked at, each once, and those that were found broken.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::after;
use crate::domain::finding::Finding;
use crate::domain::watch::{BrokenPush, PushedImage, Removal};

/// So many wait at most.
pub(super) const ROOM: usize = 10_000;
/// The first pause before another look at what is not right yet, and the longest.
const UNSETTLED: (SignedDuration, SignedDuration) =
    (SignedDuration::from_millis(250), SignedDuration::from_secs(30));
/// The same for what is broken.
const BROKEN: (SignedDuration, SignedDuration) =
    (SignedDuration::from_mins(1), SignedDuration::from_mins(30));
/// After so long what is broken, and no check finds anything of, is forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

/// What a look at a pushed image showed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    /// It can be pulled.
    Right,
    /// It cannot.
    Wrong(Vec<Finding>),
    /// Nobody could be asked.
    Unknown,
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outlook {
    /// It can be pulled; it took so long to know, and was it called broken before.
    Right { delay: SignedDuration, was_broken: bool },
    /// It is broken, and was not known to be.
    Broken(BrokenPush),
    /// Nothing new.
    Open,
}

#[derive(Debug, Clone)]
struct Waiting {
    notified: Timestamp,
    due: Timestamp,
    /// The last pause.
    pause: SignedDuration,
    looks: u32,
    /// Whether it was pushed again while it was looked at.
    again: bool,
    broken: Option<(Timestamp, Vec<Finding>)>,
}

/// Pushed images by what they are.
#[derive(Debug, Default)]
pub(super) struct Queue(BTreeMap<PushedImage, Waiting>);

/// What became of a push that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queued {
    New,
    Joined,
    NoRoom,
}

impl Queue {
    pub(super) fn add(&mut self, image: PushedImage, now: Timestamp) -> Queued {
        let is_full = self.0.len() >= ROOM;
        match self.0.get_mut(&image) {
            Some(waiting) => {
                (waiting.again, waiting.due) = (true, now);
                Queued::Joined
            }
            None if is_full => Queued::NoRoom,
            None => {
                let waiting = Waiting {
                    notified: now,
                    due: now,
                    pause: SignedDuration::ZERO,
                    looks: 0,
                    again: false,
                    broken: None,
                };
                self.0.insert(image, waiting);
                Queued::New
            }
        }
    }

    /// Know what an earlier watch found broken, and look at it again.
    pub(super) fn restore(
        &mut self,
        BrokenPush { image, notified, found, findings }: BrokenPush,
        now: Timestamp,
    ) {
        if self.add(image.clone(), now) == Queued::New
            && let Some(waiting) = self.0.get_mut(&image)
        {
            waiting.notified = notified;
            waiting.broken = Some((found, findings));
        }
    }

    pub(super) fn remove(&mut self, removal: &Removal) {
        self.0.retain(|image, _| !removal.takes(image));
    }

    /// Up to so many that are due.
    pub(super) fn due(&mut self, now: Timestamp, most: usize) -> Vec<PushedImage> {
        let due = self.0.iter_mut().filter(|(_, waiting)| waiting.due <= now).take(most);
        due.map(|(image, waiting)| {
            waiting.again = false;
            image.clone()
        })
        .collect()
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.values().map(|waiting| waiting.due).min()
    }

    /// Look at what is broken again now.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        for waiting in self.0.values_mut().filter(|waiting| waiting.broken.is_some()) {
            waiting.due = now;
        }
    }

    /// Forget what has long been broken.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let is_old = |found: Timestamp| now.duration_since(found) > FORGOTTEN;
        self.0.retain(|_, waiting| waiting.broken.as_ref().is_none_or(|(found, _)| !is_old(*found)));
    }

    /// Enter what a look showed; only what is not right for `settle` is called broken, and never after one look.
    pub(super) fn settle(
        &mut self,
        image: &PushedImage,
        seen: Seen,
        now: Timestamp,
        settle: SignedDuration,
    ) -> Outlook {
        // Deleted meanwhile.
        let Some(waiting) = self.0.get_mut(image) else { return Outlook::Open };
        waiting.looks += 1;
        match seen {
            _ if waiting.again => {
                (waiting.due, waiting.pause) = (now, SignedDuration::ZERO);
                Outlook::Open
            }
            Seen::Right => {
                let (delay, was_broken) = (now.duration_since(waiting.notified), waiting.broken.is_some());
                self.0.remove(image);
                // Whoever pushed the name again has no use for what it was before.
                self.0.retain(|other, waiting| {
                    let is_earlier = other.repository == image.repository && other.tag == image.tag;
                    image.tag.is_none() || !is_earlier || waiting.broken.is_none()
                });
                Outlook::Right { delay, was_broken }
            }
            Seen::Wrong(findings) => waiting.wrong(image, findings, now, settle),
            Seen::Unknown => {
                waiting.put_off(now, UNSETTLED);
                Outlook::Open
            }
        }
    }

    /// What is broken.
    pub(super) fn broken(&self) -> Vec<BrokenPush> {
        let broken = self.0.iter().filter_map(|(image, waiting)| {
            let (found, findings) = waiting.broken.clone()?;
            Some(BrokenPush { image: image.clone(), notified: waiting.notified, found, findings })
        });
        broken.collect()
    }

    /// How many wait for their first verdict.
    pub(super) fn waiting(&self) -> usize {
        self.0.values().filter(|waiting| waiting.broken.is_none()).count()
    }
}

impl Waiting {
    fn wrong(
        &mut self,
        image: &PushedImage,
        findings: Vec<Finding>,
        now: Timestamp,
        settle: SignedDuration,
    ) -> Outlook {
        if let Some((_, known)) = &mut self.broken {
            *known = findings;
            self.put_off(now, BROKEN);
            return Outlook::Open;
        }
        if self.looks < 2 || now.duration_since(self.notified) < settle {
            self.put_off(now, UNSETTLED);
            return Outlook::Open;
        }
        self.broken = Some((now, findings.clone()));
        self.pause = SignedDuration::ZERO;
        self.put_off(now, BROKEN);
        Outlook::Broken(BrokenPush { image: image.clone(), notified: self.notified, found: now, findings })
    }

    fn put_off(&mut self, now: Timestamp, (first, longest): (SignedDuration, SignedDuration)) {
        self.pause = (self.pause * 2).clamp(first, longest);
        self.due = after(now, self.pause);
    }
}
