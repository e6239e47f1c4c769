//! Real servers on loopback, each with its own folder and port, killed when they go out of scope.

pub(crate) mod program;
pub(crate) mod redis_registry;
pub(crate) mod redis_server;
