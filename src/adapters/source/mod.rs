//! Where missing bytes come from: the transports of containers/image, and registry storage itself.
//!
//! | spec | what it is | finds images by name | bytes |
//! |---|---|---|---|
//! | `docker://HOST[/PREFIX]` | a registry | yes | spooled, resumed with `Range` |
//! | `oci:DIR` | an OCI layout | by its annotations | in place |
//! | `oci-archive:FILE` | the same in a tar | by its annotations | in place; gzip is unpacked once |
//! | `docker-archive:FILE` | what `docker save` writes | where it is an OCI layout too | in place; layers are uncompressed |
//! | `dir:DIR` | skopeo's folder of one image | no | in place |
//! | `storage:ROOT` | another registry's storage, a backup | yes | in place |
//! | `containerd:DIR` | a containerd content store | no | in place |
//! | `quarantine:[DIR]` | what earlier repairs set aside | no | in place |
//!
//! Local sources implement `content_store::ContentStore`, which turns a digest into a part of a file; everything else
//! about them is in one place. Nothing that a source names is used as a path: names are made of digests.

#[cfg(feature = "cloud")]
mod bucket;
mod containerd;
mod content;
mod content_store;
mod dir;
mod docker;
mod docker_archive;
mod except;
mod fetch;
mod file_set;
mod list;
mod names;
mod oci;
mod open;
mod quarantine;
mod remote;
mod spec;
mod storage;
mod tarball;

/// How many members of an archive can be found again by these names, for whoever throws anything at it.
#[cfg(any(test, fuzzing))]
pub(crate) fn members(
    path: &std::path::Path,
    spool: &crate::adapters::files::PrivateFolder,
    names: &[&str],
) -> Option<usize> {
    let archive = tarball::Tarball::open(path, spool).ok()?;
    Some(names.iter().filter(|name| matches!(archive.member(name), Ok(Some(_)))).count())
}

#[cfg(feature = "cloud")]
pub use bucket::BucketSource;
pub use fetch::{FetchRetries, fetch_verified};
pub use list::SourceList;
pub use spec::{OpenOptions, SourceSpec, SourceSpecError};
