//! Blobs: HEAD, GET with ranges, DELETE.
//!
//! What is claimed comes from the cache, what is sent comes from storage. Where the two differ the
//! daemon announces the remembered length, sends what there is and cuts the connection.

use crate::domain::digest::Digest;

use super::layout::{self, StoreError};
use super::reply::{ErrorCode, Reply, broken};
use super::routes::RoutedRequest;
use super::store::{Role, Store};

/// A `Range` header, against a size in bytes.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Everything,
    Part { start: u64, length: u64 },
    Unsatisfiable,
    Malformed,
}

/// Reads a header of one range; several ranges are answered with everything.
fn parse_range(header: Option<&str>, size: u64) -> Wanted {
    let Some(header) = header else { return Wanted::Everything };
    let Some((from, to)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Malformed;
    };
    if to.contains(',') {
        return Wanted::Everything;
    }
    let (start, end) = match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(start), Ok(end)) if start <= end => (start, end.saturating_add(1).min(size)),
        (Ok(start), Err(_)) if to.trim().is_empty() => (start, size),
        (Err(_), Ok(suffix)) if from.trim().is_empty() => (size.saturating_sub(suffix), size),
        _ => return Wanted::Malformed,
    };
    if start < size && start < end {
        Wanted::Part { start, length: end - start }
    } else {
        Wanted::Unsatisfiable
    }
}

/// Whether an `If-None-Match` header names the digest.
fn matches_etag(header: Option<&str>, digest: &Digest) -> bool {
    let is_it =
        |tag: &str| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == digest.to_string();
    header.is_some_and(|header| header.split(',').map(str::trim).any(is_it))
}

impl Store {
    pub(super) fn get_blob(&self, name: &str, digest: &Digest, request: &RoutedRequest) -> Reply {
        match self.stat_in(name, Role::Blob, digest) {
            Err(StoreError::Unknown) => ErrorCode::BlobUnknown.detail(digest.to_string()),
            Err(other) => broken(self.flavour, &other),
            Ok(known) => self.serve(name, &known.digest, request).unwrap_or_else(|error| {
                // Known to the repository, but not to the registry: distribution gives no 404 for this.
                broken(self.flavour, &error)
            }),
        }
    }

    /// Serves a blob by its canonical digest: looks it up twice more, as distribution does.
    fn serve(&self, name: &str, digest: &Digest, request: &RoutedRequest) -> Result<Reply, StoreError> {
        let canonical = self.stat_in(name, Role::Blob, digest)?;
        let known = self.stat(&canonical.digest)?;
        let common = |status| {
            Reply::new(status)
                .with("Docker-Content-Digest", known.digest)
                .with("ETag", format!("\"{}\"", known.digest))
                .with("Cache-Control", "max-age=31536000")
        };
        if matches_etag(request.header("if-none-match"), &known.digest) {
            return Ok(common(304));
        }
        let wanted = match (parse_range(request.header("range"), known.size), self.flavour.is_3()) {
            // Newer Go ignores a range of nothing, older Go refuses it.
            (Wanted::Unsatisfiable, true) if known.size == 0 => Wanted::Everything,
            (wanted, _) => wanted,
        };
        let (status, start, length) = match wanted {
            Wanted::Everything => (200, 0, known.size),
            Wanted::Part { start, length } => (206, start, length),
            Wanted::Unsatisfiable => {
                let reply = self.refuse_range(common(416), known.size, "invalid range: failed to overlap");
                return Ok(reply.with("Content-Range", format!("bytes */{}", known.size)));
            }
            Wanted::Malformed => return Ok(self.refuse_range(common(416), known.size, "invalid range")),
        };
        let mut reply = common(status).with("Accept-Ranges", "bytes").with("Content-Length", length);
        if status == 206 {
            let range = format!("bytes {start}-{}/{}", start + length.saturating_sub(1), known.size);
            reply = reply.with("Content-Range", range);
        }
        let body = if request.is_head() {
            Vec::new()
        } else {
            self.layout.read_part(&layout::data(&known.digest), start, length).to_vec()
        };
        reply.is_cut = !request.is_head() && (body.len() as u64) < length;
        Ok(reply.with_body("application/octet-stream", body))
    }

    /// Older Go announces the blob's length for the error's text as well, and so cuts the connection.
    fn refuse_range(&self, common: Reply, size: u64, why: &str) -> Reply {
        let mut reply = common.with_body("text/plain; charset=utf-8", format!("{why}\n").into_bytes());
        if !self.flavour.is_3() && (reply.body.len() as u64) < size {
            reply = reply.with("Content-Length", size);
            reply.is_cut = true;
        }
        reply
    }

    pub(super) fn delete_blob(&self, name: &str, digest: &Digest) -> Reply {
        if !self.delete_enabled {
            return ErrorCode::Unsupported.reply();
        }
        match self.clear(name, Role::Blob, digest) {
            Ok(()) => Reply::new(202),
            Err(StoreError::Unknown) => ErrorCode::BlobUnknown.reply(),
            Err(other) => broken(self.flavour, &other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_go_reads_them() {
        let part = |start, length| Wanted::Part { start, length };
        for (header, size, expected) in [
            (None, 10, Wanted::Everything),
            (Some("bytes=0-0"), 10, part(0, 1)),
            (Some("bytes=5-"), 10, part(5, 5)),
            (Some("bytes=-3"), 10, part(7, 3)),
            (Some("bytes=8-99"), 10, part(8, 2)),
            (Some("bytes=10-"), 10, Wanted::Unsatisfiable),
            (Some("bytes=0-0"), 0, Wanted::Unsatisfiable),
            (Some("lines=1-2"), 10, Wanted::Malformed),
            (Some("bytes=5-2"), 10, Wanted::Malformed),
        ] {
            assert_eq!(parse_range(header, size), expected, "{header:?} of {size}");
        }
    }
}
