//! Stores of objects, whatever they speak.

use std::fmt::Write as _;
use std::path::Path;

use regfsck::adapters::bucket_settings::BucketSettings;
use regfsck::domain::digest::Digest;
use regfsck::domain::layout::ROOT;

use super::raw::Raw;
use super::tree::data;

/// The bucket of the tests.
pub const BUCKET: &str = "registry";

/// A running store with one empty bucket; it is killed when dropped.
pub trait Store {
    /// As `--storage` takes it.
    fn storage(&self, root: &str) -> String;

    /// The same, with credentials.
    fn settings(&self, root: &str) -> BucketSettings;

    /// The variables that say who asks.
    fn variables(&self) -> Vec<(&'static str, &'static str)>;

    fn put(&self, key: &str, bytes: &[u8]);

    fn get(&self, key: &str) -> Option<Vec<u8>>;

    fn delete(&self, key: &str);

    /// The driver's section of a registry's configuration, indented by two.
    fn driver(&self, root: &str, has_redirect: bool) -> String;

    /// The variables that lead a daemon, or whoever reads its configuration, to it.
    fn environment(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What a client gets that a daemon sends on to it.
    fn follow(&self, url: &str) -> Option<Vec<u8>> {
        let host = url.split('/').nth(2)?;
        let answer = Raw::new(host).send("GET", url, &[], b"");
        (answer.status == 200).then_some(answer.body)
    }

    /// What stands before every path of the bucket.
    fn place(&self) -> String {
        let storage = self.storage("");
        storage.split('?').next().unwrap_or_default().to_owned()
    }

    /// Where it listens.
    fn host(&self) -> String {
        let storage = self.storage("");
        storage.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned()
    }

    /// Everything below a folder, with `prefix` before each path.
    fn upload(&self, folder: &Path, prefix: &str) {
        for entry in walkdir::WalkDir::new(folder).into_iter().flatten() {
            if entry.file_type().is_file() {
                let below = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                self.put(&format!("{prefix}{below}"), &std::fs::read(entry.path()).unwrap());
            }
        }
    }
}

/// A key as a part of a URL.
pub fn escaped(key: &str, is_path: bool) -> String {
    let mut text = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (is_path && byte == b'/') {
            text.push(byte.into());
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// The key of a blob's data below a root directory.
pub fn data_key(root: &str, digest: &Digest) -> String {
    let slash = if root.is_empty() { "" } else { "/" };
    format!("{root}{slash}{ROOT}/{}", data(digest))
}
