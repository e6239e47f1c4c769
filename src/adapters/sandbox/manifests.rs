//! Manifests: GET, HEAD, PUT, DELETE, and how distribution reads one.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::domain::digest::Digest;

use super::Flavour;
use super::layout::{self, StoreError};
use super::reply::{ErrorCode, Reply, broken};
use super::routes::{ManifestReference, RoutedRequest};
use super::store::{Role, Store};

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest as distribution reads it.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) media_type: &'static str,
    /// Config and layers, or the children of an index.
    pub(super) references: Vec<Digest>,
    /// Which of the references clients fetch from elsewhere, so that they need not be stored.
    foreign: Vec<Digest>,
}

fn known_media_type(text: &str) -> Option<&'static str> {
    [DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX].into_iter().find(|known| *known == text)
}

/// What Go's JSON decoder would complain of.
fn complaint(bytes: &[u8], error: &serde_json::Error) -> StoreError {
    if error.is_eof() {
        return StoreError::Unreadable("unexpected end of JSON input".to_owned());
    }
    let line = bytes.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1));
    let bad = line.and_then(|line| line.get(error.column().saturating_sub(1))).copied().unwrap_or_default();
    StoreError::Unreadable(format!("invalid character '{}' looking for beginning of value", char::from(bad)))
}

impl Document {
    /// Reads a stored manifest. The words of the errors are those of `garbage-collect`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| complaint(bytes, &error))?;
        let version = value.get("schemaVersion").and_then(Value::as_u64).unwrap_or_default();
        if version != 2 {
            return Err(StoreError::Unreadable(format!("unrecognized manifest schema version {version}")));
        }
        let says = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        let media_type = match says {
            "" if value.get("manifests").is_some_and(Value::is_array) => OCI_INDEX,
            "" => OCI_MANIFEST,
            other => known_media_type(other).ok_or_else(|| {
                StoreError::Unreadable(format!("unrecognized manifest content type {other}"))
            })?,
        };
        Self::of(media_type, &value)
    }

    fn of(media_type: &'static str, value: &Value) -> Result<Self, StoreError> {
        let array = |key: &str| value.get(key).and_then(Value::as_array).into_iter().flatten();
        let mut document = Self { media_type, references: Vec::new(), foreign: Vec::new() };
        let descriptors: Vec<&Value> = match media_type {
            DOCKER_LIST | OCI_INDEX => array("manifests").collect(),
            _ => value.get("config").into_iter().chain(array("layers")).collect(),
        };
        for descriptor in descriptors {
            let text = descriptor.get("digest").and_then(Value::as_str).unwrap_or_default();
            let digest = layout::parse_strictly(text)?;
            if descriptor.get("urls").and_then(Value::as_array).is_some_and(|urls| !urls.is_empty()) {
                document.foreign.push(digest);
            }
            document.references.push(digest);
        }
        Ok(document)
    }

    fn is_index(&self) -> bool {
        matches!(self.media_type, DOCKER_LIST | OCI_INDEX)
    }
}

/// Whether the request's `Accept` headers name the media type.
fn accepts(request: &RoutedRequest, media_type: &str) -> bool {
    let name = |entry: &str| entry.split(';').next().unwrap_or_default().trim() == media_type;
    request.headers("accept").any(|header| header.split(',').any(name))
}

impl Store {
    fn resolve(&self, name: &str, reference: &ManifestReference) -> Result<Digest, Reply> {
        let tag = match reference {
            ManifestReference::Digest(digest) => return Ok(*digest),
            ManifestReference::Tag(tag) => tag,
        };
        if tag.contains(':') {
            // A digest that is none is taken for a tag, and that for a path.
            let path = layout::shown(&layout::current_link(name, tag));
            return Err(broken(self.flavour, &StoreError::InvalidPath(path)));
        }
        match self.layout.read_link(&layout::current_link(name, tag)) {
            Ok(digest) => Ok(digest),
            Err(StoreError::PathNotFound(_)) => Err(ErrorCode::ManifestUnknown.detail(self.unknown_tag(tag))),
            Err(other) => Err(broken(self.flavour, &other)),
        }
    }

    fn unknown_tag(&self, tag: &str) -> Value {
        if self.flavour.is_3() { format!("unknown tag={tag}").into() } else { json!({"Tag": tag}) }
    }

    fn unknown_revision(&self, name: &str, digest: &Digest) -> Value {
        if self.flavour.is_3() {
            format!("unknown manifest name={name} revision={digest}").into()
        } else {
            json!({"Name": name, "Revision": digest})
        }
    }

    pub(super) fn get_manifest(
        &self,
        name: &str,
        reference: &ManifestReference,
        request: &RoutedRequest,
    ) -> Reply {
        let digest = match self.resolve(name, reference) {
            Ok(digest) => digest,
            Err(refusal) => return refusal,
        };
        let etag = format!("\"{digest}\"");
        if request.headers("if-none-match").any(|header| header == etag || header == digest.to_string()) {
            // Asked before storage is: true even of a manifest that never existed.
            return Reply::new(304);
        }
        let read = self.read_manifest(name, &digest).and_then(|bytes| Ok((Document::read(&bytes)?, bytes)));
        match read {
            Err(StoreError::Unknown) => {
                ErrorCode::ManifestUnknown.detail(self.unknown_revision(name, &digest))
            }
            Err(other) => broken(self.flavour, &other),
            Ok((document, bytes)) => self.refuse_media_type(&document, request).unwrap_or_else(|| {
                Reply::new(200)
                    .with("Docker-Content-Digest", digest)
                    .with("ETag", etag)
                    .with_body(document.media_type, bytes.to_vec())
            }),
        }
    }

    pub(super) fn put_manifest_request(
        &self,
        name: &str,
        reference: &ManifestReference,
        request: &RoutedRequest,
    ) -> Reply {
        let declared = request.header("content-type").unwrap_or_default();
        let declared = declared.split(';').next().unwrap_or_default().trim();
        let document = match Document::read(&request.body) {
            Ok(document) if document.media_type == declared => document,
            Ok(_) if self.flavour.is_3() && known_media_type(declared).is_none() => {
                let why = format!("unsupported manifest media type and no default available: {declared}");
                return ErrorCode::ManifestInvalid.cause(self.flavour, &why);
            }
            Ok(document) => {
                let why =
                    format!("mediaType in manifest should be '{declared}' not '{}'", document.media_type);
                return ErrorCode::ManifestInvalid.cause(self.flavour, &why);
            }
            Err(error) => return ErrorCode::ManifestInvalid.cause(self.flavour, &error),
        };
        let digest = Digest::sha256(Sha256::digest(&request.body).into());
        if matches!(reference, ManifestReference::Digest(wanted) if *wanted != digest) {
            return ErrorCode::DigestInvalid.reply();
        }
        let unknown = self.unknown_references(name, &document);
        if !unknown.is_empty() {
            let details: Vec<_> = unknown.iter().map(|digest| Some(digest.to_string().into())).collect();
            return ErrorCode::ManifestBlobUnknown.reply_all(&details);
        }
        let stored = self.put_manifest(name, &digest, &request.body).and_then(|()| match reference {
            ManifestReference::Tag(tag) => self.tag(name, tag, &digest),
            ManifestReference::Digest(_) => Ok(()),
        });
        match stored {
            Err(error) => broken(self.flavour, &error),
            Ok(()) => Reply::new(201)
                .with("Docker-Content-Digest", digest)
                .with("Location", request.absolute(&format!("/v2/{name}/manifests/{digest}"))),
        }
    }

    /// What the manifest needs and the daemon does not know: the cache's word is taken for it.
    fn unknown_references(&self, name: &str, document: &Document) -> Vec<Digest> {
        let role = if document.is_index() { Role::Manifest } else { Role::Blob };
        let is_unknown = |digest: &&Digest| {
            !document.foreign.contains(digest) && self.stat_in(name, role, digest).is_err()
        };
        document.references.iter().filter(is_unknown).copied().collect()
    }

    fn tag(&self, name: &str, tag: &str, digest: &Digest) -> Result<(), StoreError> {
        self.layout.write_link(&(layout::index_entry(name, tag, digest) + "/link"), digest)?;
        self.layout.write_link(&layout::current_link(name, tag), digest)
    }

    pub(super) fn delete_manifest(&self, name: &str, reference: &ManifestReference) -> Reply {
        match reference {
            ManifestReference::Tag(_) if !self.flavour.is_3() => ErrorCode::DigestInvalid.reply(),
            // 3.0.0 and 3.1.0 delete a tag even where delete is disabled; 3.1.1 does not.
            _ if !self.delete_enabled && self.flavour != Flavour::V3_0 => ErrorCode::Unsupported.reply(),
            ManifestReference::Tag(tag) => self.untag(name, tag),
            ManifestReference::Digest(_) if !self.delete_enabled => ErrorCode::Unsupported.reply(),
            ManifestReference::Digest(digest) => match self.delete_revision(name, digest) {
                Ok(()) => Reply::new(202),
                Err(StoreError::Unknown) => ErrorCode::ManifestUnknown.reply(),
                Err(other) => broken(self.flavour, &other),
            },
        }
    }

    fn untag(&self, name: &str, tag: &str) -> Reply {
        match self.layout.delete(&layout::tag(name, tag)) {
            Ok(()) => Reply::new(202),
            Err(StoreError::PathNotFound(_)) => ErrorCode::ManifestUnknown.detail(self.unknown_tag(tag)),
            Err(other) => broken(self.flavour, &other),
        }
    }

    fn delete_revision(&self, name: &str, digest: &Digest) -> Result<(), StoreError> {
        self.clear(name, Role::Manifest, digest)?;
        for tag in self.tags_of(name, digest)? {
            self.layout.delete(&layout::tag(name, &tag))?;
        }
        Ok(())
    }

    /// OCI documents are shown only to those who ask for them; 3.x shows indexes to all. (Docker's would be
    /// converted; the sandbox serves them as they are.)
    fn refuse_media_type(&self, document: &Document, request: &RoutedRequest) -> Option<Reply> {
        let message = match document.media_type {
            OCI_MANIFEST => "OCI manifest found, but accept header does not support OCI manifests",
            OCI_INDEX if !self.flavour.is_3() => {
                "OCI index found, but accept header does not support OCI indexes"
            }
            _ => return None,
        };
        (!accepts(request, document.media_type)).then(|| ErrorCode::ManifestUnknown.message(message))
    }
}
