//! The registry's storage on a filesystem.

mod durable;
mod place;
mod quarantine;

pub use quarantine::FilesystemWriter;
