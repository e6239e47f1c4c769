//! Opening, making and moving things where somebody else may tamper with them.
//!
//! Who pushes names what lies in storage, and the registry's user owns it: while root repairs, a folder may become a
//! symbolic link. So everything is done by name in an opened folder, step by step and following no link. Nothing else
//! in `adapters` makes, moves or changes files; `clippy.toml` holds it to that.

mod draft;
mod folder;
mod private;
mod published;
mod unfit;

pub(in crate::adapters) use draft::Draft;
pub(in crate::adapters) use folder::{Folder, dress, force, is_same};
pub use private::{PrivateFolder, open, read, read_all, read_any, save};
pub use published::{probe, publish};
pub(in crate::adapters) use unfit::{Unfit, is_trusted, private, single};
