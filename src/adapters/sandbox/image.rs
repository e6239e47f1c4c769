//! Small images to push: a config, gzip'ed tar layers and a manifest, the same bytes every time.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use oci_spec::image::{
    Arch, ConfigBuilder, DescriptorBuilder, ImageConfigurationBuilder, ImageIndexBuilder,
    ImageManifestBuilder, MediaType, Os, RootFsBuilder,
};
use sha2::{Digest as _, Sha256};

use crate::domain::digest::Digest;

/// Content by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its SHA-256 digest.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Gives bytes their digest.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::sha256(Sha256::digest(&bytes).into()), bytes }
    }
}

/// An image: what has to be pushed, blobs before the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The config.
    pub config: Blob,
    /// The layers, the lowest first.
    pub layers: Vec<Blob>,
    /// The manifest.
    pub manifest: Blob,
    /// The manifest's media type.
    pub media_type: String,
}

impl Image {
    /// Builds an OCI image whose layers hold one file each, of `sizes` bytes that do not compress.
    ///
    /// The same seed and sizes give the same bytes.
    ///
    /// # Errors
    /// None that are known: building in memory does not fail.
    pub fn build(seed: &str, sizes: &[usize]) -> Result<Self> {
        let tars: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(at, size)| tar_of(&format!("{seed}/{at}"), *size))
            .collect::<Result<_>>()?;
        let layers: Vec<_> = tars.iter().map(|tar| compress(tar)).collect::<Result<_>>()?;
        let config = Blob::new(configuration(seed, &tars)?);
        let manifest = ImageManifestBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageManifest)
            .config(describe(&config, MediaType::ImageConfig)?)
            .layers(
                layers
                    .iter()
                    .map(|layer| describe(layer, MediaType::ImageLayerGzip))
                    .collect::<Result<Vec<_>>>()?,
            )
            .build()
            .context("build an image manifest")?;
        Ok(Self {
            config,
            layers,
            manifest: Blob::new(serde_json::to_vec(&manifest)?),
            media_type: MediaType::ImageManifest.to_string(),
        })
    }

    /// The image that the demo uses: two layers.
    ///
    /// # Errors
    /// None that are known.
    pub fn two_layers(seed: &str) -> Result<Self> {
        Self::build(seed, &[3000, 5000])
    }

    /// The same image with a Docker schema 2 manifest.
    #[must_use]
    pub fn into_docker(self) -> Self {
        let docker = "application/vnd.docker.distribution.manifest.v2+json";
        let text = String::from_utf8_lossy(&self.manifest.bytes)
            .replace("application/vnd.oci.image.manifest.v1+json", docker)
            .replace(
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.docker.container.image.v1+json",
            )
            .replace(
                "application/vnd.oci.image.layer.v1.tar+gzip",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
            );
        Self { manifest: Blob::new(text.into_bytes()), media_type: docker.to_owned(), ..self }
    }

    /// Config and layers: what is uploaded before the manifest.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// An index of the images: its bytes and media type.
    ///
    /// # Errors
    /// None that are known.
    pub fn index(images: &[Self]) -> Result<(Blob, String)> {
        let children = images.iter().map(|image| describe(&image.manifest, MediaType::ImageManifest));
        let index = ImageIndexBuilder::default()
            .schema_version(2u32)
            .media_type(MediaType::ImageIndex)
            .manifests(children.collect::<Result<Vec<_>>>()?)
            .build()
            .context("build an image index")?;
        Ok((Blob::new(serde_json::to_vec(&index)?), MediaType::ImageIndex.to_string()))
    }
}

/// Bytes that look random, the same for the same seed.
fn noise(seed: &str, size: usize) -> Vec<u8> {
    let chunk = |at: usize| Sha256::digest(format!("{seed}#{at}"));
    let mut bytes: Vec<u8> = (0..size.div_ceil(32)).flat_map(chunk).collect();
    bytes.truncate(size);
    bytes
}

fn tar_of(seed: &str, size: usize) -> Result<Vec<u8>> {
    let content = noise(seed, size);
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    let name = format!("{}.bin", seed.replace('/', "-"));
    archive.append_data(&mut header, name, content.as_slice()).context("build a layer")?;
    archive.into_inner().context("build a layer")
}

fn compress(tar: &[u8]) -> Result<Blob> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
    writer.write_all(tar).context("compress a layer")?;
    Ok(Blob::new(writer.finish().context("compress a layer")?))
}

fn configuration(seed: &str, tars: &[Vec<u8>]) -> Result<Vec<u8>> {
    let diff_ids: Vec<_> =
        tars.iter().map(|tar| Digest::sha256(Sha256::digest(tar).into()).to_string()).collect();
    let labels = std::collections::HashMap::from([("regfsck.seed".to_owned(), seed.to_owned())]);
    let config = ImageConfigurationBuilder::default()
        .architecture(Arch::Amd64)
        .os(Os::Linux)
        .config(ConfigBuilder::default().labels(labels).build()?)
        .rootfs(RootFsBuilder::default().typ("layers").diff_ids(diff_ids).build()?)
        .build()
        .context("build an image config")?;
    // Through a sorted map, so that the bytes are the same every time.
    let sorted: BTreeMap<String, serde_json::Value> = serde_json::from_value(serde_json::to_value(&config)?)?;
    Ok(serde_json::to_vec(&sorted)?)
}

fn describe(blob: &Blob, media_type: MediaType) -> Result<oci_spec::image::Descriptor> {
    let digest: oci_spec::image::Digest = blob.digest.to_string().parse()?;
    DescriptorBuilder::default()
        .media_type(media_type)
        .digest(digest)
        .size(blob.bytes.len() as u64)
        .build()
        .context("build a descriptor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_the_same_every_time() {
        let image = Image::two_layers("demo").unwrap();
        assert_eq!(image, Image::two_layers("demo").unwrap());
        assert_ne!(image, Image::two_layers("other").unwrap());
        assert_eq!(image.layers.len(), 2);
    }
}
