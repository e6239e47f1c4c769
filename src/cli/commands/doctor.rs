//! `regfsck doctor`.

use std::sync::Arc;

use anyhow::Result;

use crate::adapters::config::RegistryConfig;
use crate::cli::args::doctor::DoctorCommand;
use crate::cli::settings::redis;
use crate::cli::settings::target::{self, Target};
use crate::cli::terminal::Terminal;
use crate::cli::terminal::progress::Progress;
use crate::domain::code::Severity;
use crate::domain::doctor::{Diagnosis, Settings, diagnose};
use crate::domain::limit::{Limit, Limits};
use crate::domain::observed::{Thing, Unlooked};
use crate::domain::report::{self, SCHEMA, Tool, Verdict};
use crate::domain::verdict;
use crate::domain::views::served::Answer;
use crate::engine::ports::{Cache, CacheError, Daemon, RegistryReader};
use crate::report::doctor as drawn;

/// Diagnose, report, and return the exit status.
pub(in crate::cli) fn run(command: &DoctorCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result).with_progress(&command.progress);
    let diagnosis = super::runtime()?.block_on(examine(command, &terminal))?;
    terminal.write(&diagnosis, |drawing| drawn::draw(&diagnosis, drawing))?;
    Ok(diagnosis.exit_status)
}

async fn examine(command: &DoctorCommand, terminal: &Terminal) -> Result<Diagnosis> {
    let (place, config, _) = target::settled(&command.into()).await?;
    let mut visit = Visit { settings: Settings::default(), unknown: Vec::new(), limits: Vec::new() };
    visit.settings.version = command.registry_version;
    match &config {
        Some(config) => visit.config(config),
        None => visit.limits.push(Limit::NoSettings),
    }
    let registry = target::first(&place, &command.connection, config.as_ref()).await?;
    let cache = redis::cache(&place.redis, config.as_ref().filter(|_| !place.offline))?;
    if let Some(registry) = &registry {
        visit.registry(&*registry.reader).await;
    }
    if let Some(cache) = &cache {
        visit.settings.redis_database = redis::database(&place.redis, config.as_ref())?;
        visit.cache(&**cache, &terminal.progress()).await;
    }
    if command.registry_version.is_none() {
        visit.limits.push(Limit::NoVersion);
    }
    let named = report::Target {
        registry: registry.as_ref().map(Daemon::location),
        cache: cache.as_ref().map(|cache: &Arc<dyn Cache>| cache.location()),
        ..report::Target::default()
    };
    Ok(visit.conclude(named, command.fail_on))
}

/// What was seen so far.
struct Visit {
    settings: Settings,
    unknown: Vec<Unlooked>,
    limits: Vec<Limit>,
}

impl Visit {
    fn config(&mut self, config: &RegistryConfig) {
        let settings = &mut self.settings;
        settings.daemon = Target::daemon(config);
        settings.purges_uploads = Some(config.upload_purging.enabled && !config.upload_purging.dry_run);
        settings.catalog_max_entries = Some(config.catalog_max_entries);
        settings.has_http_secret = Some(config.has_http_secret);
        settings.has_database = Some(config.database_enabled);
        settings.warnings.clone_from(&config.warnings);
    }

    async fn registry(&mut self, registry: &dyn RegistryReader) {
        let unlooked = |why: String| Unlooked::new(Thing::side(registry.location()), why);
        if let Err(error) = registry.ping().await {
            self.unknown.push(unlooked(error.to_string()));
            return;
        }
        match registry.catalog().await.answer {
            Answer::Yes(names) => self.settings.repositories = Some(names.len() as u64),
            Answer::No(_) | Answer::Broken(_) | Answer::Unknown(_) => {
                self.limits.push(Limit::NoCatalog);
            }
        }
    }

    async fn cache(&mut self, cache: &dyn Cache, events: &Progress) {
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

    fn conclude(self, target: report::Target, fail_on: Severity) -> Diagnosis {
        let hints = diagnose(&self.settings);
        let verdict = if !self.unknown.is_empty() {
            Verdict::Incomplete
        } else if hints.iter().any(|hint| hint.severity <= fail_on) {
            Verdict::Incoherent
        } else {
            Verdict::Coherent
        };
        Diagnosis {
            schema: SCHEMA,
            tool: Tool::default(),
            target,
            exit_status: verdict::exit_status(verdict),
            hints,
            unknown: self.unknown,
            limits: Limits(self.limits),
        }
    }
}
