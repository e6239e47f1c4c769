//! Turns a report into what people and machines read.

pub mod changes;
mod coverage;
pub mod doctor;
pub mod drawing;
pub mod format;
mod github;
mod groups;
pub mod guard;
mod headline;
pub mod html;
mod images;
mod junit;
mod markdown;
mod markup;
pub mod nagios;
mod places;
pub mod progress;
mod prometheus;
pub mod repair;
mod sarif;
pub mod table;
pub mod undo;
pub mod watch;
pub mod words;

pub(crate) use words::visible;
