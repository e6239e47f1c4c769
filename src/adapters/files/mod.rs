//! Opening, making and moving things where somebody else may tamper with them.
//!
//! Who pushes names what lies in storage, and the registry's user owns it: while root repairs, a folder may become a
//! symbolic link. So everything is done by name in an opened folder, step by step and following no link. Nothing else
//! in `adapters` makes, moves or changes files; `clippy.toml` holds it to that.

mod folder;
mod unfit;

pub(in crate::adapters) use folder::{Folder, dress, force, is_same};
pub(in crate::adapters) use unfit::{Unfit, private};
