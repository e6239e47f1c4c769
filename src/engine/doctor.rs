//! Looking for settings that make phantoms, or that keep them from being repaired.

use super::ports::{Cache, CacheError, Events, RegistryReader};
use crate::domain::code::Severity;
use crate::domain::doctor::{Diagnosis, Settings, diagnose};
use crate::domain::limit::{Limit, Limits};
use crate::domain::observed::{Thing, Unlooked};
use crate::domain::report::{SCHEMA, Target, Tool};
use crate::domain::verdict;
use crate::domain::views::served::Answer;

/// What the doctor is shown.
pub struct Patient<'a> {
    /// The registry's settings, as far as they were given.
    pub settings: Settings,
    /// What was not given.
    pub limits: Vec<Limit>,
    /// What could not be looked at already.
    pub unknown: Vec<Unlooked>,
    /// Its daemon, where it can be asked.
    pub daemon: Option<&'a dyn RegistryReader>,
    /// Its cache, where it is in a Redis that can be asked.
    pub cache: Option<&'a dyn Cache>,
}

/// Look at it, and say what should be changed; a hint of `fail_on` or worse makes it no good.
pub async fn examine(patient: Patient<'_>, fail_on: Severity, events: &dyn Events) -> Diagnosis {
    let Patient { settings, limits, unknown, daemon, cache } = patient;
    let target = Target {
        registry: daemon.map(RegistryReader::location),
        cache: cache.map(Cache::location),
        ..Target::default()
    };
    let mut visit = Visit { settings, unknown, limits };
    if let Some(daemon) = daemon {
        visit.daemon(daemon).await;
    }
    if let Some(cache) = cache {
        visit.cache(cache, events).await;
    }
    if visit.settings.version.is_none() {
        visit.limits.push(Limit::NoVersion);
    }
    let hints = diagnose(&visit.settings);
    let verdict = verdict::of_hints(&hints, &visit.unknown, fail_on);
    Diagnosis {
        schema: SCHEMA,
        tool: Tool::default(),
        target,
        exit_status: verdict::exit_status(verdict),
        hints,
        unknown: visit.unknown,
        limits: Limits(visit.limits),
    }
}

/// What was seen so far.
struct Visit {
    settings: Settings,
    unknown: Vec<Unlooked>,
    limits: Vec<Limit>,
}

impl Visit {
    async fn daemon(&mut self, daemon: &dyn RegistryReader) {
        if let Err(error) = daemon.ping().await {
            let unlooked = Unlooked::new(Thing::side(daemon.location()), error.to_string());
            self.unknown.push(unlooked);
            return;
        }
        match daemon.catalog().await.answer {
            Answer::Yes(names) => self.settings.repositories = Some(names.len() as u64),
            Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => self.limits.push(Limit::NoCatalog),
        }
    }

    async fn cache(&mut self, cache: &dyn Cache, events: &dyn Events) {
        let looked = async {
            self.settings.redis = Some(cache.info().await?);
            let view = cache.collect(events).await?;
            self.settings.note_cache(&view);
            Ok::<_, CacheError>(view.unknown)
        };
        match looked.await {
            Ok(unknown) => self.unknown.extend(unknown),
            Err(error) => {
                let why = format!("could not {error}; {}", error.hint());
                self.unknown.push(Unlooked::new(Thing::side(cache.location()), why));
            }
        }
    }
}
