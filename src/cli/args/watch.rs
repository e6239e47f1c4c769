//! `regfsck watch`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;

use super::check::CheckArguments;
use super::means::{SourceArguments, StateArguments};
use super::output::PublishArguments;
use super::values::{Daily, code, daily, duration, pause};
use crate::domain::code::Code;

/// `regfsck watch`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  regfsck watch --config /etc/docker/registry/config.yml
  regfsck watch --config config.yml --at '03:30 Europe/Berlin' --content-subset day/30
  regfsck watch --config config.yml -o prometheus=/var/lib/prometheus/node-exporter/regfsck.prom
  regfsck watch --config config.yml --listen 127.0.0.1:9714 --token-file /etc/regfsck/token
  regfsck watch --config config.yml --fix --source docker://mirror.example --fix-max 20

Signals: SIGHUP reads the configuration again, SIGTERM and Ctrl-C end the watch with status 0.")]
pub struct WatchCommand {
    /// What is checked, and how.
    #[command(flatten)]
    pub check: CheckArguments,
    /// When.
    #[command(flatten)]
    pub schedule: ScheduleArguments,
    /// Where it is served.
    #[command(flatten)]
    pub listen: ListenArguments,
    /// Repair what checks find, without asking, within these limits; off unless it is given
    #[arg(long, env = "REGFSCK_FIX", help_heading = "Repair")]
    pub fix: bool,
    /// What may be repaired.
    #[command(flatten)]
    pub limits: FixArguments,
    /// Where bytes come from.
    #[command(flatten)]
    pub source: SourceArguments,
    /// Where state is kept.
    #[command(flatten)]
    pub state: StateArguments,
    /// The reports.
    #[command(flatten)]
    pub result: PublishArguments,
}

/// When checks are made.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Watch")]
pub struct ScheduleArguments {
    /// Check so long after the end of the last check
    #[arg(long, env = "REGFSCK_INTERVAL", value_name = "DURATION", default_value = "6h", value_parser = pause)]
    pub interval: SignedDuration,
    /// Check every day at this time, by the clocks of this machine or of the zone that is named
    #[arg(long, env = "REGFSCK_AT", value_name = "HH:MM[ ZONE]", value_parser = daily, conflicts_with = "interval")]
    pub at: Option<Daily>,
    /// Put each check off by a time chosen by chance, at most so long: many watches do not begin in one moment
    #[arg(long, env = "REGFSCK_JITTER", value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub jitter: SignedDuration,
    /// Look for so long again at a pushed image that is not right before it is called broken
    #[arg(long, env = "REGFSCK_SETTLE", value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub settle: SignedDuration,
    /// Look so often whether blobs disappeared; when they did, a check follows
    #[arg(long, env = "REGFSCK_POLL", value_name = "DURATION", default_value = "15s", value_parser = pause)]
    pub poll: SignedDuration,
}

/// Where the watch is served.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Serve")]
pub struct ListenArguments {
    /// Serve the page, /metrics, /report.json, /healthz and /readyz there, and take POST /events
    ///
    /// Without --token-file only a loopback address is taken, and no notifications.
    #[arg(long, env = "REGFSCK_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// How.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// How the watch is served.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Serve")]
pub struct ServerArguments {
    /// Answer only who shows the token on the first line of this file: as bearer token, or as password
    #[arg(long, env = "REGFSCK_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Speak TLS with this certificate chain, as PEM
    #[arg(long, env = "REGFSCK_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of --tls-cert
    #[arg(long, env = "REGFSCK_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// What a watch may repair by itself.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Repair")]
pub struct FixArguments {
    /// Repair findings of these codes only
    #[arg(long, env = "REGFSCK_FIX_ONLY", value_name = "CODE", value_delimiter = ',', value_parser = code)]
    pub fix_only: Vec<Code>,
    /// Take at most so many steps a day (UTC): a repair that takes more is left to a person [default: 50]
    #[arg(long, env = "REGFSCK_FIX_MAX", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub fix_max: Option<u32>,
}
