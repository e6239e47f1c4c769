//! `regfsck doctor`

use clap::Args;

use super::bare::BareArguments;
use super::connection::ConnectionArguments;
use super::output::{DiagnosisArguments, ProgressArguments};
use super::redis::RedisArguments;
use super::target::{ConfigArguments, RegistryArguments};
use super::values::{severity, version};
use crate::domain::code::Severity;

/// `regfsck doctor`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck doctor --config /etc/docker/registry/config.yml
  regfsck doctor --config config.yml --offline --registry-version 2.8.3 -o json")]
pub struct DoctorCommand {
    /// The registry by a bare word.
    #[command(flatten)]
    pub bare: BareArguments,
    /// The settings.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// The daemon.
    #[command(flatten)]
    pub registry: RegistryArguments,
    /// Do not ask the registry that the config names
    #[arg(long, env = "REGFSCK_OFFLINE", conflicts_with = "registry", help_heading = "Target")]
    pub offline: bool,
    /// The cache.
    #[command(flatten)]
    pub redis: RedisArguments,
    /// The connection.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// The registry's version, which it does not tell: `registry --version` does
    #[arg(long, env = "REGFSCK_REGISTRY_VERSION", value_name = "X.Y.Z", value_parser = version, help_heading = "Doctor")]
    pub registry_version: Option<(u64, u64, u64)>,
    /// Exit with 1 if a hint of this severity or a worse one is given
    #[arg(long, env = "REGFSCK_FAIL_ON", value_name = "SEVERITY", default_value = "warning", value_parser = severity(), help_heading = "Doctor")]
    pub fail_on: Severity,
    /// The diagnosis.
    #[command(flatten)]
    pub result: DiagnosisArguments,
    /// Progress.
    #[command(flatten)]
    pub progress: ProgressArguments,
}
