//! Objects that are too large to be copied in one piece: in parts, with limits that make them small here.

use regfsck::adapters::bucket::{BucketStorage, BucketWriter};
use regfsck::adapters::bucket_settings::{BucketSettings, Copying, Vendor};
use regfsck::engine::ports::StorageWriter;

use crate::support::moto::Moto;
use crate::support::store::{BUCKET, Store, data_key};
use crate::support::tree::Tree;

/// The least that S3 takes for a part that is not the last.
const PART: u64 = 5 << 20;

fn copying(moto: &Moto, part: u64) -> BucketSettings {
    let mut settings = moto.settings("");
    let Vendor::S3(s3) = &mut settings.vendor else { panic!("{settings:?}") };
    s3.copying = Copying { at_once: part, part };
    settings
}

fn writer(settings: &BucketSettings, run: &str) -> BucketWriter {
    BucketWriter::new(BucketStorage::open(settings, None).unwrap(), run)
}

/// How many uploads were begun and not ended.
fn unfinished(moto: &Moto) -> usize {
    let listed = moto.send("GET", &format!("/{BUCKET}?uploads"), b"");
    String::from_utf8_lossy(&listed.body).matches("<Upload>").count()
}

#[test]
fn what_is_too_large_is_copied_in_parts_and_comes_back() {
    let Some(moto) = Moto::start() else { return };
    let settings = copying(&moto, PART);
    let dir = tempfile::tempdir().unwrap();
    let blob = Tree::new(dir.path()).blob("large", b"whole");
    moto.upload(dir.path(), "");
    let key = data_key("", &blob);
    // Parts of the same length, and a rest.
    for (run, size) in [("1", 2 * PART + 7), ("2", 2 * PART), ("3", PART)] {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        moto.put(&key, &bytes);
        let writer = writer(&settings, run);
        let change = writer.quarantine_blob(&blob).unwrap().remove(0);
        writer.apply(&change).unwrap();
        let aside = format!("regfsck-quarantine/{run}/{key}");
        assert!(moto.get(&key).is_none() && moto.get(&aside).as_ref() == Some(&bytes), "{size}");
        let tag = moto.send("HEAD", &format!("/{BUCKET}/{aside}"), b"").header("etag").unwrap().to_owned();
        assert_eq!(tag.contains("-3") || tag.contains("-2"), size > PART, "{size}: {tag}");
        for back in writer.revert(&change).unwrap() {
            writer.apply(&back).unwrap();
        }
        assert_eq!(moto.get(&key).as_ref(), Some(&bytes), "{size}");
    }
    assert_eq!(unfinished(&moto), 0);
}

/// A part that is too small is refused when all is put together: nothing may stay of what was begun.
#[test]
fn a_copy_in_parts_that_fails_leaves_the_object_and_nothing_else() {
    let Some(moto) = Moto::start() else { return };
    let settings = copying(&moto, 4);
    let dir = tempfile::tempdir().unwrap();
    let blob = Tree::new(dir.path()).blob("large", b"whole");
    moto.upload(dir.path(), "");
    let key = data_key("", &blob);
    moto.put(&key, b"not so large");
    let writer = writer(&settings, "run");
    let change = writer.quarantine_blob(&blob).unwrap().remove(0);
    let said = writer.apply(&change).unwrap_err().to_string();
    assert!(said.contains("copy"), "{said}");
    assert_eq!(moto.get(&key).as_deref(), Some(&b"not so large"[..]));
    assert_eq!(unfinished(&moto), 0);
}
