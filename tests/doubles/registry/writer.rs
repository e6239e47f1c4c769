//! The daemon over a storage in memory, written to.

use async_trait::async_trait;
use jiff::Timestamp;
use regfsck::domain::digest::{Algorithm, Digest};
use regfsck::domain::layout::{LinkPlace, Place};
use regfsck::domain::manifest::parse;
use regfsck::domain::name::{Reference, RepositoryName};
use regfsck::engine::ports::{
    ByteSource, Hasher, RegistryReader as _, RegistryWriter, RequestError, UploadSession,
};
use tokio::io::AsyncReadExt as _;

use super::{Answered, ScriptedRegistry, refused};
use crate::doubles::tree::{Files as _, data, link_layer, link_manifest};

impl ScriptedRegistry {
    /// Put a manifest where it belongs; what it needs must be claimed.
    fn store_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        bytes: &[u8],
    ) -> Result<Digest, u16> {
        let digest = Hasher::of(Algorithm::Sha256, bytes);
        let Ok(manifest) = parse(bytes) else { return Err(400) };
        let needs = manifest.needs;
        let is_there = |needed: &Digest| {
            let blob = matches!(self.blob(repository, needed), Answered::Bytes(_) | Answered::Nothing(_));
            blob || matches!(self.manifest_bytes(repository, needed), Answered::Bytes(_))
        };
        if !needs.iter().all(|needed| is_there(&needed.digest)) {
            return Err(400);
        }
        let is_believed = self.script().beliefs.as_ref().is_some_and(|beliefs| beliefs.contains(&digest));
        if self.stored(&digest).is_none() && !is_believed {
            self.storage.write(&data(&digest), bytes);
        }
        let tag = match reference {
            Reference::Tag(tag) => Some(tag.as_str()),
            Reference::Digest(named) if *named == digest => None,
            Reference::Digest(_) => return Err(400),
        };
        link_manifest(&self.storage, repository.as_str(), tag, &digest);
        Ok(digest)
    }
}

#[async_trait]
impl RegistryWriter for ScriptedRegistry {
    async fn start_upload(&self, repository: &RepositoryName) -> Result<UploadSession, RequestError> {
        let question = self.write("POST", &format!("{repository}/blobs/uploads/"));
        let id = format!("{:08x}-0000-4000-8000-000000000000", self.requests());
        let place = Place::Upload(repository.clone(), id.as_str().into(), None).to_string();
        self.storage.write(&format!("{place}/data"), b"");
        self.storage.write(&format!("{place}/startedat"), Timestamp::now().to_string().as_bytes());
        let location = format!("{}{id}?_state=of-the-test", question.url);
        Ok(UploadSession { repository: repository.clone(), id, location })
    }

    async fn cancel_upload(&self, session: &UploadSession) -> Result<(), RequestError> {
        let question = self.write("DELETE", &format!("{}/blobs/uploads/{}", session.repository, session.id));
        let place = Place::Upload(session.repository.clone(), session.id.as_str().into(), None).to_string();
        if !self.has(&place) {
            return Err(refused(&question, 404, "BLOB_UPLOAD_UNKNOWN"));
        }
        self.storage.remove(&place);
        Ok(())
    }

    async fn upload_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        source: &dyn ByteSource,
    ) -> Result<(), RequestError> {
        let question = self.write("PUT", &format!("{repository}/blobs/uploads/?digest={digest}"));
        let mut bytes = Vec::new();
        source.open(0).await.unwrap().read_to_end(&mut bytes).await.unwrap();
        if Hasher::of(digest.algorithm(), &bytes) != *digest {
            return Err(refused(&question, 400, "DIGEST_INVALID"));
        }
        // What is there already stays, however bad it is.
        if self.stored(digest).is_none() {
            self.storage.write(&data(digest), &bytes);
        }
        link_layer(&self.storage, repository.as_str(), digest);
        self.script().told.remove(&(repository.clone(), *digest));
        Ok(())
    }

    async fn put_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        _media_type: &str,
        bytes: &[u8],
    ) -> Result<Option<Digest>, RequestError> {
        let question = self.write("PUT", &format!("{repository}/manifests/{reference}"));
        let stored = self.store_manifest(repository, reference, bytes);
        stored.map(Some).map_err(|status| refused(&question, status, "MANIFEST_BLOB_UNKNOWN"))
    }

    async fn delete_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), RequestError> {
        let question = self.write("DELETE", &format!("{repository}/blobs/{digest}"));
        let seen = self.blob(repository, digest);
        if !matches!(seen, Answered::Bytes(_) | Answered::Nothing(_)) {
            return Err(refused(&question, 404, "BLOB_UNKNOWN"));
        }
        let link = Place::Link(repository.clone(), LinkPlace::Layer(*digest)).to_string();
        if self.has(&link) {
            self.storage.remove(&link);
        }
        self.script().told.remove(&(repository.clone(), *digest));
        Ok(())
    }
}
