//! Why a registry's configuration cannot be read, with the file and the key.

use std::path::PathBuf;

use thiserror::Error;

/// Why a registry's configuration cannot be used. No message holds a value, which may be a secret.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("`{}` does not exist", path.display())]
    NoSuchFile {
        /// The path as given.
        path: PathBuf,
    },
    /// A folder, a device or a pipe.
    #[error("`{}` is {what}, not a configuration file", path.display())]
    NotAFile {
        /// The path as given.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The operating system refused.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// No registry's configuration is that large.
    #[error("`{}` is larger than {limit} bytes, which no registry's configuration is", path.display())]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// How many bytes are read at most.
        limit: u64,
    },
    /// Not UTF-8, or control characters in it.
    #[error("`{}` is no text file", path.display())]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// What is said of a bucket has no meaning.
    #[error("`{key}` in `{}`: {why}", path.display())]
    BadBucket {
        /// The path.
        path: PathBuf,
        /// The key, dotted.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing but space and comments.
    #[error("`{}` is empty", path.display())]
    Empty {
        /// The path.
        path: PathBuf,
    },
    /// Not YAML.
    #[error("`{}` is not YAML: {why}", path.display())]
    NotYaml {
        /// The path.
        path: PathBuf,
        /// What the parser stumbled on, and where.
        why: String,
    },
    /// YAML, but of something else.
    #[error("`{}` is not the configuration of a registry: {why}", path.display())]
    NotARegistry {
        /// The path.
        path: PathBuf,
        /// What is missing or odd.
        why: String,
    },
    /// A key holds something of the wrong kind.
    #[error("`{key}` in `{}`{} must be {wanted}, and is {found}", path.display(), from(variable.as_deref()))]
    WrongValue {
        /// The path.
        path: PathBuf,
        /// The key, dotted.
        key: String,
        /// The environment variable that gave the value, where one did.
        variable: Option<String>,
        /// What the key takes.
        wanted: &'static str,
        /// What kind of thing it holds.
        found: String,
    },
    /// An environment variable cannot be applied.
    #[error("the environment variable `{variable}` cannot override the configuration: {why}")]
    BadOverride {
        /// Its name.
        variable: String,
        /// Why not.
        why: String,
    },
    /// No storage driver, or several.
    #[error("`storage` in `{}` names {}", path.display(), drivers(found))]
    NotOneDriver {
        /// The path.
        path: PathBuf,
        /// The drivers it names.
        found: Vec<String>,
    },
}

impl ConfigError {
    /// What to do next, where that is not plain from the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotAFile { what: "a folder", path } => {
                return Some(format!("name the file in it, such as `{}`", path.join("config.yml").display()));
            }
            Self::NoSuchFile { .. } => {
                "give the file that the daemon was started with, or use `--storage` and `--registry`"
            }
            Self::Unreadable { .. } => {
                "run regfsck as a user that may read it: the registry's own user, or root"
            }
            Self::BadOverride { .. } => "unset the variable, or run with the environment of the daemon",
            Self::NotOneDriver { found, .. } if !found.is_empty() => {
                "the daemon refuses this too; look for a `REGISTRY_STORAGE_…` variable that adds a second driver"
            }
            Self::NotAFile { .. }
            | Self::TooLarge { .. }
            | Self::NotText { .. }
            | Self::Empty { .. }
            | Self::NotYaml { .. }
            | Self::NotARegistry { .. }
            | Self::WrongValue { .. }
            | Self::BadBucket { .. }
            | Self::NotOneDriver { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn from(variable: Option<&str>) -> String {
    variable.map(|name| format!(" (from `{name}`)")).unwrap_or_default()
}

fn drivers(found: &[String]) -> String {
    if found.is_empty() {
        "no storage driver".into()
    } else {
        format!("several storage drivers: {}", found.join(", "))
    }
}

/// No configuration lies in any of the places that were tried.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no registry configuration was found; tried {}", tried(.0))]
pub struct NotFound(pub Vec<PathBuf>);

fn tried(places: &[PathBuf]) -> String {
    let places: Vec<String> = places.iter().map(|place| format!("`{}`", place.display())).collect();
    if places.is_empty() { "nowhere".into() } else { places.join(", ") }
}
