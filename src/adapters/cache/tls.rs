//! TLS to Redis: a private CA, the server's own certificate, and ours where it wants one.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, Error};
use tokio_rustls::TlsConnector;

use super::settings::RedisTls;
use crate::adapters::trust::Verifier;
use crate::engine::ports::CacheError;

/// Make the connector that these settings ask for.
pub(super) fn connector(settings: &RedisTls) -> Result<TlsConnector, CacheError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let wrong = |error: Error| CacheError::Settings(format!("TLS: {error}"));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .dangerous()
        .with_custom_certificate_verifier(verifier(settings, provider)?);
    let config = match (&settings.certificate, &settings.key) {
        (Some(chain), Some(key)) => {
            builder.with_client_auth_cert(certificates(chain)?, private_key(key)?).map_err(wrong)?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => {
            return Err(CacheError::Settings(
                "a client certificate needs its key, and the key its certificate".into(),
            ));
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

fn verifier(
    settings: &RedisTls,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, CacheError> {
    if settings.insecure {
        return Ok(Arc::new(Verifier::anybody(provider)));
    }
    // The system's roots are CAs and never a server's own certificate.
    let (roots, given) = match &settings.ca {
        Some(path) => (Vec::new(), certificates(path)?),
        None => (rustls_native_certs::load_native_certs().certs, Vec::new()),
    };
    let verifier = Verifier::signed(&roots, given, provider);
    let verifier =
        verifier.map_err(|error| CacheError::Settings(format!("TLS: no usable CA certificate: {error}")))?;
    Ok(Arc::new(verifier))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CacheError> {
    let unreadable = |error| {
        CacheError::Settings(format!("no certificates can be read from `{}`: {error}", path.display()))
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect();
    let found = found.map_err(unreadable)?;
    if found.is_empty() {
        return Err(CacheError::Settings(format!("`{}` holds no certificate in PEM form", path.display())));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, CacheError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        CacheError::Settings(format!("no private key can be read from `{}`: {error}", path.display()))
    })
}
