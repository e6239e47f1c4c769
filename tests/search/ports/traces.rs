//! What times would tell in a real storage of a repository that was removed: the tree has none, so it is written down.
//!
//! ```text
//! traces/left             the repositories that there were then: one that came later hides that one was removed
//! traces/older/DIGEST     content that only the one that is gone had: older than every repository that comes later
//! ```

use bytes::Bytes;
use jiff::Timestamp;
use regfsck::adapters::sandbox::Tree;
use regfsck::domain::digest::Digest;
use regfsck::domain::views::storage::{Bereft, Departure, Departures, Repository, StorageView};

use super::storage::{names, repositories, size};

/// Where all of it is written down.
pub const FOLDER: &str = "traces";
const LEFT: &str = "traces/left";
const OLDER: &str = "traces/older";
/// What is no older than the repositories that came after a loss.
const LATER: i64 = 10;

/// Writes down what is told by the loss of that repository, before it is removed.
pub fn lose(tree: &mut Tree, name: &str) {
    let (gone, left): (Vec<_>, Vec<_>) =
        repositories(tree).into_iter().partition(|repository| repository.name.as_str() == name);
    let kept: Vec<Digest> = left.iter().flat_map(digests).collect();
    for digest in gone.iter().flat_map(digests).filter(|digest| !kept.contains(digest)) {
        tree.write(&format!("{OLDER}/{digest}"), Bytes::new()).unwrap();
    }
    let names: Vec<_> = left.iter().map(|repository| repository.name.as_str()).collect();
    tree.write(LEFT, names.join(" ").into()).unwrap();
}

/// What a repository has links to, or had.
fn digests(repository: &Repository) -> Vec<Digest> {
    let Repository { layers, revisions, traces, .. } = repository;
    let links = layers.iter().chain(revisions).map(|link| link.digest);
    links.chain(traces.layers.iter().chain(&traces.revisions).map(|trace| trace.digest)).collect()
}

/// Forgets what is told of content that is gone: it is new when it comes again.
pub fn forget(tree: &mut Tree) {
    for name in names(tree, OLDER) {
        if name.parse().is_ok_and(|digest| size(tree, &digest).is_none()) {
            let _ = tree.remove(&format!("{OLDER}/{name}"));
        }
    }
}

/// When that content was stored.
pub fn stored(tree: &Tree, digest: &Digest) -> i64 {
    if tree.look(&format!("{OLDER}/{digest}")).is_ok() { 0 } else { LATER }
}

pub fn departures(tree: &Tree, view: &StorageView) -> Departures {
    let Ok(left) = tree.read(LEFT) else { return Departures::default() };
    let left = String::from_utf8(left.to_vec()).unwrap();
    let was_there = |repository: &Repository| left.split(' ').any(|name| name == repository.name.as_str());
    let made = |repository: &Repository| Some(if was_there(repository) { 0 } else { LATER });
    let departure = Departure { folder: "x".into(), at: Timestamp::UNIX_EPOCH };
    let made: Vec<_> = view.repositories.iter().map(made).collect();
    Departures {
        left: view.repositories.iter().all(was_there).then_some(departure).into_iter().collect(),
        bereft: Bereft::find(view, &made),
    }
}
