//! Uploads: POST, PATCH, PUT, GET, DELETE, and mounting from another repository.
//!
//! The commit looks at storage, never at the cache: that is why a blind upload heals what is claimed
//! but not stored. What is stored already, damaged or not, is left as it is.

use std::hash::{BuildHasher, RandomState};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::domain::digest::{Algorithm, Digest};
use crate::engine::ports::Hasher;

use super::Flavour;
use super::cache::CachedDescriptor;
use super::layout::{self, StoreError};
use super::reply::{ErrorCode, Reply, broken};
use super::routes::RoutedRequest;
use super::store::{Role, Store};
use super::tree::TreeEntry;

/// An upload in progress, as the client's `_state` describes it.
#[derive(Debug)]
struct Session<'a> {
    name: &'a str,
    uuid: &'a str,
    offset: u64,
}

/// Signs what the client carries from request to request. Replicas would share the key; the sandbox
/// has no replicas, and the key is only there so that a made-up state is refused.
fn sign(session: &Session<'_>) -> String {
    let payload = format!("{}|{}|{}", session.name, session.uuid, session.offset);
    let mac = Sha256::digest(format!("sandbox|{payload}|sandbox"));
    format!("{}.{}", Digest::sha256(mac.into()).hex(), session.offset)
}

fn new_uuid() -> String {
    let random = || RandomState::new().hash_one(std::time::SystemTime::now());
    let (a, b) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        0x8000 | b >> 48 & 0x3fff,
        b & 0xffff_ffff_ffff
    )
}

/// Reads the `_state` that the client brings back: the offset, if the signature is right.
fn verify(name: &str, uuid: &str, request: &RoutedRequest) -> Option<u64> {
    let state = request.query("_state")?;
    let (_, offset) = state.split_once('.')?;
    let offset = offset.parse().ok()?;
    (sign(&Session { name, uuid, offset }) == state).then_some(offset)
}

impl Store {
    pub(super) fn start_upload(&self, name: &str, request: &RoutedRequest) -> Reply {
        if let (Some(digest), Some(from)) = (request.query("mount"), request.query("from"))
            && let Ok(digest) = digest.parse::<Digest>()
            && let Ok(reply) = self.mount(name, &digest, &from, request)
        {
            return reply;
        }
        let uuid = new_uuid();
        let folder = layout::upload(name, &uuid);
        let started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let made = self
            .layout
            .write(&format!("{folder}/startedat"), started.as_bytes())
            .and_then(|()| self.layout.write(&format!("{folder}/data"), b""))
            .and_then(|()| self.save_hash_state(&folder, 0));
        match made {
            Ok(()) => progress(202, &Session { name, uuid: &uuid, offset: 0 }, request),
            Err(error) => broken(self.flavour, &error),
        }
    }

    /// Distribution keeps the hash's inner state here. The sandbox hashes again and keeps a marker.
    fn save_hash_state(&self, folder: &str, offset: u64) -> Result<(), StoreError> {
        self.layout.write(&format!("{folder}/hashstates/sha256/{offset}"), b"sandbox")
    }

    /// Links a blob that another repository is believed to have. Spreads a phantom.
    fn mount(
        &self,
        name: &str,
        digest: &Digest,
        from: &str,
        request: &RoutedRequest,
    ) -> Result<Reply, StoreError> {
        self.stat_in(from, Role::Blob, digest)?;
        self.layout.write_link(&layout::layer_link(name, digest), digest)?;
        Ok(created(name, digest, request))
    }

    /// Every request on a running session: finds it, then does what the method says.
    pub(super) fn resume_upload(&self, name: &str, uuid: &str, request: &RoutedRequest) -> Reply {
        let Some(offset) = verify(name, uuid, request) else {
            return ErrorCode::BlobUploadInvalid.cause(self.flavour, "invalid upload state");
        };
        let folder = layout::upload(name, uuid);
        let Ok(TreeEntry::File(stored)) = self.layout.look(&format!("{folder}/data")) else {
            return ErrorCode::BlobUploadUnknown.cause(self.flavour, "blob upload unknown");
        };
        if stored != offset {
            let code =
                if self.flavour.is_3() { ErrorCode::RangeInvalid } else { ErrorCode::BlobUploadInvalid };
            return code.reply();
        }
        let session = Session { name, uuid, offset };
        match request.method.as_str() {
            "GET" | "HEAD" => progress(204, &session, request),
            "DELETE" => self.cancel(&folder, &session),
            "PATCH" => self.append(&folder, &session, request),
            _ => self.finish(&folder, &session, request),
        }
    }

    /// Like distribution, leaves the folder with the last hash state in it.
    fn cancel(&self, folder: &str, session: &Session<'_>) -> Reply {
        let gone = self.layout.delete(folder).and_then(|()| self.save_hash_state(folder, session.offset));
        match gone {
            Ok(()) => Reply::new(204).with("Docker-Upload-UUID", session.uuid),
            Err(error) => broken(self.flavour, &error),
        }
    }

    fn append(&self, folder: &str, session: &Session<'_>, request: &RoutedRequest) -> Reply {
        match self.append_body(folder, request) {
            Ok(offset) => progress(202, &Session { offset, ..*session }, request),
            Err(error) => broken(self.flavour, &error),
        }
    }

    fn append_body(&self, folder: &str, request: &RoutedRequest) -> Result<u64, StoreError> {
        let path = format!("{folder}/data");
        let mut bytes = self.layout.read(&path)?.to_vec();
        bytes.extend_from_slice(&request.body);
        self.layout.write(&path, &bytes)?;
        let offset = bytes.len() as u64;
        self.save_hash_state(folder, offset)?;
        Ok(offset)
    }

    fn finish(&self, folder: &str, session: &Session<'_>, request: &RoutedRequest) -> Reply {
        let Some(given) = request.query("digest").filter(|text| !text.is_empty()) else {
            return ErrorCode::DigestInvalid.detail("digest missing");
        };
        let Ok(digest) = given.parse::<Digest>() else {
            return ErrorCode::DigestInvalid.detail("digest parsing failed");
        };
        match self.append_body(folder, request).and_then(|_| self.commit(folder, session.name, &digest)) {
            Ok(Some(canonical)) => created(session.name, &canonical, request),
            Ok(None) => mismatch(self.flavour, &digest),
            Err(error) => broken(self.flavour, &error),
        }
    }

    /// Moves the data into place if its digest is right, links it and remembers it: under its SHA-256,
    /// which it returns, and linked under the given name as well.
    fn commit(&self, folder: &str, name: &str, digest: &Digest) -> Result<Option<Digest>, StoreError> {
        let path = format!("{folder}/data");
        let bytes = self.layout.read(&path)?;
        if Hasher::of(digest.algorithm(), &bytes) != *digest {
            return Ok(None);
        }
        let canonical = Hasher::of(Algorithm::Sha256, &bytes);
        let data = layout::data(&canonical);
        if !self.layout.exists(&data) {
            self.layout.move_into_place(&path, &data)?;
        }
        for link in [&canonical, digest] {
            self.layout.write_link(&layout::layer_link(name, link), &canonical)?;
        }
        self.layout.delete(folder)?;
        let descriptor = CachedDescriptor { digest: canonical, size: bytes.len() as u64 };
        self.cache.remember(name, &canonical, descriptor);
        Ok(Some(canonical))
    }
}

fn created(name: &str, digest: &Digest, request: &RoutedRequest) -> Reply {
    Reply::new(201)
        .with("Docker-Content-Digest", digest)
        .with("Location", request.absolute(&format!("/v2/{name}/blobs/{digest}")))
}

fn progress(status: u16, session: &Session<'_>, request: &RoutedRequest) -> Reply {
    let path = format!("/v2/{}/blobs/uploads/{}?_state={}", session.name, session.uuid, sign(session));
    Reply::new(status)
        .with("Docker-Upload-UUID", session.uuid)
        .with("Location", request.absolute(&path))
        .with("Range", format!("0-{}", session.offset.saturating_sub(1)))
}

fn mismatch(flavour: Flavour, digest: &Digest) -> Reply {
    let why = format!("invalid digest for referenced layer: {digest}, content does not match digest");
    ErrorCode::DigestInvalid.detail(if flavour.is_3() {
        why.into()
    } else {
        json!({"Digest": digest, "Reason": {}})
    })
}
