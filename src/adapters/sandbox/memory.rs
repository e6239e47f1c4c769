//! A registry without a server: its requests are function calls, and all that it is can be taken as a value.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::Flavour;
use super::cache::{CacheState, Caching, DescriptorCache};
use super::files::InMemory;
use super::gc::{self, GcLog};
use super::layout::Layout;
use super::reply::Reply;
use super::routes::RoutedRequest;
use super::store::Store;
use super::tree::Tree;

/// All that a registry consists of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SandboxState {
    /// What lies below `docker/registry/v2`.
    pub files: Tree,
    /// What its daemon remembers.
    pub cache: CacheState,
}

impl SandboxState {
    /// A registry to which nothing was pushed.
    #[must_use]
    pub fn new(cache: Caching) -> Self {
        Self { files: Tree::default(), cache: CacheState::new(cache) }
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainAnswer {
    /// The status.
    pub status: u16,
    /// Headers, with `Content-Length` where a server sends it.
    pub headers: Vec<(&'static str, String)>,
    /// What came of the body.
    pub body: Vec<u8>,
    /// Whether less came than was announced.
    pub is_cut: bool,
}

/// A registry in memory. Delete is enabled.
#[derive(Debug)]
pub struct Embedded {
    files: Arc<InMemory>,
    store: Store,
}

impl Embedded {
    /// Brings a state to life.
    #[must_use]
    pub fn new(flavour: Flavour, state: SandboxState) -> Self {
        let files = Arc::new(InMemory::new(state.files));
        let store = Store {
            layout: Layout::new(Arc::clone(&files)),
            cache: Arc::new(DescriptorCache::new(flavour, state.cache)),
            flavour,
            delete_enabled: true,
        };
        Self { files, store }
    }

    /// All that it is now.
    #[must_use]
    pub fn state(&self) -> SandboxState {
        SandboxState { files: self.files.tree().clone(), cache: self.store.cache.remembered().clone() }
    }

    /// What its files are now.
    #[must_use]
    pub fn files(&self) -> Tree {
        self.files.tree().clone()
    }

    /// Changes its files from outside, as an administrator or an accident does.
    pub fn change_files<T>(&self, change: impl FnOnce(&mut Tree) -> T) -> T {
        change(&mut self.files.tree())
    }

    /// Changes what is remembered from outside: only Redis can be.
    pub fn change_cache<T>(&self, change: impl FnOnce(&mut CacheState) -> T) -> T {
        change(&mut self.store.cache.remembered())
    }

    /// Answers a request. `None` if it is none: no method, no path, or no header.
    #[must_use]
    pub fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<PlainAnswer> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(HeaderName::try_from(*name).ok()?, HeaderValue::try_from(*value).ok()?);
        }
        let request = RoutedRequest {
            method: Method::try_from(method).ok()?,
            uri: target.parse().ok()?,
            headers: all,
            body: Bytes::copy_from_slice(body),
        };
        Some(answer(self.store.answer(&request, false), request.is_head()))
    }

    /// Collects garbage, as another process does.
    #[must_use]
    pub fn garbage_collect(&self, delete_untagged: bool, dry_run: bool) -> GcLog {
        gc::collect(self.store.layout.clone(), self.store.flavour, delete_untagged, dry_run)
    }
}

fn answer(reply: Reply, is_head: bool) -> PlainAnswer {
    let Reply { status, mut headers, body, is_cut } = reply;
    if !headers.iter().any(|(name, _)| *name == "Content-Length") && !matches!(status, 204 | 304) {
        headers.push(("Content-Length", body.len().to_string()));
    }
    PlainAnswer { status, headers, body: if is_head { Vec::new() } else { body }, is_cut: is_cut && !is_head }
}
