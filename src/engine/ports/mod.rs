//! What the engine needs of the world: traits that adapters implement, a file each.

mod events;
mod file;
mod registry;
mod source;
mod storage;
mod verified;

pub use events::{Event, Events, Silent};
pub use file::{FileRange, Hasher};
pub use registry::{Registry, RegistryError};
pub use source::{
    ByteStream, Found, ImageContent, Naming, Shortage, Sighting, Source, SourceError, Supply, Wanted,
};
pub use storage::{Scope, Storage, StorageError};
pub use verified::{Spool, VerifiedBytes, verified};
