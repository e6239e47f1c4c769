//! TARGET: a registry that is named by a bare path or URL.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// What begins the name of a part of a snapshot.
pub(super) const PART: &str = "snapshot:";

/// The registry, where no flag names it.
#[derive(Debug, Clone, Default, Args)]
pub struct BareArguments {
    /// The registry: its storage root, its URL, its config.yml, or two of these
    #[arg(value_name = "TARGET")]
    pub target: Vec<Bare>,
}

/// What a bare word names, told by its form alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bare {
    /// `x.yml` or `x.yaml`: the registry's configuration.
    Config(PathBuf),
    /// A URL, or HOST:PORT.
    Registry(String),
    /// Any other path: the storage root.
    Storage(PathBuf),
}

impl FromStr for Bare {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        let has_port = text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && !host.contains('/')
                && !port.is_empty()
                && port.bytes().all(|c| c.is_ascii_digit())
        });
        Ok(if text.starts_with(PART) {
            Self::Storage(text.into())
        } else if text.contains("://") || has_port {
            Self::Registry(text.to_owned())
        } else if lower.rsplit('.').next().is_some_and(|end| end == "yml" || end == "yaml") {
            Self::Config(text.into())
        } else {
            Self::Storage(text.into())
        })
    }
}

impl Bare {
    /// The flag that means the same.
    pub(super) const fn flag(&self) -> &'static str {
        match self {
            Self::Config(_) => "config",
            Self::Registry(_) => "registry",
            Self::Storage(_) => "storage",
        }
    }
}

impl fmt::Display for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(path) | Self::Storage(path) => path.display().fmt(f),
            Self::Registry(url) => url.fmt(f),
        }
    }
}
