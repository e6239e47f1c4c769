//! Manifests: what an image needs, read leniently from the raw bytes.
//!
//! | media type | becomes | needs | children |
//! |---|---|---|---|
//! | Docker schema 2, OCI image | [`Kind::Image`] | config and layers | |
//! | Docker manifest list, OCI index | [`Kind::Index`] | | its manifests |
//! | OCI artifact manifest (1.1 release candidates) | [`Kind::Artifact`] | its blobs | |
//! | Docker schema 1 | [`Kind::Schema1`] | its `fsLayers` | |
//! | anything else that is JSON with a `schemaVersion` | [`Kind::Unknown`] | | |
//!
//! Foreign layers (those with `urls`, or of a non-distributable media type) need not be stored and are
//! left out. Digests are always taken of the raw bytes; nothing is ever written again from the parsed form.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::{Digest, DigestError};

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
    /// JSON that says it is a manifest, of a kind we do not know.
    Unknown,
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
    /// Config first, then layers, in the manifest's order; foreign layers left out.
    pub needs: Box<[Descriptor]>,
    /// The manifests of an index, in its order.
    pub children: Box<[Descriptor]>,
    /// The platforms of `children` as `os/arch[/variant]`, empty where none is given; all of them absent from images.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub platforms: Box<[Box<str>]>,
    /// The manifest that this one is attached to (signatures, SBOMs).
    pub subject: Option<Digest>,
}

/// Why stored bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// There is nothing to read.
    #[error("it is empty")]
    Empty,
    /// The daemon would not read it either.
    #[error("it has {0} bytes, and no registry reads a manifest of more than 4 MiB")]
    TooLarge(u64),
    /// Not JSON, or JSON of quite another shape.
    #[error("it is no manifest: {0}")]
    NotJson(String),
    /// Neither a schema version that exists nor a media type that says what it is.
    #[error("it is no manifest: it has no schemaVersion")]
    NoVersion,
    /// A descriptor whose digest cannot be read.
    #[error("its {place} has a bad digest: {cause}")]
    BadDescriptor {
        /// Which one: `config`, `layers[2]`, `manifests[0]`.
        place: String,
        /// What is wrong with it.
        cause: DigestError,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    schema_version: Option<u64>,
    #[serde(borrow)]
    media_type: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    config: Option<RawDescriptor<'a>>,
    #[serde(borrow)]
    layers: Option<Vec<RawDescriptor<'a>>>,
    #[serde(borrow)]
    blobs: Option<Vec<RawDescriptor<'a>>>,
    #[serde(borrow)]
    manifests: Option<Vec<RawDescriptor<'a>>>,
    #[serde(borrow)]
    subject: Option<RawDescriptor<'a>>,
    #[serde(borrow)]
    fs_layers: Option<Vec<RawSchema1Layer<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor<'a> {
    #[serde(borrow)]
    media_type: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    digest: std::borrow::Cow<'a, str>,
    size: Option<i64>,
    urls: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(borrow)]
    platform: Option<RawPlatform<'a>>,
}

/// Read leniently: a platform of another shape must not cost the whole manifest.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawPlatform<'a> {
    Known {
        #[serde(borrow)]
        os: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        architecture: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        variant: Option<std::borrow::Cow<'a, str>>,
    },
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSchema1Layer<'a> {
    #[serde(borrow, default)]
    blob_sum: std::borrow::Cow<'a, str>,
}

impl RawDescriptor<'_> {
    /// Whether the registry need not store it: it has its own URLs or may not be distributed.
    fn is_foreign(&self) -> bool {
        let kind = self.media_type.as_deref().unwrap_or_default();
        self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
            || kind.contains(".foreign.")
            || kind.contains(".nondistributable.")
    }

    fn platform(&self) -> Box<str> {
        match &self.platform {
            Some(RawPlatform::Known { os, architecture, variant: Some(variant) }) if !variant.is_empty() => {
                format!("{os}/{architecture}/{variant}").into()
            }
            Some(RawPlatform::Known { os, architecture, .. }) => format!("{os}/{architecture}").into(),
            Some(RawPlatform::Other(_)) | None => "".into(),
        }
    }

    fn read(&self, place: impl FnOnce() -> String) -> Result<Descriptor, ManifestError> {
        let digest =
            self.digest.parse().map_err(|cause| ManifestError::BadDescriptor { place: place(), cause })?;
        Ok(Descriptor::new(digest, self.size.and_then(|size| u64::try_from(size).ok())))
    }
}

fn read_all<'a>(
    name: &str,
    raw: impl IntoIterator<Item = &'a RawDescriptor<'a>>,
) -> Result<Vec<Descriptor>, ManifestError> {
    raw.into_iter()
        .enumerate()
        .filter(|(_, descriptor)| !descriptor.is_foreign())
        .map(|(at, descriptor)| descriptor.read(|| format!("{name}[{at}]")))
        .collect()
}

impl Raw<'_> {
    fn kind(&self) -> Result<Kind, ManifestError> {
        let says = self.media_type.as_deref().unwrap_or_default();
        if self.schema_version == Some(1) || says.contains(".manifest.v1+") && self.fs_layers.is_some() {
            return Ok(Kind::Schema1);
        }
        if says.contains("artifact.manifest") {
            return Ok(Kind::Artifact);
        }
        if self.schema_version.is_none() {
            return Err(ManifestError::NoVersion);
        }
        Ok(match (&self.manifests, &self.config, &self.layers) {
            (Some(_), None, None) => Kind::Index,
            (None, Some(_), _) => Kind::Image,
            // Both or neither: only the media type can tell.
            _ if says.contains("index") || says.contains("manifest.list") => Kind::Index,
            _ if says.contains("image.manifest") || says.contains("distribution.manifest.v2") => Kind::Image,
            _ => Kind::Unknown,
        })
    }

    fn platforms(&self) -> Box<[Box<str>]> {
        let children = self.manifests.iter().flatten().filter(|child| !child.is_foreign());
        children.map(RawDescriptor::platform).collect()
    }

    fn needs(&self, kind: Kind) -> Result<Vec<Descriptor>, ManifestError> {
        match kind {
            Kind::Image => {
                let config = self.config.iter().filter(|config| !config.is_foreign());
                let mut needs: Vec<_> =
                    config.map(|config| config.read(|| "config".into())).collect::<Result<_, _>>()?;
                needs.extend(read_all("layers", self.layers.iter().flatten())?);
                Ok(needs)
            }
            Kind::Artifact => read_all("blobs", self.blobs.iter().flatten()),
            Kind::Schema1 => self.schema1_layers(),
            Kind::Index | Kind::Unknown => Ok(Vec::new()),
        }
    }

    fn schema1_layers(&self) -> Result<Vec<Descriptor>, ManifestError> {
        let read = |(at, layer): (usize, &RawSchema1Layer<'_>)| {
            layer
                .blob_sum
                .parse()
                .map(|digest| Descriptor::new(digest, None))
                .map_err(|cause| ManifestError::BadDescriptor { place: format!("fsLayers[{at}]"), cause })
        };
        self.fs_layers.iter().flatten().enumerate().map(read).collect()
    }
}

/// Read a manifest from its raw bytes.
///
/// # Errors
/// When the bytes are no manifest that any registry of this family could read.
pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    if bytes.is_empty() {
        return Err(ManifestError::Empty);
    }
    let size = bytes.len() as u64;
    if size > MAX_MANIFEST_BYTES {
        return Err(ManifestError::TooLarge(size));
    }
    let raw: Raw<'_> =
        serde_json::from_slice(bytes).map_err(|error| ManifestError::NotJson(error.to_string()))?;
    let kind = raw.kind()?;
    let children = match kind {
        Kind::Index => read_all("manifests", raw.manifests.iter().flatten())?,
        Kind::Image | Kind::Artifact | Kind::Schema1 | Kind::Unknown => Vec::new(),
    };
    let subject = raw.subject.as_ref().map(|subject| subject.read(|| "subject".into())).transpose()?;
    Ok(Manifest {
        kind,
        needs: raw.needs(kind)?.into(),
        platforms: if children.is_empty() { Box::default() } else { raw.platforms() },
        children: children.into(),
        subject: subject.map(|subject| subject.digest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(fill: &str) -> String {
        format!("sha256:{}", fill.repeat(32))
    }

    #[test]
    fn an_image_needs_its_config_and_its_layers_but_not_foreign_ones() {
        let text = format!(
            r#"{{"schemaVersion":2,"config":{{"digest":"{}","size":3}},"layers":[
                {{"digest":"{}","size":4}},
                {{"digest":"{}","size":5,"urls":["https://example.com/layer"]}}]}}"#,
            digest("aa"),
            digest("bb"),
            digest("cc"),
        );
        let manifest = parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.kind, Kind::Image);
        let needs: Vec<_> =
            manifest.needs.iter().map(|need| (need.digest.to_string(), need.size())).collect();
        assert_eq!(needs, [(digest("aa"), Some(3)), (digest("bb"), Some(4))]);
    }

    #[test]
    fn an_index_has_children_and_schema_1_has_layers_without_sizes() {
        let index =
            format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{}","size":7}}]}}"#, digest("aa"));
        let index = parse(index.as_bytes()).unwrap();
        assert_eq!((index.kind, index.children.len()), (Kind::Index, 1));
        let old = format!(r#"{{"schemaVersion":1,"fsLayers":[{{"blobSum":"{}"}}]}}"#, digest("bb"));
        let old = parse(old.as_bytes()).unwrap();
        assert_eq!((old.kind, old.needs.first().unwrap().size()), (Kind::Schema1, None));
    }

    #[test]
    fn what_is_no_manifest_says_why() {
        assert_eq!(parse(b""), Err(ManifestError::Empty));
        assert_eq!(parse(b"{}"), Err(ManifestError::NoVersion));
        let nested = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert!(matches!(parse(&nested), Err(ManifestError::NotJson(_))));
        let text = br#"{"schemaVersion":2,"config":{"digest":"sha256:x"},"layers":[]}"#;
        assert!(matches!(parse(text), Err(ManifestError::BadDescriptor { place, .. }) if place == "config"));
    }
}
