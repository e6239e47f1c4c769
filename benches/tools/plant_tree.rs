//! Plant a synthetic registry for measuring: `plant_tree ROOT BLOBS REPOSITORIES [SEED]`.
//!
//! The same arguments give the same tree. Every image has a manifest, a config, two layers of its own and
//! one that it shares with another image of its repository; digests are true, layers are small.
#![allow(clippy::disallowed_methods, reason = "it plants files where it is told to")]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

/// Blobs that an image brings: manifest, config, two layers.
const BLOBS_AN_IMAGE: u64 = 4;

struct Planter {
    root: PathBuf,
    seed: u64,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &'static str| arguments.next().context(name);
    let root = PathBuf::from(next("ROOT is missing")?).join("docker/registry/v2");
    let blobs: u64 = next("BLOBS is missing")?.parse()?;
    let repositories: u64 = next("REPOSITORIES is missing")?.parse()?;
    let seed = next("SEED").ok().map_or(Ok(1), |seed| seed.parse())?;
    let planter = Planter { root, seed };
    let images = blobs / BLOBS_AN_IMAGE;
    (0..repositories).into_par_iter().try_for_each(|repository| {
        let name = format!("team{}/app{repository}", repository % 40);
        let from = images * repository / repositories;
        let to = images * (repository + 1) / repositories;
        (from..to).try_for_each(|image| planter.image(&name, image, image == from))
    })
}

impl Planter {
    fn image(&self, name: &str, image: u64, is_first: bool) -> Result<()> {
        let layer = |image: u64, n: u64| format!("layer {} {image} {n} ", self.seed).repeat(8);
        let shared = if is_first { layer(image, 9) } else { layer(image - 1, 1) };
        let layers = [layer(image, 1), layer(image, 2), shared];
        let config =
            format!(r#"{{"architecture":"amd64","os":"linux","seed":{},"image":{image}}}"#, self.seed);
        let repository = self.root.join("repositories").join(name);
        let mut descriptors = Vec::new();
        for content in [config].iter().chain(&layers) {
            let digest = self.blob(content)?;
            link(&repository.join("_layers/sha256").join(&digest), &digest)?;
            descriptors.push(format!(
                r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:{digest}","size":{}}}"#,
                content.len()
            ));
        }
        let (config, layers) = descriptors.split_first().context("no config")?;
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{config},"layers":[{}]}}"#,
            layers.join(",")
        );
        let digest = self.blob(&manifest)?;
        let manifests = repository.join("_manifests");
        link(&manifests.join("revisions/sha256").join(&digest), &digest)?;
        let tag = manifests.join(format!("tags/v{image}"));
        link(&tag.join("current"), &digest)?;
        link(&tag.join("index/sha256").join(&digest), &digest)
    }

    fn blob(&self, content: &str) -> Result<String> {
        let sum: [u8; 32] = Sha256::digest(content).into();
        let digest = regfsck::domain::digest::Digest::sha256(sum).hex();
        let shard = digest.get(..2).context("short digest")?;
        let folder = self.root.join("blobs/sha256").join(shard).join(&digest);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("data"), content)?;
        Ok(digest)
    }
}

fn link(folder: &Path, digest: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("link"), format!("sha256:{digest}"))?;
    Ok(())
}
