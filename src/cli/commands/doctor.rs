//! `regfsck doctor`

use anyhow::Result;

#[cfg(feature = "cloud")]
use crate::adapters::bucket::BucketStorage;
use crate::adapters::config::{RegistryConfig, StorageDriver};
use crate::adapters::storage::quarantined;
use crate::cli::args::doctor::DoctorCommand;
use crate::cli::settings::redis;
use crate::cli::settings::target::{self, Target};
use crate::cli::terminal::Terminal;
use crate::domain::doctor::{Diagnosis, Settings};
use crate::domain::layout;
use crate::domain::limit::Limit;
use crate::engine::doctor::{Patient, examine};

/// Diagnose, report, and return the exit status.
pub(in crate::cli) fn run(command: &DoctorCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&(&command.result).into())?.with_progress(&command.progress);
    let diagnosis = super::runtime()?.block_on(diagnose(command, &terminal))?;
    terminal.write_diagnosis(&diagnosis)
}

async fn diagnose(command: &DoctorCommand, terminal: &Terminal) -> Result<Diagnosis> {
    let (place, config, _) = target::settled(&command.into()).await?;
    let daemon = target::first(&place, &command.connection, config.as_ref()).await?;
    let cache = redis::cache(&place.redis, config.as_ref().filter(|_| !place.offline))?;
    let mut settings = config.as_ref().map(settings).unwrap_or_default();
    settings.version = command.registry_version;
    settings.quarantined = kept(config.as_ref());
    #[cfg_attr(not(feature = "cloud"), expect(unused_mut, reason = "only of buckets there is more to tell"))]
    let (mut limits, mut unknown): (Vec<_>, _) =
        (config.is_none().then_some(Limit::NoSettings).into_iter().collect(), Vec::new());
    #[cfg(feature = "cloud")]
    if !place.offline
        && let Some(bucket) = bucket(config.as_ref())?
    {
        let told = tokio::task::spawn_blocking(move || bucket.facts()).await?;
        settings.bucket = told.facts;
        limits.extend(told.untold);
        unknown.extend(told.unknown);
    }
    if cache.is_some() {
        settings.redis_database = redis::database(&place.redis, config.as_ref())?;
    }
    let patient = Patient {
        settings,
        limits,
        unknown,
        daemon: daemon.as_ref().map(|daemon| &*daemon.reader),
        cache: cache.as_deref(),
    };
    Ok(examine(patient, command.fail_on, &*terminal.progress()).await)
}

/// The bucket that it is in, where it is in one.
#[cfg(feature = "cloud")]
fn bucket(config: Option<&RegistryConfig>) -> Result<Option<BucketStorage>> {
    let Some(StorageDriver::Bucket(settings)) = config.map(|config| &config.storage) else { return Ok(None) };
    Ok(Some(BucketStorage::open(settings, None)?))
}

/// The folders of what repairs moved away.
fn kept(config: Option<&RegistryConfig>) -> Vec<String> {
    let Some(StorageDriver::Filesystem { root }) = config.map(|config| &config.storage) else {
        return Vec::new();
    };
    quarantined(&root.join(layout::ROOT)).iter().map(|folder| folder.display().to_string()).collect()
}

fn settings(config: &RegistryConfig) -> Settings {
    Settings {
        daemon: Target::daemon(config),
        purges_uploads: Some(config.upload_purging.enabled && !config.upload_purging.dry_run),
        catalog_max_entries: Some(config.catalog_max_entries),
        has_http_secret: Some(config.has_http_secret),
        notifies: Some(config.notifies),
        has_database: Some(config.database_enabled),
        redirects: matches!(config.storage, StorageDriver::Bucket(_)).then_some(!config.redirect_disabled),
        warnings: config.warnings.iter().chain(&config.unknown).cloned().collect(),
        ..Settings::default()
    }
}
