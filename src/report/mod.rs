//! Turns a report into what people and machines read, and into the exit status.

pub mod changes;
pub mod doctor;
mod drawing;
pub mod guard;
mod images;
pub mod repair;
pub mod table;
mod words;

pub(crate) use words::visible;
