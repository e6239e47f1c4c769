//! What a check saw of a registry, kept for the next one: what has gone meanwhile is then known by its name.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::name::RepositoryName;
use super::suspects::{Suspect, SuspectKind};
use super::views::storage::{Removal, StorageView, Trace};

/// The last look at a registry whose daemon remembers in its own memory.
#[derive(Debug, Clone)]
pub struct LastLook {
    /// Storage as it was.
    pub view: Arc<StorageView>,
    /// What came of it.
    pub outcome: LookOutcome,
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookOutcome {
    /// When the look at storage began, which tells to which view this belongs.
    pub collected: Timestamp,
    /// The daemons that were asked.
    pub daemons: Vec<String>,
    /// What was gone by then, in seconds since 1970 and by storage's clock, the daemons denied, but for what is open; if there
    /// was nothing that could not be asked about.
    pub settled: Option<i64>,
    /// What is gone and was not denied, or was not asked about.
    pub open: BTreeSet<Suspect>,
    /// The folders of blobs that something had left, where what it was was known or had been settled.
    pub removals: BTreeSet<Removal>,
}

impl LastLook {
    /// Whether the daemons denied what is left of this link.
    #[must_use]
    pub fn denied(&self, name: &RepositoryName, trace: &Trace) -> bool {
        self.outcome.settled.is_some_and(|settled| trace.made < settled)
            && self.was_gone(&trace.digest)
            && !self.outcome.is_open(name, &trace.digest)
    }

    /// Whether it was gone by then, and nothing about it was left that could not be asked about.
    #[must_use]
    pub fn accounts_for(&self, digest: &Digest) -> bool {
        self.outcome.settled.is_some() && self.was_gone(digest)
    }

    /// Whether nothing was left at that very look that could not be asked about.
    #[must_use]
    pub fn was_settled(&self) -> bool {
        // It is told in whole seconds, and a second less.
        self.outcome.settled.is_some_and(|settled| settled + 2 >= self.view.collected.as_second())
    }

    fn was_gone(&self, digest: &Digest) -> bool {
        self.view.blob(digest).is_none()
    }
}

impl LookOutcome {
    fn is_open(&self, name: &RepositoryName, digest: &Digest) -> bool {
        let of = |kind| Suspect::new(Some(name.clone()), *digest, kind);
        self.open.range(of(SuspectKind::Content)..=of(SuspectKind::Manifest)).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::views::storage::StoredBlob;

    #[test]
    fn what_was_denied_is_what_was_gone_before_and_is_not_open() {
        let digest = |n| Digest::sha256([n; 32]);
        let name = |text: &str| -> RepositoryName { text.parse().unwrap() };
        let blob = StoredBlob { digest: digest(1), size: 1, modified: 0 };
        let view =
            StorageView { blobs: vec![blob], ..StorageView::empty("/r".into(), Timestamp::UNIX_EPOCH) };
        let open = [Suspect::new(Some(name("a")), digest(2), SuspectKind::Layer)];
        let outcome = LookOutcome {
            collected: view.collected,
            daemons: Vec::new(),
            settled: Some(100),
            open: open.into(),
            removals: BTreeSet::new(),
        };
        let mut look = LastLook { view: view.into(), outcome };
        let denied =
            |look: &LastLook, at: &str, n, made| look.denied(&name(at), &Trace { digest: digest(n), made });
        assert!(denied(&look, "a", 3, 99));
        assert!(!denied(&look, "a", 3, 100), "it came to be later");
        assert!(!denied(&look, "a", 1, 99), "its data was stored");
        assert!(!denied(&look, "a", 2, 99), "it is open");
        assert!(denied(&look, "b", 2, 99), "it is open elsewhere");
        assert!(look.accounts_for(&digest(3)) && !look.accounts_for(&digest(1)));
        look.outcome.settled = None;
        assert!(!denied(&look, "a", 3, 99) && !look.accounts_for(&digest(3)));
    }
}
