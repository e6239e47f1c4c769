//! Images in a real registry and in what skopeo makes of them, for the tests of sources.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};
use regfsck::adapters::files::PrivateFolder;
use regfsck::adapters::source::{OpenOptions, Patience, SourceList, SourceSpec};
use regfsck::domain::digest::{Algorithm, Digest};
use regfsck::domain::name::Image;
use regfsck::engine::ports::{Hasher, Source, SourceError};
use serde_json::json;

/// Whether all of `programs` are installed; if not, says so, or fails where real parts are required.
pub fn have(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &&&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let Some(missing) = programs.iter().find(|program| !is_there(program)) else { return true };
    assert!(
        std::env::var_os("REGFSCK_REQUIRE_REAL").is_none_or(|value| value != "1"),
        "`{missing}` is missing"
    );
    eprintln!("skipped: `{missing}` is not installed");
    false
}

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

/// A real registry on a free port; ended with the value.
pub struct Registry {
    child: Child,
    folder: tempfile::TempDir,
    pub authority: String,
}

impl Registry {
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With the descriptor cache in memory that most are run with.
    pub fn start_with_cache() -> Self {
        Self::start_with("  cache: {blobdescriptor: inmemory}\n")
    }

    /// Start with more lines in the storage section.
    fn start_with(storage: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let authority = format!("127.0.0.1:{port}");
        let root = folder.path().join("root");
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n{storage}http: {{addr: {authority}}}\n",
            root.display()
        );
        let path = folder.path().join("config.yml");
        fs::write(&path, config).unwrap();
        let mut command = Command::new("docker-registry");
        let log = |name: &str| fs::File::create(folder.path().join(name)).unwrap();
        command
            .arg("serve")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(log("access.log"))
            .stderr(log("daemon.log"));
        let child = command.spawn().unwrap();
        let registry = Self { child, folder, authority };
        registry.wait();
        registry
    }

    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&self.authority).is_err() {
            assert!(Instant::now() < end, "docker-registry does not listen on {}", self.authority);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its root directory.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// What it wrote to its access log (`access.log`) or to its own (`daemon.log`).
    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Run the real garbage collection on its storage; what it prints on stdout and on stderr.
    pub fn collect_garbage(&self, options: &[&str]) -> (String, String) {
        let mut command = Command::new("docker-registry");
        command.arg("garbage-collect").args(options).arg(self.folder.path().join("config.yml"));
        let output = command.output().unwrap();
        assert!(output.status.success());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }

    /// Copy both images of the seed to it.
    pub fn fill(&self, seed: &Seed) {
        for name in ["team/app:1.0", "team/multi:1.0"] {
            let from = format!("oci:{}:{name}", seed.path().display());
            skopeo(&[
                "--all",
                "--dest-tls-verify=false",
                &from,
                &format!("docker://{}/{name}", self.authority),
            ]);
        }
    }

    /// Copy an image from it with skopeo.
    pub fn copy(&self, name: &str, options: &[&str], to: &str) {
        let from = format!("docker://{}/{name}", self.authority);
        skopeo(&[options, &["--src-tls-verify=false", &from, to]].concat());
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn skopeo(arguments: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", "--tmpdir"]).arg(home.path()).arg("copy").args(arguments);
    let output = command.env("HOME", home.path()).output().unwrap();
    assert!(
        output.status.success(),
        "skopeo copy {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
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
    let patience = Patience { attempts: 3, breaks: 10, pause: Duration::from_millis(5) };
    SourceList::new(sources, spool()).with_patience(patience)
}
