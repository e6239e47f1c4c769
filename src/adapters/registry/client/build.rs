//! The HTTP clients that the settings of a connection make.

use std::time::Duration;

use reqwest::{ClientBuilder, redirect};
use thiserror::Error;
use url::Url;

use super::failure::Failure;
use super::reach::Reach;
use crate::adapters::registry::address::{Scheme, is_loopback};
use crate::adapters::registry::connection::Connection;
use crate::adapters::registry::tls::Tls;
use crate::adapters::tls::install_crypto;

/// The settings of a connection cannot be used.
#[derive(Debug, Error)]
#[error("cannot speak to {registry}: {why}")]
pub struct UnusableSettings {
    /// The registry that was to be spoken to.
    pub registry: Box<Url>,
    /// What is wrong with them.
    pub why: Box<str>,
}

/// A client that follows no redirect, unpacks nothing, keeps no cookie and speaks HTTP/1.1 only: there a body
/// that ends early is told apart from one that broke. And the same for transfers, whose silence is watched by whoever
/// reads or writes the body.
pub(super) fn both(connection: &Connection) -> Result<(reqwest::Client, reqwest::Client), UnusableSettings> {
    let unusable = |why: String| UnusableSettings {
        registry: Box::new(connection.address.base().clone()),
        why: why.into(),
    };
    let build = |builder: ClientBuilder| {
        builder.build().map_err(|error| unusable(Failure::diagnose(&error, true).why))
    };
    let builder = || builder(connection).map_err(unusable);
    Ok((build(builder()?.read_timeout(connection.timeout))?, build(builder()?)?))
}

fn builder(connection: &Connection) -> Result<ClientBuilder, String> {
    install_crypto();
    let address = &connection.address;
    let host = address.base().host_str().unwrap_or_default();
    // What lies in certs.d does not matter to plain HTTP; but a token server may still need the system's roots.
    let folders = if address.scheme() == Scheme::Plain { Vec::new() } else { connection.tls.certs_d.clone() };
    let tls = Tls { certs_d: folders, ..connection.tls.clone() };
    let tls = tls.config(&address.host_and_port()).map_err(|error| error.to_string())?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("regfsck/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .http1_only()
        .referer(false)
        .tcp_nodelay(true)
        .dns_resolver(Reach::of(connection))
        .pool_idle_timeout(Duration::from_secs(20))
        .connect_timeout(connection.timeout.min(Duration::from_secs(10)));
    // As everybody else does: no proxy leads to this machine itself.
    if is_loopback(host) {
        builder = builder.no_proxy();
    }
    let mut hosts: Vec<&str> = connection.resolve.iter().map(|over| over.host.as_str()).collect();
    hosts.dedup();
    for host in hosts {
        let named = connection.resolve.iter().filter(|over| over.host == host);
        let addresses: Vec<_> = named.map(|over| (over.to, over.port).into()).collect();
        builder = builder.resolve_to_addrs(host, &addresses);
    }
    Ok(builder)
}

/// The variable of the environment that names a proxy for this registry, as the HTTP client reads them.
pub(super) fn proxy_variable(connection: &Connection) -> Option<&'static str> {
    let base = connection.address.base();
    if is_loopback(base.host_str().unwrap_or_default()) {
        return None;
    }
    let own =
        if base.scheme() == "https" { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let names = own.into_iter().chain(["ALL_PROXY", "all_proxy"]);
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    names.into_iter().find(is_set)
}
