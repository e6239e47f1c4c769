//! TLS: whom we trust, and who we are there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::adapters::trust::Verifier;

/// What the user says about TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Whether the registry's certificate is checked at all.
    pub verify: bool,
    /// More certificates to trust, as PEM files.
    pub ca_files: Vec<PathBuf>,
    /// Our certificate chain and its key, as PEM files.
    pub identity: Option<(PathBuf, PathBuf)>,
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
        Self { verify: true, ca_files: Vec::new(), identity: None, certs_d }
    }
}

/// Why the TLS settings cannot be used.
#[derive(Debug, Error)]
pub(super) enum TlsError {
    #[error("cannot read `{}`: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("there is no certificate in `{}`: PEM is needed", path.display())]
    NoCertificate { path: PathBuf },
    #[error("`{}` holds no private key that can be used: unencrypted PEM is needed ({why})", path.display())]
    NoKey { path: PathBuf, why: String },
    #[error("`{}` has no key beside it: `{}` is missing", certificate.display(), key.display())]
    KeyMissing { certificate: PathBuf, key: PathBuf },
    #[error("`{}` and its key cannot be used: {why}", path.display())]
    Mismatch { path: PathBuf, why: String },
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
        let found = self.gather(host)?;
        let provider = Arc::new(ring::default_provider());
        let verifier = if self.verify {
            let signed = Verifier::signed(system_roots(), found.trusted, provider.clone());
            // A machine without any root, and nothing given: nobody can be right, which the handshake says.
            signed.unwrap_or_else(|_| Verifier::nobody(provider.clone()))
        } else {
            Verifier::anybody(provider.clone())
        };
        // The protocol versions are ring's own, so that this cannot fail.
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder
            .map_err(|error| TlsError::Mismatch { path: PathBuf::from(host), why: error.to_string() })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let Some((certificate, key)) = found.identity else { return Ok(builder.with_no_client_auth()) };
        let chain = certificates(&certificate)?;
        let key = private_key(&key)?;
        builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| TlsError::Mismatch { path: certificate, why: error.to_string() })
    }

    fn gather(&self, host: &str) -> Result<Found, TlsError> {
        let mut found = Found::default();
        for folder in &self.certs_d {
            found.add_folder(&folder.join(host))?;
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

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable =
        |error: pem::Error| TlsError::Unreadable { path: path.to_owned(), why: error.to_string() };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect();
    match certificates.map_err(unreadable)? {
        none if none.is_empty() => Err(TlsError::NoCertificate { path: path.to_owned() }),
        certificates => Ok(certificates),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| TlsError::NoKey { path: path.to_owned(), why: error.to_string() })
}

/// The certificates that this machine trusts, read once (`SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed).
fn system_roots() -> &'static [CertificateDer<'static>] {
    static ROOTS: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    ROOTS.get_or_init(|| rustls_native_certs::load_native_certs().certs)
}
