//! Files that are handed in and have no end, or unpack to more than there is memory: refused, and not read whole.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use regfsck::domain::digest::Digest;
use rstest::rstest;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::measured::measure;
use crate::support::regfsck::command;
use crate::support::tree::Tree;

/// A run of the program takes some 30 MB; what a bomb may add is not much more.
const MOST_BYTES: u64 = 128 << 20;
/// What the snapshot unpacks to.
const UNPACKED: u64 = 400 << 20;

/// A snapshot that is right in all but what it unpacks to.
fn bomb(path: &Path) {
    let mut whole = b"regfsck-snapshot 1\n".to_vec();
    let mut packed = GzEncoder::new(&mut whole, Compression::fast());
    io::copy(&mut io::repeat(b' ').take(UNPACKED), &mut packed).unwrap();
    packed.finish().unwrap();
    let sum = Digest::sha256(Sha256::digest(&whole).into());
    whole.write_all(format!("{sum}\n").as_bytes()).unwrap();
    assert!((whole.len() as u64) < UNPACKED / 100);
    fs::write(path, whole).unwrap();
}

/// A file that ends after a tebibyte.
fn endless(path: &Path) {
    File::create(path).unwrap().set_len(1 << 40).unwrap();
}

#[rstest]
#[case::snapshot(&["check", "--since", "FILE"], bomb, "it unpacks to far more than what was ever packed")]
#[case::plan(&["repair", "--yes", "--plan", "FILE"], endless, "it is larger than 1073741824 bytes")]
#[case::auth_file(
    &["check", "--registry", "http://127.0.0.1:9", "--authfile", "FILE"], endless,
    "it is larger than any such file is"
)]
#[case::suspects(&["check", "--suspects", "FILE"], endless, "a line of it is longer than 64 MiB")]
#[case::images(
    &["verify", "--registry", "http://127.0.0.1:9", "--images", "FILE"], endless, "it is larger than 67108864 bytes"
)]
#[case::authorities(
    &["check", "--registry", "https://127.0.0.1:9", "--ca-file", "FILE"], endless, "it is larger than 16777216 bytes"
)]
#[case::report(&["merge", "FILE", "FILE"], endless, "expected value at line 1 column 1")]
fn what_has_no_end_is_refused(#[case] words: &[&str], #[case] make: fn(&Path), #[case] why: &str) {
    let (dir, storage) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    Tree::new(storage.path());
    let file = dir.path().join("file");
    make(&file);
    let has_storage = matches!(words.first(), Some(&("check" | "repair")));
    let words = words.iter().map(|word| if *word == "FILE" { file.to_str().unwrap() } else { *word });
    let mut command = command(words);
    if has_storage {
        command.arg("--storage").arg(storage.path());
    }
    let (ended, cost) = measure(&mut command);
    assert_eq!(ended.status, 2, "{ended:?}");
    assert!(ended.stderr.contains(why), "{ended:?}");
    assert!(cost.peak_bytes < MOST_BYTES, "{} MB", cost.peak_bytes >> 20);
}
