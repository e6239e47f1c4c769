//! The user: pushes and pulls, and is hurt or is not.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use regfsck::adapters::sandbox::{Flavour, SandboxState, Tree};
use regfsck::domain::digest::Digest;

use crate::machine::{Machine, is_accepted, pull, push};
use crate::ports::Ports;
use crate::world::{Part, REPOSITORIES, What};

/// What somebody tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attempt {
    /// To pull a tag.
    Tag(What),
    /// To pull a revision that is linked, by its digest.
    Pinned(What),
    /// To push an image, and to pull it again.
    Push(What),
}

/// When it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// Already the push is refused.
    Refused,
    /// At once.
    Now,
    /// When the daemon has started anew and the cache is lost.
    AfterRestart,
    /// After the next garbage collection.
    AfterCollection,
}

/// Somebody is hurt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Harm {
    pub repository: usize,
    pub attempt: Attempt,
    pub when: When,
    /// What the manifest is that was wanted, and so what else: a moved tag names another than its own.
    pub wanted: What,
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = REPOSITORIES[self.repository];
        match self.attempt {
            Attempt::Tag(tag) => write!(f, "{name}:{tag} does not pull")?,
            Attempt::Pinned(what) => write!(f, "{name}@{what} does not pull")?,
            Attempt::Push(what) => write!(f, "{what} pushed to {name} does not pull")?,
        }
        match self.when {
            When::Refused => write!(f, ": the push is refused"),
            When::Now => Ok(()),
            When::AfterRestart => write!(f, " after a restart"),
            When::AfterCollection => write!(f, " after garbage collection"),
        }
    }
}

/// Everybody who is hurt in this state.
pub type Harms = BTreeSet<Harm>;

/// Tries everything on copies of the state.
pub fn harms(flavour: Flavour, state: &SandboxState, whats: &[What]) -> Harms {
    let mut harms = existing(&mut Arc::new(Ports::new(flavour, state.clone())));
    for repository in 0..REPOSITORIES.len() {
        for what in whats {
            harms.extend(pushed(&mut Arc::new(Ports::new(flavour, state.clone())), repository, *what));
        }
    }
    harms
}

/// Who pulls what is there.
pub fn existing(machine: &mut Arc<Ports>) -> Harms {
    let tree = machine.registry.files();
    let mut open: Vec<_> = (0..REPOSITORIES.len()).flat_map(|at| there(&tree, at)).collect();
    let mut harms = Harms::new();
    for when in [When::Now, When::AfterRestart, When::AfterCollection] {
        later(machine, when);
        open.retain(|(repository, attempt, wanted)| {
            let reference = match attempt {
                Attempt::Tag(what) | Attempt::Push(what) => what.to_string(),
                Attempt::Pinned(what) => what.manifest().digest().to_string(),
            };
            let came = pull(&machine.raw(), REPOSITORIES[*repository], &reference).is_ok();
            if !came {
                harms.insert(Harm { repository: *repository, attempt: *attempt, when, wanted: *wanted });
            }
            came
        });
    }
    harms
}

/// Who pushes, and pulls what was pushed.
pub fn pushed(machine: &mut dyn Machine, repository: usize, what: What) -> Option<Harm> {
    let harm = |when| Some(Harm { repository, attempt: Attempt::Push(what), when, wanted: what });
    let (name, tag) = (REPOSITORIES[repository], what.to_string());
    if !is_accepted(&push(&machine.raw(), name, &tag, what, None)) {
        return harm(When::Refused);
    }
    for when in [When::Now, When::AfterRestart, When::AfterCollection] {
        later(machine, when);
        if pull(&machine.raw(), name, &tag).is_err() {
            return harm(when);
        }
    }
    None
}

fn later(machine: &mut dyn Machine, when: When) {
    match when {
        When::Refused | When::Now => {}
        When::AfterRestart => {
            machine.restart();
            machine.flush();
        }
        When::AfterCollection => drop(machine.collect(false)),
    }
}

/// The tags and revisions that a repository has by its links, and what each stands for.
fn there(tree: &Tree, repository: usize) -> Vec<(usize, Attempt, What)> {
    let folder = format!("repositories/{}/_manifests", REPOSITORIES[repository]);
    let named = |path: &str| {
        let text = tree.read(path).ok()?;
        What::of(&std::str::from_utf8(&text).ok()?.parse::<Digest>().ok()?)
    };
    // A tag whose link is lost is still listed, and wanted: nothing but its own image was ever pushed under it.
    let lost = |what: What| {
        let folder = format!("{folder}/tags/{what}");
        let is_lost = tree.look(&folder).is_ok() && tree.look(&format!("{folder}/current/link")).is_err();
        is_lost.then_some(what)
    };
    let tag = |what: What| {
        let wanted = named(&format!("{folder}/tags/{what}/current/link")).or_else(|| lost(what))?;
        Some((repository, Attempt::Tag(what), wanted))
    };
    let revision = |part: Part| {
        let wanted = named(&format!("{folder}/revisions/sha256/{}/link", part.digest().hex()))?;
        Some((repository, Attempt::Pinned(wanted), wanted))
    };
    let tags = What::ALL.into_iter().filter_map(tag);
    tags.chain(Part::MANIFESTS.into_iter().filter_map(revision)).collect()
}
