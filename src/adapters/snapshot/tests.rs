use crate::domain::views::storage::{StoredTag, TagTarget, Target, Trace, Traces};

use super::*;

fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

fn view() -> StorageView {
    let mut view = StorageView::empty("/srv/registry".into(), Timestamp::UNIX_EPOCH);
    view.blobs = (0..50).map(|n| StoredBlob { digest: digest(n), size: 7, modified: -1 }).collect();
    let link = |n, target| (digest(n), target);
    let tag = |tag: &str, current| StoredTag { tag: tag.parse().expect("a tag"), current };
    let name = || "team/app".parse().expect("a name");
    view.repositories.push(Repository {
        name: name(),
        layers: [link(1, Target::Same), link(2, Target::Invalid("x\"\n".into()))].into_iter().collect(),
        revisions: [link(3, Target::Other(Box::new(digest(4)))), link(5, Target::Missing)]
            .into_iter()
            .collect(),
        tags: vec![tag("a", TagTarget::Digest(digest(3))), tag("b", TagTarget::Unknown)],
        has_layers: true,
        has_manifests: true,
        has_tags: false,
        traces: Traces { layers: vec![Trace { digest: digest(6), made: 7 }], revisions: Vec::new() },
    });
    view.manifests.insert(digest(3), ReadManifest::Unreadable("no JSON".into()));
    let id = "0".into();
    view.uploads.push(StoredUpload {
        repository: name(),
        id,
        started: 1,
        modified: 2,
        size: 3,
        has_start: true,
    });
    view.stray.push(StrayFile { place: "x".into(), why: "y".into() });
    view.unknown.push(Unlooked::new("x".to_owned(), "y"));
    view
}

/// A snapshot in a folder of its own, changed in this way.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<StorageView, SnapshotError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snapshot");
    write(&path, &view()).expect("write");
    let mut bytes = std::fs::read(&path).expect("read it");
    change(&mut bytes);
    std::fs::write(&path, bytes).expect("write it");
    read(&path)
}

#[test]
fn what_is_written_is_read() {
    let read = changed(|_| ()).expect("read");
    let json = |view: &StorageView| serde_json::to_string(view).expect("JSON");
    assert_eq!(json(&read), json(&view()));
}

#[test]
fn what_is_cut_short_is_refused_wherever_it_is_cut() {
    let whole = changed(|_| ()).is_ok();
    assert!(whole);
    for cut in [1, 2, 40, 71, 72, 73, 200] {
        let error = changed(|bytes| bytes.truncate(bytes.len() - cut)).expect_err("cut short");
        assert!(matches!(error, SnapshotError::Truncated { .. }), "{cut}: {error}");
    }
    let error = changed(|bytes| bytes.truncate(10)).expect_err("cut short");
    assert!(matches!(error, SnapshotError::Foreign { .. }), "{error}");
}

#[test]
fn a_changed_byte_is_seen_wherever_it_is() {
    let length = {
        let mut length = 0;
        changed(|bytes| length = bytes.len()).expect("read");
        length
    };
    for at in (0..length).step_by(7) {
        assert!(changed(|bytes| bytes[at] ^= 1).is_err(), "{at}");
    }
    let error = changed(|bytes| bytes[40] ^= 1).expect_err("changed");
    assert!(matches!(error, SnapshotError::Corrupt { .. }), "{error}");
}

#[test]
fn what_is_no_snapshot_or_of_another_version_is_told_apart() {
    let error = changed(|bytes| *bytes = b"\x1f\x8b\x08 something else".to_vec()).expect_err("foreign");
    assert!(matches!(error, SnapshotError::Foreign { .. }), "{error}");
    let error = changed(|bytes| bytes[NAME.len()] = b'3').expect_err("newer");
    assert!(matches!(error, SnapshotError::Version { version, .. } if version == "3"));
    let error = changed(Vec::clear).expect_err("empty");
    assert!(matches!(error, SnapshotError::Foreign { .. }), "{error}");
}

#[test]
fn a_part_is_no_whole_and_a_whole_no_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("part");
    let part = ViewPart { shard: "1/4".parse().expect("a shard"), repositories: vec!["team/*".into()] };
    let seen = StorageView { changed: Some(5), ..view() };
    write_part(&path, &seen, &part).expect("write");
    let (told, read_back) = read_part(&path).expect("read");
    assert_eq!((told, read_back.changed), (part, Some(5)));
    let error = read(&path).expect_err("a part");
    assert!(error.to_string().contains("it is part 1/4 only"), "{error}");
    write(&path, &seen).expect("write");
    let error = read_part(&path).expect_err("a whole");
    assert!(matches!(error, SnapshotError::Whole { .. }), "{error}");
}

#[test]
fn a_folder_that_does_not_exist_is_said() {
    let error = write(Path::new("/nowhere/at/all"), &view()).expect_err("no folder");
    assert!(matches!(error, SnapshotError::Io { doing: "write", .. }), "{error}");
    let error = read(Path::new("/nowhere/at/all")).expect_err("no file");
    assert!(matches!(error, SnapshotError::Io { doing: "read", .. }), "{error}");
}
