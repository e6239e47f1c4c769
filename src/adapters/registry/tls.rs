//! TLS: whom we trust, and who we are there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use crate::adapters::tls::{self, TlsError, Trust, certificates};

/// What the user says about TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Whether the registry's certificate is checked at all.
    pub verify: bool,
    /// More certificates to trust, as PEM files.
    pub ca_files: Vec<PathBuf>,
    /// Our certificate chain and its key, as PEM files.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// A folder with `*.crt`, `*.cert` and `*.key` for this registry alone.
    pub cert_dir: Option<PathBuf>,
    /// Folders that hold a folder `HOST[:PORT]` with `*.crt`, `*.cert` and `*.key`, as docker and podman read them.
    pub certs_d: Vec<PathBuf>,
}

impl Tls {
    /// The same with the folder that podman and skopeo look into first: `~/.config/containers/certs.d`.
    #[must_use]
    pub fn of_user(mut self, home: Option<&Path>) -> Self {
        // What is found later counts more: a client certificate of the user's own does.
        self.certs_d.extend(home.map(|home| home.join(".config/containers/certs.d")));
        self
    }
}

impl Default for Tls {
    fn default() -> Self {
        let certs_d = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from).into();
        Self { verify: true, ca_files: Vec::new(), identity: None, cert_dir: None, certs_d }
    }
}

/// All that was found for one registry.
#[derive(Default)]
struct Found {
    trusted: Vec<CertificateDer<'static>>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// The configuration for the registry at `host` (`HOST[:PORT]`).
    pub(super) fn config(&self, host: &str) -> Result<ClientConfig, TlsError> {
        let Found { trusted, identity } = self.gather(host)?;
        let trust = if self.verify { Trust::System(trusted) } else { Trust::Anybody };
        let identity = identity.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
        tls::client(trust, identity)
    }

    fn gather(&self, host: &str) -> Result<Found, TlsError> {
        let mut found = Found::default();
        for folder in &self.certs_d {
            found.add_folder(&folder.join(host))?;
        }
        if let Some(folder) = &self.cert_dir {
            if !folder.is_dir() {
                return Err(TlsError::Unreadable {
                    path: folder.clone(),
                    why: "there is no such folder".into(),
                });
            }
            found.add_folder(folder)?;
        }
        for file in &self.ca_files {
            found.trusted.extend(certificates(file)?);
        }
        if self.identity.is_some() {
            found.identity.clone_from(&self.identity);
        }
        Ok(found)
    }
}

impl Found {
    /// `*.crt` are trusted; a `*.cert` with the `*.key` of its name is ours.
    fn add_folder(&mut self, folder: &Path) -> Result<(), TlsError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => {
                return Err(TlsError::Unreadable { path: folder.to_owned(), why: error.to_string() });
            }
        };
        let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => self.trusted.extend(certificates(&file)?),
                Some("cert") => {
                    let key = file.with_extension("key");
                    if !key.is_file() {
                        return Err(TlsError::KeyMissing { certificate: file, key });
                    }
                    self.identity = Some((file, key));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
