//! The API, request by request: statuses, error codes, details and headers.

use regfsck::adapters::sandbox::image::{Blob, Image};

use regfsck::domain::digest::Digest;
use sha2::{Digest as _, Sha512};

use super::{Transcript, compare, short};
use crate::support::daemon::{CacheKind, Daemon, Settings};
use crate::support::damage::missing;
use crate::support::raw::{Answer, Raw, blob_path, manifest_path};

const OCTETS: (&str, &str) = ("Content-Type", "application/octet-stream");

/// An answer, without what differs from run to run: dates, lengths of errors, sessions.
fn shown(what: &str, answer: &Answer) -> String {
    let names = [
        "content-type",
        "docker-content-digest",
        "docker-distribution-api-version",
        "etag",
        "accept-ranges",
        "cache-control",
        "content-range",
        "range",
        "allow",
        "link",
    ];
    let headers: Vec<_> =
        names.iter().filter_map(|name| Some(format!("{name}={}", answer.header(name)?))).collect();
    let body =
        if answer.status >= 400 || answer.header("content-type").is_some_and(|kind| kind.contains("/json")) {
            String::from_utf8_lossy(&answer.body).trim().to_owned()
        } else {
            format!("{} bytes", answer.body.len())
        };
    let json = serde_json::from_str::<serde_json::Value>(&body)
        .map_or(body, |value| without_offset(value).to_string());
    format!("{what}: {} cut={} {headers:?} {json}", answer.status, answer.cut)
}

/// Leaves out at which byte of its input the real one's decoders gave up.
fn without_offset(mut value: serde_json::Value) -> serde_json::Value {
    if let Some(detail) = value.pointer_mut("/errors/0/detail") {
        let text = detail.as_str().unwrap_or_default();
        if text.starts_with("illegal base64") {
            *detail = "invalid upload state".into();
        } else if detail.is_number() || detail.get("Offset").is_some() {
            *detail = serde_json::json!({});
        }
    }
    value
}

fn reads(daemon: &mut Daemon) -> Transcript {
    let (raw, image) = (daemon.raw(), Image::two_layers("read").unwrap());
    raw.push_image("a/img", "1", &image);
    let layer = blob_path("a/img", &image.layers[0].digest);
    let manifest = manifest_path("a/img", &image.manifest.digest.to_string());
    let mut seen = Transcript::new();
    for path in
        ["/v2/", "/v2/_catalog", "/v2/a/img/tags/list", "/v2/none/tags/list", "/v2/A/tags/list", "/elsewhere"]
    {
        seen.push(shown(path, &raw.get(path)));
        seen.push(shown(path, &raw.send("POST", path, &[], b"")));
    }
    for path in [&layer, &manifest, &manifest_path("a/img", "1")] {
        seen.push(shown("GET", &raw.get(path)));
        seen.push(shown("HEAD", &raw.head(path)));
        for etag in [image.manifest.digest, image.layers[0].digest] {
            let etag = format!("\"{etag}\"");
            let got = raw.send("GET", path, &[("If-None-Match", &etag), ("Accept", &image.media_type)], b"");
            seen.push(shown("If-None-Match", &got));
        }
        seen.push(shown("POST", &raw.send("POST", path, &[], b"")));
        seen.push(shown("no Accept", &raw.send("GET", path, &[], b"")));
    }
    for range in [
        "bytes=0-0",
        "bytes=10-99",
        "bytes=-5",
        "bytes=9999999-",
        "bytes=5-2",
        "bytes=0-9999999",
        "lines=1-2",
    ] {
        seen.push(shown(range, &raw.range(&layer, range)));
    }
    for digest in [missing().to_string(), "sha256:00".into(), "md5:00112233".into()] {
        seen.push(shown("blob", &raw.get(&format!("/v2/a/img/blobs/{digest}"))));
        seen.push(shown("manifest", &raw.get(&manifest_path("a/img", &digest))));
        seen.push(shown("DELETE blob", &raw.delete(&format!("/v2/a/img/blobs/{digest}"))));
        seen.push(shown("DELETE manifest", &raw.delete(&manifest_path("a/img", &digest))));
    }
    seen.push(shown("tag", &raw.get(&manifest_path("a/img", "none"))));
    seen.push(shown("tag HEAD", &raw.head(&manifest_path("a/img", "none"))));
    seen.push(shown("DELETE tag", &raw.delete(&manifest_path("a/img", "1"))));
    seen
}

fn uploads(daemon: &mut Daemon) -> Transcript {
    let raw = daemon.raw();
    let blob = Blob::new(b"hello, registry".to_vec());
    let session = raw.start_upload("a");
    let mut seen = vec![shown("status", &raw.get(&session))];
    let patched = raw.send("PATCH", &session, &[OCTETS], &blob.bytes[..5]);
    seen.push(shown("PATCH", &patched));
    let next = patched.header("location").unwrap().to_owned();
    seen.push(shown("status", &raw.get(&next)));
    seen.push(shown("no digest", &raw.send("PUT", &next, &[OCTETS], b"")));
    seen.push(shown("bad digest", &raw.send("PUT", &format!("{next}&digest=nonsense"), &[OCTETS], b"")));
    seen.push(shown("bad state", &raw.send("PUT", &next.replace("_state=", "_state=x"), &[OCTETS], b"")));
    let put = raw.send("PUT", &format!("{next}&digest={}", blob.digest), &[OCTETS], &blob.bytes[5..]);
    seen.push(shown("PUT", &put));
    seen.push(shown("blob", &raw.get(&blob_path("a", &blob.digest))));
    seen.push(shown("again", &raw.send("PUT", &format!("{next}&digest={}", blob.digest), &[OCTETS], b"")));
    let session = raw.start_upload("a");
    seen.push(shown(
        "mismatch",
        &raw.send("PUT", &format!("{session}&digest={}", missing()), &[OCTETS], b"x"),
    ));
    let session = raw.start_upload("a");
    seen.push(shown("cancel", &raw.delete(&session)));
    seen.push(shown("cancelled", &raw.get(&session)));
    seen.push(shown(
        "monolithic",
        &raw.send("POST", &format!("/v2/a/blobs/uploads/?digest={}", blob.digest), &[OCTETS], &blob.bytes),
    ));
    seen.push(shown(
        "mount",
        &raw.send("POST", &format!("/v2/b/blobs/uploads/?from=a&mount={}", blob.digest), &[], b""),
    ));
    seen.push(shown(
        "mount nothing",
        &raw.send("POST", &format!("/v2/b/blobs/uploads/?from=a&mount={}", missing()), &[], b""),
    ));
    seen.push(shown("empty", &{
        let session = raw.start_upload("a");
        let empty = Blob::new(Vec::new());
        raw.send("PUT", &format!("{session}&digest={}", empty.digest), &[OCTETS], b"")
    }));
    // The sessions' names are random: only what kinds of file there are counts.
    let kinds = super::files(daemon).into_iter().map(|path| {
        path.split('/')
            .enumerate()
            .filter(|(at, part)| !(part.contains('-') && *at > 4))
            .map(|(_, part)| part)
            .collect::<Vec<_>>()
            .join("/")
    });
    let mut kinds: Transcript = kinds.collect();
    kinds.sort_unstable();
    seen.extend(kinds);
    seen
}

/// Content under its SHA-512: stored under SHA-256, linked under both.
fn longer_digests(daemon: &mut Daemon) -> Transcript {
    let raw = daemon.raw();
    let blob = Blob::new(b"by another name".to_vec());
    let long = Digest::sha512(Sha512::digest(&blob.bytes).into());
    let target = format!("{}&digest={long}", raw.start_upload("a"));
    let mut seen = vec![shown("PUT", &raw.send("PUT", &target, &[OCTETS], &blob.bytes))];
    for restarted in [false, true] {
        for digest in [&long, &blob.digest] {
            seen.push(shown("HEAD", &raw.head(&blob_path("a", digest))));
            seen.push(shown("GET", &raw.get(&blob_path("a", digest))));
        }
        if !restarted {
            daemon.restart();
        }
    }
    seen.push(shown("DELETE", &raw.delete(&blob_path("a", &long))));
    seen.push(shown("HEAD", &raw.head(&blob_path("a", &long))));
    seen.push(shown("HEAD", &raw.head(&blob_path("a", &blob.digest))));
    seen.extend(super::files(daemon));
    seen
}

#[test]
fn two_names_for_one_blob() {
    compare("sha512", &Settings::default(), longer_digests);
}

fn puts(daemon: &mut Daemon) -> Transcript {
    let (raw, image) = (daemon.raw(), Image::two_layers("put").unwrap());
    let put = |what: &str, reference: &str, blob: &Blob, kind: &str| {
        shown(what, &raw.put_manifest("a", reference, blob, kind))
    };
    let kind = image.media_type.as_str();
    let mut seen = vec![put("nothing there", "1", &image.manifest, kind)];
    raw.upload("a", &image.config);
    raw.upload("a", &image.layers[1]);
    seen.push(put("one missing", "1", &image.manifest, kind));
    raw.upload("a", &image.layers[0]);
    seen.push(put("wrong digest", &missing().to_string(), &image.manifest, kind));
    seen.push(put(
        "wrong type",
        "1",
        &image.manifest,
        "application/vnd.docker.distribution.manifest.v2+json",
    ));
    seen.push(put("no type", "1", &image.manifest, "text/plain"));
    seen.push(put("not JSON", "1", &Blob::new(b"{".to_vec()), kind));
    seen.push(put("by tag", "1", &image.manifest, kind));
    seen.push(put("by digest", &image.manifest.digest.to_string(), &image.manifest, kind));
    let other = Image::two_layers("unknown").unwrap();
    let (index, kind) = Image::index(&[image.clone(), other]).unwrap();
    seen.push(put("an unknown child", "x", &index, &kind));
    seen.push(shown("nothing stored of it", &raw.get(&manifest_path("a", "x"))));
    let (index, kind) = Image::index(&[image]).unwrap();
    seen.push(put("an index", "x", &index, &kind));
    seen.push(shown("index", &raw.get(&manifest_path("a", "x"))));
    seen.push(shown("index, no Accept", &raw.send("GET", &manifest_path("a", "x"), &[], b"")));
    let docker = Image::two_layers("put").unwrap().into_docker();
    seen.push(put("Docker's", "docker", &docker.manifest, &docker.media_type));
    seen.push(shown("Docker's", &raw.get(&manifest_path("a", "docker"))));
    let by_digest = manifest_path("a", &docker.manifest.digest.to_string());
    seen.push(shown("Docker's by digest, no Accept", &raw.send("GET", &by_digest, &[], b"")));
    seen.push(short(&index.digest));
    seen
}

fn lists(daemon: &mut Daemon) -> Transcript {
    let (raw, image) = (daemon.raw(), Image::two_layers("list").unwrap());
    let mut seen = vec![shown("empty", &raw.get("/v2/_catalog"))];
    for name in ["a", "a/b", "b", "c/d/e", "c-d"] {
        raw.push_image(name, "1", &image);
    }
    for query in
        ["", "?n=2", "?n=1&last=a", "?last=b", "?n=0", "?n=1001", "?n=nonsense", "?n=-1", "?n=5", "?n=4"]
    {
        seen.push(shown(query, &raw.get(&format!("/v2/_catalog{query}"))));
    }
    seen
}

fn writes(raw: &Raw, image: &Image) -> Transcript {
    let digest = image.manifest.digest.to_string();
    vec![
        shown("POST", &raw.send("POST", "/v2/a/blobs/uploads/", &[], b"")),
        shown("PUT", &raw.put_manifest("a", "1", &image.manifest, &image.media_type)),
        shown("DELETE", &raw.delete(&manifest_path("a", &digest))),
        shown("DELETE blob", &raw.delete(&blob_path("a", &image.config.digest))),
    ]
}

fn refusals(daemon: &mut Daemon) -> Transcript {
    let image = Image::two_layers("refused").unwrap();
    writes(&daemon.raw(), &image)
}

fn deletes(daemon: &mut Daemon) -> Transcript {
    let (raw, image) = (daemon.raw(), Image::two_layers("deleted").unwrap());
    let (_, put) = raw.push_image("a", "1", &image);
    let mut seen = vec![put.status.to_string()];
    if put.status == 201 {
        seen.extend(writes(&raw, &image).into_iter().skip(2));
        seen.extend(super::incident::look(&raw, "a", &image));
    }
    seen
}

#[test]
fn reading() {
    compare("reading", &Settings::default(), reads);
}

#[test]
fn uploading() {
    compare("uploading", &Settings::default(), uploads);
}

#[test]
fn putting_manifests() {
    compare("putting manifests", &Settings::default(), puts);
    compare("putting manifests, no cache", &Settings::with_cache(CacheKind::None), puts);
}

#[test]
fn listing() {
    compare("listing", &Settings::default(), lists);
}

#[test]
fn refusing() {
    compare("read-only", &Settings { read_only: true, ..Settings::default() }, refusals);
    compare("no delete", &Settings { delete: false, ..Settings::default() }, deletes);
    compare("delete", &Settings::default(), deletes);
}
