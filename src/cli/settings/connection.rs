//! How registries are talked to.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use secrecy::{ExposeSecret as _, SecretString};

use crate::adapters::credentials::{self, Places};
use crate::adapters::registry::{Address, Connection, Credential, Credentials, Scheme, Tls, connect};
use crate::cli::args::connection::{ConnectionArguments, SourceConnectionArguments};
use crate::cli::args::values::Secret;

impl ConnectionArguments {
    /// The settings for the registry at `url`, which `flag` gave; its scheme is found out where none was given.
    ///
    /// # Errors
    /// When the URL is none, or the credentials cannot be had.
    pub(in crate::cli) async fn settings(&self, flag: &str, url: &str) -> Result<Connection> {
        let address = Address::parse(url, self.plain_http).with_context(|| flag.to_owned())?;
        let mut settings = self.with_limits(address)?;
        settings.tls = self.tls();
        settings.resolve.clone_from(&self.resolve);
        self.find_credentials(&mut settings).await?;
        let given = settings.address.clone();
        let is_open = given.scheme() == Scheme::Either || !settings.tls.verify;
        if is_open && connect(&mut settings).await.is_err() {
            // Whoever asks next reports why.
            settings.address = if given.scheme() == Scheme::Either { given.decided(false) } else { given };
        }
        Ok(settings)
    }

    /// The settings for the `docker://` source at `authority`: its own trust and credentials, the same limits.
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

    fn with_limits(&self, address: Address) -> Result<Connection> {
        let mut settings = Connection::new(address);
        settings.jobs = usize::from(self.jobs);
        settings.rate = self.rate;
        settings.plain_stores.clone_from(&self.plain_http_store);
        settings.retry_times = u32::from(self.retry_times);
        settings.timeout = Duration::try_from(self.timeout).context("--timeout")?;
        Ok(settings)
    }

    fn tls(&self) -> Tls {
        Tls {
            verify: self.tls_verify.unwrap_or(!self.insecure),
            ca_files: self.ca_file.clone(),
            cert_dir: self.cert_dir.clone(),
            identity: self.cert_file.clone().zip(self.key_file.clone()),
            ..Tls::default()
        }
        .of_user(std::env::var_os("HOME").map(PathBuf::from).as_deref())
    }

    /// Find what to show: flags, then what stands in the URL, then the auth files.
    async fn find_credentials(&self, settings: &mut Connection) -> Result<()> {
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
