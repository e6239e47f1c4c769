//! What the engine needs of the world: traits that adapters implement, a file each.

mod events;
mod journal;
mod registry;
mod service;
mod storage;
mod storage_writer;
mod uploads;

pub use events::{Event, Events, Silent};
pub use journal::{Journal, JournalError};
pub use registry::{Registry, RegistryError};
pub use service::{Service, ServiceError};
pub use storage::{Scope, Storage, StorageError};
pub use storage_writer::{StorageWriter, WriteError};
pub use uploads::{SessionMark, Sessions, Uploads};
