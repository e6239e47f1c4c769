//! Registries whose storage is a bucket: against a store that speaks S3, and daemons with their `s3` driver on it.

mod bad_input;
mod contract;
mod daemon;
mod latency;
mod weather;

use std::ffi::OsStr;

use crate::support::moto::KEYS;
use crate::support::regfsck::{Ended, command};

/// Run the program with credentials for the store.
pub(crate) fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
    command(arguments).envs(KEYS).output().unwrap().into()
}
