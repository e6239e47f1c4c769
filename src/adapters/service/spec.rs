//! The texts that name a service.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use crate::domain::discreet;

/// Which service is restarted, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestartSpec {
    /// `systemd:UNIT`
    Systemd {
        /// The unit.
        unit: String,
    },
    /// `docker:CONTAINER`
    Docker {
        /// The container's name or id.
        container: String,
    },
    /// `compose:[FILE:]SERVICE`
    Compose {
        /// The compose file; nothing means the one that compose finds by itself.
        file: Option<PathBuf>,
        /// The service in it.
        service: String,
    },
    /// `kubernetes:[NAMESPACE/]KIND/NAME`
    Kubernetes {
        /// The namespace; nothing means that of kubectl's context.
        namespace: Option<String>,
        /// What is rolled out anew.
        workload: Workload,
    },
    /// `exec:COMMAND`
    Exec {
        /// What the shell is given.
        command: String,
    },
}

/// A workload that `kubectl rollout restart` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// `deployment`, `statefulset`, `daemonset` or a short form of these.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Why a text names no service.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RestartSpecError {
    /// There is no known word in front of a colon.
    #[error("`{0}` does not begin with `systemd:`, `docker:`, `compose:`, `kubernetes:` or `exec:`")]
    NoDriver(String),
    /// What follows the colon is not what belongs there.
    #[error("`{text}` is no `{form}`: {why}")]
    Malformed {
        /// The text.
        text: String,
        /// What it should look like.
        form: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

const KINDS: &[&str] = &[
    "deployment",
    "deployments",
    "deploy",
    "statefulset",
    "statefulsets",
    "sts",
    "daemonset",
    "daemonsets",
    "ds",
];

impl FromStr for RestartSpec {
    type Err = RestartSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_driver = || RestartSpecError::NoDriver(text.to_owned());
        let (driver, rest) = text.split_once(':').ok_or_else(no_driver)?;
        let malformed =
            |form| move |why: String| RestartSpecError::Malformed { text: text.to_owned(), form, why };
        match driver {
            "systemd" => systemd(rest).map_err(malformed("systemd:UNIT")),
            "docker" => docker(rest).map_err(malformed("docker:CONTAINER")),
            "compose" => compose(rest).map_err(malformed("compose:[FILE:]SERVICE")),
            "kubernetes" => kubernetes(rest).map_err(malformed("kubernetes:[NAMESPACE/]KIND/NAME")),
            "exec" => exec(rest).map_err(malformed("exec:COMMAND")),
            _ => Err(no_driver()),
        }
    }
}

/// A name that is given to a program as an argument: never to be taken for an option.
fn name(what: &str, text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(format!("the {what} is missing"));
    }
    if text.starts_with('-') || text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
        return Err(format!("`{text}` cannot be the name of a {what}"));
    }
    Ok(text.to_owned())
}

fn systemd(rest: &str) -> Result<RestartSpec, String> {
    Ok(RestartSpec::Systemd { unit: name("unit", rest)? })
}

fn docker(rest: &str) -> Result<RestartSpec, String> {
    Ok(RestartSpec::Docker { container: name("container", rest)? })
}

fn compose(rest: &str) -> Result<RestartSpec, String> {
    let (file, service) = rest.rsplit_once(':').map_or((None, rest), |(file, rest)| (Some(file), rest));
    if file == Some("") {
        return Err("the file before the second colon is missing".to_owned());
    }
    Ok(RestartSpec::Compose { file: file.map(PathBuf::from), service: name("service", service)? })
}

fn kubernetes(rest: &str) -> Result<RestartSpec, String> {
    let parts: Vec<&str> = rest.split('/').collect();
    let (namespace, kind, workload) = match parts.as_slice() {
        [kind, workload] => (None, kind, workload),
        [namespace, kind, workload] => (Some(name("namespace", namespace)?), kind, workload),
        _ => return Err("it takes two or three parts with `/` between them".to_owned()),
    };
    let plain = kind.to_ascii_lowercase();
    if !KINDS.contains(&plain.trim_end_matches(".apps")) {
        return Err(format!("`{kind}` is none of deployment, statefulset and daemonset"));
    }
    Ok(RestartSpec::Kubernetes { namespace, workload: Workload { kind: plain, name: name(kind, workload)? } })
}

fn exec(rest: &str) -> Result<RestartSpec, String> {
    if rest.trim().is_empty() {
        return Err("the command is missing".to_owned());
    }
    Ok(RestartSpec::Exec { command: rest.to_owned() })
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl fmt::Display for RestartSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Systemd { unit } => write!(f, "systemd:{unit}"),
            Self::Docker { container } => write!(f, "docker:{container}"),
            Self::Compose { file: None, service } => write!(f, "compose:{service}"),
            Self::Compose { file: Some(file), service } => write!(f, "compose:{}:{service}", file.display()),
            Self::Kubernetes { namespace: None, workload } => write!(f, "kubernetes:{workload}"),
            Self::Kubernetes { namespace: Some(namespace), workload } => {
                write!(f, "kubernetes:{namespace}/{workload}")
            }
            Self::Exec { command } => write!(f, "exec:{}", discreet::command(command)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_reads_back_what_it_shows() {
        for text in [
            "systemd:docker-registry.service",
            "systemd:registry@main",
            "docker:registry",
            "compose:registry",
            "compose:/srv/a:b/compose.yml:registry",
            "kubernetes:deployment/registry",
            "kubernetes:ci/statefulset.apps/registry",
            "exec:service registry restart",
        ] {
            assert_eq!(text.parse::<RestartSpec>().map(|spec| spec.to_string()), Ok(text.into()));
        }
    }

    #[test]
    fn a_compose_file_may_hold_colons() {
        let spec = RestartSpec::Compose { file: Some("/a:b.yml".into()), service: "registry".into() };
        assert_eq!("compose:/a:b.yml:registry".parse(), Ok(spec));
    }

    #[test]
    fn what_is_no_spec_is_refused_with_its_form() {
        for (text, said) in [
            (
                "registry",
                "`registry` does not begin with `systemd:`, `docker:`, `compose:`, `kubernetes:` or `exec:`",
            ),
            (
                "podman:x",
                "`podman:x` does not begin with `systemd:`, `docker:`, `compose:`, `kubernetes:` or `exec:`",
            ),
            ("systemd:", "`systemd:` is no `systemd:UNIT`: the unit is missing"),
            ("systemd:--now", "`systemd:--now` is no `systemd:UNIT`: `--now` cannot be the name of a unit"),
            ("docker:a b", "`docker:a b` is no `docker:CONTAINER`: `a b` cannot be the name of a container"),
            (
                "compose::x",
                "`compose::x` is no `compose:[FILE:]SERVICE`: the file before the second colon is missing",
            ),
            ("compose:f:", "`compose:f:` is no `compose:[FILE:]SERVICE`: the service is missing"),
            (
                "kubernetes:registry",
                "`kubernetes:registry` is no `kubernetes:[NAMESPACE/]KIND/NAME`: it takes two or three parts with `/` between them",
            ),
            (
                "kubernetes:pod/x",
                "`kubernetes:pod/x` is no `kubernetes:[NAMESPACE/]KIND/NAME`: `pod` is none of deployment, statefulset and daemonset",
            ),
            ("exec: ", "`exec: ` is no `exec:COMMAND`: the command is missing"),
        ] {
            assert_eq!(text.parse::<RestartSpec>().unwrap_err().to_string(), said);
        }
    }
}
