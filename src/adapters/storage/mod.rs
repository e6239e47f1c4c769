//! The registry's storage on a filesystem.

mod durable;
mod place;
mod quarantine;
mod uploads;

pub use place::quarantined;
pub use quarantine::FilesystemWriter;
pub use uploads::FilesystemUploads;
