//! Repositories that are gone with their names, while others hold what they held: a daemon that served them claims it there
//! still, and nobody can ask it where.
//!
//! The folders of repositories tell: one that was changed later than all that is left in it was made lost one last; and
//! content that is older than every repository that has it came with one that is gone.
//!
//! It is settled where the daemon remembers nothing, where Redis names all that it remembers, where the daemon began later,
//! and where a repository is known to be gone from there: that is asked about by its name. Elsewhere the check is
//! incomplete.

use std::collections::HashSet;
use std::sync::Arc;

use super::Run;
use crate::domain::observed::{Reason, Thing, Unlooked};
use crate::domain::views::storage::{Bereft, Departure, StorageView};
use crate::engine::blocking::blocking;
use crate::engine::ports::Storage;

impl Run<'_> {
    /// Learn what the folders of repositories tell, where a daemon may remember what they held.
    pub(super) async fn look_for_departures(&mut self, storage: &Arc<dyn Storage>, view: &Arc<StorageView>) {
        if self.tells_what_it_remembers() || !self.options.extent.scope.is_everything() {
            return;
        }
        let (storage, view) = (Arc::clone(storage), Arc::clone(view));
        self.departures = blocking(move || storage.departures(&view)).await;
    }

    /// Say where repositories are gone that nothing names.
    pub(super) fn without_repository(&mut self, view: &StorageView) {
        let began = self.start.clone().and_then(Result::ok);
        let is_settled = |departure: &Departure| {
            began.as_ref().is_some_and(|start| start.is_after(departure.at)) || self.was_settled_by(departure)
        };
        let gone = self.known_repositories(view);
        let is_named = |departure: &Departure| gone.iter().any(|name| departure.is_around(name));
        let open: Vec<_> =
            self.departures.left.iter().filter(|one| !is_settled(one) && !is_named(one)).collect();
        let last = open.iter().max_by_key(|departure| departure.at);
        let said = last.map(|last| Reason::Departed {
            folders: open.len(),
            example: last.folder.clone(),
            last: last.at,
        });
        let blobs = self.bereft() as u64;
        let said = said.or_else(|| (blobs > 0).then_some(Reason::Bereft { blobs }));
        self.coverage.unknown.extend(said.map(|why| Unlooked::new(Thing::Departed, why)));
    }

    /// Whether that was before the last look, at which nothing was left open.
    fn was_settled_by(&self, departure: &Departure) -> bool {
        let settled = self.last.as_ref().and_then(|last| last.outcome.settled);
        settled.is_some_and(|settled| departure.at.as_second() < settled)
    }

    /// The names of repositories that are known to be gone.
    fn known_repositories(&self, view: &StorageView) -> HashSet<String> {
        let leads = &self.options.leads;
        let before = leads.since.iter().chain(self.last.iter().map(|last| &last.view));
        let before = before.flat_map(|before| before.repositories.iter().map(|repository| &repository.name));
        let handed_in = leads.suspects.iter().filter_map(|suspect| suspect.repository.as_ref());
        let open = self.last.iter().flat_map(|last| &last.outcome.open);
        let open = open.filter_map(|suspect| suspect.repository.as_ref());
        let all = before.chain(handed_in).chain(open);
        all.filter(|name| view.repository(name).is_none()).map(ToString::to_string).collect()
    }

    /// How many blobs had their first home in a repository that is gone, as far as neither the last look settled that nor
    /// the start of the daemon, which was after another had them.
    fn bereft(&self) -> usize {
        let last = self.last.as_ref().filter(|last| last.was_settled());
        let was_judged = |bereft: &Bereft| last.is_some_and(|last| last.view.blob(&bereft.digest).is_some());
        let is_forgotten = |bereft: &Bereft| self.began().is_some_and(|began| bereft.since < began);
        self.departures.bereft.iter().filter(|bereft| !was_judged(bereft) && !is_forgotten(bereft)).count()
    }
}
