//! Who may ask: whoever has the token, or whoever is on this machine.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::adapters::files;
use crate::adapters::tls::server;

/// No token is longer, and none shorter is one.
const TOKEN: std::ops::RangeInclusive<usize> = 16..=4096;

/// The files that say who may ask, and how.
#[derive(Debug, Clone, Default)]
pub struct AccessFiles {
    /// The token, on the first line.
    pub token: Option<PathBuf>,
    /// The certificate chain and its key, as PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Who may ask, and how.
pub struct Admission {
    /// The hash of the token: comparing hashes tells nobody how much of a guess was right.
    token: Option<[u8; 32]>,
    pub(super) tls: Option<TlsAcceptor>,
}

/// Why there is no server.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Address {
        /// It.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The token cannot be read.
    #[error("cannot read the token in `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is none.
    #[error("`{}` holds no token: its first line has to have 16 to 4096 letters and signs without spaces", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
    /// The certificate or its key cannot be used.
    #[error("{0}")]
    Tls(String),
}

impl AccessFiles {
    /// Read them.
    ///
    /// # Errors
    /// When one cannot be used.
    pub fn read(&self) -> Result<Admission, AccessError> {
        let token = self.token.as_deref().map(token).transpose()?;
        let identity = self.identity.as_ref();
        let tls = identity.map(|(certificate, key)| server(certificate, key)).transpose();
        let tls = tls.map_err(|error| AccessError::Tls(error.to_string()))?;
        Ok(Admission { token, tls: tls.map(|config| TlsAcceptor::from(Arc::new(config))) })
    }
}

fn token(path: &Path) -> Result<[u8; 32], AccessError> {
    let limit = TOKEN.end().saturating_add(2) as u64;
    let bytes = files::read(path, limit)
        .map_err(|source| AccessError::Unreadable { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let token = text.lines().next().unwrap_or_default().trim();
    let is_token = TOKEN.contains(&token.len()) && token.chars().all(|c| c.is_ascii_graphic());
    if is_token { Ok(hash(token.as_bytes())) } else { Err(AccessError::NoToken { path: path.to_owned() }) }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

impl Admission {
    /// Whether a token is wanted.
    pub(super) const fn wants_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether the request shows the token, as a bearer's or as a password; anybody does where none is wanted.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(wanted) = &self.token else { return true };
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        shown.and_then(shown_token).is_some_and(|shown| hash(&shown) == *wanted)
    }

    /// Whether the request is meant for us. Without a token we serve this machine alone, and a page of somebody else's
    /// that has a browser ask us by a name of its own is not from here.
    pub(super) fn is_meant(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        self.wants_token() || hosts.all(|host| host.to_str().is_ok_and(is_own))
    }
}

/// `Bearer TOKEN`, or `Basic` with the token as password.
fn shown_token(value: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(rest.trim()).ok())??;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair.get(colon + 1..)?.to_vec())
}

/// An address or `localhost`, with a port or without.
fn is_own(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_as_a_bearers_or_as_a_password() {
        let access = Admission { token: Some(hash(b"0123456789abcdef")), tls: None };
        let admits = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            access.admits(&headers)
        };
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert!(admits("Bearer 0123456789abcdef") && admits("bearer 0123456789abcdef"));
        assert!(admits(&basic("anybody:0123456789abcdef")) && admits(&basic(":0123456789abcdef")));
        for value in
            ["0123456789abcdef", "Bearer 0123456789abcde", "Bearer", "Basic !", "Digest 0123456789abcdef"]
        {
            assert!(!admits(value), "{value}");
        }
        assert!(!admits(&basic("0123456789abcdef:")) && !access.admits(&HeaderMap::new()));
        assert!(Admission { token: None, tls: None }.admits(&HeaderMap::new()));
    }

    #[test]
    fn names_that_are_not_ours_are_not_meant() {
        for host in ["127.0.0.1:9714", "localhost", "localhost:9714", "[::1]:9714", "[::1]", "192.0.2.1"] {
            assert!(is_own(host), "{host}");
        }
        for host in ["evil.example", "evil.example:9714", "localhost.evil.example:9714", "", ":9714"] {
            assert!(!is_own(host), "{host}");
        }
    }
}
