//! Credentials: where users keep them, in the order in which they count.
//!
//! ```text
//! given on the command line
//! --authfile                                   (must exist)
//! $REGISTRY_AUTH_FILE
//! $DOCKER_CONFIG/config.json
//! $XDG_RUNTIME_DIR/containers/auth.json        podman, skopeo
//! $XDG_CONFIG_HOME/containers/auth.json        (~/.config)
//! ~/.docker/config.json                        docker
//! ```
//! The first that knows the registry counts. Within a file: `credHelpers`, `credsStore`, `auths`.

mod auth_file;
mod helper;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use thiserror::Error;
use tokio::io::AsyncReadExt as _;

use self::auth_file::AuthFile;
use super::registry::{Credential, Credentials};

/// Whether an auth file knows a host, for whoever throws anything at it.
#[cfg(any(test, fuzzing))]
pub(crate) fn knows(file: &[u8], host: &str) -> bool {
    AuthFile::parse(file).is_ok_and(|file| {
        let is_helped = file.helpers(host).count() > 0;
        file.entries(host).is_ok_and(|found| found.is_some()) || is_helped
    })
}

/// What the environment says about where credentials are.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// `--authfile`: if it is given, no other file is read.
    pub authfile: Option<PathBuf>,
    /// `REGISTRY_AUTH_FILE`
    pub registry_auth_file: Option<PathBuf>,
    /// `DOCKER_CONFIG`, a folder.
    pub docker_config: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`
    pub runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`
    pub config_home: Option<PathBuf>,
    /// `HOME`
    pub home: Option<PathBuf>,
    /// `PATH`, where credential helpers are found.
    pub path: Option<OsString>,
}

/// What was found, and where.
#[derive(Debug, Clone, Default)]
pub struct FoundCredentials {
    /// What to show to the registry.
    pub credentials: Credentials,
    /// Where it comes from, for people: a flag, a file, a helper.
    pub origin: Option<String>,
    /// What stood in the way at other places, such as a file that cannot be read.
    pub notices: Vec<String>,
}

/// Why credentials cannot be had.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// A file that was asked for is not there, or cannot be read.
    #[error("cannot read the auth file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no auth file.
    #[error("the auth file `{}` is not usable: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, secrets left out.
        why: String,
    },
    /// A helper failed.
    #[error("the credential helper `docker-credential-{name}` (named in `{}`) failed: {why}", path.display())]
    Helper {
        /// The helper's name.
        name: String,
        /// The file that names it.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// `--creds` without a user name.
    #[error("`--creds` is USER[:PASSWORD], and it has no user name")]
    NoUser,
}

impl Places {
    /// What this process's environment says.
    #[must_use]
    pub fn of_environment() -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            authfile: None,
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            docker_config: path("DOCKER_CONFIG"),
            runtime_dir: path("XDG_RUNTIME_DIR"),
            config_home: path("XDG_CONFIG_HOME"),
            home: path("HOME"),
            path: std::env::var_os("PATH"),
        }
    }

    /// The files to look at in this order; whether each must exist.
    fn files(&self) -> Vec<(PathBuf, bool)> {
        if let Some(file) = &self.authfile {
            return vec![(file.clone(), true)];
        }
        let home = |below: &str| self.home.as_ref().map(|home| home.join(below));
        let config_home = self.config_home.clone().or_else(|| home(".config"));
        let in_order = [
            self.registry_auth_file.clone(),
            self.docker_config.as_ref().map(|folder| folder.join("config.json")),
            self.runtime_dir.as_ref().map(|folder| folder.join("containers/auth.json")),
            config_home.map(|folder| folder.join("containers/auth.json")),
            home(".docker/config.json"),
        ];
        in_order.into_iter().flatten().map(|file| (file, false)).collect()
    }

    /// Look for what the registry at `host` (`HOST[:PORT]`) is to be shown. Nothing found is no error: then it is asked
    /// anonymously.
    ///
    /// # Errors
    /// When a file that was asked for cannot be used.
    pub async fn find(&self, host: &str) -> Result<FoundCredentials, CredentialsError> {
        let mut found = FoundCredentials::default();
        for (path, required) in self.files() {
            match self.look(&path, required, host).await {
                Ok(Some((credentials, origin))) => {
                    found.credentials = credentials;
                    found.origin = Some(origin);
                    return Ok(found);
                }
                Ok(None) => {}
                Err(error) if required => return Err(error),
                Err(error) => found.notices.push(chain(&error)),
            }
        }
        Ok(found)
    }

    async fn look(
        &self,
        path: &Path,
        required: bool,
        host: &str,
    ) -> Result<Option<(Credentials, String)>, CredentialsError> {
        let bytes = match read(path).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !required => return Ok(None),
            Err(source) => return Err(CredentialsError::Unreadable { path: path.to_owned(), source }),
        };
        let malformed = |why: String| CredentialsError::Malformed { path: path.to_owned(), why };
        let file = AuthFile::parse(&bytes).map_err(malformed)?;
        for name in file.helpers(host) {
            let failed = |why| CredentialsError::Helper { name: name.to_owned(), path: path.to_owned(), why };
            let got =
                helper::get(name, auth_file::server_key(host), self.path.as_deref()).await.map_err(failed)?;
            if let Some(credential) = got {
                let origin = format!("docker-credential-{name}, named in {}", path.display());
                return Ok(Some((credential.into(), origin)));
            }
        }
        let credentials = file.entries(host).map_err(malformed)?;
        Ok(credentials.map(|credentials| (credentials, path.display().to_string())))
    }
}

/// What `--creds USER[:PASSWORD]` says; the password may come from elsewhere (`--password-stdin`).
///
/// # Errors
/// When there is no user name.
pub fn given(creds: &str, password: Option<SecretString>) -> Result<Credential, CredentialsError> {
    let (name, inline) = creds.split_once(':').map_or((creds, ""), |(name, password)| (name, password));
    if name.is_empty() {
        return Err(CredentialsError::NoUser);
    }
    let password = password.unwrap_or_else(|| SecretString::from(inline.to_owned()));
    Ok(Credential::Basic { name: name.to_owned(), password })
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl fmt::Display for FoundCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin.as_deref().unwrap_or("none: anonymous"))
    }
}

/// No file of anybody's is larger.
const LIMIT: u64 = 16 << 20;

async fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tokio::fs::File::open(path).await?.take(LIMIT + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 <= LIMIT {
        Ok(bytes)
    } else {
        Err(io::Error::other("it is larger than any such file is"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret as _;
    use tempfile::TempDir;

    use super::*;

    /// `bob:NAME`, so that it can be told which file counted.
    fn write(path: &Path, password: &str) {
        use base64::Engine as _;
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("bob:{password}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!(r#"{{"auths":{{"r.test:5000":{{"auth":"{auth}"}}}}}}"#)).unwrap();
    }

    fn password(found: &FoundCredentials) -> String {
        match &found.credentials.whole {
            Credential::Basic { password, .. } => password.expose_secret().to_owned(),
            other @ (Credential::Anonymous | Credential::IdentityToken(_) | Credential::RegistryToken(_)) => {
                format!("{other:?}")
            }
        }
    }

    #[tokio::test]
    async fn the_first_place_that_knows_the_registry_counts() {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        let places = Places {
            authfile: None,
            registry_auth_file: Some(at("named.json")),
            docker_config: Some(at("docker")),
            runtime_dir: Some(at("run")),
            config_home: None,
            home: Some(at("home")),
            path: None,
        };
        let in_order = [
            "named.json",
            "docker/config.json",
            "run/containers/auth.json",
            "home/.config/containers/auth.json",
            "home/.docker/config.json",
        ];
        assert_eq!(password(&places.find("r.test:5000").await.unwrap()), "Anonymous");
        for name in in_order.iter().rev() {
            write(&at(name), name);
            let found = places.find("r.test:5000").await.unwrap();
            assert_eq!(
                (password(&found).as_str(), found.origin),
                (*name, Some(at(name).display().to_string()))
            );
            assert_eq!(password(&places.find("other.test").await.unwrap()), "Anonymous");
        }
        write(&at("given.json"), "given");
        let asked = Places { authfile: Some(at("given.json")), ..places.clone() };
        assert_eq!(password(&asked.find("r.test:5000").await.unwrap()), "given");
        let missing = Places { authfile: Some(at("missing.json")), ..places.clone() };
        assert!(matches!(missing.find("r.test:5000").await, Err(CredentialsError::Unreadable { .. })));
        fs::write(at("named.json"), "{").unwrap();
        let found = places.find("r.test:5000").await.unwrap();
        assert_eq!((password(&found).as_str(), found.notices.len()), ("docker/config.json", 1));
    }

    #[test]
    fn credentials_on_the_command_line() {
        let shown = |creds: &str, extra: Option<&str>| {
            let extra = extra.map(|password| SecretString::from(password.to_owned()));
            given(creds, extra).map(|credential| match credential {
                Credential::Basic { name, password } => (name, password.expose_secret().to_owned()),
                other @ (Credential::Anonymous
                | Credential::IdentityToken(_)
                | Credential::RegistryToken(_)) => (format!("{other:?}"), String::new()),
            })
        };
        assert_eq!(shown("bob:a:b", None).unwrap(), ("bob".into(), "a:b".into()));
        assert_eq!(shown("bob", Some("c")).unwrap(), ("bob".into(), "c".into()));
        assert!(matches!(shown(":x", None), Err(CredentialsError::NoUser)));
    }
}
