//! Registries whose storage is a bucket: against stores that speak S3, as Google and as Azure, and
//! daemons with their drivers on them.

mod bad_input;
mod contract;
mod copies;
mod daemon;
mod doctor;
mod latency;
mod upkeep;
mod vendors;
mod weather;

use std::ffi::OsStr;

use crate::support::azurite::Azurite;
use crate::support::fake_gcs::FakeGcs;
use crate::support::moto::{KEYS, Moto};
use crate::support::regfsck::{Ended, command};
use crate::support::store::Store;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    S3,
    Gcs,
    Azure,
}

impl Kind {
    /// `None` where there is no program for it.
    fn start(self) -> Option<Box<dyn Store>> {
        Some(match self {
            Self::S3 => Box::new(Moto::start()?),
            Self::Gcs => Box::new(FakeGcs::start()?),
            Self::Azure => Box::new(Azurite::start()?),
        })
    }
}

/// Run the program with credentials for that store.
fn run(store: &dyn Store, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
    command(arguments).envs(store.variables()).output().unwrap().into()
}

/// The same for one that speaks S3.
fn run_s3(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
    command(arguments).envs(KEYS).output().unwrap().into()
}
