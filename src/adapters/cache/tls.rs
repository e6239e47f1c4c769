//! TLS as registries' operators use it: a private CA, or the server's own self-made certificate.
//!
//! `openssl req -x509` makes certificates with `CA:TRUE`, which rustls refuses as a server's own even when
//! that very file is given as the CA; Go and curl accept them. Here a certificate that was given byte for byte
//! is accepted too, if its name and dates are right.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::settings::RedisTls;
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
        return Ok(Arc::new(Trusting(provider)));
    }
    let mut roots = RootCertStore::empty();
    let pinned = match &settings.ca {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(pinned.iter().cloned());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| CacheError::Settings(format!("TLS: no usable CA certificate: {error}")))?;
    // The system's roots are CAs and never a server's own certificate.
    let pinned = if settings.ca.is_some() { pinned } else { Vec::new() };
    Ok(Arc::new(Pinning { inner, pinned }))
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

/// What rustls verifies, and certificates that were given byte for byte.
#[derive(Debug)]
struct Pinning {
    inner: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

/// The one objection that a pinned certificate overrules. It is raised after the dates were found good, and
/// rustls hands it out in no other form than its text.
fn is_ca_as_server(error: &Error) -> bool {
    format!("{error:?}").contains("CaUsedAsEndEntity")
}

impl ServerCertVerifier for Pinning {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            Err(error) if is_ca_as_server(&error) && self.pinned.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Any certificate, for `--insecure`.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
