//! Suspects handed in as text: lists, what garbage collection printed, logs. Detected line by line.
//!
//! | line | suspect |
//! |---|---|
//! | `team/app@sha256:…`, with a host or a tag too | the pair |
//! | `sha256:…`, or its 64 digits alone | the digest, in any repository |
//! | `blob eligible for deletion: sha256:…` | the digest, in any repository |
//! | `manifest eligible for deletion: sha256:…` (2.x) | the digest, in the repository being marked |
//! | `manifest eligible for deletion: {team/app sha256:… [tags]}` (3.x) | the pair |
//! | `team/app: layer link eligible for deletion: sha256:…` (3.x) | the pair |
//! | `… msg="Deleting blob: /docker/registry/v2/blobs/sha256/ab/ab…"` and other paths in storage | the digest, or the pair |
//! | an access log's `/v2/team/app/blobs/sha256:…`, `…/manifests/sha256:…`, `…&digest=sha256%3A…` | the pair |
//! | `blobs::sha256:…`, `repository::team/app::blobs::sha256:…` (keys of Redis) | the digest, or the pair |
//!
//! A dry run prints the same lines as garbage collection itself. Whatever stands before them (a time, a
//! container's name) does not matter.

mod path;

use std::collections::BTreeSet;

use super::digest::{Algorithm, Digest};
use super::name::RepositoryName;
use path::{digest_at, paths};

/// How many lines that were not understood are kept to be shown.
const EXAMPLES: usize = 5;
/// How much is kept of each.
const SHOWN: usize = 120;

/// A digest about which the views may disagree, in a repository where that is known.
pub type Suspect = (Option<RepositoryName>, Digest);

/// What a text names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suspects {
    /// The suspects, each once.
    pub pairs: BTreeSet<Suspect>,
    /// How many lines there were.
    pub lines: u64,
    /// How many of them were not understood. Lines that are understood and name nothing do not count.
    pub not_understood: u64,
    /// The first of those: their numbers, from 1, and how they begin.
    pub examples: Vec<(u64, String)>,
}

/// Reads a text line by line.
#[derive(Debug, Default)]
pub struct SuspectText {
    found: Suspects,
    /// The repository that garbage collection is marking.
    marking: Option<RepositoryName>,
    /// Lines that are a repository's name and nothing else: part of what garbage collection prints.
    names: Vec<(u64, String)>,
    name_count: u64,
    is_collection: bool,
}

/// What a line says.
enum Meaning {
    Suspects(Vec<Suspect>),
    Nothing,
    NotUnderstood,
}

impl SuspectText {
    /// Take the next line.
    pub fn line(&mut self, line: &str) {
        self.found.lines += 1;
        let line = line.trim();
        if is_only_name(line) {
            self.marking = line.parse().ok();
            self.name_count += 1;
            keep(&mut self.names, self.found.lines, line);
            return;
        }
        match self.read(line) {
            Meaning::Suspects(pairs) => self.found.pairs.extend(pairs),
            Meaning::Nothing => {}
            Meaning::NotUnderstood => self.skip(line),
        }
    }

    /// Count a line that cannot be read, such as one that is too long.
    pub fn unreadable(&mut self, start: &str) {
        self.found.lines += 1;
        self.skip(start);
    }

    fn skip(&mut self, line: &str) {
        self.found.not_understood += 1;
        keep(&mut self.found.examples, self.found.lines, line);
    }

    /// All that was found.
    #[must_use]
    pub fn finish(mut self) -> Suspects {
        if !self.is_collection {
            self.found.not_understood += self.name_count;
            self.found.examples.extend(self.names);
            self.found.examples.sort();
            self.found.examples.truncate(EXAMPLES);
        }
        self.found
    }

    fn read(&mut self, line: &str) -> Meaning {
        if line.is_empty() || line.starts_with('#') {
            return Meaning::Nothing;
        }
        if let Some(meaning) = self.collection(line) {
            self.is_collection = true;
            return meaning;
        }
        let pairs = key(line).or_else(|| pair(line)).map(|pair| vec![pair]);
        let pairs = pairs.unwrap_or_else(|| paths(line));
        if !pairs.is_empty() {
            return if is_denied(line) { Meaning::Nothing } else { Meaning::Suspects(pairs) };
        }
        if is_log(line) { Meaning::Nothing } else { Meaning::NotUnderstood }
    }

    /// What a line of garbage collection's own output says, if it is one.
    fn collection(&mut self, line: &str) -> Option<Meaning> {
        if let Some((before, digest)) = line.split_once(": layer link eligible for deletion: ") {
            return Some(one(last_word(before).parse().ok(), digest));
        }
        if let Some((_, digest)) = line.split_once("blob eligible for deletion: ") {
            return Some(one(None, digest));
        }
        if let Some((_, what)) = line.split_once("manifest eligible for deletion: ") {
            return Some(self.manifest(what));
        }
        if let Some((before, _)) = line.split_once(": marking ") {
            self.marking = last_word(before).parse().ok().or_else(|| self.marking.take());
            return Some(Meaning::Nothing);
        }
        let is_other = line.contains(" blobs marked, ")
            || line.contains("manifest tags path of repository ")
            || line.starts_with("failed to garbage collect: ");
        is_other.then_some(Meaning::Nothing)
    }

    fn manifest(&self, what: &str) -> Meaning {
        let Some(inner) = what.strip_prefix('{') else { return one(self.marking.clone(), what) };
        let mut words = inner.split(' ');
        let repository = words.next().and_then(|name| name.parse().ok());
        one(repository, words.next().unwrap_or_default())
    }
}

fn keep(lines: &mut Vec<(u64, String)>, number: u64, line: &str) {
    if lines.len() < EXAMPLES {
        let printable = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
        lines.push((number, printable.take(SHOWN).collect()));
    }
}

/// A SHA-256 sum without its algorithm, as `sha256sum` and storage's folders have it.
fn bare_hex(line: &str) -> Option<Digest> {
    Digest::from_hex(Algorithm::Sha256, line.as_bytes())
}

/// Garbage collection prints each repository's name on a line of its own before it marks it.
fn is_only_name(line: &str) -> bool {
    line.parse::<RepositoryName>().is_ok() && bare_hex(line).is_none()
}

fn last_word(text: &str) -> &str {
    text.rsplit(char::is_whitespace).next().unwrap_or(text)
}

fn one(repository: Option<RepositoryName>, text: &str) -> Meaning {
    match digest_at(text) {
        Some(digest) => Meaning::Suspects(vec![(repository, digest)]),
        None => Meaning::NotUnderstood,
    }
}

/// A key of the daemon's cache in Redis.
fn key(line: &str) -> Option<Suspect> {
    if let Some(digest) = line.strip_prefix("blobs::") {
        return Some((None, digest.parse().ok()?));
    }
    let (repository, digest) = line.strip_prefix("repository::")?.split_once("::blobs::")?;
    Some((Some(repository.parse().ok()?), digest.parse().ok()?))
}

/// `sha256:…`, or `repository@sha256:…` with a host or a tag too.
fn pair(line: &str) -> Option<Suspect> {
    let Some((name, digest)) = line.split_once('@') else {
        return Some((None, line.parse().ok().or_else(|| bare_hex(line))?));
    };
    let digest = digest.parse().ok()?;
    let untagged = match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    };
    let whole = untagged.parse().ok();
    let repository = whole.or_else(|| untagged.split_once('/')?.1.parse().ok())?;
    Some((Some(repository), digest))
}

/// Whether the line is of a request that was refused, so that it says nothing about a claim. A 404 of a
/// manifest does not count: that is how a phantom manifest is answered.
fn is_denied(line: &str) -> bool {
    let Some(status) = status(line) else { return false };
    let may_be_phantom = status == 404 && line.contains("/manifests/");
    (400..500).contains(&status) && !may_be_phantom
}

/// The status of an access log's line.
fn status(line: &str) -> Option<u16> {
    let marks = [
        "http.response.status=",
        "\"http.response.status\":",
        " HTTP/1.1\" ",
        " HTTP/2.0\" ",
        " HTTP/1.0\" ",
    ];
    let after = marks.iter().find_map(|mark| line.split_once(mark))?.1.trim_start();
    after.get(..3)?.parse().ok()
}

/// Whether the line is of a log, so that it may well name nothing.
fn is_log(line: &str) -> bool {
    line.contains("level=") && line.contains("msg=")
        || line.contains("\"level\":") && line.contains("\"msg\":")
        || [" HTTP/1.1\" ", " HTTP/2.0\" ", " HTTP/1.0\" "].iter().any(|mark| line.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_line_is_a_crash(before in ".{0,40}", after in ".{0,40}", mark in "/v2/|@|: layer link eligible for deletion: |manifest eligible for deletion: \\{|HTTP/1.1\" |blobs::|digest=sha256%3A") {
            read(&format!("{before}{mark}{after}"));
        }
    }

    fn read(text: &str) -> Suspects {
        let mut reader = SuspectText::default();
        text.lines().for_each(|line| reader.line(line));
        reader.finish()
    }

    fn hex(fill: &str) -> String {
        fill.repeat(32)
    }

    /// What one line names: `repository@fill`, where `fill` is the digest's first two digits.
    fn named(line: &str) -> Vec<String> {
        let found = read(line);
        let show = |(repository, digest): &Suspect| {
            let repository = repository.as_ref().map_or("*", RepositoryName::as_str);
            format!("{repository}@{}", &digest.hex()[..2])
        };
        let mut named: Vec<_> = found.pairs.iter().map(show).collect();
        if found.not_understood > 0 {
            named.push("?".into());
        }
        named
    }

    #[test]
    fn lists_are_read() {
        let a = hex("aa");
        for (line, expected) in [
            (format!("team/app@sha256:{a}"), "team/app@aa"),
            (format!("  team/app:1.0@sha256:{a} "), "team/app@aa"),
            (format!("127.0.0.1:5000/team/app@sha256:{a}"), "team/app@aa"),
            (format!("127.0.0.1:5000/team/app:1.0@sha256:{a}"), "team/app@aa"),
            (format!("sha256:{a}"), "*@aa"),
            (format!("sha512:{a}{a}"), "*@aa"),
            (a.clone(), "*@aa"),
            (format!("blobs::sha256:{a}"), "*@aa"),
            (format!("repository::team/app::blobs::sha256:{a}"), "team/app@aa"),
        ] {
            assert_eq!(named(&line), [expected], "{line}");
        }
        for line in ["", "# a comment"] {
            assert_eq!(named(line), [""; 0], "{line}");
        }
        for line in ["word", "sha256:abc", "a@b", "repository::team/app::blobs", "Ünsinn"] {
            assert_eq!(named(line), ["?"], "{line}");
        }
        assert_eq!(named(&format!("UPPER@sha256:{a}")), ["?"]);
    }

    #[test]
    fn garbage_collection_of_every_version_is_read() {
        let (a, b) = (hex("aa"), hex("bb"));
        for (line, expected) in [
            (format!("blob eligible for deletion: sha256:{a}"), "*@aa"),
            (format!("2026-01-02T03:04:05Z stdout F blob eligible for deletion: sha256:{a}"), "*@aa"),
            (format!("manifest eligible for deletion: {{team/app sha256:{a} [1 2]}}"), "team/app@aa"),
            (format!("team/app: layer link eligible for deletion: sha256:{a}"), "team/app@aa"),
            (
                format!(
                    r#"time="…" level=info msg="Deleting blob: /docker/registry/v2/blobs/sha256/aa/{a}" go.version=go1"#
                ),
                "*@aa",
            ),
            (
                format!(
                    r#"level=info msg="Deleting layer link path: /docker/registry/v2/repositories/team/app/_layers/sha256/{a}/link""#
                ),
                "team/app@aa",
            ),
            (
                format!(
                    r#"{{"level":"info","msg":"deleting manifest: /docker/registry/v2/repositories/team/app/_manifests/revisions/sha256/{a}","time":"…"}}"#
                ),
                "team/app@aa",
            ),
            (
                format!(
                    r#"level=info msg="deleting manifest tag reference: /docker/registry/v2/repositories/team/app/_manifests/tags/1/index/sha256/{a}""#
                ),
                "team/app@aa",
            ),
        ] {
            assert_eq!(named(&line), [expected], "{line}");
        }
        let text = format!(
            "other\nteam/app\nteam/app: marking manifest sha256:{b} \nmanifest eligible for deletion: sha256:{a}\n\n\
             3 blobs marked, 6 blobs and 1 manifests eligible for deletion"
        );
        assert_eq!(named(&text), ["team/app@aa"]);
        assert_eq!(named("blob eligible for deletion: sha256:aa"), ["?"]);
    }

    #[test]
    fn access_logs_are_read() {
        let a = hex("aa");
        let combined = |request: &str, status: u16| {
            format!(
                r#"127.0.0.1 - - [23/Nov/2026:03:19:55 +0000] "{request} HTTP/1.1" {status} 157 "" "skopeo/1.9.3""#
            )
        };
        for (line, expected) in [
            (combined(&format!("HEAD /v2/team/app/blobs/sha256:{a}"), 200), "team/app@aa"),
            (combined(&format!("GET /v2/team/app/manifests/sha256:{a}"), 404), "team/app@aa"),
            (
                combined(
                    &format!("PUT /prefix/v2/team/app/blobs/uploads/89b9?_state=x&digest=sha256%3A{a}"),
                    201,
                ),
                "team/app@aa",
            ),
            (
                combined(&format!("POST /v2/team/app/blobs/uploads/?mount=sha256:{a}&from=other"), 201),
                "team/app@aa",
            ),
            (
                format!(
                    r#"level=info msg="response completed" http.request.uri="/v2/team/app/blobs/sha256:{a}" http.response.status=206"#
                ),
                "team/app@aa",
            ),
            (
                format!(
                    r#"{{"http.request.uri":"/v2/a/blobs/uploads/1?_state=x\u0026digest=sha256%3A{a}","http.response.status":201,"level":"info","msg":"response completed"}}"#
                ),
                "a@aa",
            ),
            (
                format!(
                    r#"level=error msg="unknown error" err.detail="filesystem: Path not found: /docker/registry/v2/blobs/sha256/aa/{a}/data" http.request.uri="/v2/a/blobs/sha256:{a}" http.response.status=200"#
                ),
                "a@aa",
            ),
        ] {
            assert_eq!(named(&line), [expected], "{line}");
        }
        for line in [
            combined(&format!("HEAD /v2/team/app/blobs/sha256:{a}"), 404),
            combined(&format!("GET /v2/team/app/manifests/sha256:{a}"), 401),
            combined("PUT /v2/team/app/manifests/1", 201),
            combined("GET /v2/", 200),
            r#"time="…" level=info msg="listening on 127.0.0.1:5000""#.to_owned(),
        ] {
            assert_eq!(named(&line), [""; 0], "{line}");
        }
    }
}
