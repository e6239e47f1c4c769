//! The storage in memory is seen as the adapter for filesystems sees the same tree on a disk.

use std::fs;
use std::path::Path;

use regfsck::adapters::sandbox::{Caching, Flavour, SandboxState, Tree, TreeEntry};
use regfsck::adapters::storage::FilesystemStorage;
use regfsck::domain::layout;
use regfsck::domain::views::storage::{StorageView, Traces};
use regfsck::engine::ports::{Everything, Silent, Storage as _};

use crate::explore::step;
use crate::moves::{Move, Range};
use crate::ports::{Ports, traces};

fn write(tree: &Tree, path: &str, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (name, entry) in tree.list(path).unwrap() {
        let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        match entry {
            TreeEntry::Folder => write(tree, &below, &to.join(name)),
            TreeEntry::File(_) => fs::write(to.join(name), tree.read(&below).unwrap()).unwrap(),
        }
    }
}

/// A view without what a disk has of its own: where it is, and times.
fn comparable(mut view: StorageView) -> serde_json::Value {
    view.root.clear();
    view.changed = None;
    view.blobs.iter_mut().for_each(|blob| blob.modified = 0);
    for repository in &mut view.repositories {
        let Traces { layers, revisions } = &mut repository.traces;
        layers.iter_mut().chain(revisions).for_each(|trace| trace.made = 0);
    }
    let mut value = serde_json::to_value(view).unwrap();
    value["collected"].take();
    value
}

fn assert_alike(state: &SandboxState, history: &str) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(layout::ROOT);
    let mut files = state.files.clone();
    // A disk has times instead.
    let _ = files.remove(traces::FOLDER);
    write(&files, "", &root);
    let on_disk = FilesystemStorage::open(&root).unwrap().collect(&Everything, &Silent).unwrap();
    let in_memory = Ports::new(Flavour::V2, state.clone()).collect(&Everything, &Silent).unwrap();
    let views = [on_disk, in_memory].map(comparable);
    assert_eq!(views[0], views[1], "{history}");
}

/// What is left by garbage collection and by deletes, and every kind of damage to it.
#[test]
fn trees_in_memory_are_seen_as_on_disk() {
    let begin = "push x/a 0; push x/b 1; push x/b multi; delete x/a 0; gc -m";
    let moves = begin.split("; ").map(|one| one.parse::<Move>().unwrap());
    let first = SandboxState::new(Caching::InMemory);
    let start = moves.fold(first, |state, one| step(Flavour::V3, &state, one));
    assert_alike(&start, begin);
    for one in Range::Damage.moves() {
        assert_alike(&step(Flavour::V3, &start, one), &format!("{begin}; {one}"));
    }
}
