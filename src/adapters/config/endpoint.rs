//! Where a daemon listens, and the URL that leads there from its own machine.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::error::ConfigError;
use super::tree::ConfigTree;

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// On a port.
    Url {
        /// The URL to ask it at from its own machine: loopback where it listens on every address; with
        /// `http.prefix`; always ending in a slash. `/v2/` follows.
        url: String,
        /// Whether it speaks TLS. Its certificate then names a host, rarely the loopback address.
        tls: bool,
    },
    /// On a Unix socket, which regfsck cannot ask yet.
    UnixSocket(PathBuf),
    /// Nobody can tell from the configuration; the reason.
    Unknown(String),
}

impl Endpoint {
    /// The URL to ask it at.
    ///
    /// # Errors
    /// Why there is none, in words that end with what to do.
    pub fn url(&self) -> Result<&str, String> {
        match self {
            Self::Url { url, .. } => Ok(url),
            Self::UnixSocket(path) => Err(format!(
                "the registry listens on the Unix socket `{}`, which regfsck cannot ask yet; use `--registry URL`",
                path.display()
            )),
            Self::Unknown(why) => Err(format!("{why}; use `--registry URL`")),
        }
    }
}

pub(super) fn read(tree: &ConfigTree) -> Result<Endpoint, ConfigError> {
    let tls = tree.has_text("http.tls.certificate")? || tree.has_text("http.tls.letsencrypt.cachefile")?;
    let prefix = tree.text("http.prefix")?.unwrap_or_default();
    let Some(address) = tree.text("http.addr")? else {
        return Ok(Endpoint::Unknown("`http.addr` is not set, so the registry's port is any".into()));
    };
    if tree.text("http.net")?.as_deref() == Some("unix") {
        return Ok(Endpoint::UnixSocket(address.into()));
    }
    Ok(url(&address, &prefix, tls))
}

/// The URL of its metrics from its own machine.
pub(super) fn metrics(tree: &ConfigTree) -> Result<Option<String>, ConfigError> {
    let is_on = tree.flag("http.debug.prometheus.enabled")?.unwrap_or(false);
    let Some(address) = tree.text("http.debug.addr")?.filter(|_| is_on) else { return Ok(None) };
    let path = tree.text("http.debug.prometheus.path")?.unwrap_or_else(|| "/metrics".into());
    Ok(match url(&address, "", false) {
        Endpoint::Url { url, .. } => Some(format!("{url}{}", path.trim_start_matches('/'))),
        Endpoint::UnixSocket(_) | Endpoint::Unknown(_) => None,
    })
}

fn url(address: &str, prefix: &str, tls: bool) -> Endpoint {
    let unusable = || Endpoint::Unknown(format!("`http.addr` is `{address}`, which names no port"));
    let Some((host, port)) = address.rsplit_once(':') else { return unusable() };
    let Some(port) = port_number(port) else { return unusable() };
    let scheme = if tls { "https" } else { "http" };
    let prefix = prefix.trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    Endpoint::Url { url: format!("{scheme}://{}:{port}/{prefix}{slash}", reachable(host)), tls }
}

/// Go takes the names of services for ports.
fn port_number(port: &str) -> Option<u16> {
    match port {
        "http" => Some(80),
        "https" => Some(443),
        number => number.parse().ok().filter(|port| *port != 0),
    }
}

/// A host that leads to a listener on `host` from the same machine.
fn reachable(host: &str) -> String {
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    match address {
        Some(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        Some(IpAddr::V6(address)) => format!("[{address}]"),
        Some(IpAddr::V4(address)) => address.to_string(),
        None if host.is_empty() => Ipv4Addr::LOCALHOST.to_string(),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_asked_over_loopback() {
        for (address, prefix, tls, wanted) in [
            (":5000", "", false, "http://127.0.0.1:5000/"),
            ("0.0.0.0:5000", "/", false, "http://127.0.0.1:5000/"),
            ("[::]:5000", "", false, "http://127.0.0.1:5000/"),
            ("localhost:5000", "", false, "http://localhost:5000/"),
            ("10.0.0.7:80", "/images/", false, "http://10.0.0.7:80/images/"),
            ("[::1]:5000", "a/b", true, "https://[::1]:5000/a/b/"),
            (":https", "", true, "https://127.0.0.1:443/"),
        ] {
            assert_eq!(url(address, prefix, tls), Endpoint::Url { url: wanted.into(), tls }, "{address}");
        }
    }

    #[test]
    fn an_address_without_a_port_is_named() {
        for address in ["5000", "localhost", ":", ":0", "[::1]", ":70000"] {
            assert!(matches!(url(address, "", false), Endpoint::Unknown(_)), "{address}");
        }
    }
}
