//! Turns a report into what people and machines read.

pub mod changes;
pub mod doctor;
pub mod drawing;
pub mod format;
pub mod guard;
mod headline;
mod images;
pub mod nagios;
mod prometheus;
pub mod repair;
pub mod table;
pub mod undo;
pub mod watch;
pub mod words;

pub(crate) use words::visible;
