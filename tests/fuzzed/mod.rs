//! Every parser of what others wrote, each as a function that takes any bytes: for `fuzz/`, and for the tests beside this.
//!
//! A target fails by panicking. Beside not panicking, what is read must keep what the rest of the program relies on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a target fails by panicking"
)]

#[cfg(test)]
mod mutator;
#[cfg(test)]
mod replay;

use std::cell::OnceCell;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use url::Url;

use crate::adapters::config::RegistryConfig;
use crate::adapters::files::PrivateFolder;
use crate::adapters::registry::Address;
use crate::adapters::{cache, credentials, journal, registry, snapshot, source, storage, suspects};
use crate::domain::cache_key::CacheKey;
use crate::domain::digest::Digest;
use crate::domain::layout::Place;
use crate::domain::manifest;
use crate::domain::plan::Plan;
use crate::domain::report::Report;
use crate::report::visible;

/// A parser, fed with any bytes.
pub type Target = fn(&[u8]);

/// All of them, by their names.
pub const TARGETS: [(&str, Target); 16] = [
    ("manifest", manifest),
    ("link", link),
    ("place", place),
    ("challenge", challenge),
    ("link_header", link_header),
    ("location", location),
    ("error_body", error_body),
    ("config", config),
    ("auth_file", auth_file),
    ("suspects", suspects),
    ("snapshot", snapshot),
    ("journal", journal),
    ("plan", plan),
    ("tar", tar),
    ("redis", redis),
    ("redis_value", redis_value),
];

/// A folder of this thread's own, for what is read from files.
fn with_folder<T>(use_it: impl FnOnce(&Path) -> T) -> T {
    thread_local!(static FOLDER: OnceCell<TempDir> = const { OnceCell::new() });
    FOLDER.with(|folder| use_it(folder.get_or_init(|| tempfile::tempdir().unwrap()).path()))
}

fn file(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("fuzzed");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A manifest or an index.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = manifest::parse(bytes) {
        let named = manifest.needs.len() + manifest.children.len();
        assert!(named <= bytes.len(), "it names no more than it holds");
    }
}

/// A link file. What it says is shown, so nothing hidden may be in that.
pub fn link(bytes: &[u8]) {
    match storage::link(bytes) {
        Ok(digest) => assert_eq!(digest.to_string().as_bytes(), bytes, "only a digest is one"),
        Err(start) => assert_eq!(visible(&start), &*start, "it can be shown"),
    }
}

/// A path below the storage root: what is understood reads back as it was written.
pub fn place(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let place = Place::from(text);
    assert_eq!(Place::from(place.to_string()), place);
}

/// `WWW-Authenticate`
pub fn challenge(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(realm) = registry::realm(text) {
        assert!(!realm.is_empty());
    }
}

fn address() -> (Address, Url) {
    let address = Address::parse("https://registry.test:5000/below", false).unwrap();
    let base = address.base().clone();
    (address, base)
}

/// `Link`, and the page that it leads to.
pub fn link_header(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (address, base) = address();
    if let Some(next) = registry::next_page(text.lines()) {
        let _ = address.follow(&base, &next);
    }
    let _ = registry::page_names(bytes);
}

/// `Location`: what is on our host is asked as we ask it, and no password is shown.
pub fn location(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (address, base) = address();
    let Some(url) = address.follow(&base, text) else { return };
    if url.host_str() == base.host_str() && matches!(url.scheme(), "http" | "https") {
        assert_eq!((url.scheme(), url.port()), (base.scheme(), base.port()), "{text:?}");
    }
    assert!(url.username().is_empty() && url.password().is_none(), "{text:?}");
    let _ = registry::shown(&url);
    let _ = Address::parse(text, false);
}

/// What a registry answers with an error.
pub fn error_body(bytes: &[u8]) {
    for error in registry::errors(bytes).unwrap_or_default() {
        let _ = (error.denial(), error.is_about_accept(), error.trouble(), error.is_for_want_of_room());
        assert!(!error.line().contains(char::is_control));
    }
}

/// The registry's `config.yml`, with a variable of the environment in its last line.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let last = text.lines().last().and_then(|line| line.split_once('='));
    let variable = last.filter(|(name, _)| name.starts_with("REGISTRY_"));
    let variable = variable.map(|(name, value)| (name.to_owned(), value.to_owned()));
    if let Err(error) = RegistryConfig::from_text(Path::new("config.yml"), text, variable.into_iter()) {
        let _ = (error.to_string(), error.hint());
    }
}

/// docker's `config.json`
pub fn auth_file(bytes: &[u8]) {
    for host in ["docker.io", "registry.test:5000"] {
        let _ = credentials::knows(bytes, host);
    }
}

/// What garbage collection wrote, or a list of suspects.
pub fn suspects(bytes: &[u8]) {
    let found = suspects::read_suspects(bytes).unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
    assert!(found.not_understood <= found.lines && found.lines <= lines);
}

/// A snapshot: the bytes themselves, and one whose records they are.
pub fn snapshot(bytes: &[u8]) {
    let mut whole = b"regfsck-snapshot 1\n".to_vec();
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    packed.write_all(bytes).unwrap();
    whole.extend(packed.finish().unwrap());
    let sum = Digest::sha256(Sha256::digest(&whole).into());
    whole.extend(format!("{sum}\n").into_bytes());
    with_folder(|folder| {
        let _ = snapshot::read(&file(folder, bytes));
        let _ = snapshot::read(&file(folder, &whole));
    });
}

/// The journal.
pub fn journal(bytes: &[u8]) {
    let contents = journal::parse(Path::new("journal.jsonl"), bytes);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(contents.entries.len() + contents.damage.len() <= lines);
}

/// A saved plan, or a report that is merged.
pub fn plan(bytes: &[u8]) {
    if let Ok(plan) = serde_json::from_slice::<Plan>(bytes)
        && let Ok(plan) = plan.renewed()
    {
        let again = plan.clone().renewed().expect("what was made anew is as it should be");
        assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&plan).unwrap());
    }
    if let Ok(report) = serde_json::from_slice::<Report>(bytes) {
        let _ = crate::domain::merge::merge(vec![report]);
    }
}

/// An archive of images.
pub fn tar(bytes: &[u8]) {
    with_folder(|folder| {
        let spool = PrivateFolder::make(&folder.join("spool")).unwrap();
        let _ = source::members(&file(folder, bytes), &spool, &["manifest.json", "index.json", "oci-layout"]);
    });
}

/// A key of Redis.
pub fn redis(bytes: &[u8]) {
    if let Some(key) = CacheKey::parse(bytes) {
        assert_eq!(key.to_string().as_bytes(), bytes, "what is deleted is what was read");
    }
}

/// What Redis answers.
pub fn redis_value(bytes: &[u8]) {
    cache::answer(bytes);
}
