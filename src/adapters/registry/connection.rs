//! The settings of a client.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;
use url::Url;

use super::address::Address;
use super::credential::{Credential, Credentials};
use super::tls::Tls;

/// How a registry is reached: what command line and environment say, read once.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Where it is.
    pub address: Address,
    /// Who we are to it.
    pub credentials: Credentials,
    /// Whom we trust, and who we are, in TLS.
    pub tls: Tls,
    /// At most so many requests at once.
    pub jobs: usize,
    /// At most so many requests a second.
    pub rate: Option<u32>,
    /// So many more attempts after one that failed.
    pub retry_times: u32,
    /// The longest silence, and the time after which no new attempt of a question is begun.
    pub timeout: Duration,
    /// Addresses to use for a host and port instead of what the name resolves to.
    pub resolve: Vec<Override>,
    /// Stores that a registry behind TLS may redirect to though they speak plain HTTP.
    pub plain_stores: Vec<PlainStore>,
    /// A blob of more bytes than this is uploaded in several requests of so many bytes.
    pub chunk: u64,
}

/// `--plain-http-store HOST[:PORT]`: an object store that speaks plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainStore {
    /// The host name or address, as URLs have it.
    pub host: String,
    /// The port that it is reached at.
    pub port: u16,
}

/// Why a text is no store.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not HOST or HOST:PORT, such as `minio.example.com:9000`")]
pub struct PlainStoreError(String);

impl FromStr for PlainStore {
    type Err = PlainStoreError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || PlainStoreError(text.to_owned());
        let authority = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let url = Url::parse(&format!("http://{authority}")).ok().ok_or_else(refuse)?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) if is_bare && url.fragment().is_none() => {
                Ok(Self { host: host.to_owned(), port })
            }
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for PlainStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl PlainStore {
    /// The one that a URL leads to.
    pub(super) fn of(url: &Url) -> Option<Self> {
        Some(Self { host: url.host_str()?.to_owned(), port: url.port_or_known_default()? })
    }
}

/// `--resolve HOST:PORT:ADDR`: the address to connect to in place of a name. SNI, the name in the certificate
/// and `Host` stay those of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The host name.
    pub host: String,
    /// The port that it is reached at.
    pub port: u16,
    /// The address to connect to.
    pub to: IpAddr,
}

/// Why a text is no override.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not HOST:PORT:ADDR, such as `registry.example.com:443:192.0.2.7`")]
pub struct OverrideError(String);

impl FromStr for Override {
    type Err = OverrideError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || OverrideError(text.to_owned());
        let (host, rest) = text.split_once(':').ok_or_else(refuse)?;
        let (port, address) = rest.split_once(':').ok_or_else(refuse)?;
        let address = address.trim_start_matches('[').trim_end_matches(']');
        match (host, port.parse(), address.parse()) {
            ("", _, _) | (_, Err(_), _) | (_, _, Err(_)) => Err(refuse()),
            (host, Ok(port), Ok(to)) => Ok(Self { host: host.to_ascii_lowercase(), port, to }),
        }
    }
}

impl Connection {
    /// The defaults of the command line.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let user = address.user.clone();
        let credential =
            user.map_or(Credential::Anonymous, |(name, password)| Credential::Basic { name, password });
        Self {
            address,
            credentials: credential.into(),
            tls: Tls::default(),
            jobs: 8,
            rate: None,
            retry_times: 5,
            timeout: Duration::from_secs(30),
            resolve: Vec::new(),
            plain_stores: Vec::new(),
            chunk: 64 << 20,
        }
    }

    /// Every address that the host's name has: a replica each, perhaps.
    ///
    /// # Errors
    /// When the name cannot be resolved.
    pub async fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        let host = self.address.base().host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = self.port();
        let named = self.resolve.iter().filter(|over| over.host == bare && over.port == port);
        let mut found: Vec<IpAddr> = named.map(|over| over.to).collect();
        if found.is_empty() {
            found.extend(tokio::net::lookup_host((bare, port)).await?.map(|address| address.ip()));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The same registry, reached at this address alone; SNI and `Host` stay.
    #[must_use]
    pub fn at(&self, to: IpAddr) -> Self {
        let mut pinned = self.clone();
        let host = self.address.base().host_str().unwrap_or_default().to_owned();
        pinned.resolve = vec![Override { host, port: self.port(), to }];
        pinned
    }

    /// The port that it is reached at.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.base().port_or_known_default().unwrap_or(443)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_read_as_curl_reads_them() {
        let over =
            |text: &str| text.parse::<Override>().map(|over| (over.host, over.port, over.to.to_string()));
        assert_eq!(over("A.example:443:192.0.2.7"), Ok(("a.example".into(), 443, "192.0.2.7".into())));
        assert_eq!(over("a:5000:[::1]"), Ok(("a".into(), 5000, "::1".into())));
        for bad in ["", "a", "a:1", "a:x:::1", ":1:::1", "a:1:b"] {
            assert_eq!(over(bad), Err(OverrideError(bad.into())));
        }
    }

    #[test]
    fn stores_are_read_as_messages_show_them() {
        let store = |text: &str| text.parse::<PlainStore>().map(|store| store.to_string());
        assert_eq!(store("http://Minio.example:9000/"), Ok("minio.example:9000".into()));
        assert_eq!(store("minio"), Ok("minio:80".into()));
        assert_eq!(store("[::1]:9000"), Ok("[::1]:9000".into()));
        for bad in ["", "https://a", "a/b", "u@a", "a:x", "a?b", "http://"] {
            assert_eq!(store(bad), Err(PlainStoreError(bad.into())));
        }
    }
}
