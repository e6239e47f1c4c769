//! TLS to Redis: a private CA, the server's own certificate, and ours where it wants one.

use std::sync::Arc;

use tokio_rustls::TlsConnector;

use super::settings::RedisTls;
use crate::adapters::tls::{TlsError, Trust, certificates, client};
use crate::engine::ports::CacheError;

/// Make the connector that these settings ask for.
pub(super) fn connector(settings: &RedisTls) -> Result<TlsConnector, CacheError> {
    let identity = match (&settings.certificate, &settings.key) {
        (Some(chain), Some(key)) => Some((chain.as_path(), key.as_path())),
        (None, None) => None,
        _ => {
            return Err(CacheError::Settings(
                "a client certificate needs its key, and the key its certificate".into(),
            ));
        }
    };
    let wrong = |error: TlsError| CacheError::Settings(format!("TLS: {error}"));
    let trust = match &settings.ca {
        _ if settings.insecure => Trust::Anybody,
        Some(path) => Trust::Only(certificates(path).map_err(wrong)?),
        None => Trust::System(Vec::new()),
    };
    let config = client(trust, identity).map_err(wrong)?;
    Ok(TlsConnector::from(Arc::new(config)))
}
