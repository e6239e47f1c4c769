//! A store that speaks as much S3 as is needed to look at a registry's bucket, in memory, each answer of which takes a while.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use md5::{Digest as _, Md5};
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::ROOT;
use sha2::Sha256;

/// How long each answer takes.
pub(crate) const DELAY: Duration = Duration::from_millis(100);
/// So many images a repository, of so many layers each; a repository links what the two after it have, too.
pub(crate) const IMAGES: usize = 4;
const LAYERS: usize = 23;

/// An object: how large, its `ETag`, and its bytes where anybody reads them.
struct Object {
    size: usize,
    tag: String,
    bytes: Vec<u8>,
}

/// A store in memory.
#[derive(Default)]
pub(crate) struct Shelf {
    objects: BTreeMap<String, Object>,
    pub(crate) requests: AtomicUsize,
    pub(crate) lists: AtomicUsize,
    pub(crate) fetched: AtomicUsize,
    /// How many are under way now, and the most that were.
    open: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digest_of(text: &str) -> Digest {
    Digest::sha256(Sha256::digest(text).into())
}

impl Shelf {
    fn put(&mut self, path: &str, bytes: &[u8]) {
        let object = Object { size: bytes.len(), tag: hex(&Md5::digest(bytes)), bytes: bytes.to_vec() };
        self.objects.insert(format!("{ROOT}/{path}"), object);
    }

    fn link(&mut self, path: &str, digest: &Digest) {
        self.put(&format!("{path}/link"), digest.to_string().as_bytes());
    }

    fn data(&mut self, digest: &Digest, bytes: &[u8]) {
        let hex = digest.hex();
        self.put(&format!("blobs/sha256/{}/{hex}/data", &hex[..2]), bytes);
    }

    /// One that holds so many repositories.
    pub(crate) fn filled(repositories: usize) -> Self {
        let mut shelf = Self::default();
        shelf.fill(repositories);
        shelf
    }

    pub(crate) fn keys(&self) -> usize {
        self.objects.len()
    }

    fn fill(&mut self, repositories: usize) {
        let layers: Vec<Vec<Digest>> = (0..repositories)
            .map(|n| (0..IMAGES * (LAYERS + 1)).map(|layer| digest_of(&format!("{n} {layer}"))).collect())
            .collect();
        for n in 0..repositories {
            let base = format!("repositories/group{:02}/app{n}", n % 40);
            for layer in [n, n + 1, n + 2].into_iter().flat_map(|at| &layers[at % repositories]) {
                self.link(&format!("{base}/_layers/sha256/{}", layer.hex()), layer);
            }
            for (tag, blobs) in layers[n].chunks(LAYERS + 1).enumerate() {
                for blob in blobs {
                    self.data(blob, b"its content");
                }
                let manifest = manifest(blobs);
                let digest = digest_of(&manifest);
                self.data(&digest, manifest.as_bytes());
                let manifests = format!("{base}/_manifests");
                self.link(&format!("{manifests}/revisions/sha256/{}", digest.hex()), &digest);
                self.link(&format!("{manifests}/tags/v{tag}/current"), &digest);
                self.link(&format!("{manifests}/tags/v{tag}/index/sha256/{}", digest.hex()), &digest);
            }
        }
    }

    fn list(&self, query: &BTreeMap<String, String>) -> String {
        self.lists.fetch_add(1, Ordering::SeqCst);
        let of = |name: &str| query.get(name).map_or("", String::as_str);
        let prefix = of("prefix");
        // Where to go on: as whoever asks says it, and as pages of the newer and the older kind of list do.
        let token = of("continuation-token").max(of("marker"));
        let after = of("start-after").max(token);
        let page = of("max-keys").parse().unwrap_or(1000).min(1000);
        let (mut text, mut last, mut count, mut is_cut) = (String::new(), String::new(), 0, false);
        for (key, object) in self.objects.range(after.max(prefix).to_owned()..) {
            if !key.starts_with(prefix) {
                break;
            }
            let is_behind = token.ends_with('/') && key.starts_with(token);
            if *key == after || is_behind || last.ends_with('/') && key.starts_with(&last) {
                continue;
            }
            if count == page {
                is_cut = true;
                break;
            }
            count += 1;
            let folder = key[prefix.len()..].find('/').filter(|_| of("delimiter") == "/");
            if let Some(end) = folder {
                last = key[..=prefix.len() + end].into();
                let _ = write!(text, "<CommonPrefixes><Prefix>{last}</Prefix></CommonPrefixes>");
            } else {
                last.clone_from(key);
                let _ = write!(
                    text,
                    "<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;{}&quot;</ETag><Size>{}</Size></Contents>",
                    object.tag, object.size
                );
            }
        }
        let next = if is_cut {
            format!("<NextContinuationToken>{last}</NextContinuationToken><NextMarker>{last}</NextMarker>")
        } else {
            String::new()
        };
        format!(
            "<ListBucketResult><IsTruncated>{is_cut}</IsTruncated><KeyCount>{count}</KeyCount>{next}<EncodingType>url</EncodingType>{text}</ListBucketResult>"
        )
    }
}

fn manifest(blobs: &[Digest]) -> String {
    let descriptor = |kind: &str, digest: &Digest| {
        format!(r#"{{"mediaType":"application/vnd.oci.image.{kind}","digest":"{digest}","size":11}}"#)
    };
    let layers: Vec<_> = blobs[1..].iter().map(|layer| descriptor("layer.v1.tar+gzip", layer)).collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
        descriptor("config.v1+json", &blobs[0]),
        layers.join(",")
    )
}

async fn answer(State(shelf): State<Arc<Shelf>>, request: Request) -> Response {
    shelf.requests.fetch_add(1, Ordering::SeqCst);
    shelf.most.fetch_max(shelf.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    tokio::time::sleep(DELAY).await;
    shelf.open.fetch_sub(1, Ordering::SeqCst);
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let key = request.uri().path().trim_start_matches("/bucket").trim_start_matches('/').to_owned();
    if key.is_empty() {
        let query: BTreeMap<String, String> = query;
        let uploads = "<ListMultipartUploadsResult></ListMultipartUploadsResult>".to_owned();
        return if query.contains_key("uploads") { uploads } else { shelf.list(&query) }.into_response();
    }
    shelf.fetched.fetch_add(1, Ordering::SeqCst);
    match shelf.objects.get(&key) {
        Some(object) => ([("etag", object.tag.clone())], object.bytes.clone()).into_response(),
        None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
    }
}

/// Answer at a free port, until the process ends.
pub(crate) fn serve(shelf: Arc<Shelf>) -> u16 {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            axum::serve(listener, Router::new().fallback(answer).with_state(shelf)).await.unwrap();
        });
    });
    told.recv().unwrap()
}
