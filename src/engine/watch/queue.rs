//! Pushes that wait to be looked at, each once, and those that were found broken.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::after;
use crate::domain::finding::Finding;
use crate::domain::watch::{BrokenPush, Deletion, PushedImage};

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
pub(super) enum SeenPush {
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

    pub(super) fn remove(&mut self, removal: &Deletion) {
        self.0.retain(|image, _| !removal.takes(image));
    }

    /// Up to so many that are due: those that nobody knows anything of before those that are known to be broken, and who is
    /// due longest first, however many others there are.
    pub(super) fn due(&mut self, now: Timestamp, most: usize) -> Vec<PushedImage> {
        let mut due: Vec<_> = self.0.iter_mut().filter(|(_, waiting)| waiting.due <= now).collect();
        due.sort_by_key(|(_, waiting)| (waiting.broken.is_some(), waiting.due));
        due.into_iter()
            .take(most)
            .map(|(image, waiting)| {
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
        seen: SeenPush,
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
            SeenPush::Right => {
                let (delay, was_broken) = (now.duration_since(waiting.notified), waiting.broken.is_some());
                self.0.remove(image);
                // Whoever pushed the name again has no use for what it was before.
                self.0.retain(|other, waiting| {
                    let is_earlier = other.repository == image.repository && other.tag == image.tag;
                    image.tag.is_none() || !is_earlier || waiting.broken.is_none()
                });
                Outlook::Right { delay, was_broken }
            }
            SeenPush::Wrong(findings) => waiting.wrong(image, findings, now, settle),
            SeenPush::Unknown => {
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

    /// How many wait for their first verdict, and since when the first of them does.
    pub(super) fn waiting(&self) -> (usize, Option<Timestamp>) {
        let waiting = || self.0.values().filter(|waiting| waiting.broken.is_none());
        (waiting().count(), waiting().map(|waiting| waiting.notified).min())
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
        let settled = after(self.notified, settle);
        if self.looks < 2 || now < settled {
            self.put_off(now, UNSETTLED);
            // The look that decides is when it can decide, not a whole pause later.
            self.due = self.due.min(settled.max(after(now, UNSETTLED.0)));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn image(tag: &str, n: u8) -> PushedImage {
        let digest = crate::domain::digest::Digest::sha256([n; 32]);
        PushedImage { repository: "a".parse().unwrap(), digest, tag: Some(tag.parse().unwrap()) }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    const SETTLE: SignedDuration = SignedDuration::from_secs(2);

    #[test]
    fn what_is_wrong_is_called_broken_when_it_settled_and_looked_at_again_ever_less() {
        let (mut queue, image) = (Queue::default(), image("1", 1));
        assert_eq!(queue.add(image.clone(), at(0)), Queued::New);
        let (mut looks, mut broken) = (Vec::new(), None);
        while looks.len() < 12 {
            let now = queue.next().unwrap();
            looks.push(now.as_millisecond());
            assert_eq!(queue.due(now, 9), std::slice::from_ref(&image));
            let seen = queue.settle(&image, SeenPush::Wrong(Vec::new()), now, SETTLE);
            if let Outlook::Broken(push) = seen {
                assert_eq!(broken.replace(push.found.as_millisecond()), None);
            }
        }
        assert_eq!(broken, Some(2000));
        assert_eq!(looks[..7], [0, 250, 750, 1750, 2000, 62_000, 182_000]);
        assert_eq!(looks[11] - looks[10], 30 * 60_000);
        assert_eq!(queue.waiting(), (0, None));
        // Pushed again, and now it is right.
        assert_eq!(queue.add(image.clone(), at(9_000_000)), Queued::Joined);
        assert_eq!(queue.due(at(9_000_000), 9), std::slice::from_ref(&image));
        let delay = SignedDuration::from_millis(9_000_100);
        let seen = queue.settle(&image, SeenPush::Right, at(9_000_100), SETTLE);
        assert_eq!(seen, Outlook::Right { delay, was_broken: true });
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn nobody_is_accused_by_one_look_or_without_an_answer() {
        let (mut queue, image) = (Queue::default(), image("1", 1));
        queue.add(image.clone(), at(0));
        for millis in [0, 60_000, 120_000] {
            queue.due(at(millis), 9);
            assert_eq!(queue.settle(&image, SeenPush::Unknown, at(millis), SETTLE), Outlook::Open);
            assert_eq!(queue.waiting(), (1, Some(at(0))));
        }
        let (mut queue, late) = (Queue::default(), at(600_000));
        queue.add(image.clone(), at(0));
        queue.due(late, 9);
        assert_eq!(queue.settle(&image, SeenPush::Wrong(Vec::new()), late, SETTLE), Outlook::Open);
        // What is pushed again while it is looked at was not looked at.
        queue.add(image.clone(), late);
        assert_eq!(queue.settle(&image, SeenPush::Right, late, SETTLE), Outlook::Open);
        assert_eq!(queue.next(), Some(late));
    }

    #[test]
    fn none_is_kept_waiting_by_those_that_came_later_or_are_known() {
        let mut queue = Queue::default();
        let known = BrokenPush { image: image("a", 1), notified: at(0), found: at(0), findings: Vec::new() };
        queue.restore(known, at(0));
        for (tag, told) in [("b", 9), ("c", 8), ("d", 7)] {
            queue.add(image(tag, 1), at(told));
        }
        assert_eq!(queue.due(at(9), 2), [image("d", 1), image("c", 1)]);
        assert_eq!(queue.due(at(9), 9).last(), Some(&image("a", 1)));
    }

    #[test]
    fn the_queue_has_a_bound_and_what_is_named_anew_is_forgotten() {
        let mut queue = Queue::default();
        let old = BrokenPush { image: image("1", 1), notified: at(0), found: at(0), findings: Vec::new() };
        queue.restore(old.clone(), at(0));
        assert_eq!(queue.broken(), [old]);
        queue.add(image("1", 2), at(0));
        queue.due(at(0), 9);
        queue.settle(&image("1", 2), SeenPush::Right, at(0), SETTLE);
        assert_eq!(queue.broken(), []);
        for n in 0..ROOM {
            assert_eq!(queue.add(image(&format!("t{n}"), 3), at(0)), Queued::New);
        }
        assert_eq!(queue.add(image("more", 3), at(0)), Queued::NoRoom);
        assert_eq!(queue.add(image("t0", 3), at(0)), Queued::Joined);
    }
}
