//! The daemon: what it answers, read as the client for HTTP reads it.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use jiff::Timestamp;
use regfsck::domain::digest::{Algorithm, Digest};
use regfsck::domain::manifest;
use regfsck::domain::name::{Reference, RepositoryName, Tag};
use regfsck::domain::views::served::{
    Answer as Meaning, Asked, Belief, Claim, Delivery, Denial, Exchange, ServedManifest,
};
use regfsck::domain::views::storage::{HashedBlob, ReadManifest};
use regfsck::engine::ports::{
    ByteSource, Downloaded, Hasher, RawManifest, RegistryReader, RegistryWriter, RequestError, UploadSession,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Ports;
use crate::support::raw::{Answer, blob_path, manifest_path};

const LOCATION: &str = "http://memory";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn exchange(asked: String, answer: &Answer) -> Exchange {
    let mut said = format!("{} {}", answer.status, answer.codes());
    if let Some(length) = answer.length() {
        said = format!("{}, Content-Length {length}", said.trim());
    }
    Exchange { asked: asked.into(), said, at: Timestamp::UNIX_EPOCH }
}

/// What an answer without the thing asked for means.
fn without<T>(answer: &Answer) -> Meaning<T> {
    match answer.status {
        404 => Meaning::No(denial(&answer.json()["errors"][0])),
        500 => Meaning::Broken(answer.codes()),
        status => Meaning::Unknown(format!("{status} {}", answer.codes())),
    }
}

fn denial(error: &Value) -> Denial {
    let text = error["detail"].as_str().unwrap_or_default();
    match error["code"].as_str().unwrap_or_default() {
        "BLOB_UNKNOWN" => Denial::Blob,
        "NAME_UNKNOWN" => Denial::Repository,
        "MANIFEST_UNKNOWN" if error["detail"].get("Tag").is_some() || text.starts_with("unknown tag") => {
            Denial::Tag
        }
        "MANIFEST_UNKNOWN"
            if error["detail"].get("Revision").is_some() || text.starts_with("unknown manifest") =>
        {
            Denial::Manifest
        }
        _ => Denial::Unspecified,
    }
}

fn delivered(answer: &Answer) -> Meaning<Delivery> {
    let total = answer.header("content-range").and_then(|range| range.rsplit('/').next()?.parse().ok());
    match (answer.status, answer.body.is_empty()) {
        (200 | 206, false) => Meaning::Yes(Delivery::Byte(total)),
        (200, true) if !answer.cut => Meaning::Yes(Delivery::Short(Some(0))),
        (200 | 206, true) => Meaning::Yes(Delivery::Nothing),
        (416, _) => Meaning::Yes(Delivery::Short(total)),
        _ => without(answer),
    }
}

impl Ports {
    fn get(&self, path: &str) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.raw.get(path)
    }

    fn served(&self, path: &str, by: Option<&Digest>) -> Asked<Meaning<ServedManifest>> {
        let answer = self.get(path);
        let meaning = match (answer.status, without(&answer), by) {
            (200, _, _) => Meaning::Yes(ServedManifest {
                digest: Hasher::of(by.map_or(Algorithm::Sha256, Digest::algorithm), &answer.body),
                size: answer.body.len() as u64,
                read: match manifest::parse(&answer.body) {
                    Ok(manifest) => ReadManifest::Manifest(manifest),
                    Err(error) => ReadManifest::Unreadable(error.to_string()),
                },
            }),
            (_, Meaning::No(Denial::Unspecified), Some(_)) => Meaning::No(Denial::Manifest),
            (_, meaning, _) => meaning,
        };
        Asked { answer: meaning, exchange: exchange(format!("GET {LOCATION}{path}"), &answer) }
    }

    fn listed(&self, path: &str, key: &str) -> (Answer, Vec<String>) {
        let answer = self.get(path);
        let names = answer.json()[key].as_array().cloned().unwrap_or_default();
        (answer, names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }
}

#[async_trait]
impl RegistryReader for Ports {
    fn location(&self) -> String {
        LOCATION.to_owned()
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    async fn ping(&self) -> Result<(), RequestError> {
        Ok(())
    }

    async fn is_pull_through(&self, _: &RepositoryName) -> Option<bool> {
        Some(false)
    }

    async fn is_of_2(&self, _: &RepositoryName) -> Option<bool> {
        Some(false)
    }

    async fn catalog(&self) -> Asked<Meaning<Vec<RepositoryName>>> {
        let (answer, names) = self.listed("/v2/_catalog", "repositories");
        let names = names.iter().filter_map(|name| name.parse().ok()).collect();
        let exchange = exchange(format!("GET {LOCATION}/v2/_catalog"), &answer);
        Asked { answer: if answer.status == 200 { Meaning::Yes(names) } else { without(&answer) }, exchange }
    }

    async fn tags(&self, repository: &RepositoryName) -> Asked<Meaning<Vec<Tag>>> {
        let path = format!("/v2/{repository}/tags/list");
        let (answer, names) = self.listed(&path, "tags");
        let tags = names.iter().filter_map(|name| name.parse().ok()).collect();
        let exchange = exchange(format!("GET {LOCATION}{path}"), &answer);
        Asked { answer: if answer.status == 200 { Meaning::Yes(tags) } else { without(&answer) }, exchange }
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Asked<Meaning<ServedManifest>> {
        self.served(&manifest_path(repository.as_str(), tag.as_str()), None)
    }

    async fn manifest(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Meaning<ServedManifest>> {
        self.served(&manifest_path(repository.as_str(), &digest.to_string()), Some(digest))
    }

    async fn head_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Meaning<Claim>> {
        let path = blob_path(repository.as_str(), digest);
        let answer = self.ask("HEAD", &path, &[], b"");
        let meaning = if answer.status == 200 {
            Meaning::Yes(Claim { size: answer.length(), redirected: false })
        } else {
            without(&answer)
        };
        Asked { answer: meaning, exchange: exchange(format!("HEAD {LOCATION}{path}"), &answer) }
    }

    async fn byte(&self, repository: &RepositoryName, digest: &Digest, at: u64) -> Asked<Meaning<Delivery>> {
        let path = blob_path(repository.as_str(), digest);
        let range = format!("bytes={at}-{at}");
        let answer = self.ask("GET", &path, &[("Range", &range)], b"");
        let exchange = exchange(format!("GET {LOCATION}{path}, Range: {range}"), &answer);
        Asked { answer: delivered(&answer), exchange }
    }

    async fn hash_blob(&self, repository: &RepositoryName, digest: &Digest) -> Asked<Meaning<HashedBlob>> {
        let path = blob_path(repository.as_str(), digest);
        let answer = self.ask("GET", &path, &[], b"");
        let actual = Hasher::of(digest.algorithm(), &answer.body);
        let hashed = HashedBlob { digest: *digest, actual, size: answer.body.len() as u64 };
        let meaning = match answer.status {
            200 if !answer.cut => Meaning::Yes(hashed),
            200 => Meaning::Unknown("it was cut".into()),
            _ => without(&answer),
        };
        Asked { answer: meaning, exchange: exchange(format!("GET {LOCATION}{path}"), &answer) }
    }

    async fn referrers(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Asked<Meaning<ServedManifest>> {
        self.served(&format!("/v2/{repository}/referrers/{digest}"), None)
    }

    async fn probe_manifests(&self, repository: &RepositoryName, suspects: &[Digest]) -> Vec<Belief> {
        let never_seen = Hasher::of(Algorithm::Sha256, b"never seen");
        let platform = json!({"architecture": "amd64", "os": "linux"});
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let child =
            |digest: &Digest| json!({"mediaType": kind, "digest": digest, "size": 2, "platform": platform});
        let children: Vec<Value> = suspects.iter().chain([&never_seen]).map(child).collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).to_string();
        let digest = Hasher::of(Algorithm::Sha256, index.as_bytes());
        let path = manifest_path(repository.as_str(), &digest.to_string());
        let answer = self.ask("PUT", &path, &[("Content-Type", INDEX)], index.as_bytes());
        let exchange = exchange(format!("PUT {LOCATION}{path}"), &answer);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let names = |digest: &Digest| body.contains(&digest.to_string());
        let belief = |suspect: &Digest| match (answer.status == 400 && names(&never_seen), names(suspect)) {
            (false, _) => Belief::Unknown(exchange.said.clone()),
            (true, false) => Belief::Claimed(exchange.clone()),
            (true, true) => Belief::Unclaimed(exchange.clone()),
        };
        suspects.iter().map(belief).collect()
    }

    async fn fetch_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<RawManifest, RequestError> {
        let path = manifest_path(repository.as_str(), &reference.to_string());
        let answer = self.get(&path);
        if answer.status != 200 {
            return Err(refused("GET", &path, &answer));
        }
        let digest = Hasher::of(Algorithm::Sha256, &answer.body);
        Ok(RawManifest { bytes: answer.body, digest })
    }

    async fn fetch_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Downloaded, RequestError> {
        let path = blob_path(repository.as_str(), digest);
        let answer = self.get(&path);
        if answer.status != 200 || answer.cut {
            return Err(refused("GET", &path, &answer));
        }
        sink.write_all(&answer.body).await.unwrap();
        let actual = Hasher::of(digest.algorithm(), &answer.body);
        Ok(Downloaded { digest: actual, size: answer.body.len() as u64 })
    }
}

fn refused(method: &str, path: &str, answer: &Answer) -> RequestError {
    RequestError {
        status: Some(answer.status),
        code: Some(answer.codes()).filter(|codes| !codes.is_empty()).map(Into::into),
        attempts: 1,
        ..RequestError::new(
            method,
            &format!("{LOCATION}{path}"),
            format!("{} {}", answer.status, answer.codes()),
        )
    }
}

impl Ports {
    /// A request that must be answered so.
    fn write(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        expected: u16,
    ) -> Result<Answer, RequestError> {
        let answer = self.ask(method, path, headers, body);
        if answer.status == expected { Ok(answer) } else { Err(refused(method, path, &answer)) }
    }
}

#[async_trait]
impl RegistryWriter for Ports {
    async fn start_upload(&self, repository: &RepositoryName) -> Result<UploadSession, RequestError> {
        let started = self.write("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"", 202)?;
        let header = |name: &str| started.header(name).unwrap().to_owned();
        let (id, location) = (header("docker-upload-uuid"), header("location"));
        Ok(UploadSession { repository: repository.clone(), id, location })
    }

    async fn cancel_upload(&self, session: &UploadSession) -> Result<(), RequestError> {
        self.write("DELETE", &session.location, &[], b"", 204).map(drop)
    }

    async fn upload_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        source: &dyn ByteSource,
    ) -> Result<(), RequestError> {
        let session = self.start_upload(repository).await?;
        let mut bytes = Vec::new();
        source.open(0).await.unwrap().read_to_end(&mut bytes).await.unwrap();
        let target = format!("{}&digest={digest}", session.location);
        self.write("PUT", &target, &[("Content-Type", "application/octet-stream")], &bytes, 201).map(drop)
    }

    async fn put_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Option<Digest>, RequestError> {
        let path = manifest_path(repository.as_str(), &reference.to_string());
        let put = self.write("PUT", &path, &[("Content-Type", media_type)], bytes, 201)?;
        Ok(put.header("docker-content-digest").and_then(|digest| digest.parse().ok()))
    }

    async fn delete_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), RequestError> {
        self.write("DELETE", &blob_path(repository.as_str(), digest), &[], b"", 202).map(drop)
    }
}
