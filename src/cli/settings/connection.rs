//! How registries are talked to: arguments as typed, and the settings made of them.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

use crate::adapters::credentials::{self, Places};
use crate::adapters::registry::{
    Address, Connection, Credential, Credentials, Override, Scheme, Tls, connect,
};
use crate::cli::args::duration;

/// An argument that must not be printed.
#[derive(Clone)]
pub struct Secret(SecretString);

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned().into()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// How the registry is talked to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArguments {
    /// User and password; without the password it is asked for
    #[arg(long, env = "REGFSCK_CREDS", hide_env_values = true, value_name = "USER[:PASS]")]
    pub creds: Option<Secret>,
    /// Read the password of --creds from stdin
    #[arg(long, env = "REGFSCK_PASSWORD_STDIN", requires = "creds")]
    pub password_stdin: bool,
    /// A bearer token to show to the registry as it is
    #[arg(
        long,
        env = "REGFSCK_REGISTRY_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "creds"
    )]
    pub registry_token: Option<Secret>,
    /// Take credentials from this file alone, not from where docker, podman and skopeo keep them
    #[arg(long, env = "REGFSCK_AUTHFILE", value_name = "FILE", conflicts_with_all = ["creds", "registry_token"])]
    pub authfile: Option<PathBuf>,
    /// Whether the registry's certificate has to be right
    #[arg(
        long,
        env = "REGFSCK_TLS_VERIFY",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub tls_verify: Option<bool>,
    /// The same as --tls-verify=false
    #[arg(long, env = "REGFSCK_INSECURE", conflicts_with = "tls_verify")]
    pub insecure: bool,
    /// Trust the certificates in this PEM file as well; repeatable
    #[arg(long, env = "REGFSCK_CA_FILE", value_name = "FILE", value_delimiter = ',')]
    pub ca_file: Vec<PathBuf>,
    /// Our own certificate, as PEM, where the registry wants one
    #[arg(long, env = "REGFSCK_CERT_FILE", value_name = "FILE", requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// The key of --cert-file
    #[arg(long, env = "REGFSCK_KEY_FILE", value_name = "FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,
    /// Talk plain HTTP, also to hosts that are not this one
    #[arg(long, env = "REGFSCK_PLAIN_HTTP")]
    pub plain_http: bool,
    /// Connect to ADDR where HOST:PORT is meant, as curl does; repeatable
    #[arg(long, env = "REGFSCK_RESOLVE", value_name = "HOST:PORT:ADDR", value_delimiter = ',')]
    pub resolve: Vec<Override>,
    /// Ask so many questions at once
    #[arg(short, long, env = "REGFSCK_JOBS", value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: u16,
    /// Send at most so many requests a second
    #[arg(long, env = "REGFSCK_RATE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: Option<u32>,
    /// Try a failed request so many more times
    #[arg(long, env = "REGFSCK_RETRY_TIMES", value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=20))]
    pub retry_times: u8,
    /// Give up on a request that brings nothing for so long
    #[arg(long, env = "REGFSCK_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub timeout: jiff::SignedDuration,
}

/// How `docker://` sources are talked to, where that differs from the registry.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sources")]
pub struct SourceConnectionArguments {
    /// User and password for docker:// sources
    #[arg(long, env = "REGFSCK_SRC_CREDS", hide_env_values = true, value_name = "USER[:PASS]")]
    pub src_creds: Option<Secret>,
    /// Whether the certificates of docker:// sources have to be right
    #[arg(
        long,
        env = "REGFSCK_SRC_TLS_VERIFY",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub src_tls_verify: Option<bool>,
    /// Take credentials for docker:// sources from this file alone
    #[arg(long, env = "REGFSCK_SRC_AUTHFILE", value_name = "FILE", conflicts_with = "src_creds")]
    pub src_authfile: Option<PathBuf>,
}

impl Default for ConnectionArguments {
    fn default() -> Self {
        Self {
            creds: None,
            password_stdin: false,
            registry_token: None,
            authfile: None,
            tls_verify: None,
            insecure: false,
            ca_file: Vec::new(),
            cert_file: None,
            key_file: None,
            plain_http: false,
            resolve: Vec::new(),
            jobs: 16,
            rate: None,
            retry_times: 5,
            timeout: jiff::SignedDuration::from_secs(30),
        }
    }
}

impl ConnectionArguments {
    /// The settings for the registry at `url`, which `flag` gave; its scheme is found out where none was given.
    ///
    /// # Errors
    /// When the URL is none, or the credentials cannot be had.
    pub(in crate::cli) async fn settings(&self, flag: &str, url: &str) -> Result<Connection> {
        let address = Address::parse(url, self.plain_http).with_context(|| flag.to_owned())?;
        let mut settings = self.manners(address)?;
        settings.tls = self.tls();
        settings.resolve.clone_from(&self.resolve);
        self.introduce(&mut settings).await?;
        let given = settings.address.clone();
        let is_open = given.scheme() == Scheme::Either || !settings.tls.verify;
        if is_open && connect(&mut settings).await.is_err() {
            // Whoever asks next reports why.
            settings.address = if given.scheme() == Scheme::Either { given.decided(false) } else { given };
        }
        Ok(settings)
    }

    /// The settings for the `docker://` source at `authority`: its own trust and credentials, the same manners.
    ///
    /// # Errors
    /// As [`Self::settings`].
    pub(in crate::cli) async fn source_settings(
        &self,
        source: &SourceConnectionArguments,
        authority: &str,
    ) -> Result<Connection> {
        let own = Self {
            creds: source.src_creds.clone(),
            password_stdin: false,
            registry_token: None,
            authfile: source.src_authfile.clone(),
            tls_verify: source.src_tls_verify,
            insecure: false,
            plain_http: false,
            ..self.clone()
        };
        own.settings("--source", authority).await
    }

    fn manners(&self, address: Address) -> Result<Connection> {
        let mut settings = Connection::new(address);
        settings.jobs = usize::from(self.jobs);
        settings.rate = self.rate;
        settings.retry_times = u32::from(self.retry_times);
        settings.timeout = Duration::try_from(self.timeout).context("--timeout")?;
        Ok(settings)
    }

    fn tls(&self) -> Tls {
        Tls {
            verify: self.tls_verify.unwrap_or(!self.insecure),
            ca_files: self.ca_file.clone(),
            identity: self.cert_file.clone().zip(self.key_file.clone()),
            ..Tls::default()
        }
        .of_user(std::env::var_os("HOME").map(PathBuf::from).as_deref())
    }

    /// Find what to show: flags, then what stands in the URL, then the auth files.
    async fn introduce(&self, settings: &mut Connection) -> Result<()> {
        if let Some(credential) = self.given()? {
            settings.credentials = Credentials::from(credential);
        } else if settings.address.user.is_none() {
            let places = Places { authfile: self.authfile.clone(), ..Places::of_environment() };
            let host = settings.address.host_and_port();
            let found = places.find(&host).await.map_err(|error| anyhow!(error))?;
            for notice in &found.notices {
                tracing::warn!("{notice}");
            }
            tracing::info!(%host, credentials = %found, "credentials");
            settings.credentials = found.credentials;
        }
        Ok(())
    }

    /// What the flags say; the password is asked for on the terminal where it is missing.
    fn given(&self) -> Result<Option<Credential>> {
        if let Some(Secret(token)) = &self.registry_token {
            return Ok(Some(Credential::RegistryToken(token.clone())));
        }
        let Some(Secret(creds)) = &self.creds else { return Ok(None) };
        let creds = creds.expose_secret();
        let password = if self.password_stdin {
            Some(password_from_stdin()?)
        } else if creds.contains(':') {
            None
        } else {
            Some(ask_password(creds)?)
        };
        let name = if password.is_some() { creds.split(':').next().unwrap_or_default() } else { creds };
        Ok(Some(credentials::given(name, password)?))
    }
}

/// The first line of stdin, which is read once: replicas are shown the same.
fn password_from_stdin() -> Result<SecretString> {
    static READ: std::sync::OnceLock<SecretString> = std::sync::OnceLock::new();
    if let Some(password) = READ.get() {
        return Ok(password.clone());
    }
    let mut password = String::new();
    std::io::stdin()
        .take(64 << 10)
        .read_to_string(&mut password)
        .context("cannot read the password from stdin")?;
    let line = password.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("--password-stdin: stdin holds no password");
    }
    Ok(READ.get_or_init(|| line.to_owned().into()).clone())
}

fn ask_password(user: &str) -> Result<SecretString> {
    let prompt = format!("Password for {user}");
    let typed = dialoguer::Password::new().with_prompt(prompt).interact();
    let typed = typed.context("--creds has no password; write USER:PASS or add --password-stdin")?;
    Ok(typed.into())
}
