//! The server of a watch: its pages, its metrics, and the registry's notifications.
//!
//! It trusts nobody: headers, bodies and whole connections have bounds in size and time, a client that is slow waits for
//! itself alone, and where a token is wanted nothing but `/healthz` and `/readyz` answers without it.

mod access;
mod answer;
mod told;

pub use access::{AccessError, AccessFiles, Admission};

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use self::answer::answer;
use crate::engine::ports::Site;

/// So many connections at once; more wait in the system's queue.
const CONNECTIONS: usize = 256;
/// How long a client may take for a handshake, the headers of a request, or its body.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection is kept; what is under way then is ended within [`PATIENCE`].
const LIFETIME: Duration = Duration::from_secs(60);
/// Room for the headers of a request.
const HEADERS: usize = 32 << 10;
/// How long nothing is taken after that failed.
const PAUSE: Duration = Duration::from_millis(200);

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    access: Arc<Mutex<Arc<Admission>>>,
    files: AccessFiles,
}

/// What lets a server that runs read its files again.
#[derive(Clone)]
pub struct Renewal {
    access: Arc<Mutex<Arc<Admission>>>,
    files: AccessFiles,
}

impl Renewal {
    /// Read token and certificate again.
    ///
    /// # Errors
    /// When that cannot be done; the earlier ones count.
    pub fn renew(&self) -> Result<(), AccessError> {
        let access = Arc::new(self.files.read()?);
        *self.access.lock().unwrap_or_else(PoisonError::into_inner) = access;
        Ok(())
    }
}

impl Server {
    /// Listen there.
    ///
    /// # Errors
    /// When the address cannot be had, or a file not be read.
    pub async fn bind(address: SocketAddr, files: AccessFiles) -> Result<Self, AccessError> {
        let access = Arc::new(Mutex::new(Arc::new(files.read()?)));
        let listener =
            TcpListener::bind(address).await.map_err(|source| AccessError::Address { address, source })?;
        Ok(Self { listener, access, files })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What renews its files.
    #[must_use]
    pub fn renewal(&self) -> Renewal {
        Renewal { access: Arc::clone(&self.access), files: self.files.clone() }
    }

    /// Serve for ever.
    pub async fn run(self, site: Arc<dyn Site>) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            // It is never closed.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            // Out of file descriptors, mostly: others end.
            let Ok((stream, _)) = self.listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let access = Arc::clone(&self.access.lock().unwrap_or_else(PoisonError::into_inner));
            let site = Arc::clone(&site);
            tokio::spawn(async move {
                greet(stream, access, site).await;
                drop(place);
            });
        }
    }
}

async fn greet(stream: TcpStream, access: Arc<Admission>, site: Arc<dyn Site>) {
    let _ = stream.set_nodelay(true);
    match &access.tls {
        None => converse(stream, access, site).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(PATIENCE, tls.accept(stream)).await {
                converse(stream, Arc::clone(&access), site).await;
            }
        }
    }
}

/// Answer what comes on a connection, until it or its time ends.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, access: Arc<Admission>, site: Arc<dyn Site>) {
    let service = service_fn(move |request| {
        let (access, site) = (Arc::clone(&access), Arc::clone(&site));
        async move { Ok::<_, std::convert::Infallible>(answer(request, &access, &*site).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEADERS);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let is_over = timeout(LIFETIME, connection.as_mut()).await.is_ok();
    if !is_over {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(PATIENCE, connection).await;
    }
}
