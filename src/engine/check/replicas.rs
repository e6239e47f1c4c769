//! Replicas of one registry: each is asked by itself what the first was asked, and they are compared.
//!
//! They share storage and keep caches of their own, so that one of them may be stale while the others are right, and
//! whoever asks through a load balancer meets now one, now another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;

use super::api::Explorer;
use super::{Run, Suspect, again, probe, same};
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::Subject as About;
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::observed::{Evidence, Thing, Unlooked};
use crate::domain::rules::Accusations;
use crate::domain::views::served::{
    Answer, Asked, Belief, Delivered, Delivery, ServedBlob, ServedManifest, ServedView, Subject,
};
use crate::domain::views::storage::StorageView;
use crate::engine::ports::{Daemon, RegistryReader, Storage};

/// What one replica answered.
pub(super) struct ReplicaAnswers {
    /// Which one.
    pub(super) location: String,
    /// Its answers.
    pub(super) served: ServedView,
}

impl Run<'_> {
    /// Ask the other replicas about what storage makes suspect.
    pub(super) async fn ask_replicas(
        &mut self,
        storage: &Arc<dyn Storage>,
        view: &Arc<StorageView>,
        accusations: &Accusations,
        suspects: &[Suspect],
        settled: &BTreeSet<Subject>,
    ) -> Vec<ReplicaAnswers> {
        let mut answers = Vec::new();
        for replica in self.reachable_replicas().await {
            let location = replica.location();
            match same::registry(&*replica, storage, view, (&self.options.daemon, &self.cached.asleep)).await
            {
                same::Same::Refused(why) => {
                    self.coverage.unknown.push(Unlooked::new(Thing::side(location), why));
                }
                same::Same::Unknown(unlooked) => self.coverage.unknown.push(unlooked),
                same::Same::Shown(sample) => {
                    let round = probe::Round {
                        view,
                        accusations,
                        settled,
                        suspects,
                        options: self.options,
                        events: &*self.events,
                    };
                    let mut served = round.ask(&*replica, sample).await;
                    again::ask(&*replica, storage, view, &mut served).await;
                    answers.push(ReplicaAnswers { location, served });
                }
            }
        }
        answers
    }

    /// Ask the other replicas for the images that the first was asked for.
    pub(super) async fn explore_replicas(&mut self, first: &ServedView) -> Vec<ReplicaAnswers> {
        let mut answers = Vec::new();
        for replica in self.reachable_replicas().await {
            let mut explorer = Explorer {
                registry: &*replica,
                jobs: self.options.asking.jobs.max(1),
                events: &*self.events,
                served: ServedView::default(),
            };
            let tags: Vec<(RepositoryName, Tag)> =
                first.resolved.iter().map(|(name, tag, _)| (name.clone(), tag.clone())).collect();
            let registry = explorer.registry;
            let resolved = explorer.ask_all("asking a replica", tags, async |(name, tag)| {
                let asked = registry.resolve(&name, &tag).await;
                (name, tag, asked)
            });
            explorer.served.resolved = resolved.await;
            explorer.manifests().await;
            explorer.blobs().await;
            answers.push(ReplicaAnswers { location: replica.location(), served: explorer.served });
        }
        answers
    }

    async fn reachable_replicas(&mut self) -> Vec<Arc<dyn RegistryReader>> {
        let mut reachable = Vec::new();
        for Daemon { reader: replica, .. } in self.sides.replicas().to_vec() {
            match replica.ping().await {
                Ok(()) => reachable.push(replica),
                Err(error) => {
                    let why = format!("{}: {}", error.asked(), error.reason_and_hint());
                    self.coverage.unknown.push(Unlooked::new(Thing::side(replica.location()), why));
                }
            }
        }
        reachable
    }

    /// Accuse what each daemon's answers show by the rules of `accuse`; where there are replicas, say whose answers they
    /// are, and accuse them of not agreeing.
    pub(super) fn judge(
        &mut self,
        first: (&str, &ServedView),
        others: &[ReplicaAnswers],
        accusations: &mut Accusations,
        accuse: impl Fn(&ServedView, &mut Accusations, &mut Vec<Unlooked>),
    ) {
        if others.is_empty() {
            accuse(first.1, accusations, &mut self.coverage.unknown);
            return;
        }
        let others = others.iter().map(|answers| (answers.location.as_str(), &answers.served));
        let all: Vec<(&str, &ServedView)> = std::iter::once(first).chain(others).collect();
        let mut accused: BTreeMap<(Code, About), Vec<&str>> = BTreeMap::new();
        for (location, served) in &all {
            let mut own = Accusations::default();
            accuse(served, &mut own, &mut self.coverage.unknown);
            for accusation in own.into_vec() {
                accused
                    .entry((accusation.finding.code, accusation.finding.subject.clone()))
                    .or_default()
                    .push(location);
                accusations.join(accusation);
            }
        }
        for ((code, about), who) in accused {
            if let Some(accusation) = accusations.get_mut(code, &about) {
                let message = &mut accusation.finding.message;
                *message = format!("{message} (at {})", who.join(", "));
            }
        }
        disagree(&all, accusations);
    }
}

/// What one replica says of one thing, and the words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
enum Meaning {
    #[error("answers 500")]
    Broken,
    #[error("believes to have it")]
    Believes,
    #[error("claims it and delivers nothing")]
    Claims,
    #[error("delivers a part of it")]
    Part,
    #[error("has it{}", .0.map(|size| format!(", {size} bytes")).unwrap_or_default())]
    Has(Option<u64>),
    #[error("knows that it lacks it")]
    Knows,
    #[error("says that it is not there")]
    Denies,
    #[error("serves {}", .0.short())]
    Serves(Digest),
}

struct Saying<'a> {
    who: &'a str,
    what: Meaning,
    evidence: Vec<Evidence>,
}

type Sayings<'a> = BTreeMap<About, Vec<Saying<'a>>>;

/// Accuse every thing about which the replicas say different things.
fn disagree(all: &[(&str, &ServedView)], accusations: &mut Accusations) {
    let mut sayings: Sayings<'_> = BTreeMap::new();
    for (who, served) in all {
        listen(who, served, &mut sayings);
    }
    for (about, said) in sayings {
        let meanings: BTreeSet<Meaning> = said.iter().map(|saying| saying.what).collect();
        if meanings.len() < 2 {
            continue;
        }
        let message = || {
            let parts = meanings.iter().map(|what| {
                let who: Vec<_> =
                    said.iter().filter(|saying| saying.what == *what).map(|saying| saying.who).collect();
                format!("{} {what}", who.join(", "))
            });
            parts.collect::<Vec<_>>().join("; ")
        };
        let accusation = accusations.add(Code::ReplicaDisagreement, about, message, []);
        accusation.prove(said.iter().flat_map(|saying| saying.evidence.iter().cloned()));
    }
}

fn listen<'a>(who: &'a str, served: &ServedView, sayings: &mut Sayings<'a>) {
    let mut note = |about: About, said: Option<Meaning>, evidence: Vec<Evidence>| {
        if let Some(what) = said {
            sayings.entry(about).or_default().push(Saying { who, what, evidence });
        }
    };
    for ((name, digest), blob) in &served.blobs {
        let delivery = blob.delivery.iter().map(|delivery| delivery.exchange.evidence());
        let evidence = std::iter::once(blob.claim.exchange.evidence()).chain(delivery).collect();
        note(About::linked(name.clone(), *digest), of_blob(blob), evidence);
    }
    for ((name, digest), delivered) in &served.delivered {
        let asked = [Some(&delivered.last), delivered.first.as_ref()].into_iter().flatten();
        let evidence = asked.map(|asked| asked.exchange.evidence()).collect();
        note(About::linked(name.clone(), *digest), of_delivered(delivered), evidence);
    }
    for ((name, digest), asked) in &served.manifests {
        let evidence = vec![asked.exchange.evidence()];
        note(About::linked(name.clone(), *digest), of_manifest(asked), evidence);
    }
    for ((name, digest), belief) in &served.beliefs {
        let (what, exchange) = match belief {
            Belief::Claimed(exchange) => (Meaning::Believes, exchange),
            Belief::Unclaimed(exchange) => (Meaning::Knows, exchange),
            Belief::Unknown(_) => continue,
        };
        note(About::linked(name.clone(), *digest), Some(what), vec![exchange.evidence()]);
    }
    for (name, tag, asked) in &served.resolved {
        let evidence = vec![asked.exchange.evidence()];
        note(About::tag(name.clone(), tag.clone()), of_manifest(asked), evidence);
    }
}

fn of_blob(blob: &ServedBlob) -> Option<Meaning> {
    let delivery = blob.delivery.as_ref().map(|delivery| &delivery.answer);
    match (&blob.claim.answer, delivery) {
        (Answer::Yes(_), Some(Answer::Yes(Delivery::Nothing))) => Some(Meaning::Claims),
        (Answer::Yes(_), Some(Answer::Unknown(_))) => None,
        (Answer::Yes(claim), _) => Some(Meaning::Has(claim.size)),
        (answer, _) => without(answer),
    }
}

fn of_delivered(delivered: &Delivered) -> Option<Meaning> {
    let first = delivered.first.as_ref().map(|first| &first.answer);
    match (&delivered.last.answer, first) {
        (Answer::Yes(Delivery::Nothing), Some(Answer::Unknown(_))) => None,
        (Answer::Yes(Delivery::Nothing), Some(Answer::Yes(Delivery::Byte(_)))) => Some(Meaning::Part),
        (Answer::Yes(Delivery::Nothing), _) => Some(Meaning::Claims),
        (Answer::Yes(Delivery::Byte(size) | Delivery::Short(size)), _) => Some(Meaning::Has(*size)),
        (answer, _) => without(answer),
    }
}

fn of_manifest(asked: &Asked<Answer<ServedManifest>>) -> Option<Meaning> {
    match &asked.answer {
        Answer::Yes(manifest) => Some(Meaning::Serves(manifest.digest)),
        Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => without(&asked.answer),
    }
}

fn without<T>(answer: &Answer<T>) -> Option<Meaning> {
    match answer {
        Answer::No(_) => Some(Meaning::Denies),
        Answer::Broken(_) => Some(Meaning::Broken),
        Answer::Yes(_) | Answer::Unknown(_) => None,
    }
}
