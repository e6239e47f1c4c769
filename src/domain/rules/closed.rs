//! What its mode keeps from the daemon's user: a file that was restored, or copied in, as somebody else.
//!
//! | storage | the daemon | verdict |
//! |---|---|---|
//! | closed to whoever made the folder of blobs | was not asked | unreadable-file, a warning |
//! | the same | reads what belongs to the same owner, just as closed | nothing: it is that user's own |
//! | the same | says anything else; what it remembers outlives no restart | unreadable-file |

use std::collections::{BTreeMap, BTreeSet};

use super::{Accusations, Condition};
use crate::domain::code::{Code, Severity};
use crate::domain::digest::Digest;
use crate::domain::layout::{LinkPlace, Place};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::Evidence;
use crate::domain::views::served::{Answer, Delivery, ServedView};
use crate::domain::views::storage::{Closed, Owner, StorageView};

/// Accuse what is closed, as far as that is known without asking.
pub(super) fn accuse(view: &StorageView, is_wanted: impl Fn(&Digest) -> bool, accusations: &mut Accusations) {
    for closed in &view.closed {
        let what = closed.what();
        if matches!(&what, Place::Data(digest) if !is_wanted(digest)) {
            continue;
        }
        let conditions = [Condition::Closed(closed.place.clone())];
        let said = || message(closed, what != closed.place);
        let accused = accusations.add_leftover(Code::UnreadableFile, closed.subject(), said, conditions);
        if let Some(accused) = accused {
            accused.finding.severity = Severity::Warning;
        }
    }
}

fn message(Closed { owner, mode, reader, .. }: &Closed, is_around: bool) -> String {
    let what = if is_around { "its folder" } else { "it" };
    format!("{what} is owned by {owner} with mode {mode:04o}: the registry's user, {reader}, cannot read it")
}

/// Hold it against what the daemon answers.
pub(super) fn settle(view: &StorageView, served: &ServedView, accusations: &mut Accusations) {
    if view.closed.is_empty() {
        return;
    }
    let answers = Answers::of(served);
    let read: BTreeSet<Owner> = view
        .closed
        .iter()
        .filter(|closed| answers.is_read(&closed.what()))
        .map(|closed| closed.owner)
        .collect();
    for closed in &view.closed {
        let about = closed.subject();
        if read.contains(&closed.owner) {
            accusations.acquit(Code::UnreadableFile, &about);
        } else if let Some(accused) = accusations.get_mut(Code::UnreadableFile, &about) {
            accused.finding.severity = Severity::Error;
            accused.prove(answers.about(&closed.what()));
        }
    }
}

/// What the daemon said of content and of tags, and whether it had to read them to say so.
#[derive(Default)]
struct Answers {
    content: BTreeMap<Digest, (bool, Evidence)>,
    tags: BTreeMap<(RepositoryName, Tag), (bool, Evidence)>,
}

impl Answers {
    fn of(served: &ServedView) -> Self {
        let mut all = Self::default();
        for ((_, digest), blob) in &served.blobs {
            let delivery = blob.delivery.as_ref();
            let is_read = delivery.is_some_and(|it| matches!(it.answer, Answer::Yes(Delivery::Byte(_))));
            let exchange = delivery.map_or(&blob.claim.exchange, |delivery| &delivery.exchange);
            all.content.insert(*digest, (is_read, exchange.evidence()));
        }
        for ((_, digest), asked) in &served.manifests {
            let is_read = asked.answer.yes().is_some_and(|manifest| manifest.digest == *digest);
            all.content.insert(*digest, (is_read, asked.exchange.evidence()));
        }
        for (name, tag, asked) in &served.resolved {
            all.tags.insert(
                (name.clone(), tag.clone()),
                (asked.answer.yes().is_some(), asked.exchange.evidence()),
            );
        }
        all
    }

    fn get(&self, what: &Place) -> Option<&(bool, Evidence)> {
        if let Place::Data(digest) | Place::Link(_, LinkPlace::Layer(digest) | LinkPlace::Revision(digest)) =
            what
        {
            self.content.get(digest)
        } else if let Place::Link(name, LinkPlace::Tag(tag)) = what {
            self.tags.get(&(name.clone(), tag.clone()))
        } else {
            None
        }
    }

    fn about(&self, what: &Place) -> Option<Evidence> {
        self.get(what).map(|(_, evidence)| evidence.clone())
    }

    /// Whether the daemon has read it: links of content it may only remember.
    fn is_read(&self, what: &Place) -> bool {
        let is_remembered = matches!(what, Place::Link(_, LinkPlace::Layer(_) | LinkPlace::Revision(_)));
        !is_remembered && self.get(what).is_some_and(|(is_read, _)| *is_read)
    }
}
