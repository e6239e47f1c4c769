//! Suspects handed in as text: lists, what garbage collection printed, logs. Detected line by line.
//!
//! | line | suspect |
//! |---|---|
//! | `team/app@sha256:…`, with a host or a tag too | the pair |
//! | `sha256:…`, or its 64 digits alone | the digest, in any repository |
//! | `blob eligible for deletion: sha256:…` | the digest, in any repository |
//! | `manifest eligible for deletion: sha256:…` (2.x) | a manifest, in the repository being marked |
//! | `manifest eligible for deletion: {team/app sha256:… [tags]}` (3.x) | a manifest, in that repository |
//! | `manifest eligible for deletion: team/app@sha256:…` | the same |
//! | `team/app: layer link eligible for deletion: sha256:…` (3.x) | a layer, in that repository |
//! | `… msg="Deleting blob: /docker/registry/v2/blobs/sha256/ab/ab…"` and other paths in storage | the digest, or the pair, of the kind that the path tells |
//! | an access log's `/v2/team/app/blobs/sha256:…`, `…/manifests/sha256:…`, `…&digest=sha256%3A…` | the pair, of that kind |
//! | `blobs::sha256:…`, `repository::team/app::blobs::sha256:…` (keys of Redis) | the digest, or the pair |
//!
//! A dry run prints the same lines as garbage collection itself. Whatever stands before them (a time, a
//! container's name) does not matter.

mod path;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::digest::{Algorithm, Digest};
use super::name::RepositoryName;
use path::{digest_at, paths};

/// How many lines that were not understood are kept to be shown.
const EXAMPLES: usize = 5;
/// How much is kept of each.
const SHOWN: usize = 120;

/// What a suspect is known to be. What knows more is greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuspectKind {
    /// Content of any kind.
    #[default]
    Content,
    /// A config or layer: the daemon may claim it.
    Layer,
    /// A manifest: the daemon may believe in it, and is asked about that in another way.
    Manifest,
}

/// A digest about which the views may disagree; without a repository, in whichever holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Suspect {
    /// The repository, where it is known.
    pub repository: Option<RepositoryName>,
    /// The content.
    pub digest: Digest,
    /// What it is, where that is known.
    pub kind: SuspectKind,
}

impl Suspect {
    /// A suspect of that kind.
    #[must_use]
    pub const fn new(repository: Option<RepositoryName>, digest: Digest, kind: SuspectKind) -> Self {
        Self { repository, digest, kind }
    }
}

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
            return Some(one(last_word(before).parse().ok(), digest, SuspectKind::Layer));
        }
        if let Some((_, digest)) = line.split_once("blob eligible for deletion: ") {
            return Some(one(None, digest, SuspectKind::Content));
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
        let words = what.trim_start_matches('{');
        let (repository, digest) = match words.split_once(['@', ' ']) {
            Some((name, digest)) if digest_at(name).is_none() => (name.parse().ok(), digest),
            Some(_) | None => (self.marking.clone(), words),
        };
        one(repository, digest, SuspectKind::Manifest)
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

fn one(repository: Option<RepositoryName>, text: &str, kind: SuspectKind) -> Meaning {
    match digest_at(text) {
        Some(digest) => Meaning::Suspects(vec![Suspect::new(repository, digest, kind)]),
        None => Meaning::NotUnderstood,
    }
}

/// A key of the daemon's cache in Redis.
fn key(line: &str) -> Option<Suspect> {
    if let Some(digest) = line.strip_prefix("blobs::") {
        return Some(Suspect::new(None, digest.parse().ok()?, SuspectKind::Content));
    }
    let (repository, digest) = line.strip_prefix("repository::")?.split_once("::blobs::")?;
    Some(Suspect::new(Some(repository.parse().ok()?), digest.parse().ok()?, SuspectKind::Content))
}

/// `sha256:…`, or `repository@sha256:…` with a host or a tag too.
fn pair(line: &str) -> Option<Suspect> {
    let Some((name, digest)) = line.split_once('@') else {
        let digest = line.parse().ok().or_else(|| bare_hex(line))?;
        return Some(Suspect::new(None, digest, SuspectKind::Content));
    };
    let digest = digest.parse().ok()?;
    let untagged = match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    };
    let whole = untagged.parse().ok();
    let repository = whole.or_else(|| untagged.split_once('/')?.1.parse().ok())?;
    Some(Suspect::new(Some(repository), digest, SuspectKind::Content))
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
mod tests;
