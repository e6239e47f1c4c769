//! Services whose manager is a program that we run.

use std::time::Duration;

use async_trait::async_trait;

use super::command::CommandLine;
use super::spec::RestartSpec;
use crate::engine::ports::{Service, ServiceError};

/// What is done to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Restart,
    Start,
    Stop,
}

/// A service that a program on PATH manages.
#[derive(Debug, Clone)]
pub struct Managed {
    spec: RestartSpec,
    timeout: Duration,
}

impl Managed {
    /// The service that the spec names; each program may run for so long.
    #[must_use]
    pub const fn new(spec: RestartSpec, timeout: Duration) -> Self {
        Self { spec, timeout }
    }

    async fn carry_out(&self, verb: Verb) -> Result<(), ServiceError> {
        for line in self.lines(verb).await? {
            line.run(self.timeout).await?;
        }
        Ok(())
    }

    /// The command lines that do it, in order.
    async fn lines(&self, verb: Verb) -> Result<Vec<CommandLine>, ServiceError> {
        let lines = match &self.spec {
            RestartSpec::Systemd { unit } => Some(vec![systemctl(verb, unit)]),
            RestartSpec::Docker { container } => Some(vec![docker(verb, container)]),
            RestartSpec::Compose { file, service } => {
                let file = file.as_ref().map(|file| ["-f".into(), file.as_os_str().to_owned()]);
                let compose = compose(self.timeout).await?.with(file.into_iter().flatten());
                Some(vec![compose.with([verb.as_str(), service])])
            }
            RestartSpec::Kubernetes { namespace, workload } => {
                rollout(verb, namespace.as_deref(), &workload.to_string(), self.timeout)
            }
            RestartSpec::Exec { command } => {
                (verb != Verb::Stop).then(|| vec![CommandLine::new("sh").with(["-c", command])])
            }
        };
        lines.ok_or_else(|| ServiceError {
            message: format!("cannot {} `{}`: that only restarts", verb.as_str(), self.spec),
            hint: None,
        })
    }
}

impl Verb {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Start => "start",
            Self::Stop => "stop",
        }
    }
}

/// Without asking for a password: nobody may be there to type one.
fn systemctl(verb: Verb, unit: &str) -> CommandLine {
    CommandLine::new("systemctl").with(["--no-ask-password", verb.as_str(), unit])
}

fn docker(verb: Verb, container: &str) -> CommandLine {
    CommandLine::new("docker").with([verb.as_str(), container])
}

/// Compose as docker's plugin, else as the program it once was.
async fn compose(timeout: Duration) -> Result<CommandLine, ServiceError> {
    let plugin = CommandLine::new("docker").with(["compose"]);
    let alone = CommandLine::new("docker-compose");
    for line in [plugin, alone] {
        if line.clone().with(["version"]).succeeds(timeout).await {
            return Ok(line);
        }
    }
    Err(ServiceError {
        message: "cannot run compose: neither `docker compose` nor `docker-compose` works here".into(),
        hint: Some("install either, or restart the service's container with `docker:CONTAINER`".into()),
    })
}

/// A rollout never leaves the service stopped, so starting it means waiting for it.
fn rollout(
    verb: Verb,
    namespace: Option<&str>,
    workload: &str,
    timeout: Duration,
) -> Option<Vec<CommandLine>> {
    let kubectl = CommandLine::new("kubectl").with(namespace.into_iter().flat_map(|name| ["-n", name]));
    let restart = kubectl.clone().with(["rollout", "restart", workload]);
    // Its own message about what is not ready says more than ours, so it gives up first.
    let limit = format!("--timeout={}s", timeout.as_secs().saturating_sub(5).max(1));
    let status = kubectl.with(["rollout", "status", workload, &limit]);
    match verb {
        Verb::Restart => Some(vec![restart, status]),
        Verb::Start => Some(vec![status]),
        Verb::Stop => None,
    }
}

#[async_trait]
impl Service for Managed {
    fn describe(&self) -> String {
        self.spec.to_string()
    }

    async fn restart(&self) -> Result<(), ServiceError> {
        self.carry_out(Verb::Restart).await
    }

    async fn start(&self) -> Result<(), ServiceError> {
        self.carry_out(Verb::Start).await
    }

    async fn stop(&self) -> Result<(), ServiceError> {
        self.carry_out(Verb::Stop).await
    }
}
