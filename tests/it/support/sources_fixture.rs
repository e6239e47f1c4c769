//! Images in a real registry and in what skopeo makes of them, for the tests of sources.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use futures_util::TryStreamExt;
use regfsck::adapters::files::PrivateFolder;
use regfsck::adapters::source::{FetchRetries, OpenOptions, SourceList, SourceSpec};
use regfsck::domain::digest::{Algorithm, Digest};
use regfsck::domain::name::Image;
use regfsck::engine::ports::{Hasher, Source, SourceError, VerifiedBytes};
use serde_json::json;

use super::program;
use super::real_registry::RealRegistry;
use super::settings::Settings;

pub fn sha256(bytes: &[u8]) -> Digest {
    Hasher::of(Algorithm::Sha256, bytes)
}

/// Bytes that do not compress, the same every time.
pub fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// A piece of content: what it is and what a source must give.
#[derive(Clone)]
pub struct Piece {
    pub digest: Digest,
    pub bytes: Vec<u8>,
    pub is_manifest: bool,
}

/// An OCI layout made here, from which everything else is copied.
pub struct Seed {
    pub folder: tempfile::TempDir,
    /// `team/app:1.0`, an image: its manifest, config and layers, in this order.
    pub app: Vec<Piece>,
    /// The digest of the first layer when it is not compressed.
    pub plain_layer: Piece,
    /// `team/multi:1.0`, an index of two images.
    pub multi: Vec<Piece>,
}

pub fn image(text: &str) -> Image {
    text.parse().unwrap()
}

fn blob(root: &Path, bytes: Vec<u8>, is_manifest: bool) -> Piece {
    let digest = sha256(&bytes);
    fs::write(root.join("blobs/sha256").join(digest.hex()), &bytes).unwrap();
    Piece { digest, bytes, is_manifest }
}

fn layer_tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, name, content).unwrap();
    builder.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An image with two layers of `seed`: manifest, config, layers.
fn write_image(root: &Path, seed: u64, architecture: &str) -> Vec<Piece> {
    let tars = [layer_tar("a", &noise(seed, 3000)), layer_tar("b", &noise(seed + 1, 700_000))];
    let diffs: Vec<_> = tars.iter().map(|tar| sha256(tar).to_string()).collect();
    let config = json!({"architecture": architecture, "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": diffs}});
    let config = blob(root, config.to_string().into_bytes(), false);
    let layers: Vec<_> = tars.iter().map(|tar| blob(root, gzip(tar), false)).collect();
    let describe = |kind: &str, piece: &Piece| json!({"mediaType": kind, "digest": piece.digest.to_string(), "size": piece.bytes.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": describe("application/vnd.oci.image.config.v1+json", &config),
        "layers": layers.iter().map(|layer| describe("application/vnd.oci.image.layer.v1.tar+gzip", layer)).collect::<Vec<_>>()});
    let manifest = blob(root, manifest.to_string().into_bytes(), true);
    [vec![manifest, config], layers].concat()
}

impl Seed {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("blobs/sha256")).unwrap();
        fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let app = write_image(root, 1, "amd64");
        let tar = layer_tar("a", &noise(1, 3000));
        let plain_layer = Piece { digest: sha256(&tar), bytes: tar, is_manifest: false };
        let (arm, riscv) = (write_image(root, 10, "arm64"), write_image(root, 20, "riscv64"));
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let child = |piece: &Piece, architecture: &str| {
            json!({"mediaType": kind, "digest": piece.digest.to_string(), "size": piece.bytes.len(),
                "platform": {"os": "linux", "architecture": architecture}})
        };
        let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [child(&arm[0], "arm64"), child(&riscv[0], "riscv64")]});
        let index = blob(root, index.to_string().into_bytes(), true);
        let entry = |kind: &str, piece: &Piece, name: &str| {
            json!({"mediaType": kind, "digest": piece.digest.to_string(), "size": piece.bytes.len(),
                "annotations": {"org.opencontainers.image.ref.name": name}})
        };
        let list = json!({"schemaVersion": 2, "manifests": [
            entry(kind, &app[0], "team/app:1.0"),
            entry("application/vnd.oci.image.index.v1+json", &index, "team/multi:1.0")]});
        fs::write(root.join("index.json"), list.to_string()).unwrap();
        let multi = [vec![index], arm, riscv].concat();
        Self { folder, app, plain_layer, multi }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A registry with both images of a seed; `None` where a program is missing.
pub fn filled() -> Option<(Seed, RealRegistry)> {
    let (seed, registry) = (Seed::new(), RealRegistry::start(&Settings::default())?);
    fill(&registry, &seed)?;
    Some((seed, registry))
}

/// Copy both images of the seed to a registry with skopeo; `None` where that is missing.
fn fill(registry: &RealRegistry, seed: &Seed) -> Option<()> {
    for name in ["team/app:1.0", "team/multi:1.0"] {
        let from = format!("oci:{}:{name}", seed.path().display());
        let to = format!("docker://{}/{name}", registry.host());
        skopeo(&["--all", "--dest-tls-verify=false", &from, &to])?;
    }
    Some(())
}

/// Copy an image from a registry with skopeo.
pub fn copy(registry: &RealRegistry, name: &str, options: &[&str], to: &str) {
    let from = format!("docker://{}/{name}", registry.host());
    skopeo(&[options, &["--src-tls-verify=false", &from, to]].concat());
}

fn skopeo(arguments: &[&str]) -> Option<()> {
    let scratch = tempfile::tempdir().unwrap();
    let scratch = scratch.path().display().to_string();
    let words = [&["--insecure-policy", "--tmpdir", &scratch, "copy"], arguments].concat();
    let copied = program::output("skopeo", words)?;
    assert!(copied.status.success(), "{copied:?}");
    Some(())
}

/// A folder of ours that all tests share: what is in it has no name.
fn spool() -> PrivateFolder {
    PrivateFolder::make(&std::env::temp_dir().join("regfsck-tests-spool")).unwrap()
}

pub fn options() -> OpenOptions {
    OpenOptions { spool: spool(), quarantine: None, docker: None }
}

/// Open a source of that spec.
pub fn open(spec: &str) -> Result<Box<dyn Source>, SourceError> {
    spec.parse::<SourceSpec>().unwrap().open(&options())
}

/// The sources of these specs, impatient.
pub fn list(specs: &[String]) -> SourceList {
    let sources = specs.iter().map(|spec| open(spec).unwrap()).collect();
    let patience = FetchRetries { attempts: 3, breaks: 10, pause: Duration::from_millis(5) };
    SourceList::new(sources, spool(), patience)
}

/// All the bytes of a piece that was fetched.
pub async fn whole(bytes: &VerifiedBytes) -> Vec<u8> {
    bytes.part(0..u64::MAX).try_collect::<Vec<_>>().await.unwrap().concat()
}
