//! The rules about the cache in Redis: what it claims that storage does not hold.
//!
//! | in Redis | in storage | what follows |
//! |---|---|---|
//! | global entry | no data | `stale-cache-entry`: claimed wherever a member or a link is, pushes are skipped |
//! | global entry, all its members in repositories that are not stored | no data | the same, a warning: theirs, or of a registry that shares this Redis |
//! | global entry, a member in a repository that has neither a link to it nor a trace of it | no data | the same, and the report says that another registry may share this Redis |
//! | global entry, other size | data | `size-mismatch`: the daemon announces the wrong length |
//! | member | data, but no link in that repository | `stale-cache-entry`, a warning or a note: deleted there, and served again |
//! | member or hash without global entry | no data | nothing: the daemon asks storage; a repair that uploads it elsewhere takes the member away |
//! | global entry without `digest` or `size` | any | nothing: the daemon ignores it |
//!
//! Every accusation names the premise that a second look at storage must confirm; where storage could not be
//! looked at, that look says so and nothing is accused.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::cache_key::Lookup;
use crate::domain::code::{Code, Severity};
use crate::domain::counted::counted;
use crate::domain::digest::Digest;
use crate::domain::finding::{Finding, Subject};
use crate::domain::layout::Place;
use crate::domain::limit::Limit;
use crate::domain::name::RepositoryName;
use crate::domain::observed::{Evidence, Side, Thing};
use crate::domain::views::cache::{CacheView, CachedBlob, CachedPair, StaleKeys};
use crate::domain::views::storage::{Link, Repository, StorageView, StoredBlob};

/// So many repositories of one digest are named as evidence.
const NAMED: usize = 20;
/// From so many entries that storage does not know it is asked whose they are.
const CROWD: usize = 100;

/// What a second look at storage must still see for an accusation to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Premise {
    /// The blob's data file is not there.
    DataAbsent(Digest),
    /// The blob's data file has this many bytes.
    DataSize(Digest, u64),
    /// The data is stored, and the repository has neither a layer nor a revision link of this digest.
    DataUnlinked(RepositoryName, Digest),
}

/// A finding that has yet to survive the second look.
#[derive(Debug, Clone)]
pub struct CacheAccusation {
    /// What it will become.
    pub finding: Finding,
    /// What must still hold.
    pub premise: Premise,
    /// What a purge deletes for it.
    pub purge: StaleKeys,
}

/// What the cache is accused of.
#[derive(Debug, Clone, Default)]
pub struct CacheVerdict {
    /// Each accusation, sorted by digest.
    pub accusations: Vec<CacheAccusation>,
    /// What this look cannot tell, for [`crate::domain::report::Coverage::limits`].
    pub limits: Vec<Limit>,
    /// Why nothing may be purged, where that is so.
    pub refusal: Option<Limit>,
    /// Members of repositories that do not link what storage lacks, by digest: once it is uploaded anywhere, the daemon
    /// serves it there, too.
    pub dormant: Vec<StaleKeys>,
}

/// Compare the cache with storage; `everything` tells whether storage was looked at in every repository.
#[must_use]
pub fn check(storage: Option<&StorageView>, cache: &CacheView, everything: bool) -> CacheVerdict {
    let Some(storage) = storage else {
        return CacheVerdict { limits: vec![Limit::CacheAlone], ..CacheVerdict::default() };
    };
    let judge = Judge::new(storage, cache, everything);
    let mut verdict = CacheVerdict::default();
    let stale: Vec<&CachedBlob> = judge.stale().collect();
    let strange = judge.strangers(&stale);
    if let Some(why) = judge.shared(&stale, &strange) {
        verdict.limits.push(why.clone());
        verdict.refusal = Some(why);
    }
    let refused = verdict.refusal.is_some();
    let accused: Vec<_> =
        stale.into_iter().filter(|entry| !(refused && strange.contains(&entry.digest))).collect();
    verdict.accusations.extend(judge.accuse_stale(&accused, &strange));
    verdict.accusations.extend(judge.accuse_sizes());
    verdict.accusations.extend(judge.accuse_members());
    verdict.dormant = judge.dormant();
    verdict.accusations.sort_by_key(|accusation| accusation.finding.subject.digest);
    verdict
}

struct Judge<'a> {
    storage: &'a StorageView,
    cache: &'a CacheView,
    everything: bool,
    /// [`CacheView::repositories`] as storage knows them.
    repositories: Vec<Option<&'a Repository>>,
}

impl<'a> Judge<'a> {
    fn new(storage: &'a StorageView, cache: &'a CacheView, everything: bool) -> Self {
        let repositories = cache.repositories.iter().map(|name| storage.repository(name)).collect();
        Self { storage, cache, everything, repositories }
    }

    fn stored(&self, cached: &Digest) -> Option<&'a StoredBlob> {
        self.storage.blob(&self.cache.data(cached))
    }

    /// Entries that claim what storage lacks.
    fn stale(&self) -> impl Iterator<Item = &'a CachedBlob> {
        let complete = self.cache.entries.iter().filter(|entry| entry.complete);
        complete.filter(|entry| self.stored(&entry.digest).is_none())
    }

    fn known(&self, pair: &CachedPair) -> Option<&'a Repository> {
        usize::try_from(pair.repository).ok().and_then(|at| self.repositories.get(at).copied().flatten())
    }

    /// Those of the stale entries that no repository of this storage holds, and of which none has anything left.
    fn strangers(&self, stale: &[&CachedBlob]) -> BTreeSet<Digest> {
        if !self.everything {
            return BTreeSet::new();
        }
        let (linked, left) = (self.linked(stale), self.left());
        let digests = stale.iter().map(|entry| entry.digest);
        digests
            .filter(|digest| {
                let cached = self.cache.pairs_of(digest).iter().any(|pair| self.known(pair).is_some());
                !cached && !linked.contains_key(digest) && !left.contains(digest)
            })
            .collect()
    }

    /// Of what folders that lost their link are left.
    fn left(&self) -> BTreeSet<Digest> {
        let traces = self.storage.repositories.iter().map(|repository| &repository.traces);
        traces
            .flat_map(|traces| traces.layers.iter().chain(&traces.revisions))
            .map(|trace| trace.digest)
            .collect()
    }

    /// Whether this Redis is not, or not only, the cache of this registry.
    fn shared(&self, stale: &[&CachedBlob], strange: &BTreeSet<Digest>) -> Option<Limit> {
        let entries = self.cache.entries.iter().filter(|entry| entry.complete).count();
        let nothing_fits = entries > 0 && strange.len() == entries;
        let crowd = strange.len() >= CROWD && strange.len() * 2 > entries;
        if !nothing_fits && !crowd {
            return None;
        }
        Some(Limit::CacheShared {
            location: self.cache.location.clone(),
            strange: strange.len() as u64,
            stale: (stale.len() - strange.len()) as u64,
            entries: entries as u64,
        })
    }

    /// The repositories of storage that link any of these digests.
    fn linked(&self, stale: &[&CachedBlob]) -> BTreeMap<Digest, Vec<&'a RepositoryName>> {
        let wanted: BTreeSet<Digest> = stale.iter().map(|entry| entry.digest).collect();
        let mut linked: BTreeMap<Digest, Vec<&RepositoryName>> = BTreeMap::new();
        if wanted.is_empty() {
            return linked;
        }
        for repository in &self.storage.repositories {
            let links = repository.layers.iter().chain(&repository.revisions).map(|link| link.digest);
            for digest in links.filter(|digest| wanted.contains(digest)) {
                let names = linked.entry(digest).or_default();
                if names.last() != Some(&&repository.name) {
                    names.push(&repository.name);
                }
            }
        }
        linked
    }

    fn accuse_stale(&self, stale: &[&CachedBlob], strange: &BTreeSet<Digest>) -> Vec<CacheAccusation> {
        let (linked, left) = (self.linked(stale), self.left());
        let none = Vec::new();
        let accuse = |entry: &&CachedBlob| {
            let holders = linked.get(&entry.digest).unwrap_or(&none);
            let mut accusation = self.stale_entry(entry, holders);
            // Without any member it is what a deleted manifest leaves, which a push meets at once.
            let is_member = !accusation.purge.repositories.is_empty();
            if is_member && strange.contains(&entry.digest) {
                accusation.finding.severity = Severity::Warning;
                accusation.finding.message += "; its repositories are not in this storage: \
                     deleted, or another registry shares this Redis";
            } else if is_member && self.everything && holders.is_empty() && !left.contains(&entry.digest) {
                accusation.finding.message += "; storage has no trace of it: deleted, or another registry \
                     with repositories of the same names shares this Redis";
            }
            accusation
        };
        stale.iter().map(accuse).collect()
    }

    fn stale_entry(&self, entry: &CachedBlob, linked: &[&RepositoryName]) -> CacheAccusation {
        let (digest, data) = (entry.digest, self.cache.data(&entry.digest));
        let purge = self.cache.keys_of(&digest);
        let members = purge.repositories.len();
        let message = format!(
            "Redis claims its {} bytes, but storage lacks the data ({}): pushes of it are skipped",
            entry.size,
            reach(members, linked.len())
        );
        let mut finding = Finding::new(Code::StaleCacheEntry, Subject::data(digest), message);
        finding.evidence.push(self.storage_says(&data, "absent".into()));
        finding.evidence.push(self.entry_says(entry));
        finding.evidence.extend(self.pairs_say(&digest));
        finding.evidence.extend(linked.iter().take(NAMED).map(|name| self.link_says(name, &digest)));
        CacheAccusation { finding, premise: Premise::DataAbsent(data), purge }
    }

    fn accuse_sizes(&self) -> impl Iterator<Item = CacheAccusation> {
        let complete = self.cache.entries.iter().filter(|entry| entry.complete);
        complete.filter_map(|entry| {
            let stored = self.stored(&entry.digest)?;
            (stored.size != entry.size).then(|| self.wrong_size(entry, stored))
        })
    }

    fn wrong_size(&self, entry: &CachedBlob, stored: &StoredBlob) -> CacheAccusation {
        let message = format!(
            "Redis says {} bytes and storage holds {}: the daemon announces the wrong length",
            entry.size,
            { stored.size }
        );
        let mut finding = Finding::new(Code::SizeMismatch, Subject::data(entry.digest), message);
        finding.evidence.push(self.storage_says(&stored.digest, format!("{} bytes", { stored.size })));
        finding.evidence.push(self.entry_says(entry));
        let purge = StaleKeys { digest: entry.digest, entry: true, repositories: Vec::new() };
        CacheAccusation { finding, premise: Premise::DataSize(stored.digest, stored.size), purge }
    }

    /// Members that give access to content which the repository does not link.
    fn accuse_members(&self) -> impl Iterator<Item = CacheAccusation> {
        let stored = self.unlinked().filter(|pair| self.stored(&pair.digest).is_some());
        stored.filter_map(|pair| self.resurrected(pair))
    }

    /// Members of repositories that have no link to them, as far as that was looked at.
    fn unlinked(&self) -> impl Iterator<Item = &'a CachedPair> {
        self.cache.pairs.iter().filter(|pair| pair.member).filter(|pair| match self.known(pair) {
            Some(repository) => {
                let links = [&repository.layers, &repository.revisions];
                !links.iter().any(|links| links.find(&pair.digest).is_some_and(is_there))
            }
            None => self.everything,
        })
    }

    fn dormant(&self) -> Vec<StaleKeys> {
        let mut dormant: Vec<StaleKeys> = Vec::new();
        for pair in self.unlinked().filter(|pair| self.stored(&pair.digest).is_none()) {
            let Some(name) = self.cache.repository(pair) else { continue };
            match dormant.last_mut().filter(|keys| keys.digest == pair.digest) {
                Some(keys) => keys.repositories.push(name.clone()),
                None => dormant.push(StaleKeys::membership(name.clone(), pair.digest)),
            }
        }
        dormant
    }

    fn resurrected(&self, pair: &CachedPair) -> Option<CacheAccusation> {
        let name = self.cache.repository(pair)?.clone();
        let digest = pair.digest;
        let served = self.cache.entry(&digest).is_some_and(|entry| entry.complete);
        let (severity, when) = if served {
            (Severity::Warning, "the daemon serves it there")
        } else {
            (Severity::Note, "the daemon serves it there as soon as another repository reads it")
        };
        let message = format!(
            "still a member of this repository in Redis without a link in storage: {when}, although it was \
             deleted or collected (a DELETE up to 3.0.x leaves the member)"
        );
        let mut finding = Finding::new(Code::StaleCacheEntry, Subject::linked(name.clone(), digest), message);
        finding.severity = severity;
        finding.evidence.push(self.pair_says(&name, pair));
        let purge = StaleKeys::membership(name.clone(), digest);
        Some(CacheAccusation { finding, premise: Premise::DataUnlinked(name, digest), purge })
    }

    fn storage_says(&self, data: &Digest, said: String) -> Evidence {
        let asked = Place::Data(*data).into();
        Evidence { view: Side::Storage, asked, said, at: self.storage.collected }
    }

    fn link_says(&self, name: &RepositoryName, digest: &Digest) -> Evidence {
        let asked = Thing::Links(Box::new((name.clone(), *digest)));
        Evidence { view: Side::Storage, asked, said: "linked".into(), at: self.storage.collected }
    }

    fn entry_says(&self, entry: &CachedBlob) -> Evidence {
        let data = self.cache.data(&entry.digest);
        let alias = if data == entry.digest { String::new() } else { format!(", as {data}") };
        let said = format!("size {}{alias}", entry.size);
        cache_says(Lookup::Entry(entry.digest), said, self.cache.collected)
    }

    fn pairs_say(&self, digest: &Digest) -> Vec<Evidence> {
        let pairs = self.cache.pairs_of(digest);
        let named = pairs.iter().take(NAMED);
        let mut evidence: Vec<_> =
            named.filter_map(|pair| Some(self.pair_says(self.cache.repository(pair)?, pair))).collect();
        if pairs.len() > NAMED {
            let said = format!("{} more repositories hold it", pairs.len() - NAMED);
            evidence.push(cache_says(Lookup::Members(*digest), said, self.cache.collected));
        }
        evidence
    }

    fn pair_says(&self, name: &RepositoryName, pair: &CachedPair) -> Evidence {
        let said = match (pair.member, pair.hash) {
            (true, true) => "a member, with its hash",
            (true, false) => "a member, without its hash",
            (false, _) => "no member, but its hash is there",
        };
        cache_says(Lookup::Member(name.clone(), pair.digest), said.into(), self.cache.collected)
    }
}

/// A folder without its `link` file is what 3.x garbage collection leaves: no link.
const fn is_there(link: Link<'_>) -> bool {
    !matches!(link.target, crate::domain::views::storage::Target::Missing)
}

fn cache_says(asked: Lookup, said: String, at: Timestamp) -> Evidence {
    Evidence { view: Side::Cache, asked: asked.into(), said, at }
}

/// Where a stale entry lies, in words.
fn reach(members: usize, linked: usize) -> String {
    match (members, linked) {
        (0, 0) => "no repository holds it yet".into(),
        (0, linked) => format!("claimed through the links of {}", counted(linked as u64, "repository")),
        (members, 0) => {
            format!("held by {} in Redis, linked by none", counted(members as u64, "repository"))
        }
        (members, linked) => {
            format!("held by {} in Redis, linked by {linked}", counted(members as u64, "repository"))
        }
    }
}

#[cfg(test)]
mod tests;
