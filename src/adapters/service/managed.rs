//! Services whose manager is a program that we run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::command::CommandLine;
use super::spec::RestartSpec;
use crate::engine::ports::{Service, ServiceError};

/// What is done to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Restart,
    Start,
}

/// A service that a program on PATH manages.
#[derive(Debug, Clone)]
pub struct Managed {
    spec: RestartSpec,
    timeout: Duration,
    path: Option<OsString>,
}

impl Managed {
    /// The service that the spec names; each program may run for so long.
    #[must_use]
    pub const fn new(spec: RestartSpec, timeout: Duration) -> Self {
        Self { spec, timeout, path: None }
    }

    /// The same, but its programs are looked for here, not on PATH.
    #[must_use]
    pub fn search(self, path: OsString) -> Self {
        Self { path: Some(path), ..self }
    }

    fn program(&self, name: &str) -> CommandLine {
        CommandLine::new(name).search(self.path.clone())
    }

    async fn carry_out(&self, verb: Verb) -> Result<(), ServiceError> {
        for line in self.lines(verb).await? {
            line.run(self.timeout).await?;
        }
        Ok(())
    }

    /// The command lines that do it, in order.
    async fn lines(&self, verb: Verb) -> Result<Vec<CommandLine>, ServiceError> {
        Ok(match &self.spec {
            // Without asking for a password: nobody may be there to type one.
            RestartSpec::Systemd { unit } => {
                vec![self.program("systemctl").with(["--no-ask-password", verb.as_str(), unit])]
            }
            RestartSpec::Docker { container } => {
                vec![self.program("docker").with([verb.as_str(), container])]
            }
            RestartSpec::Compose { file, service } => {
                let file = file.as_ref().map(|file| ["-f".into(), file.as_os_str().to_owned()]);
                let compose = self.compose().await?.with(file.into_iter().flatten());
                vec![compose.with([verb.as_str(), service])]
            }
            RestartSpec::Kubernetes { namespace, workload } => {
                self.rollout(verb, namespace.as_deref(), &workload.to_string())
            }
            RestartSpec::Exec { command } => vec![self.program("sh").with(["-c", command])],
        })
    }

    /// Compose as docker's plugin, else as the program it once was.
    async fn compose(&self) -> Result<CommandLine, ServiceError> {
        let plugin = self.program("docker").with(["compose"]);
        for line in [plugin, self.program("docker-compose")] {
            if line.clone().with(["version"]).succeeds(self.timeout).await {
                return Ok(line);
            }
        }
        Err(ServiceError {
            message: "cannot run compose: neither `docker compose` nor `docker-compose` works here".into(),
            hint: Some("install either, or restart the service's container with `docker:CONTAINER`".into()),
        })
    }

    /// The main process of the unit.
    pub(super) async fn main_process(&self) -> Result<u32, ServiceError> {
        let RestartSpec::Systemd { unit } = &self.spec else { return Err(self.mute()) };
        let show = self.program("systemctl").with(["show", "--property=MainPID", "--value", unit]);
        let pid = show.answer(self.timeout).await?.trim().parse().unwrap_or_default();
        // It says 0 of a unit that has none.
        if pid == 0 { Err(self.mute()) } else { Ok(pid) }
    }

    /// The ids of the service's containers.
    pub(super) async fn containers(&self) -> Result<Vec<String>, ServiceError> {
        let RestartSpec::Compose { file, service } = &self.spec else { return Err(self.mute()) };
        let file = file.as_ref().map(|file| ["-f".into(), file.as_os_str().to_owned()]);
        let compose = self.compose().await?.with(file.into_iter().flatten());
        let listed = compose.with(["ps", "-q", service]).answer(self.timeout).await?;
        Ok(listed.split_whitespace().map(str::to_owned).collect())
    }

    /// When each container in the workload's pods was started.
    pub(super) async fn pod_starts(&self) -> Result<Vec<Timestamp>, ServiceError> {
        let RestartSpec::Kubernetes { namespace, workload } = &self.spec else { return Err(self.mute()) };
        let namespace = namespace.as_deref().into_iter().flat_map(|name| ["-n", name]);
        let kubectl = self.program("kubectl").with(namespace);
        let object = workload.to_string();
        let labels = "jsonpath={.spec.selector.matchLabels}";
        let labels = kubectl.clone().with(["get", &object, "-o", labels]).answer(self.timeout).await?;
        let labels: BTreeMap<String, String> = serde_json::from_str(&labels).map_err(|_error| self.mute())?;
        let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let starts = "jsonpath={.items[*].status.containerStatuses[*].state.running.startedAt}";
        let pods = kubectl.with(["get", "pods", "-l", &labels.join(","), "-o", starts]);
        let told = pods.answer(self.timeout).await?;
        told.split_whitespace().map(|at| at.parse().map_err(|_error| self.mute())).collect()
    }

    fn mute(&self) -> ServiceError {
        ServiceError { message: format!("`{}` does not tell when it started", self.spec), hint: None }
    }

    /// A rollout never leaves the service stopped, so starting it means waiting for it.
    fn rollout(&self, verb: Verb, namespace: Option<&str>, workload: &str) -> Vec<CommandLine> {
        let kubectl = self.program("kubectl").with(namespace.into_iter().flat_map(|name| ["-n", name]));
        let restart = kubectl.clone().with(["rollout", "restart", workload]);
        // Its own message about what is not ready says more than ours, so it gives up first.
        let limit = format!("--timeout={}s", self.timeout.as_secs().saturating_sub(5).max(1));
        let status = kubectl.with(["rollout", "status", workload, &limit]);
        match verb {
            Verb::Restart => vec![restart, status],
            Verb::Start => vec![status],
        }
    }
}

impl Verb {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Start => "start",
        }
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
}
