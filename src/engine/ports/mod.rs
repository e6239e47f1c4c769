//! What the engine needs of the world: traits that adapters implement, a file each.

mod cache;
mod content;
mod daemon;
mod events;
mod fetch_images;
mod file;
mod journal;
mod lock;
mod registry;
mod request;
mod service;
mod source;
mod storage;
mod storage_writer;
mod stream;
mod uploads;
mod verified;
mod writer;

pub use cache::{Cache, CacheError};
pub use content::{Bookmark, BookmarkError, Pace, Unhurried};
pub use daemon::Daemon;
pub use events::{Event, Events, Silent};
pub use fetch_images::fetch_images;
pub use file::{FileRange, Hasher};
pub use journal::{Journal, JournalError};
pub use lock::{Held, RegistryLock};
pub use registry::{Downloaded, RawManifest, RegistryReader};
pub use request::RequestError;
pub use service::{Pusher, Service, ServiceError};
pub use source::{Found, ImageContent, Naming, Shortage, Sighting, Source, Supply, Wanted};
pub use storage::{Everything, Scope, Storage, StorageError};
pub use storage_writer::{StorageWriteError, StorageWriter};
pub use stream::{ByteStream, SourceError};
pub use uploads::{SessionMark, Sessions, Uploads};
pub use verified::{Spool, VerifiedBytes, verified};
pub use writer::{ByteSource, RegistryWriter, UploadSession};
