//! From an HTTP request to a handler. Repository names hold slashes, so paths are parsed by hand.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use url::form_urlencoded;

use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;

use super::reply::{ErrorCode, JSON, Reply};
use super::store::Store;

/// A request, fully received.
#[derive(Debug)]
pub(super) struct RoutedRequest {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl RoutedRequest {
    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }

    /// A query parameter, decoded.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.uri.query().unwrap_or_default();
        let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// A path as the client can reach it.
    pub(super) fn absolute(&self, path: &str) -> String {
        format!("http://{}{path}", self.header("host").unwrap_or("127.0.0.1"))
    }
}

/// A tag or a digest: what stands behind `/manifests/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ManifestReference {
    Tag(String),
    Digest(Digest),
}

#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    Base,
    Catalog,
    Tags,
    Manifest(ManifestReference),
    Blob(Digest),
    NewUpload,
    Upload(&'a str),
}

/// Why a path leads nowhere.
#[derive(Debug, PartialEq, Eq)]
enum Dead {
    NoRoute,
    BadDigest,
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=128).contains(&text.len())
        && text.starts_with(word)
        && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

/// A digest's shape is the router's business, its length and letters the handler's.
fn parse_digest(text: &str) -> Result<Digest, Dead> {
    let is_shaped = text.split_once(':').is_some_and(|(name, hex)| {
        let in_name = |c: char| c.is_ascii_alphanumeric() || "-_+.".contains(c);
        !name.is_empty()
            && name.chars().all(in_name)
            && !hex.is_empty()
            && hex.chars().all(|c| c.is_ascii_hexdigit())
    });
    if is_shaped { text.parse().map_err(|_refused| Dead::BadDigest) } else { Err(Dead::NoRoute) }
}

/// Splits a path into the repository's name (empty for none) and what is asked of it.
fn parse(path: &str) -> Result<(&str, Target<'_>), Dead> {
    let rest = path.strip_prefix("/v2/").ok_or(Dead::NoRoute)?;
    match rest {
        "" => return Ok(("", Target::Base)),
        "_catalog" => return Ok(("", Target::Catalog)),
        _ => {}
    }
    let (head, last) = rest.rsplit_once('/').ok_or(Dead::NoRoute)?;
    let (name, target) = if let Some(name) = head.strip_suffix("/tags").filter(|_| last == "list") {
        (name, Target::Tags)
    } else if let Some(name) = head.strip_suffix("/manifests") {
        let reference = if is_tag(last) {
            ManifestReference::Tag(last.to_owned())
        } else {
            // What only looks like a digest is taken for a tag.
            match parse_digest(last) {
                Ok(digest) => ManifestReference::Digest(digest),
                Err(Dead::BadDigest) => ManifestReference::Tag(last.to_owned()),
                Err(Dead::NoRoute) => return Err(Dead::NoRoute),
            }
        };
        (name, Target::Manifest(reference))
    } else if let Some(name) = head.strip_suffix("/blobs/uploads") {
        (name, if last.is_empty() { Target::NewUpload } else { Target::Upload(last) })
    } else {
        (head.strip_suffix("/blobs").ok_or(Dead::NoRoute)?, Target::Blob(parse_digest(last)?))
    };
    match name.parse::<RepositoryName>() {
        Ok(_) => Ok((name, target)),
        Err(_) => Err(Dead::NoRoute),
    }
}

const READ: &str = "GET, HEAD";

impl Store {
    /// Answers one request.
    pub(super) fn answer(&self, request: &RoutedRequest, read_only: bool) -> Reply {
        let reply = self.route(request, read_only);
        if self.flavour.is_3() { reply.with_json_of_3() } else { reply }
    }

    fn route(&self, request: &RoutedRequest, read_only: bool) -> Reply {
        let (name, target) = match parse(request.uri.path()) {
            Ok(parsed) => parsed,
            Err(Dead::NoRoute) => return Reply::not_found(),
            Err(Dead::BadDigest) => {
                return ErrorCode::DigestInvalid.cause(self.flavour, "invalid checksum digest length");
            }
        };
        let method = request.method.as_str();
        let refuse =
            |writable: &'static str| Reply::method_not_allowed(if read_only { READ } else { writable });
        match (target, method) {
            (Target::Base, _) => Reply::new(200).with_body(JSON, b"{}".to_vec()),
            (Target::Catalog, "GET") => self.list_repositories(request),
            (Target::Tags, "GET") => self.list_tags(name, request),
            (Target::Catalog | Target::Tags, _) => Reply::method_not_allowed("GET"),
            (Target::Blob(digest), "GET" | "HEAD") => self.get_blob(name, &digest, request),
            (Target::Blob(digest), "DELETE") if !read_only => self.delete_blob(name, &digest),
            (Target::Blob(_), _) => refuse("DELETE, GET, HEAD"),
            (Target::Manifest(reference), "GET" | "HEAD") => self.get_manifest(name, &reference, request),
            (Target::Manifest(reference), "PUT") if !read_only => {
                self.put_manifest_request(name, &reference, request)
            }
            (Target::Manifest(reference), "DELETE") if !read_only => self.delete_manifest(name, &reference),
            (Target::Manifest(_), _) => refuse("DELETE, GET, HEAD, PUT"),
            (Target::NewUpload, "POST") if !read_only => self.start_upload(name, request),
            (Target::NewUpload, _) => refuse("POST"),
            (Target::Upload(uuid), "GET" | "HEAD") => self.resume_upload(name, uuid, request),
            (Target::Upload(uuid), "PATCH" | "PUT" | "DELETE") if !read_only => {
                self.resume_upload(name, uuid, request)
            }
            (Target::Upload(_), _) => refuse("DELETE, GET, HEAD, PATCH, PUT"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_from_the_end() {
        let digest: Digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        for (path, expected) in [
            ("/v2/", Ok(("", Target::Base))),
            ("/v2/_catalog", Ok(("", Target::Catalog))),
            ("/v2/a/b/tags/list", Ok(("a/b", Target::Tags))),
            ("/v2/a/manifests/1.0", Ok(("a", Target::Manifest(ManifestReference::Tag("1.0".into()))))),
            ("/v2/a/blobs/uploads/", Ok(("a", Target::NewUpload))),
            ("/v2/a/blobs/uploads/x-1", Ok(("a", Target::Upload("x-1")))),
            ("/v2/a/blobs/sha256:00", Err(Dead::BadDigest)),
            ("/v2/A/tags/list", Err(Dead::NoRoute)),
            ("/elsewhere", Err(Dead::NoRoute)),
        ] {
            assert_eq!(parse(path), expected, "{path}");
        }
        let path = format!("/v2/manifests/blobs/{digest}");
        assert_eq!(parse(&path), Ok(("manifests", Target::Blob(digest))));
    }
}
