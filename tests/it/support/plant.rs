//! Synthetic registries, straight onto the disk: the same recipe and seed give the same tree.
//!
//! Every image has a manifest, a config, layers of its own, one that the image before it in its repository has
//! too, and one of a few base layers that all repositories share; every tenth tag is an index of the two images
//! before it. Manifests and configs are true. Layers are sparse files under made-up digests, because what an
//! offline check, `find` and garbage collection cost does not depend on the content; or true ones, for hashing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use regfsck::domain::digest::Digest;
use sha2::{Digest as _, Sha256};

/// Base layers that all repositories share.
const BASES: u64 = 64;

/// Every so many images, an index of two.
const INDEX_EVERY: u64 = 10;

/// What to plant.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) blobs: u64,
    pub(crate) repositories: u64,
    /// Layers that an image has to itself.
    pub(crate) layers: u64,
    pub(crate) seed: u64,
    /// Of so many layers one is damaged; 0 is none.
    pub(crate) damage: u64,
    pub(crate) content: Content,
}

/// What is in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing: a hole of a plausible size.
    Sparse,
    /// So many true bytes.
    True(u64),
}

/// A layer, config or manifest as a descriptor names it.
struct Blob {
    digest: Digest,
    size: u64,
}

/// Where what is planted goes.
struct Planter<'a> {
    root: PathBuf,
    recipe: &'a Recipe,
}

/// Plant below `root`, the driver's root directory.
pub(crate) fn plant(root: &Path, recipe: &Recipe) -> io::Result<()> {
    let planter = Planter { root: root.join("docker/registry/v2"), recipe };
    planter.shards()?;
    // A manifest and a config beside the layers.
    let images = recipe.blobs / (recipe.layers + 2);
    (0..BASES.min(images)).try_for_each(|base| planter.layer("base", base).map(drop))?;
    (0..recipe.repositories).into_par_iter().try_for_each(|repository| {
        let from = images * repository / recipe.repositories;
        let to = images * (repository + 1) / recipe.repositories;
        planter.repository(repository, from, to)
    })
}

fn sum(text: &str) -> Digest {
    Digest::sha256(Sha256::digest(text).into())
}

/// A number that looks random, from the first bytes of a digest.
fn number(digest: &Digest) -> u64 {
    digest.bytes().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

impl Planter<'_> {
    /// The 256 folders that every large registry has.
    fn shards(&self) -> io::Result<()> {
        (0..=255_u8)
            .try_for_each(|shard| fs::create_dir_all(self.root.join(format!("blobs/sha256/{shard:02x}"))))
    }

    fn repository(&self, number: u64, from: u64, to: u64) -> io::Result<()> {
        let folder = self.root.join(format!("repositories/team{}/app{number}", number % 40));
        let links = Links::make(&folder)?;
        let mut before: Option<Blob> = None;
        let mut manifests = Vec::new();
        for image in from..to {
            let config = self.text(&format!(r#"{{"architecture":"amd64","image":{image}}}"#))?;
            let mut layers = vec![self.name("base", image % BASES)];
            for own in 0..self.recipe.layers {
                layers.push(self.layer("layer", image * 100 + own)?);
            }
            layers.extend(before.take());
            for blob in layers.iter().chain([&config]) {
                links.layer(&blob.digest, self.is_unlinked(&blob.digest))?;
            }
            let manifest = self.text(&manifest(&config, &layers))?;
            links.revision(&manifest.digest)?;
            links.tag(&format!("v{image}"), &manifest.digest)?;
            manifests.push(manifest);
            before = layers.pop();
            if image % INDEX_EVERY == INDEX_EVERY - 1
                && let [.., one, other] = manifests.as_slice()
            {
                let index = self.text(&index(&[one, other]))?;
                links.revision(&index.digest)?;
                links.tag(&format!("multi{image}"), &index.digest)?;
            }
        }
        if self.recipe.damage > 0 && number.is_multiple_of(self.recipe.damage) {
            let session = format!("_uploads/{number:08x}-0000-4000-8000-000000000000");
            let session = folder.join(session);
            fs::create_dir_all(&session)?;
            fs::write(session.join("startedat"), "2020-01-01T00:00:00Z")?;
            File::create(session.join("data"))?;
        }
        Ok(())
    }

    /// Whether, and how, a layer is damaged: 0 gone, 1 truncated, 2 unlinked, 3 an orphan.
    fn damage(&self, digest: &Digest) -> Option<u64> {
        let number = number(digest);
        let is_damaged = self.recipe.damage > 0 && (number >> 8).is_multiple_of(self.recipe.damage);
        is_damaged.then_some(number % 4)
    }

    fn is_unlinked(&self, digest: &Digest) -> bool {
        self.damage(digest) == Some(2)
    }

    fn name(&self, kind: &str, at: u64) -> Blob {
        let text = format!("{kind} {} {at}", self.recipe.seed);
        match self.recipe.content {
            Content::Sparse => {
                let digest = sum(&text);
                // From 1 KiB to 64 MiB, small ones more often.
                let size = 1024 << ((number(&digest) >> 20) & 15) | 1;
                Blob { digest, size }
            }
            Content::True(size) => {
                Blob { digest: Digest::sha256(Sha256::digest(bytes(&text, size)).into()), size }
            }
        }
    }

    fn layer(&self, kind: &str, at: u64) -> io::Result<Blob> {
        let blob = self.name(kind, at);
        match self.damage(&blob.digest) {
            Some(0) => return Ok(blob),
            Some(3) => {
                self.text(&format!("orphan of {}", blob.digest))?;
            }
            _ => {}
        }
        match self.recipe.content {
            Content::Sparse => {
                let size = if self.damage(&blob.digest) == Some(1) { blob.size / 2 } else { blob.size };
                self.write(&blob.digest, &[])?.set_len(size)?;
            }
            Content::True(size) => {
                let text = format!("{kind} {} {at}", self.recipe.seed);
                let size = if self.damage(&blob.digest) == Some(1) { size / 2 } else { size };
                self.write(&blob.digest, &bytes(&text, size))?;
            }
        }
        Ok(blob)
    }

    fn text(&self, text: &str) -> io::Result<Blob> {
        let digest = sum(text);
        self.write(&digest, text.as_bytes())?;
        Ok(Blob { digest, size: text.len() as u64 })
    }

    fn write(&self, digest: &Digest, content: &[u8]) -> io::Result<File> {
        let hex = digest.hex();
        let folder = self.root.join("blobs/sha256").join(hex.get(..2).unwrap_or_default()).join(&hex);
        make(&folder)?;
        let mut file = File::create(folder.join("data"))?;
        io::Write::write_all(&mut file, content)?;
        Ok(file)
    }
}

/// True bytes: a digest over and over, so that no two layers are alike.
fn bytes(text: &str, size: u64) -> Vec<u8> {
    let unit = sum(text);
    unit.bytes().iter().copied().cycle().take(usize::try_from(size).unwrap_or_default()).collect()
}

/// Make a folder whose parent is there; that it is there already is fine.
fn make(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The folders of links of one repository.
struct Links {
    layers: PathBuf,
    revisions: PathBuf,
    tags: PathBuf,
}

impl Links {
    fn make(repository: &Path) -> io::Result<Self> {
        let links = Self {
            layers: repository.join("_layers/sha256"),
            revisions: repository.join("_manifests/revisions/sha256"),
            tags: repository.join("_manifests/tags"),
        };
        for folder in [&links.layers, &links.revisions, &links.tags] {
            fs::create_dir_all(folder)?;
        }
        Ok(links)
    }

    fn layer(&self, digest: &Digest, is_missing: bool) -> io::Result<()> {
        if is_missing { Ok(()) } else { link(&self.layers.join(digest.hex()), digest) }
    }

    fn revision(&self, digest: &Digest) -> io::Result<()> {
        link(&self.revisions.join(digest.hex()), digest)
    }

    fn tag(&self, tag: &str, digest: &Digest) -> io::Result<()> {
        let tag = self.tags.join(tag);
        make(&tag)?;
        link(&tag.join("current"), digest)?;
        fs::create_dir_all(tag.join("index/sha256"))?;
        link(&tag.join("index/sha256").join(digest.hex()), digest)
    }
}

fn link(folder: &Path, digest: &Digest) -> io::Result<()> {
    make(folder)?;
    fs::write(folder.join("link"), digest.to_string())
}

fn descriptor(kind: &str, blob: &Blob) -> String {
    format!(
        r#"{{"mediaType":"application/vnd.oci.image.{kind}","digest":"{}","size":{}}}"#,
        blob.digest, blob.size
    )
}

fn manifest(config: &Blob, layers: &[Blob]) -> String {
    let layers: Vec<_> = layers.iter().map(|layer| descriptor("layer.v1.tar+gzip", layer)).collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
        descriptor("config.v1+json", config),
        layers.join(",")
    )
}

fn index(manifests: &[&Blob]) -> String {
    let children: Vec<_> =
        manifests.iter().map(|manifest| descriptor("manifest.v1+json", manifest)).collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{}]}}"#,
        children.join(",")
    )
}
