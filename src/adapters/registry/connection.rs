//! The settings of a client, and the HTTP clients made of them.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, redirect};

use super::address::Address;
use super::auth::Credentials;
use super::fault::Fault;

/// How a registry is reached: what command line and environment say, read once.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Where it is.
    pub address: Address,
    /// Who we are to it.
    pub credentials: Credentials,
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
    /// A blob of more bytes than this is uploaded in several requests of so many bytes.
    pub chunk: u64,
}

/// `--resolve HOST:PORT:ADDR`: the address to connect to in place of a name. SNI, the name in the certificate
/// and `Host` stay those of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The host name.
    pub host: String,
    /// The address and port to connect to.
    pub to: SocketAddr,
}

impl Connection {
    /// The defaults of the command line.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let credentials = address
            .user
            .clone()
            .map_or(Credentials::Anonymous, |(name, password)| Credentials::Basic { name, password });
        Self {
            address,
            credentials,
            jobs: 8,
            rate: None,
            retry_times: 5,
            timeout: Duration::from_secs(30),
            resolve: Vec::new(),
            chunk: 64 << 20,
        }
    }

    /// A client that follows no redirect, unpacks nothing, keeps no cookie and speaks HTTP/1.1 only: there a body
    /// that ends early is told apart from one that broke.
    pub(super) fn client(&self) -> Result<Client, Fault> {
        self.builder().read_timeout(self.timeout).build().map_err(|error| Fault::diagnose(&error, true))
    }

    /// The same for transfers, whose silence is watched by whoever reads or writes the body.
    pub(super) fn transfer_client(&self) -> Result<Client, Fault> {
        self.builder().build().map_err(|error| Fault::diagnose(&error, true))
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        super::install_crypto();
        let mut builder = Client::builder()
            .user_agent(concat!("regfsck/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .http1_only()
            .referer(false)
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(20))
            .connect_timeout(self.timeout.min(Duration::from_secs(10)));
        for over in &self.resolve {
            builder = builder.resolve(&over.host, over.to);
        }
        builder
    }
}
