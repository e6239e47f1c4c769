//! `docker-registry` with its descriptor cache in Redis, and its storage as the rules see it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use regfsck::domain::digest::{Algorithm, Digest};
use regfsck::domain::views::storage::{Repository, StorageView, StoredBlob, StoredManifests, Target};
use reqwest::{Client, Method, StatusCode};
use sha2::Digest as _;
use tempfile::TempDir;

use super::program::{Running, find, free_port};
use super::redis_server::{RedisServer, until};

/// A registry with deletes allowed.
pub(crate) struct RedisRegistry {
    folder: TempDir,
    program: PathBuf,
    port: u16,
    running: Running,
    client: Client,
}

/// An image of one layer and a config.
pub(crate) struct Pushed {
    pub(crate) layer: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

/// The digest of these bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::sha256(sha2::Sha256::digest(bytes).into())
}

impl Pushed {
    /// An image that differs from all others.
    pub(crate) fn named(name: &str) -> Self {
        let (layer, config) =
            (format!("layer of {name}").into_bytes(), format!(r#"{{"name":"{name}"}}"#).into_bytes());
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.docker.container.image.v1+json","size":{},"digest":"{}"}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":{},"digest":"{}"}}]}}"#,
            config.len(),
            digest_of(&config),
            layer.len(),
            digest_of(&layer)
        );
        Self { layer, config, manifest: manifest.into_bytes() }
    }

    pub(crate) fn digests(&self) -> [Digest; 3] {
        [&self.layer, &self.config, &self.manifest].map(|bytes| digest_of(bytes))
    }
}

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn start(program: &Path, folder: &Path) -> Running {
    let log = std::fs::File::create(folder.join("log")).expect("a log");
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg(folder.join("config.yml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    Running::start(&mut command)
}

impl RedisRegistry {
    /// A registry whose cache is this Redis.
    pub(crate) fn start(redis: &RedisServer, database: u32) -> Option<Self> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let program = find("docker-registry")?;
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n  \
             cache: {{blobdescriptor: redis}}\nredis: {{addr: '127.0.0.1:{}', db: {database}}}\n\
             http: {{addr: '127.0.0.1:{port}', secret: test}}\n",
            folder.path().join("root").display(),
            redis.port
        );
        std::fs::write(folder.path().join("config.yml"), config).expect("write config.yml");
        let running = start(&program, folder.path());
        // A kept connection would not survive a restart of the daemon.
        let client = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        let registry = Self { folder, program, port, running, client };
        registry.wait();
        Some(registry)
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        until(deadline, "docker-registry", || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub(crate) fn restart(&mut self) {
        self.running.kill();
        self.running = start(&self.program, self.folder.path());
        self.wait();
    }

    pub(crate) fn collect_garbage(&self) {
        let config = self.folder.path().join("config.yml");
        let output =
            Command::new(&self.program).args(["garbage-collect", "-m"]).arg(config).output().expect("run it");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> reqwest::Response {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("http://127.0.0.1:{}/v2/{path}", self.port)
        };
        let kind = if path.contains("/manifests/") { MANIFEST } else { "application/octet-stream" };
        let request =
            self.client.request(method, url).header("Content-Type", kind).header("Accept", MANIFEST);
        request.body(body).send().await.expect("an answer")
    }

    pub(crate) async fn head(&self, repository: &str, digest: &Digest) -> StatusCode {
        self.send(Method::HEAD, &format!("{repository}/blobs/{digest}"), Vec::new()).await.status()
    }

    pub(crate) async fn get_manifest(&self, repository: &str, reference: &str) -> StatusCode {
        self.send(Method::GET, &format!("{repository}/manifests/{reference}"), Vec::new()).await.status()
    }

    /// Upload as clients do: not what the registry claims to have.
    async fn push_blob(&self, repository: &str, bytes: &[u8]) {
        let digest = digest_of(bytes);
        if self.head(repository, &digest).await == StatusCode::OK {
            return;
        }
        let begun = self.send(Method::POST, &format!("{repository}/blobs/uploads/"), Vec::new()).await;
        let location =
            begun.headers().get("Location").and_then(|value| value.to_str().ok()).expect("a location");
        let done = self.send(Method::PUT, &format!("{location}&digest={digest}"), bytes.to_vec()).await;
        assert_eq!(done.status(), StatusCode::CREATED);
    }

    /// A normal push, and a pull of the manifest, which makes a 2.x daemon cache it.
    pub(crate) async fn push(&self, repository: &str, tag: &str, image: &Pushed) {
        self.push_blob(repository, &image.layer).await;
        self.push_blob(repository, &image.config).await;
        let path = format!("{repository}/manifests/{tag}");
        assert_eq!(self.send(Method::PUT, &path, image.manifest.clone()).await.status(), StatusCode::CREATED);
        self.get_manifest(repository, tag).await;
    }

    pub(crate) async fn delete(&self, repository: &str, manifest: &Digest) {
        let path = format!("{repository}/manifests/{manifest}");
        assert_eq!(self.send(Method::DELETE, &path, Vec::new()).await.status(), StatusCode::ACCEPTED);
    }

    pub(crate) async fn delete_blob(&self, repository: &str, digest: &Digest) {
        let path = format!("{repository}/blobs/{digest}");
        assert_eq!(self.send(Method::DELETE, &path, Vec::new()).await.status(), StatusCode::ACCEPTED);
    }

    /// Blobs, and the links of these repositories.
    pub(crate) fn storage(&self, repositories: &[&str]) -> StorageView {
        let root = self.folder.path().join("root/docker/registry/v2");
        let blob = |digest: Digest| {
            let hex = digest.hex();
            let file = root.join(format!("blobs/sha256/{}/{hex}/data", &hex[..2]));
            std::fs::metadata(file).ok().map(|file| StoredBlob { digest, size: file.len(), modified: 0 })
        };
        let shards = folders(&root.join("blobs/sha256"));
        let mut blobs: Vec<_> = shards.iter().flat_map(|shard| digests(shard)).filter_map(blob).collect();
        blobs.sort_by_key(|blob| blob.digest);
        let mut repositories: Vec<_> =
            repositories.iter().map(|name| repository(&root.join("repositories").join(name), name)).collect();
        repositories.sort_by(|a, b| a.name.cmp(&b.name));
        StorageView {
            root: root.display().to_string(),
            collected: Timestamp::now(),
            blobs,
            repositories,
            manifests: StoredManifests::new(),
            uploads: Vec::new(),
            stray: Vec::new(),
            unknown: Vec::new(),
        }
    }
}

fn repository(folder: &Path, name: &str) -> Repository {
    let links = |place: &str| {
        let with_file = digests(&folder.join(place).join("sha256"))
            .into_iter()
            .filter(|digest| folder.join(place).join("sha256").join(digest.hex()).join("link").exists());
        with_file.map(|digest| (digest, Target::Same)).collect()
    };
    Repository {
        name: name.parse().expect("a name"),
        layers: links("_layers"),
        revisions: links("_manifests/revisions"),
        tags: Vec::new(),
        has_layers: true,
        has_manifests: true,
        has_tags: true,
    }
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// The digests that name a folder's folders, sorted.
fn digests(parent: &Path) -> Vec<Digest> {
    let names = folders(parent).into_iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    let mut found: Vec<_> =
        names.filter_map(|hex| Digest::from_hex(Algorithm::Sha256, hex.as_bytes())).collect();
    found.sort_unstable();
    found
}
