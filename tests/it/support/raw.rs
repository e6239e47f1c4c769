//! A raw client over a TCP stream, or of a registry in memory: it shows what was really sent, short bodies
//! included, and shares no code with the client under test.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use regfsck::adapters::sandbox::Embedded;
use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::digest::Digest;
use regfsck::domain::manifest::MANIFEST_MEDIA_TYPES;

/// What a server answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status; 0 if the connection was closed without one.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: Vec<(String, String)>,
    /// What came of the body.
    pub body: Vec<u8>,
    /// Whether less came than `Content-Length` announced.
    pub cut: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The announced length.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// The body as JSON, `null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The registry's error codes, joined.
    pub fn codes(&self) -> String {
        let errors = self.json();
        let codes = errors["errors"].as_array().into_iter().flatten();
        codes.filter_map(|error| error["code"].as_str()).collect::<Vec<_>>().join(",")
    }
}

/// A registry, and what tests do there.
#[derive(Debug, Clone)]
pub struct Raw(Wire);

#[derive(Debug, Clone)]
enum Wire {
    /// `HOST:PORT`, and a path before `/v2/` where the registry has one.
    Network(String),
    Memory(Arc<Embedded>),
}

/// What became of a blob that a client pushed as docker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    Skipped,
    Uploaded(u16),
}

impl Raw {
    /// A client for `http://HOST:PORT`, or what is below it.
    pub fn new(url: &str) -> Self {
        Self(Wire::Network(url.trim_start_matches("http://").trim_end_matches('/').to_owned()))
    }

    /// A client of a registry in memory.
    pub const fn embedded(registry: Arc<Embedded>) -> Self {
        Self(Wire::Memory(registry))
    }

    /// Sends one request, on its own connection. `target` is a path or a whole URL.
    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let target = target.strip_prefix("http://").map_or(target, |rest| &rest[rest.find('/').unwrap()..]);
        match &self.0 {
            Wire::Network(address) => {
                let (host, prefix) = address.split_at(address.find('/').unwrap_or(address.len()));
                let prefix = if target.starts_with("/v2/") { prefix } else { "" };
                send(host, method, &format!("{prefix}{target}"), headers, body)
            }
            Wire::Memory(registry) => {
                let answer = registry.ask(method, target, headers, body).expect("a request");
                let lower =
                    answer.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
                Answer {
                    status: answer.status,
                    headers: lower.collect(),
                    body: answer.body,
                    cut: answer.is_cut,
                }
            }
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[("Accept", &MANIFEST_MEDIA_TYPES.join(", "))], b"")
    }

    pub fn head(&self, path: &str) -> Answer {
        self.send("HEAD", path, &[("Accept", &MANIFEST_MEDIA_TYPES.join(", "))], b"")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"")
    }

    pub fn range(&self, path: &str, range: &str) -> Answer {
        self.send("GET", path, &[("Range", range)], b"")
    }

    /// Starts an upload session: where it continues.
    pub fn start_upload(&self, repository: &str) -> String {
        let started = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"");
        assert_eq!(started.status, 202, "an upload session starts");
        started.header("location").expect("an upload has a location").to_owned()
    }

    /// Uploads without asking: POST, PUT. The status of the PUT.
    pub fn upload(&self, repository: &str, blob: &Blob) -> u16 {
        let target = format!("{}&digest={}", self.start_upload(repository), blob.digest);
        self.send("PUT", &target, &[("Content-Type", "application/octet-stream")], &blob.bytes).status
    }

    pub fn put_manifest(&self, repository: &str, reference: &str, manifest: &Blob, kind: &str) -> Answer {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.send("PUT", &path, &[("Content-Type", kind)], &manifest.bytes)
    }

    /// Pushes as docker does: HEAD, upload what is not claimed, then the manifest.
    pub fn push_image(&self, repository: &str, tag: &str, image: &Image) -> (Vec<Push>, Answer) {
        let push = |blob: &Blob| match self.head(&blob_path(repository, &blob.digest)).status {
            200 => Push::Skipped,
            _ => Push::Uploaded(self.upload(repository, blob)),
        };
        let pushed = image.blobs().map(push).collect();
        (pushed, self.put_manifest(repository, tag, &image.manifest, &image.media_type))
    }

    /// Uploads everything without asking, the manifest as a blob as well, then puts the manifest.
    pub fn heal(&self, repository: &str, tag: &str, image: &Image) -> Vec<u16> {
        let blobs = image.blobs().chain([&image.manifest]);
        let mut statuses: Vec<_> = blobs.map(|blob| self.upload(repository, blob)).collect();
        statuses.push(self.put_manifest(repository, tag, &image.manifest, &image.media_type).status);
        statuses
    }

    /// Pulls and verifies: `Ok`, or what is wrong first.
    pub fn pull(&self, repository: &str, reference: &str, image: &Image) -> Result<(), String> {
        let manifest = self.get(&format!("/v2/{repository}/manifests/{reference}"));
        if manifest.status != 200 || manifest.body != image.manifest.bytes {
            return Err(format!("manifest {} {}", manifest.status, manifest.codes()));
        }
        for blob in image.blobs() {
            let got = self.get(&blob_path(repository, &blob.digest));
            if got.status != 200 || got.body != blob.bytes {
                return Err(format!("blob {} with {} bytes", got.status, got.body.len()));
            }
        }
        Ok(())
    }
}

fn send(host: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    let mut stream = TcpStream::connect(host).expect("connect to the registry");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // In one piece: a second one would wait for the first to be acknowledged.
    stream.write_all(&[head.as_bytes(), b"\r\n", body].concat()).unwrap();
    let mut received = Vec::new();
    // A reset after the last byte is as good as an end.
    let _ = stream.read_to_end(&mut received);
    parse(&received, method == "HEAD")
}

pub fn blob_path(repository: &str, digest: &Digest) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

pub fn manifest_path(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

fn parse(received: &[u8], is_head: bool) -> Answer {
    let Some(end) = received.windows(4).position(|part| part == b"\r\n\r\n") else {
        return Answer { cut: true, ..Answer::default() };
    };
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let mut answer = Answer {
        status,
        headers: lines.filter_map(header).collect(),
        body: received[end + 4..].to_vec(),
        cut: false,
    };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = unchunk(&answer.body);
    }
    let is_bodiless = is_head || matches!(status, 204 | 304);
    answer.cut = !is_bodiless && answer.length().is_some_and(|length| (answer.body.len() as u64) < length);
    answer
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|part| part == b"\r\n") {
        let size = std::str::from_utf8(&rest[..at]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let Some(size) = size.filter(|size| *size > 0 && at + 2 + size <= rest.len()) else { break };
        body.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = rest.get(at + 4 + size..).unwrap_or_default();
    }
    body
}
