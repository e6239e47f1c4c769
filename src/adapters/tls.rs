//! TLS to registries and to Redis alike: whom we trust, a private CA or the server's own self-made certificate, and
//! who we are there.
//!
//! `openssl req -x509` makes certificates with `CA:TRUE`, which rustls refuses as a server's own even when
//! that very file is given as the CA; Go and curl accept them. Here a certificate that was given byte for byte
//! is accepted too, if its name and dates are right.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};

use super::files::read_any;

/// More than all certificates of the world's authorities take.
const LARGEST: u64 = 16 << 20;

/// Choose the cryptography that TLS uses, once for the process, so that no library can choose another. Building an HTTP
/// client needs it, even one that never speaks TLS.
pub(crate) fn install_crypto() {
    // An error means that it has been chosen already.
    let _ = ring::default_provider().install_default();
}

/// Why the settings of TLS cannot be used.
#[derive(Debug, thiserror::Error)]
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
    #[error("TLS cannot be set up: {0}")]
    Other(String),
}

/// Whose certificates are accepted.
pub(super) enum Trust {
    /// Everybody's, as the user asked for.
    Anybody,
    /// Those that the machine trusts, and those that these have signed or are.
    System(Vec<CertificateDer<'static>>),
    /// Those that these have signed or are.
    Only(Vec<CertificateDer<'static>>),
}

/// The settings of a client that shows the certificate chain and key in the files of `identity`.
pub(super) fn client(trust: Trust, identity: Option<(&Path, &Path)>) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier { trusted: trusted(trust, &provider), provider: Arc::clone(&provider) };
    // The protocol versions are ring's own, so that this cannot fail.
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder
        .map_err(|error| TlsError::Other(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some((certificate, key)) = identity else { return Ok(builder.with_no_client_auth()) };
    builder
        .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
        .map_err(|error| TlsError::Mismatch { path: certificate.to_owned(), why: error.to_string() })
}

/// The settings of a server that shows the certificate chain and key in these files; HTTP/1.1 is what it speaks.
pub(super) fn server(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| TlsError::Other(error.to_string()))?.with_no_client_auth();
    let mut config = builder
        .with_single_cert(certificates(certificate)?, private_key(key)?)
        .map_err(|error| TlsError::Mismatch { path: certificate.to_owned(), why: error.to_string() })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates in a PEM file; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable =
        |error: pem::Error| TlsError::Unreadable { path: path.to_owned(), why: error.to_string() };
    let text = pem_text(path).map_err(unreadable)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates.map_err(unreadable)? {
        none if none.is_empty() => Err(TlsError::NoCertificate { path: path.to_owned() }),
        certificates => Ok(certificates),
    }
}

fn pem_text(path: &Path) -> Result<Vec<u8>, pem::Error> {
    read_any(path, LARGEST).map_err(pem::Error::Io)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    pem_text(path)
        .and_then(|text| PrivateKeyDer::from_pem_slice(&text))
        .map_err(|error| TlsError::NoKey { path: path.to_owned(), why: error.to_string() })
}

/// The certificates that this machine trusts, read once (`SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed).
fn system_roots() -> &'static [CertificateDer<'static>] {
    static ROOTS: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    ROOTS.get_or_init(|| rustls_native_certs::load_native_certs().certs)
}

/// Who is trusted.
#[derive(Debug)]
struct Trusted {
    /// The usual verification, by a chain that ends in a trusted certificate; none where there is no such certificate.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// What was given to us.
    given: Vec<CertificateDer<'static>>,
}

fn trusted(trust: Trust, provider: &Arc<CryptoProvider>) -> Option<Trusted> {
    let (roots, given) = match trust {
        Trust::Anybody => return None,
        Trust::System(given) => (system_roots(), given),
        Trust::Only(given) => (&[][..], given),
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().chain(&given).cloned());
    let chain = WebPkiServerVerifier::builder_with_provider(store.into(), Arc::clone(provider)).build();
    Some(Trusted { chain: chain.ok(), given })
}

/// The usual verification, and one thing more: a certificate that was given to us by itself is trusted as the
/// server's own, also if it is marked as a CA's.
#[derive(Debug)]
struct Verifier {
    /// Nothing where anybody is trusted.
    trusted: Option<Trusted>,
    provider: Arc<CryptoProvider>,
}

/// The one objection that a given certificate overrules. Its validity has been checked by then (webpki looks at it
/// first; a test holds it to that), its name has not. rustls hands it out in no other form than its text.
pub(super) fn is_ca_as_server(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity"))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(Trusted { chain, given }) = &self.trusted else {
            return Ok(ServerCertVerified::assertion());
        };
        // A machine without any root, and nothing given: nobody can be right.
        let nobody = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let chain = chain.as_ref().ok_or_else(nobody)?;
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(why)) if is_ca_as_server(&why) && given.contains(end_entity) => {
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
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
