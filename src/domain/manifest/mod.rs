//! Manifests: what an image needs, read from the raw bytes as the daemon reads them.
//!
//! | media type | becomes | needs | children |
//! |---|---|---|---|
//! | Docker schema 2, OCI image | [`Kind::Image`] | config and layers | |
//! | Docker manifest list, OCI index | [`Kind::Index`] | what it lists of other types | the manifests that it lists |
//! | OCI artifact manifest (1.1 release candidates) | [`Kind::Artifact`] | its blobs | |
//! | Docker schema 1 | [`Kind::Schema1`] | its `fsLayers` | |
//!
//! An index may list what is no manifest: `BuildKit` keeps its cache as an index of layers and a config, which are blobs.
//!
//! Which layers need not be stored is the daemon's rule: in Docker's form those of Docker's foreign type; in OCI's
//! form those of a non-distributable type that give `urls`. A plain layer with `urls` is wanted by 3.x and not by 2.x:
//! it was stored if something links it. Digests are always taken of the raw bytes; nothing is ever written again
//! from the parsed form.

mod read;
mod signed;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use signed::payload as signed_payload;

use super::digest::Digest;
use super::go_json::SyntaxError;

/// The largest manifest that the daemon reads: 4 MiB (distribution, every version).
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// The media types to accept when a manifest is fetched.
pub const MANIFEST_MEDIA_TYPES: [&str; 6] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.artifact.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/// What a manifest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One image: a config and layers.
    Image,
    /// A list of manifests, usually one a platform.
    Index,
    /// An artifact with blobs but no config.
    Artifact,
    /// The form of before 2016; 3.x daemons cannot read it.
    Schema1,
}

/// A reference to content: its digest and size in bytes. Kept without alignment, because a check holds one for
/// each layer of each manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PlainDescriptor", into = "PlainDescriptor")]
pub struct Descriptor {
    /// The content's digest.
    pub digest: Digest,
    /// [`NO_SIZE`] stands for none.
    size: [u8; 8],
}

/// No manifest can give this size: they are read as signed numbers.
const NO_SIZE: u64 = u64::MAX;

/// A descriptor as it is saved.
#[derive(Serialize, Deserialize)]
struct PlainDescriptor {
    digest: Digest,
    size: Option<u64>,
}

impl From<PlainDescriptor> for Descriptor {
    fn from(plain: PlainDescriptor) -> Self {
        Self::new(plain.digest, plain.size)
    }
}

impl From<Descriptor> for PlainDescriptor {
    fn from(descriptor: Descriptor) -> Self {
        Self { digest: descriptor.digest, size: descriptor.size() }
    }
}

impl Descriptor {
    /// A reference to content of that digest, and, where it is known, that size in bytes.
    #[must_use]
    pub fn new(digest: Digest, size: Option<u64>) -> Self {
        Self { digest, size: size.unwrap_or(NO_SIZE).to_ne_bytes() }
    }

    /// The content's size in bytes; `None` in schema 1, which gives none.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        Some(u64::from_ne_bytes(self.size)).filter(|size| *size != NO_SIZE)
    }
}

/// A manifest, reduced to what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// What it is.
    pub kind: Kind,
    /// Config first, then layers, in the manifest's order; what an index lists beside manifests.
    pub needs: Box<[Descriptor]>,
    /// Layers that a client can get from elsewhere: their absence is no loss, but what is stored is to be right.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub foreign: Box<[ForeignLayer]>,
    /// The manifests of an index, in its order.
    pub children: Box<[Descriptor]>,
    /// The platforms of `children` as `os/arch[/variant]`, empty where none is given; all of them absent from images.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub platforms: Box<[Box<str>]>,
    /// The manifest that this one is attached to (signatures, SBOMs).
    pub subject: Option<Box<Digest>>,
    /// What no client can make sense of, though the daemon serves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaw: Option<Box<str>>,
}

impl Manifest {
    /// All that garbage collection keeps for its sake.
    pub fn references(&self) -> impl Iterator<Item = &Descriptor> {
        let foreign = self.foreign.iter().map(|layer| &layer.descriptor);
        self.needs.iter().chain(foreign).chain(&self.children)
    }
}

/// A layer that gives `urls`, or is of Docker's foreign type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignLayer {
    /// What it is.
    #[serde(flatten)]
    pub descriptor: Descriptor,
    /// Whether its type is that of any other layer: 3.x takes no manifest before it is stored.
    pub is_plain: bool,
}

/// Why stored bytes are no manifest for the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// There is nothing to read.
    #[error("it is empty")]
    Empty,
    /// The daemon would not read it either.
    #[error("it has {0} bytes, and no registry reads a manifest of more than 4 MiB")]
    TooLarge(u64),
    /// Not JSON.
    #[error("it is no manifest: it is no JSON at byte {}", .0.at)]
    NotJson(SyntaxError),
    /// JSON in which something has another type than a manifest's.
    #[error("it is no manifest: its {0} has the wrong type")]
    WrongType(String),
    /// No schema version that exists.
    #[error("it is no manifest: {}", version(*.0))]
    Version(i64),
    /// A media type that no registry of this family reads.
    #[error("it is no manifest: no registry reads its media type `{0}`")]
    MediaType(String),
}

fn version(version: i64) -> String {
    if version == 0 { "it has no schemaVersion".into() } else { format!("its schemaVersion is {version}") }
}

/// Read a manifest from its raw bytes.
///
/// # Errors
/// When the bytes are no manifest that any registry of this family reads.
pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    if bytes.is_empty() {
        return Err(ManifestError::Empty);
    }
    let size = bytes.len() as u64;
    if size > MAX_MANIFEST_BYTES {
        return Err(ManifestError::TooLarge(size));
    }
    read::manifest(bytes)
}
