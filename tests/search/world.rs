//! The world that is searched: two repositories, two images that share a layer, an index of both.

use std::fmt;
use std::sync::OnceLock;

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::digest::Digest;
use serde_json::json;

use crate::ports::Mirror;

/// The repositories, in the order in which garbage collection comes to them.
pub const REPOSITORIES: [&str; 2] = ["x/a", "x/b"];

/// Something that can be pushed under a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// An image of two layers, of which it shares one with the other.
    Image(usize),
    /// An index of both images.
    Index,
}

/// A piece of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Config(usize),
    Layer(usize),
    Shared,
    Manifest(usize),
    Index,
}

impl Part {
    pub const ALL: [Self; 8] = [
        Self::Config(0),
        Self::Config(1),
        Self::Layer(0),
        Self::Layer(1),
        Self::Shared,
        Self::Manifest(0),
        Self::Manifest(1),
        Self::Index,
    ];
    pub const BLOBS: [Self; 5] =
        [Self::Config(0), Self::Config(1), Self::Layer(0), Self::Layer(1), Self::Shared];
    pub const MANIFESTS: [Self; 3] = [Self::Manifest(0), Self::Manifest(1), Self::Index];

    pub fn blob(self) -> &'static Blob {
        let world = world();
        match self {
            Self::Config(at) => &world.images[at].config,
            Self::Shared => &world.images[0].layers[0],
            Self::Layer(at) => &world.images[at].layers[1],
            Self::Manifest(at) => &world.images[at].manifest,
            Self::Index => &world.index,
        }
    }

    pub fn digest(self) -> &'static Digest {
        &self.blob().digest
    }

    /// What has this digest.
    pub fn of(digest: &Digest) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.digest() == digest)
    }
}

impl What {
    pub const ALL: [Self; 3] = [Self::Image(0), Self::Image(1), Self::Index];

    pub fn manifest(self) -> Part {
        match self {
            Self::Image(at) => Part::Manifest(at),
            Self::Index => Part::Index,
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Image(_) => "application/vnd.oci.image.manifest.v1+json",
            Self::Index => "application/vnd.oci.image.index.v1+json",
        }
    }

    /// What is pushed before its manifest, as a client pushes it: blobs, then child manifests.
    pub fn images(self) -> Vec<usize> {
        match self {
            Self::Image(at) => vec![at],
            Self::Index => vec![0, 1],
        }
    }

    /// Everything that it consists of.
    pub fn parts(self) -> Vec<Part> {
        let of = |at: usize| [Part::Config(at), Part::Shared, Part::Layer(at), Part::Manifest(at)];
        let index = (self == Self::Index).then_some(Part::Index);
        self.images().into_iter().flat_map(of).chain(index).collect()
    }

    /// What is pushed under the manifest of this digest.
    pub fn of(digest: &Digest) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.manifest().digest() == digest)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(at) => write!(f, "{at}"),
            Self::Index => write!(f, "multi"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(at) => write!(f, "config{at}"),
            Self::Layer(at) => write!(f, "layer{at}"),
            Self::Shared => write!(f, "shared"),
            Self::Manifest(at) => write!(f, "manifest{at}"),
            Self::Index => write!(f, "index"),
        }
    }
}

struct World {
    images: [Image; 2],
    index: Blob,
}

fn descriptor(kind: &str, blob: &Blob) -> serde_json::Value {
    json!({"mediaType": kind, "digest": blob.digest, "size": blob.bytes.len()})
}

fn image(at: usize, shared: &Blob) -> Image {
    let blob = |text: String| Blob::new(text.into_bytes());
    let config = blob(json!({"architecture": "amd64", "os": "linux", "image": at}).to_string());
    let layers = vec![shared.clone(), blob(format!("the layer of image {at} alone"))];
    let layer = |layer| descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer);
    let media_type = What::Image(at).media_type().to_owned();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    });
    Image { config, layers, manifest: blob(manifest.to_string()), media_type }
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let shared = Blob::new(b"a layer that both images have".to_vec());
        let images = [image(0, &shared), image(1, &shared)];
        let children = images.iter().map(|image| descriptor(&image.media_type, &image.manifest));
        let index = json!({
            "schemaVersion": 2,
            "mediaType": What::Index.media_type(),
            "manifests": children.collect::<Vec<_>>(),
        });
        World { index: Blob::new(index.to_string().into_bytes()), images }
    })
}

/// A source that has all of it.
pub fn mirror() -> Mirror {
    let tags = What::ALL.map(|what| (what.to_string(), *what.manifest().digest()));
    Mirror::new(Part::ALL.map(|part| part.blob().clone()), tags)
}
