//! The cache's part in a check: what Redis claims and storage lacks, and what that tells of the daemon.
//!
//! Redis is read before storage: what a push adds meanwhile is then in storage's view too. An entry that
//! storage lacks is accused, makes the daemon suspect wherever it could be served, and is the daemon's belief
//! about a manifest that storage lacks: nothing more need be asked about that.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{Run, Suspect};
use crate::domain::cache_key::Lookup;
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::{Finding, Subject as About};
use crate::domain::layout::LinkPlace;
use crate::domain::observed::{Evidence, Observed, Side, Thing, Unlooked};
use crate::domain::remedy::Redis;
use crate::domain::rules::cache::{self as cache_rules, CacheAccusation, Premise};
use crate::domain::rules::{Accusation, Accusations, Condition};
use crate::domain::suspects::SuspectKind;
use crate::domain::views::cache::{CacheView, CachedBlob, StaleKeys};
use crate::domain::views::served::Subject;
use crate::domain::views::storage::StorageView;
use crate::engine::ports::Cache;

/// So many keys are looked at again at once.
const AT_ONCE: usize = 32;

/// What the cache told.
#[derive(Debug, Default)]
pub(super) struct Cached {
    /// Pairs that the daemon may serve from it.
    pub(super) suspects: Vec<Suspect>,
    /// Manifests about which it settles what the daemon believes.
    pub(super) settled: BTreeSet<Subject>,
    /// What a purge deletes, by the finding's code and subject.
    purge: BTreeMap<(Code, About), StaleKeys>,
    /// Whether nothing may be purged.
    is_refused: bool,
    /// What a repair would wake.
    dormant: Vec<StaleKeys>,
    /// What is stored, and still a member of a repository that has no link to it: whoever reads it anywhere makes the
    /// daemon serve it there again.
    pub(super) asleep: BTreeSet<Digest>,
    /// Whether it was read to its end, and is this registry's.
    pub(super) is_whole: bool,
}

impl Run<'_> {
    /// Read all of the cache. What cannot be read is unknown, and never taken for empty.
    pub(super) async fn read_cache(&mut self) -> Option<CacheView> {
        let cache = self.sides.cache.clone()?;
        match cache.collect(&*self.events).await {
            Ok(view) => {
                self.coverage.cache = Some(view.coverage());
                self.coverage.unknown.extend(view.unknown.iter().cloned());
                Some(view)
            }
            Err(error) => {
                let why = format!("could not {error}; {}", error.hint());
                self.coverage.unknown.push(Unlooked::new(Thing::side(cache.location()), why));
                None
            }
        }
    }

    /// Accuse what the cache claims and storage lacks.
    pub(super) fn compare_cache(
        &mut self,
        cache: Option<CacheView>,
        view: &StorageView,
        accusations: &mut Accusations,
    ) -> Cached {
        let Some(cache) = cache else { return Cached::default() };
        let verdict = cache_rules::check(Some(view), &cache, self.options.extent.scope.is_everything());
        self.coverage.limits.0.extend(verdict.limits);
        let is_refused = verdict.refusal.is_some();
        let is_whole = !is_refused && cache.unknown.is_empty();
        let mut cached = Cached { is_refused, is_whole, dormant: verdict.dormant, ..Cached::default() };
        cached.believe(&cache, accusations);
        // What a manifest needs there is accused of the link that is missing: taking the member away would hurt.
        let is_needed = |premise: &Premise| {
            let Premise::DataUnlinked(name, digest) = premise else { return false };
            let places = [LinkPlace::Layer(*digest), LinkPlace::Revision(*digest)];
            let mut about = places.map(|place| About::link(name.clone(), place)).into_iter();
            about.any(|about| accusations.has(Code::MissingLink, &about))
        };
        let unlinked = |accusation: &CacheAccusation| match &accusation.premise {
            Premise::DataUnlinked(_, digest) => Some(*digest),
            Premise::DataAbsent(_) | Premise::DataSize(..) => None,
        };
        cached.asleep = verdict.accusations.iter().filter_map(unlinked).collect();
        let (_, accused): (Vec<_>, Vec<_>) =
            verdict.accusations.into_iter().partition(|accusation| is_needed(&accusation.premise));
        for accusation in accused {
            cached.accuse(&cache, accusation, accusations);
        }
        cached
    }

    /// What the cache would tell without storage to hold it against: nothing.
    pub(super) async fn cache_alone(&mut self) {
        if let Some(view) = self.read_cache().await {
            self.coverage.limits.0.extend(cache_rules::check(None, &view, true).limits);
        }
    }
}

impl Cached {
    /// Whether the daemon believes to have the manifests that storage lacks: it does where the global entry is
    /// complete, and then swallows a push of them.
    fn believe(&mut self, cache: &CacheView, accusations: &mut Accusations) {
        let missing: Vec<(About, Subject)> = accusations
            .iter()
            .filter(|accusation| accusation.finding.code == Code::MissingManifest)
            .filter_map(|accusation| {
                let about = accusation.finding.subject.clone();
                let subject = (about.repository.clone()?, about.digest?);
                Some((about, subject))
            })
            .collect();
        for (about, (name, digest)) in missing {
            if let Some(entry) = cache.entry(&digest).filter(|entry| entry.complete) {
                let message = || {
                    "Redis holds it and storage lacks it: pushing it answers 201 and writes nothing"
                        .to_owned()
                };
                let conditions = [Condition::DataAbsent(digest), Condition::Cached(digest, entry.size)];
                accusations
                    .add(Code::PhantomManifest, about, message, conditions)
                    .prove([entry_says(entry, cache.collected)]);
            }
            // Half a look settles nothing.
            if cache.unknown.is_empty() {
                self.settled.insert((name, digest));
            }
        }
    }

    fn accuse(&mut self, cache: &CacheView, accusation: CacheAccusation, accusations: &mut Accusations) {
        let CacheAccusation { finding, premise, purge } = accusation;
        let Finding { code, severity, subject, message, evidence, .. } = finding;
        let digest = purge.digest;
        self.suspect(cache, &premise, &purge);
        let conditions = conditions(premise, &purge, cache.entry(&digest));
        self.purge.insert((code, subject.clone()), purge);
        let accused = accusations.add(code, subject, || message, conditions).prove(evidence);
        accused.finding.severity = severity;
    }

    /// The daemon may serve it wherever it is a member.
    fn suspect(&mut self, cache: &CacheView, premise: &Premise, purge: &StaleKeys) {
        match premise {
            Premise::DataAbsent(_) => {}
            Premise::DataSize(..) => return,
            Premise::DataUnlinked(name, digest) => {
                return self.suspects.push(Suspect::new(Some(name.clone()), *digest, SuspectKind::Layer));
            }
        }
        let members = cache.pairs_of(&purge.digest).iter().filter(|pair| pair.member);
        let names = members.filter_map(|pair| cache.repository(pair).cloned());
        self.suspects.extend(names.map(|name| Suspect {
            repository: Some(name),
            digest: purge.digest,
            kind: SuspectKind::Content,
        }));
    }

    /// What a purge deletes for each of these findings, by id.
    pub(super) fn purges(&self, findings: &[Finding]) -> BTreeMap<String, StaleKeys> {
        let keys = |finding: &Finding| self.purge.get(&(finding.code, finding.subject.clone())).cloned();
        if self.is_refused {
            return BTreeMap::new();
        }
        findings.iter().filter_map(|finding| Some((finding.id.clone(), keys(finding)?))).collect()
    }

    /// The members that an upload would make the daemon serve where nothing links them.
    pub(super) fn dormant(&mut self) -> Vec<StaleKeys> {
        if self.is_refused { Vec::new() } else { std::mem::take(&mut self.dormant) }
    }

    /// What may be done with the cache.
    pub(super) const fn access(&self) -> Redis {
        if self.is_refused { Redis::Shared } else { Redis::Open }
    }

    /// What the cache has wrong keys of.
    pub(super) fn keyed(&self) -> BTreeSet<Digest> {
        self.purge.values().map(|keys| keys.digest).collect()
    }
}

/// What must still hold: the premise in storage, and the key in Redis.
fn conditions(premise: Premise, purge: &StaleKeys, entry: Option<&CachedBlob>) -> Vec<Condition> {
    let cached = entry.map(|entry| Condition::Cached(entry.digest, entry.size));
    match premise {
        Premise::DataAbsent(data) => [Condition::DataAbsent(data)].into_iter().chain(cached).collect(),
        Premise::DataSize(data, size) => {
            [Condition::DataSize(data, size)].into_iter().chain(cached).collect()
        }
        Premise::DataUnlinked(name, digest) => {
            let mut all = vec![
                Condition::NoLink(name.clone(), LinkPlace::Layer(digest)),
                Condition::NoLink(name, LinkPlace::Revision(digest)),
            ];
            all.extend(purge.repositories.iter().map(|name| Condition::CachedIn(name.clone(), digest)));
            all
        }
    }
}

fn entry_says(entry: &CachedBlob, at: Timestamp) -> Evidence {
    let asked = Lookup::Entry(entry.digest).into();
    Evidence { view: Side::Cache, asked, said: format!("size {}", entry.size), at }
}

/// Look at the keys again. What no longer holds is dropped; what could not be looked at is told.
pub(super) async fn look_again(
    cache: &dyn Cache,
    accusations: Vec<Accusation>,
    unknown: &mut Vec<Unlooked>,
) -> Vec<Accusation> {
    let looked = stream::iter(accusations).map(|accusation| one(cache, accusation)).buffered(AT_ONCE);
    let looked: Vec<_> = looked.collect().await;
    let mut kept = Vec::new();
    for looked in looked {
        match looked {
            Ok(accusation) => kept.extend(accusation),
            Err(unlooked) => unknown.push(unlooked),
        }
    }
    kept
}

async fn one(cache: &dyn Cache, accusation: Accusation) -> Result<Option<Accusation>, Unlooked> {
    let Accusation { mut finding, conditions } = accusation;
    let mut rest = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let Some((asked, seen)) = observe(cache, &condition).await else {
            rest.push(condition);
            continue;
        };
        match seen {
            Observed::Present(said) => {
                let (asked, at) = (asked.into(), Timestamp::now());
                finding.evidence.push(Evidence { view: Side::Cache, asked, said, at });
            }
            Observed::Absent => return Ok(None),
            Observed::Unknown(why) => return Err(Unlooked::new(asked, why)),
        }
    }
    Ok(Some(Accusation { finding, conditions: rest }))
}

/// What was asked and said, where the condition is one of the cache's.
async fn observe(cache: &dyn Cache, condition: &Condition) -> Option<(Lookup, Observed<String>)> {
    match condition {
        Condition::Cached(digest, size) => {
            let asked = Lookup::Entry(*digest);
            let seen = match cache.entry(digest).await {
                Observed::Present(entry) if entry.complete && entry.size == *size => {
                    Observed::Present(format!("size {size} (second look)"))
                }
                Observed::Present(_) | Observed::Absent => Observed::Absent,
                Observed::Unknown(why) => Observed::Unknown(why),
            };
            Some((asked, seen))
        }
        Condition::CachedIn(name, digest) => {
            let asked = Lookup::Member(name.clone(), *digest);
            let seen = match cache.membership(name, digest).await {
                Observed::Present(seen) if seen.member => Observed::Present("a member (second look)".into()),
                Observed::Present(_) | Observed::Absent => Observed::Absent,
                Observed::Unknown(why) => Observed::Unknown(why),
            };
            Some((asked, seen))
        }
        Condition::DataAbsent(_)
        | Condition::DataStored(_)
        | Condition::DataSize(..)
        | Condition::NoManifest(_)
        | Condition::WrongContent(_)
        | Condition::LinkSays(..)
        | Condition::NoLink(..)
        | Condition::TagSays(..)
        | Condition::UploadExists(..)
        | Condition::PathExists(_)
        | Condition::Closed(_)
        | Condition::RightContent(_)
        | Condition::AnyOf(_) => None,
    }
}
