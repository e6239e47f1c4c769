//! Somebody's garbage collection, and what a run that guards it keeps.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::digest::Digest;
use crate::domain::gc::Release;
use crate::domain::suspects::Suspects;
use crate::domain::views::storage::StorageView;

/// A garbage collection that can be run.
#[async_trait]
pub trait GarbageCollection: Send + Sync {
    /// Its command, printable.
    fn words(&self) -> Vec<String>;

    /// Whether it deletes untagged manifests.
    fn deletes_untagged(&self) -> bool;

    /// Whose garbage collector it is, where it says so.
    async fn flavour(&self) -> Option<Release>;

    /// Run it to its end.
    ///
    /// # Errors
    /// When it cannot be started, or not be waited for.
    async fn run(&self, onlooker: &dyn Onlooker) -> io::Result<GcEnd>;
}

/// How a garbage collection ended.
#[derive(Debug, Default)]
pub struct GcEnd {
    /// Its exit status, where it exited.
    pub status: Option<i32>,
    /// The signal that killed it, where one did.
    pub signal: Option<i32>,
    /// What its output named.
    pub suspects: Suspects,
}

/// Which of its streams some bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Errors,
}

/// Who sees its output, as it comes.
pub trait Onlooker: Send + Sync {
    /// Some bytes came.
    fn see(&self, stream: Stream, bytes: &[u8]);

    /// It ended; what it started may still write.
    fn ended(&self) {}
}

/// Where a guarded run keeps what outlasts it. Blocking.
pub trait GuardFolder: Send + Sync {
    /// Keep storage's view of before; where it lies.
    ///
    /// # Errors
    /// When it cannot be written.
    fn keep(&self, before: &StorageView) -> Result<String, KeepError>;

    /// Keep manifests that garbage collection may take, as another registry's storage: a source to go on with.
    ///
    /// # Errors
    /// When they cannot be written.
    fn keep_manifests(&self, manifests: &BTreeMap<Digest, Vec<u8>>) -> Result<(), KeepError>;

    /// Open the log of garbage collection's output.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn log(&self) -> Result<CollectionLog, KeepError>;
}

/// The log of a garbage collection's output.
pub struct CollectionLog {
    /// Where it lies.
    pub path: String,
    /// It.
    pub file: Box<dyn io::Write + Send>,
}

/// Why something cannot be kept.
#[derive(Debug, Error)]
#[error("cannot {what}")]
pub struct KeepError {
    /// What was tried, on what.
    pub what: String,
    /// What came of it.
    pub source: Box<dyn StdError + Send + Sync>,
}
