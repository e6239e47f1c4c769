//! The running daemon: a listener on loopback, the store behind it, its access log.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::Response;
use tokio::runtime::Runtime;

use super::Flavour;
use super::cache::{CacheState, Caching, DescriptorCache};
use super::faults::{Access, Fault, Faults};
use super::files::OnDisk;
use super::layout::Layout;
use super::reply::Reply;
use super::routes::RoutedRequest;
use super::store::Store;

/// The largest body that the sandbox takes: it holds bodies in memory.
const MAX_BODY: usize = 256 << 20;

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory that holds `docker/registry/v2`.
    pub root: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Which registry it behaves like.
    pub flavour: Flavour,
    /// `storage.delete.enabled`.
    pub delete_enabled: bool,
    /// `storage.maintenance.readonly`.
    pub read_only: bool,
    /// Its descriptor cache.
    pub cache: Caching,
}

impl Options {
    /// The usual daemon: a free loopback port, delete enabled, cache in memory.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, flavour: Flavour) -> Self {
        Self {
            root: root.into(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            flavour,
            delete_enabled: true,
            read_only: false,
            cache: Caching::InMemory,
        }
    }
}

/// What outlives a restart.
#[derive(Default)]
struct Watch {
    log: Mutex<Vec<Access>>,
    faults: Mutex<Option<Arc<dyn Faults>>>,
}

#[derive(Clone)]
struct Daemon {
    store: Arc<Store>,
    read_only: bool,
    watch: Arc<Watch>,
}

/// A running sandbox registry. Dropping it stops it.
pub struct Sandbox {
    options: Options,
    address: SocketAddr,
    watch: Arc<Watch>,
    cache: Arc<DescriptorCache>,
    /// Its own threads: stopping them cuts every connection, as the end of a process does.
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("options", &self.options)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts a daemon with an empty cache. It answers as soon as this returns.
    ///
    /// # Errors
    /// The root cannot be made, or the address cannot be listened on.
    #[expect(clippy::disallowed_methods, reason = "a registry writes its own files; regfsck itself does not")]
    pub fn start(options: Options) -> io::Result<Self> {
        std::fs::create_dir_all(&options.root)?;
        let listener = TcpListener::bind(options.address)?;
        let address = listener.local_addr()?;
        let cache = Arc::new(DescriptorCache::new(options.flavour, CacheState::new(options.cache)));
        let mut sandbox = Self { options, address, watch: Arc::default(), cache, runtime: None };
        sandbox.serve(listener)?;
        Ok(sandbox)
    }

    fn serve(&mut self, listener: TcpListener) -> io::Result<()> {
        let daemon = Daemon {
            store: Arc::new(Store {
                layout: Layout::new(Arc::new(OnDisk::new(&self.options.root))),
                cache: Arc::clone(&self.cache),
                flavour: self.options.flavour,
                delete_enabled: self.options.delete_enabled,
            }),
            read_only: self.options.read_only,
            watch: Arc::clone(&self.watch),
        };
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("sandbox")
            .enable_all()
            .build()?;
        let router = Router::new().fallback(handle).with_state(daemon);
        let guard = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(guard);
        runtime.spawn(async move { axum::serve(listener, router).await });
        self.runtime = Some(runtime);
        Ok(())
    }

    /// The address to talk to, such as `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The directory that holds `docker/registry/v2`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.options.root
    }

    /// Which registry it behaves like.
    #[must_use]
    pub const fn flavour(&self) -> Flavour {
        self.options.flavour
    }

    /// Stops the daemon and starts it again at the same address: a cache in memory is forgotten.
    ///
    /// # Errors
    /// Someone else took the address in between.
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop();
        let left = self.cache.remembered().restarted();
        *self.cache.remembered() = left;
        let mut attempts = 0;
        let listener = loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                // The old threads may need a moment to let go of it.
                Err(error) if attempts == 200 => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
            attempts += 1;
        };
        self.serve(listener)
    }

    /// Stops the daemon; every connection is cut.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// What the daemon remembers now.
    #[must_use]
    pub fn remembered(&self) -> CacheState {
        self.cache.remembered().clone()
    }

    /// Every request answered so far, restarts included, oldest first.
    #[must_use]
    pub fn access_log(&self) -> Vec<Access> {
        self.watch.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the access log.
    pub fn clear_access_log(&self) {
        self.watch.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Lets requests go wrong as `faults` decides, until told otherwise.
    pub fn inject(&self, faults: impl Faults) {
        *self.watch.faults.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(faults));
    }

    /// Lets everything go right again.
    pub fn heal(&self) {
        *self.watch.faults.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn handle(State(daemon): State<Daemon>, request: axum::extract::Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return Reply::plain(413, "the sandbox takes no body of more than 256 MiB").send(false);
    };
    let request = RoutedRequest { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    let mut access = Access::of(&request);
    let fault = daemon.decide(&access);
    if let Some(Fault::Delay(time)) = &fault {
        tokio::time::sleep(*time).await;
    }
    let reply = match &fault {
        Some(Fault::Reset) => {
            daemon.note(access);
            return reset();
        }
        Some(Fault::Answer { status, retry_after, body, media_type }) => {
            let reply = Reply::new(*status).with_body(media_type, body.clone().into_bytes());
            retry_after.iter().fold(reply, |reply, seconds| reply.with("Retry-After", seconds))
        }
        Some(Fault::Cut(bytes)) => cut(daemon.store.answer(&request, daemon.read_only), *bytes),
        None | Some(Fault::Delay(_)) => daemon.store.answer(&request, daemon.read_only),
    };
    access.status = reply.status;
    daemon.note(access);
    reply.send(request.is_head())
}

impl Daemon {
    fn decide(&self, access: &Access) -> Option<Fault> {
        let faults = self.watch.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
        faults?.decide(access)
    }

    fn note(&self, access: Access) {
        self.watch.log.lock().unwrap_or_else(PoisonError::into_inner).push(access);
    }
}

fn cut(mut reply: Reply, bytes: usize) -> Reply {
    let length = reply.body.len();
    if bytes < length {
        reply = reply.with("Content-Length", length);
        reply.body.truncate(bytes);
        reply.is_cut = true;
    }
    reply
}

/// A response that fails before anything of it is sent: the connection just closes.
fn reset() -> Response<Body> {
    let nothing = futures_util::stream::iter([Err::<Vec<u8>, _>(io::Error::other("reset"))]);
    Response::new(Body::from_stream(nothing))
}
