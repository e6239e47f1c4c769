//! What `--source` says, in the syntax of containers/image.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use super::containerd::Containerd;
use super::content_store::Local;
use super::dir::Dir;
use super::docker::DockerSource;
use super::docker_archive::DockerArchive;
use super::oci::ImageLayout;
use super::quarantine::QuarantineStore;
use super::remote::Remote;
use super::storage::RegistryRoot;
use crate::adapters::files::PrivateFolder;
use crate::adapters::registry::{Address, Connection, Scheme};
use crate::domain::name::RepositoryName;
use crate::engine::ports::{Source, SourceError};

/// The transports, as `--help` lists them.
const TRANSPORTS: &str = "`docker://HOST[/PREFIX]`, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`, \
    `docker-daemon:`, `dir:DIR`, `storage:ROOT`, `containerd:DIR`, `quarantine:[DIR]`";

/// Where missing bytes can come from, as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// `docker://HOST[:PORT][/PREFIX]`
    Docker {
        /// `host` or `host:port`.
        authority: String,
        /// What stands before the names of repositories there.
        prefix: Option<RepositoryName>,
    },
    /// `oci:DIR`
    Oci(PathBuf),
    /// `oci-archive:FILE`
    OciArchive(PathBuf),
    /// `docker-archive:FILE`
    DockerArchive(PathBuf),
    /// `docker-daemon:`: not a source of bytes, but an engine that pushes.
    DockerDaemon,
    /// `dir:DIR`
    Dir(PathBuf),
    /// `storage:ROOT`
    Storage(PathBuf),
    /// `containerd:DIR`
    Containerd(PathBuf),
    /// `quarantine:`, with a folder other than the run's own.
    Quarantine(Option<PathBuf>),
}

/// Why a text is no source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceSpecError {
    /// Nothing before a colon.
    #[error("`{0}` has no transport in front, such as `{meant}`; the transports are {TRANSPORTS}", meant = meant(.0))]
    NoTransport(String),
    /// Something unknown before the colon.
    #[error("`{0}` is no transport; the transports are {TRANSPORTS}")]
    UnknownTransport(String),
    /// The transport needs a path.
    #[error("`{0}:` needs a path behind the colon")]
    NoPath(String),
    /// What is behind `docker://` is no host, or no prefix of repository names.
    #[error("`{0}` is no registry: {1}")]
    BadHost(String, &'static str),
    /// Something behind a transport that takes nothing.
    #[error(
        "`docker-daemon:` takes nothing behind the colon: the images to push follow from what is missing"
    )]
    NotEmpty,
}

/// How sources are opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// The folder for temporary files: what is spooled, and archives that gzip compresses.
    pub spool: PrivateFolder,
    /// What `quarantine:` alone means.
    pub quarantine: Option<PathBuf>,
    /// How to reach the registry of a `docker://` source; `None` is anonymously, with the defaults.
    pub docker: Option<Connection>,
}

impl FromStr for SourceSpec {
    type Err = SourceSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_transport = || SourceSpecError::NoTransport(text.chars().take(200).collect());
        let (transport, rest) = text.split_once(':').ok_or_else(no_transport)?;
        let path = || match rest {
            "" => Err(SourceSpecError::NoPath(transport.to_owned())),
            rest => Ok(PathBuf::from(rest)),
        };
        match transport {
            "docker" => docker(text, rest),
            "docker-daemon" if rest.is_empty() => Ok(Self::DockerDaemon),
            "docker-daemon" => Err(SourceSpecError::NotEmpty),
            "oci" => path().map(Self::Oci),
            "oci-archive" => path().map(Self::OciArchive),
            "docker-archive" => path().map(Self::DockerArchive),
            "dir" => path().map(Self::Dir),
            "storage" => path().map(Self::Storage),
            "containerd" => path().map(Self::Containerd),
            "quarantine" => Ok(Self::Quarantine(path().ok())),
            // `/backup:old`, `C:\…` or `host/path` is a path whose transport was forgotten.
            "http" | "https" => Err(no_transport()),
            _ if transport.contains(['/', '.']) || transport.is_empty() => Err(no_transport()),
            _ => Err(SourceSpecError::UnknownTransport(transport.chars().take(80).collect())),
        }
    }
}

/// What a text without a transport most likely is.
fn meant(text: &str) -> String {
    if text.starts_with(['/', '.', '~']) {
        return format!("storage:{text}");
    }
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    format!("docker://{}", host.rsplit('@').next().unwrap_or_default())
}

fn docker(text: &str, rest: &str) -> Result<SourceSpec, SourceSpecError> {
    // A password in the text must not come back in a message.
    let refuse = |why| {
        let shown = if rest.contains('@') { "docker://…" } else { text };
        SourceSpecError::BadHost(shown.chars().take(200).collect(), why)
    };
    let rest = rest.strip_prefix("//").ok_or_else(|| refuse("`docker:` needs `//` and a host behind it"))?;
    let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err(refuse("give the user and password with `--src-creds`, or in an authfile"));
    }
    let url = url::Url::parse(&format!("https://{authority}/"));
    if authority.is_empty() || url.is_err() {
        return Err(refuse("there is no host, or not one that can be"));
    }
    let prefix =
        match prefix.trim_end_matches('/') {
            "" => None,
            prefix => {
                let parsed = prefix.parse().ok();
                Some(parsed.ok_or_else(|| {
                    refuse("what is behind the host is no beginning of a repository's name")
                })?)
            }
        };
    Ok(SourceSpec::Docker { authority: authority.to_owned(), prefix })
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = |transport, path: &Path| write!(f, "{transport}:{}", path.display());
        match self {
            Self::Docker { authority, prefix: None } => write!(f, "docker://{authority}"),
            Self::Docker { authority, prefix: Some(prefix) } => write!(f, "docker://{authority}/{prefix}"),
            Self::Oci(path) => at("oci", path),
            Self::OciArchive(path) => at("oci-archive", path),
            Self::DockerArchive(path) => at("docker-archive", path),
            Self::DockerDaemon => f.write_str("docker-daemon:"),
            Self::Dir(path) => at("dir", path),
            Self::Storage(path) => at("storage", path),
            Self::Containerd(path) => at("containerd", path),
            Self::Quarantine(path) => at("quarantine", path.as_deref().unwrap_or(Path::new(""))),
        }
    }
}

impl SourceSpec {
    /// The same, with its path changed.
    #[must_use]
    pub fn map_path(self, change: impl Fn(&Path) -> PathBuf) -> Self {
        match self {
            Self::Oci(path) => Self::Oci(change(&path)),
            Self::OciArchive(path) => Self::OciArchive(change(&path)),
            Self::DockerArchive(path) => Self::DockerArchive(change(&path)),
            Self::Dir(path) => Self::Dir(change(&path)),
            Self::Storage(path) => Self::Storage(change(&path)),
            Self::Containerd(path) => Self::Containerd(change(&path)),
            Self::Quarantine(path) => Self::Quarantine(path.map(|path| change(&path))),
            other @ (Self::Docker { .. } | Self::DockerDaemon) => other,
        }
    }

    /// Open the source: find out that it is what the transport says, and index archives. Blocking.
    ///
    /// # Errors
    /// When there is nothing, or something else, or it is damaged.
    pub fn open(&self, options: &OpenOptions) -> Result<Box<dyn Source>, SourceError> {
        let spool = &options.spool;
        match self {
            Self::Docker { authority, prefix } => {
                let connection = match &options.docker {
                    Some(connection) => connection.clone(),
                    None => self.anonymous(authority)?,
                };
                let remote = Remote::new(&connection).map_err(|error| self.unusable(&error.to_string()))?;
                Ok(Box::new(DockerSource::new(self.to_string(), prefix.clone(), remote)))
            }
            Self::Oci(path) => ImageLayout::folder(path).map(Local::boxed),
            Self::OciArchive(path) => ImageLayout::archive(path, spool).map(Local::boxed),
            Self::DockerArchive(path) => DockerArchive::open(path, spool).map(Local::boxed),
            Self::DockerDaemon => Err(self.unusable("gives no bytes: the engine itself has to push")),
            Self::Dir(path) => Dir::open(path).map(Local::boxed),
            Self::Storage(path) => RegistryRoot::open(path).map(Local::boxed),
            Self::Containerd(path) => Containerd::open(path).map(Local::boxed),
            Self::Quarantine(path) => {
                let path = path.as_ref().or(options.quarantine.as_ref());
                let none = || self.unusable("means no folder here: give one behind the colon");
                QuarantineStore::open(path.ok_or_else(none)?).map(Local::boxed)
            }
        }
    }

    /// A connection with the defaults; loopback has no certificates, as a rule.
    fn anonymous(&self, authority: &str) -> Result<Connection, SourceError> {
        let address = Address::parse(authority, false).map_err(|error| self.unusable(&error.to_string()))?;
        let is_open = address.scheme() == Scheme::Either;
        Ok(Connection::new(if is_open { address.decided(false) } else { address }))
    }

    fn unusable(&self, why: &str) -> SourceError {
        SourceError::Unusable { path: self.to_string().into(), why: why.to_owned(), hint: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SourceSpec, SourceSpecError> {
        text.parse()
    }

    #[test]
    fn a_spec_reads_back_what_it_shows() {
        for text in [
            "docker://mirror.example",
            "docker://127.0.0.1:5000/team/app",
            "docker://[::1]:5000",
            "oci:/a",
            "oci-archive:a.tar",
            "docker-archive:a:b.tar",
            "docker-daemon:",
            "dir:./d",
            "storage:/var/lib/registry",
            "containerd:/var/lib/containerd",
            "quarantine:",
            "quarantine:/q",
        ] {
            assert_eq!(parse(text).map(|spec| spec.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_spec_says_why() {
        let unknown = parse("docker-archiv:x").unwrap_err();
        assert_eq!(unknown, SourceSpecError::UnknownTransport("docker-archiv".into()));
        assert!(unknown.to_string().contains("`oci-archive:FILE`"));
        assert_eq!(parse("oci:"), Err(SourceSpecError::NoPath("oci".into())));
        assert!(matches!(parse("/var/lib/registry"), Err(SourceSpecError::NoTransport(_))));
        assert!(matches!(parse("/backup:old"), Err(SourceSpecError::NoTransport(_))));
        assert!(matches!(parse("docker:mirror"), Err(SourceSpecError::BadHost(..))));
        assert!(matches!(parse("docker://"), Err(SourceSpecError::BadHost(..))));
        assert!(matches!(parse("docker://host/UPPER"), Err(SourceSpecError::BadHost(..))));
        assert_eq!(parse("docker-daemon:x"), Err(SourceSpecError::NotEmpty));
    }

    #[test]
    fn a_password_in_a_spec_is_not_shown() {
        let refused = parse("docker://user:hunter2@host/x").unwrap_err();
        assert!(!refused.to_string().contains("hunter2"));
    }
}
