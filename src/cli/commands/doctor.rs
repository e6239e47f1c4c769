//! `regfsck doctor`.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::adapters::config::RegistryConfig;
use crate::cli::args::{OutputArguments, TargetArguments};
use crate::cli::settings::connection::ConnectionArguments;
use crate::cli::settings::redis;
use crate::cli::settings::target::{self, Target};
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::result;
use crate::domain::code::Severity;
use crate::domain::doctor::{Diagnosis, Settings, diagnose};
use crate::domain::limit::{Limit, Limits};
use crate::domain::observed::Unlooked;
use crate::domain::report::{self, SCHEMA, Tool, Verdict};
use crate::domain::verdict;
use crate::domain::views::served::Answer;
use crate::engine::ports::{Cache, CacheError, Daemon, RegistryReader};
use crate::report::doctor as drawn;

/// What the doctor looks at.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck doctor --config /etc/docker/registry/config.yml
  regfsck doctor --config config.yml --offline --registry-version 2.8.3 -o json

Exit status: 1 if there is a warning or worse, 3 if something could not be looked at.")]
pub struct DoctorArguments {
    /// The registry.
    #[command(flatten)]
    pub target: TargetArguments,
    /// The connection.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// The registry's version, which it does not tell: `registry --version` does
    #[arg(long, env = "REGFSCK_REGISTRY_VERSION", value_name = "X.Y.Z", value_parser = version, help_heading = "Doctor")]
    pub registry_version: Option<(u64, u64, u64)>,
    /// Exit with 1 if a hint of this severity or a worse one is given
    #[arg(long, env = "REGFSCK_FAIL_ON", value_name = "SEVERITY", default_value = "warning", value_parser = crate::cli::args::severity, help_heading = "Doctor")]
    pub fail_on: Severity,
}

/// `2.8.3`, with anything behind it, such as `+ds1`.
fn version(text: &str) -> Result<(u64, u64, u64), String> {
    let numbers: Vec<u64> = text
        .trim_start_matches('v')
        .split(|c: char| !c.is_ascii_digit())
        .take(3)
        .map_while(|number| number.parse().ok())
        .collect();
    match numbers[..] {
        [major, minor, patch] => Ok((major, minor, patch)),
        [major, minor] => Ok((major, minor, 0)),
        _ => Err(format!("`{text}` is no version; write it like 2.8.3")),
    }
}

/// Diagnose, report, and return the exit status.
pub(in crate::cli) fn run(arguments: &DoctorArguments, output: &OutputArguments) -> Result<u8> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let diagnosis = runtime.block_on(examine(arguments, output))?;
    result::write(output, &diagnosis, |drawing| drawn::draw(&diagnosis, drawing))?;
    Ok(diagnosis.exit_status)
}

async fn examine(arguments: &DoctorArguments, output: &OutputArguments) -> Result<Diagnosis> {
    let config = target::config(&arguments.target)?;
    let mut visit = Visit { settings: Settings::default(), unknown: Vec::new(), limits: Vec::new() };
    visit.settings.version = arguments.registry_version;
    match &config {
        Some(config) => visit.config(config),
        None => visit.limits.push(Limit::NoSettings),
    }
    let registry = target::first(&arguments.target, &arguments.connection, config.as_ref()).await?;
    let cache = redis::cache(&arguments.target.redis, config.as_ref().filter(|_| !arguments.target.offline))?;
    if let Some(registry) = &registry {
        visit.registry(&*registry.reader).await;
    }
    if let Some(cache) = &cache {
        visit.settings.redis_database = redis::database(&arguments.target.redis, config.as_ref())?;
        visit.cache(&**cache, &Progress::new(output)).await;
    }
    if arguments.registry_version.is_none() {
        visit.limits.push(Limit::NoVersion);
    }
    let named = report::Target {
        registry: registry.as_ref().map(Daemon::location),
        cache: cache.as_ref().map(|cache: &Arc<dyn Cache>| cache.location()),
        ..report::Target::default()
    };
    Ok(visit.conclude(named, arguments.fail_on))
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
        let unlooked = |why| Unlooked { what: registry.location(), why };
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
                self.unknown.push(Unlooked { what: cache.location(), why });
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
