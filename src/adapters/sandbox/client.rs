//! A client that pushes and pulls as docker does: it believes what the registry claims.

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};

use crate::adapters::tls::install_crypto;
use crate::domain::digest::Digest;
use crate::domain::manifest::{self, MANIFEST_MEDIA_TYPES};

use super::image::{Blob, Image};

/// What became of one blob of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// HEAD answered 200, so nothing was sent: "Layer already exists".
    AlreadyExists,
    /// The bytes were uploaded.
    Uploaded,
}

/// What a pull brought, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The manifest's digest.
    pub manifest: Digest,
    /// The bytes of config and layers, together.
    pub bytes: u64,
}

/// A docker-like client for one registry over plain HTTP.
#[derive(Debug, Clone)]
pub struct DockerLike {
    http: Client,
    base: String,
}

/// The part of a URL's answer that says what the registry complains of.
async fn refusal(response: Response) -> String {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    match value.pointer("/errors/0/message").and_then(serde_json::Value::as_str) {
        Some(message) => message.to_owned(),
        None => format!("the registry answers {status}"),
    }
}

async fn send(request: RequestBuilder, expected: StatusCode) -> Result<Response> {
    let response = request.send().await.context("reach the registry")?;
    if response.status() == expected { Ok(response) } else { bail!(refusal(response).await) }
}

impl DockerLike {
    /// A client for the registry at `url`, such as `http://127.0.0.1:5000`.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(url: &str) -> Result<Self> {
        install_crypto();
        // No TLS is spoken, so no authorities are needed: a bare root has none.
        let http =
            Client::builder().no_proxy().tls_certs_only([]).build().context("set up an HTTP client")?;
        Ok(Self { http, base: format!("{}/v2", url.trim_end_matches('/')) })
    }

    /// Pushes blobs, then the manifest under the tag. Returns what became of config and layers.
    ///
    /// # Errors
    /// The registry refuses something; the message is the registry's.
    pub async fn push(&self, repository: &str, tag: &str, image: &Image) -> Result<Vec<(Digest, Pushed)>> {
        let mut pushed = Vec::new();
        for blob in image.blobs() {
            let outcome = if self.claims(repository, &blob.digest).await? {
                Pushed::AlreadyExists
            } else {
                self.upload(repository, blob).await?
            };
            pushed.push((blob.digest, outcome));
        }
        self.put_manifest(repository, tag, &image.manifest, &image.media_type).await?;
        Ok(pushed)
    }

    /// Whether the registry says that it has a blob.
    ///
    /// # Errors
    /// The registry cannot be reached.
    pub async fn claims(&self, repository: &str, digest: &Digest) -> Result<bool> {
        let url = format!("{}/{repository}/blobs/{digest}", self.base);
        let claim = self.http.head(url).send().await.context("reach the registry")?;
        Ok(claim.status() == StatusCode::OK)
    }

    /// Uploads a blob without asking whether it is there.
    ///
    /// # Errors
    /// The registry refuses it.
    pub async fn upload(&self, repository: &str, blob: &Blob) -> Result<Pushed> {
        let url = format!("{}/{repository}/blobs/uploads/", self.base);
        let started =
            send(self.http.post(url).header(header::CONTENT_LENGTH, 0), StatusCode::ACCEPTED).await?;
        let location = started.headers().get(header::LOCATION).context("an upload has no location")?;
        let mut target = started.url().join(location.to_str()?)?;
        target.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
        let request = self
            .http
            .put(target)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(blob.bytes.clone());
        send(request, StatusCode::CREATED).await?;
        Ok(Pushed::Uploaded)
    }

    /// Puts a manifest under a tag or its digest.
    ///
    /// # Errors
    /// The registry refuses it.
    pub async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Blob,
        media_type: &str,
    ) -> Result<()> {
        let url = format!("{}/{repository}/manifests/{reference}", self.base);
        let request =
            self.http.put(url).header(header::CONTENT_TYPE, media_type).body(manifest.bytes.clone());
        send(request, StatusCode::CREATED).await.map(drop)
    }

    /// Deletes a manifest by its digest.
    ///
    /// # Errors
    /// The registry refuses it.
    pub async fn delete_manifest(&self, repository: &str, digest: &Digest) -> Result<()> {
        let url = format!("{}/{repository}/manifests/{digest}", self.base);
        send(self.http.delete(url), StatusCode::ACCEPTED).await.map(drop)
    }

    /// Pulls an image by tag or digest and verifies every byte of it.
    ///
    /// # Errors
    /// Something is missing, cut short or not what its digest says.
    pub async fn pull(&self, repository: &str, reference: &str) -> Result<Pulled> {
        let url = format!("{}/{repository}/manifests/{reference}", self.base);
        let accept = MANIFEST_MEDIA_TYPES.join(", ");
        let response = send(self.http.get(url).header(header::ACCEPT, accept), StatusCode::OK).await?;
        let manifest = Blob::new(response.bytes().await.context("read the manifest")?.to_vec());
        let needs = manifest::parse(&manifest.bytes).context("read the manifest")?.needs;
        let mut bytes = 0;
        for need in &needs {
            bytes += self.fetch(repository, &need.digest).await?;
        }
        Ok(Pulled { manifest: manifest.digest, bytes })
    }

    /// Fetches a blob, verifies it and says how long it is.
    async fn fetch(&self, repository: &str, digest: &Digest) -> Result<u64> {
        let url = format!("{}/{repository}/blobs/{digest}", self.base);
        let response = send(self.http.get(url), StatusCode::OK).await?;
        let Ok(bytes) = response.bytes().await else { bail!("unexpected EOF") };
        let blob = Blob::new(bytes.to_vec());
        if blob.digest == *digest {
            Ok(blob.bytes.len() as u64)
        } else {
            bail!("filesystem layer verification failed for digest {digest}")
        }
    }
}
