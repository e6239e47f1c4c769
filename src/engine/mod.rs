//! The use cases, against traits: collect, check, recheck, repair.

mod blocking;
pub mod check;
pub mod doctor;
pub mod drain;
pub mod guard;
pub mod interrupt;
pub mod keep_started;
pub mod ports;
pub mod repair;
pub mod restart;
#[cfg(test)]
mod scripted;
pub mod session;
pub mod sides;
pub mod undo;
pub mod verify;
pub mod watch;
pub mod write_ahead;
