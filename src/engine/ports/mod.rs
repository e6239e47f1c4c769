//! What the engine needs of the world: traits that adapters implement, a file each.

mod cache;
mod events;
mod journal;
mod registry;
mod source;
mod storage;
mod writer;
mod verified;
mod service;
mod storage;
mod storage_writer;

pub use cache::{Cache, CacheError};
pub use events::{Event, Events, Silent};
pub use journal::{Journal, JournalError};
pub use registry::{Registry, RegistryError};
pub use source::{
    ByteStream, Found, ImageContent, Naming, Shortage, Sighting, Source, SourceError, Supply, Wanted,
};
pub use storage::{Scope, Storage, StorageError};
pub use writer::{ByteSource, Downloaded, Mounted, RawManifest, RegistryWriter, UploadSession, WriteError};
pub use verified::{FileRange, Hasher, Spool, VerifiedBytes, verified};
pub use service::{Service, ServiceError};
pub use storage::{Scope, Storage, StorageError};
pub use storage_writer::{StorageWriter, WriteError};
