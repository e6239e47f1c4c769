//! What changes storage: nothing is overwritten, and all of it can be taken back.

use std::path::PathBuf;

use regfsck::domain::journal::{Change, Content};
use regfsck::domain::layout::{LinkPlace, ROOT};
use regfsck::domain::observed::Observed;
use regfsck::engine::ports::{StorageWriteError, StorageWriter};
use rstest::rstest;

use super::{Subject, app, digest, disk, in_memory};
use crate::support::tree::{data, layer_link, tag_link};

/// The kind of an error, to compare.
fn kind(error: &StorageWriteError) -> String {
    format!("{error:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

fn apply(writer: &dyn StorageWriter, changes: &[Change]) {
    for change in changes {
        writer.apply(change).unwrap();
    }
}

fn moved(change: &Change) -> (String, String) {
    let Change::FileMoved { from, to, .. } = change else { panic!("a move: {change:?}") };
    (from.display().to_string(), to.display().to_string())
}

#[rstest]
#[case::disk(disk())]
#[case::memory(in_memory())]
fn a_bad_blob_is_moved_beside_the_root_and_back(#[case] subject: Box<dyn Subject>) {
    let mut tree = subject.tree();
    let (bad, writer) = (tree.blob("bad", b"whole"), subject.writer("run"));
    assert_eq!(writer.quarantine_blob(&bad).unwrap(), [], "what is right stays");
    tree.write(&data(&bad), "bad");
    let change = writer.quarantine_blob(&bad).unwrap().remove(0);
    let (from, to) = moved(&change);
    let root = subject.driver_root();
    assert_eq!(from, root.join(ROOT).join(data(&bad)).display().to_string());
    assert_eq!(to, format!("{}.regfsck-quarantine/run/{ROOT}/{}", root.display(), data(&bad)));
    for _ in 0..2 {
        writer.apply(&change).unwrap();
        assert_eq!((subject.bytes(&from), subject.bytes(&to)), (None, Some(b"bad".to_vec())));
    }
    assert_eq!(writer.quarantine_blob(&bad).unwrap(), []);
    // Something else came in its place meanwhile.
    tree.write(&data(&bad), "good");
    assert_eq!(kind(&writer.apply(&change).unwrap_err()), "Occupied");
    let stranger =
        Change::FileMoved { from: from.clone().into(), to: format!("{to}.2").into(), content: digest("aa") };
    assert_eq!(kind(&writer.apply(&stranger).unwrap_err()), "ChangedSince");
    let back = writer.revert(&change).unwrap();
    assert_eq!(back.len(), 2);
    apply(&*writer, &back);
    assert_eq!((subject.bytes(&from), subject.bytes(&to)), (Some(b"bad".to_vec()), None));
    assert_eq!(subject.bytes(&moved(&back[0]).1), Some(b"good".to_vec()));
    assert_eq!(writer.revert(&change).unwrap(), []);
    tree.remove(&data(&bad));
    let gone = [writer.apply(&change).unwrap_err(), writer.revert(&change).unwrap_err()];
    assert_eq!(gone.each_ref().map(kind), ["Gone", "Gone"]);
    // What came in its place is not what was there.
    tree.write(&data(&bad), "good");
    assert_eq!(kind(&writer.revert(&change).unwrap_err()), "Gone");
    assert_eq!(subject.bytes(&from), Some(b"good".to_vec()));
}

#[rstest]
#[case::disk(disk())]
#[case::memory(in_memory())]
fn a_link_is_written_and_put_back_byte_for_byte(#[case] subject: Box<dyn Subject>) {
    let (tree, writer, wanted) = (subject.tree(), subject.writer("run"), digest("aa"));
    let place = LinkPlace::Layer(wanted);
    let path = layer_link("team/app", &wanted);
    tree.write(&path, b"\xff\0");
    let change = writer.write_link(&app(), &place, &wanted).unwrap().remove(0);
    writer.apply(&change).unwrap();
    writer.apply(&change).unwrap();
    assert_eq!(tree.read(&path), wanted.to_string().into_bytes());
    assert_eq!(writer.write_link(&app(), &place, &wanted).unwrap(), []);
    apply(&*writer, &writer.revert(&change).unwrap());
    assert_eq!(tree.read(&path), b"\xff\0");
    assert_eq!(writer.revert(&change).unwrap(), []);
    tree.write(&path, "another");
    let refused = [writer.apply(&change).unwrap_err(), writer.revert(&change).unwrap_err()];
    assert_eq!(refused.each_ref().map(kind), ["ChangedSince", "ChangedSince"]);
    assert_eq!(tree.read(&path), b"another");
}

#[rstest]
#[case::disk(disk())]
#[case::memory(in_memory())]
fn a_new_link_is_taken_away_and_a_huge_one_kept(#[case] subject: Box<dyn Subject>) {
    let (tree, writer, wanted) = (subject.tree(), subject.writer("run"), digest("aa"));
    let place = LinkPlace::Tag("latest".parse().unwrap());
    let changes = writer.write_link(&app(), &place, &wanted).unwrap();
    apply(&*writer, &changes);
    let path = tag_link("team/app", "latest");
    assert_eq!(tree.read(&path), wanted.to_string().into_bytes());
    let back = writer.revert(&changes[0]).unwrap();
    writer.apply(&back[0]).unwrap();
    assert_eq!(subject.storage().link(&app(), &place), Observed::Absent);
    tree.write(&path, vec![b'x'; 5000]);
    let changes = writer.write_link(&app(), &place, &wanted).unwrap();
    assert_eq!(changes.len(), 2);
    apply(&*writer, &changes);
    assert_eq!(subject.bytes(&moved(&changes[0]).1), Some(vec![b'x'; 5000]));
    let away = writer.quarantine_link(&app(), &place).unwrap();
    writer.apply(&away[0]).unwrap();
    assert_eq!(writer.quarantine_link(&app(), &place).unwrap(), []);
}

#[rstest]
#[case::disk(disk())]
#[case::memory(in_memory())]
fn what_is_not_storage_is_not_touched(#[case] subject: Box<dyn Subject>) {
    let (mut tree, writer) = (subject.tree(), subject.writer("run"));
    let bad = tree.blob("bad", b"bad");
    let root = subject.driver_root();
    let inside = root.join(ROOT).join(data(&bad));
    for outside in [root.join("victim"), root.join(ROOT).join("../../../victim"), PathBuf::from("victim")] {
        for change in [
            Change::FileMoved { from: inside.clone(), to: outside.clone(), content: bad },
            Change::FileMoved { from: outside.clone(), to: root.join(ROOT).join("x"), content: bad },
            Change::LinkWritten { path: outside, old: None, new: Content::Text("x".into()) },
        ] {
            let refused = [writer.apply(&change).unwrap_err(), writer.revert(&change).unwrap_err()];
            assert_eq!(refused.each_ref().map(kind), ["Outside", "Outside"], "{change:?}");
        }
    }
    let elsewhere = Change::Uploaded { repository: app(), digest: bad };
    let refused = [writer.apply(&elsewhere).unwrap_err(), writer.revert(&elsewhere).unwrap_err()];
    assert_eq!(refused.each_ref().map(kind), ["Elsewhere", "Elsewhere"]);
    tree.remove(&data(&bad));
    subject.make(&data(&bad));
    assert_eq!(kind(&writer.quarantine_blob(&bad).unwrap_err()), "NotAFile");
    assert_eq!(writer.obstacles(), Vec::<String>::new());
}
