//! What the engine needs of the world: traits that adapters implement, a file each.

mod cache;
mod events;
mod registry;
mod storage;
mod writer;

pub use cache::{Cache, CacheError};
pub use events::{Event, Events, Silent};
pub use registry::{Registry, RegistryError};
pub use storage::{Scope, Storage, StorageError};
pub use writer::{ByteSource, Downloaded, Mounted, RawManifest, RegistryWriter, UploadSession, WriteError};
