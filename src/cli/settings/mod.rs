//! From arguments to settings, once, failing early with the flag's name: the only place of defaults.

pub(super) mod budget;
pub(super) mod check;
pub(super) mod connection;
pub(super) mod container;
mod environment;
pub(super) mod image;
pub(super) mod place;
pub(super) mod redis;
pub(super) mod scope;
mod services;
pub(super) mod session;
mod sources;
pub(super) mod starts;
pub(super) mod state;
pub(super) mod suspects;
pub(super) mod target;
pub(super) mod watch;
