//! Whose certificates are trusted, by registries and by Redis alike: a private CA, or the server's own self-made
//! certificate.
//!
//! `openssl req -x509` makes certificates with `CA:TRUE`, which rustls refuses as a server's own even when
//! that very file is given as the CA; Go and curl accept them. Here a certificate that was given byte for byte
//! is accepted too, if its name and dates are right.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Who is trusted.
#[derive(Debug)]
enum Trust {
    /// Whoever shows a certificate that these signed, or one of those that were given.
    Signed(Arc<WebPkiServerVerifier>, Vec<CertificateDer<'static>>),
    /// Everybody, as the user asked for.
    Anybody,
    Nobody,
}

/// The usual verification, and one thing more: a certificate that was given to us by itself is trusted as the
/// server's own, also if it is marked as a CA's.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Trust what `roots` and `given` sign, and what is itself among `given`.
    ///
    /// # Errors
    /// When there is no usable certificate among them.
    pub(super) fn signed(
        roots: &[CertificateDer<'static>],
        given: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots.iter().chain(&given).cloned());
        let chain = WebPkiServerVerifier::builder_with_provider(store.into(), provider.clone()).build()?;
        Ok(Self { trust: Trust::Signed(chain, given), provider })
    }

    /// Trust any certificate.
    pub(super) const fn anybody(provider: Arc<CryptoProvider>) -> Self {
        Self { trust: Trust::Anybody, provider }
    }

    /// Trust none.
    pub(super) const fn nobody(provider: Arc<CryptoProvider>) -> Self {
        Self { trust: Trust::Nobody, provider }
    }
}

/// The one objection that a given certificate overrules. Its validity has been checked by then (webpki looks at it
/// first; a test holds it to that), its name has not. rustls hands it out in no other form than its text.
fn is_ca_as_server(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(other))
        if format!("{other:?}").contains("CaUsedAsEndEntity"))
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
        let (chain, given) = match &self.trust {
            Trust::Anybody => return Ok(ServerCertVerified::assertion()),
            Trust::Nobody => return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
            Trust::Signed(chain, given) => (chain, given),
        };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(error) if is_ca_as_server(&error) && given.contains(end_entity) => {
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
