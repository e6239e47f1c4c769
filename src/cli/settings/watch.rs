//! How a registry is watched, and what opens it for each check.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;

use super::session::Opening;
use crate::adapters::serve::AccessFiles;
use crate::cli::args::watch::{ListenArguments, ServerArguments, WatchCommand};
use crate::cli::terminal::Terminal;
use crate::domain::discreet::without_passwords;
use crate::domain::rules::DaemonSettings;
use crate::domain::watch::Schedule;
use crate::engine::verify;
use crate::engine::watch::{FixLimits, OpenRegistry, Opener, WatchSettings};

/// So many steps a day are taken where nobody said how many.
const STEPS_A_DAY: u32 = 50;

/// Opens the registry that the arguments mean, as its configuration is then.
pub(in crate::cli) struct RegistryOpener {
    command: WatchCommand,
    terminal: Terminal,
}

impl RegistryOpener {
    /// What opens the registry of this command.
    pub(in crate::cli) const fn new(command: WatchCommand, terminal: Terminal) -> Self {
        Self { command, terminal }
    }

    /// Open it; also where its state is.
    ///
    /// # Errors
    /// When the arguments mean none, or one that cannot be looked at.
    pub(in crate::cli) async fn opened(&self) -> Result<(OpenRegistry, PathBuf)> {
        let WatchCommand { check, state, source, fix, .. } = &self.command;
        let mut opening = Opening::new(check, state, &self.terminal).await?;
        if *fix {
            opening = opening.with_sources(source).await?;
        }
        let census = opening.census();
        let state = opening.state.clone();
        let mut session = opening.session();
        // The question about manifests is a PUT: whoever only looks does not ask it.
        session.options.asking.probe_manifests = *fix;
        Ok((OpenRegistry { session, census }, state))
    }
}

#[async_trait]
impl Opener for RegistryOpener {
    async fn open(&self) -> Result<OpenRegistry, String> {
        let opened = self.opened().await;
        opened.map(|(opened, _)| opened).map_err(|error| without_passwords(&format!("{error:#}")))
    }
}

/// Where and how it is served, if it is.
///
/// # Errors
/// When others than this machine could read it without a token.
pub(in crate::cli) fn served(arguments: &ListenArguments) -> Result<Option<(SocketAddr, AccessFiles)>> {
    let ServerArguments { token_file, tls_cert, tls_key } = arguments.server.clone();
    let Some(address) = arguments.listen else { return Ok(None) };
    if token_file.is_none() && !address.ip().is_loopback() {
        bail!(
            "--listen {address}: others than this machine could read what is wrong with the registry: give --token-file FILE (openssl rand -hex 32 > FILE; chmod 600 FILE), or --listen 127.0.0.1:{}",
            address.port()
        );
    }
    Ok(Some((address, AccessFiles { token: token_file, identity: tls_cert.zip(tls_key) })))
}

/// How it is watched.
pub(in crate::cli) fn settings(command: &WatchCommand) -> WatchSettings {
    let WatchCommand { check, schedule, fix, limits, .. } = command;
    let jobs = usize::from(check.connection.jobs);
    WatchSettings {
        schedule: match schedule.at.clone() {
            Some(daily) => Schedule::Daily { at: daily.at, zone: daily.zone },
            None => Schedule::Every(schedule.interval),
        },
        jitter: schedule.jitter,
        settle: schedule.settle,
        poll: schedule.poll,
        verifying: verify::Options {
            platforms: Vec::new(),
            referrers: false,
            content: false,
            wait: Duration::ZERO,
            daemon: DaemonSettings::default(),
            jobs,
        },
        fix: fix.then(|| FixLimits {
            only: limits.fix_only.iter().copied().collect(),
            steps_a_day: limits.fix_max.unwrap_or(STEPS_A_DAY).into(),
        }),
    }
}
