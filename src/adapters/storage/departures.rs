//! Folders of repositories that something has left since the last came into them.
//!
//! ```text
//! push    mkdir repositories/x/a       when repositories/x was modified: as when x/a was made
//! rm -r   rmdir repositories/x/a       the same, and later than all that is left was made
//! ```
//!
//! What came after a loss hides it; but when each repository was made is told as well, for what is older.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;

use super::folder::{FileKind, Folder};
use super::names;
use super::times::{SETTLING, Times, made};
use crate::domain::layout::{self, LinkPlace, Place};
use crate::domain::name::RepositoryName;
use crate::domain::views::storage::{Bereft, Departure, Departures, Repository, StorageView};

/// By how much the time of a folder may be later than that of what was made in it.
const TICK: SignedDuration = SignedDuration::from_millis(20);

/// So many seconds a daemon takes at most from the last byte of an upload to its link.
const LINKING: i64 = 60;

/// What a repository's own folder holds. Where some is lacking, its folder may have been changed by that.
const PARTS: [&str; 3] = [layout::LAYERS, layout::MANIFESTS, layout::UPLOADS];

/// What they tell; what cannot be looked at tells nothing.
pub(super) fn find(root: &Folder, view: &StorageView) -> Departures {
    let Ok(base) = root.enter(layout::REPOSITORIES) else { return Departures::default() };
    let own: HashSet<&str> = view.repositories.iter().map(|repository| repository.name.as_str()).collect();
    let look = |name: &RepositoryName| {
        let folder = base.enter(name.as_str()).ok()?;
        departed(&folder, name.as_str(), own.contains(name.as_str()))
    };
    let below = names::find(&base).names.into_par_iter().filter_map(|name| look(&name));
    let left = below.chain(departed(&base, "", false)).collect();
    Departures { left, bereft: bereft(root, &base, view) }
}

/// What is older than the folders of all repositories that have it, and than its links there: whoever copied a registry
/// to another place kept the times of its files.
fn bereft(root: &Folder, base: &Folder, view: &StorageView) -> Vec<Bereft> {
    let made = |one: &Repository| made(&base.enter(one.name.as_str()).ok()?);
    let made: Vec<_> = view.repositories.par_iter().map(|one| made(one).map(Timestamp::as_second)).collect();
    let mut bereft = Bereft::find(view, &made);
    if bereft.is_empty() {
        return bereft;
    }
    let explained: Vec<_> = bereft.iter().map(|_| AtomicBool::new(false)).collect();
    let is_of_old = |name: &RepositoryName, place: LinkPlace, stored: i64| {
        let link = root.look(Place::Link(name.clone(), place).to_string());
        link.is_ok_and(|link| link.modified <= stored.saturating_add(LINKING))
    };
    view.repositories.par_iter().for_each(|repository| {
        let layers = repository.layers.iter().map(|link| (link, LinkPlace::Layer(link.digest)));
        let revisions = repository.revisions.iter().map(|link| (link, LinkPlace::Revision(link.digest)));
        for (link, place) in layers.chain(revisions) {
            let digest = link.data().unwrap_or(link.digest);
            let Ok(at) = bereft.binary_search_by(|known| known.digest.cmp(&digest)) else { continue };
            let (Some(known), Some(flag)) = (bereft.get(at), explained.get(at)) else { continue };
            if !flag.load(Ordering::Relaxed) && is_of_old(&repository.name, place, known.stored) {
                flag.store(true, Ordering::Relaxed);
            }
        }
    });
    let mut explained = explained.into_iter();
    bereft.retain(|_| explained.next().is_some_and(|flag| !flag.into_inner()));
    bereft
}

fn departed(folder: &Folder, path: &str, is_repository: bool) -> Option<Departure> {
    let at = left(folder, is_repository).ok()??;
    Some(Departure { folder: path.into(), at })
}

/// When something left it, if nothing came since.
fn left(folder: &Folder, is_repository: bool) -> io::Result<Option<Timestamp>> {
    let times = Times::of(folder)?;
    let (at, is_touched) = (times.last(), times.is_touched());
    let mut names = Vec::new();
    folder.each(|name, kind| {
        if kind == FileKind::Folder {
            names.push(name.to_vec());
        }
    })?;
    if is_repository && !PARTS.iter().all(|part| names.iter().any(|name| name == part.as_bytes())) {
        return Ok(None);
    }
    let is_new = |made| times.modified.duration_since(made) <= TICK;
    if names.is_empty() && made(folder).is_some_and(is_new) {
        // Nothing ever came.
        return Ok(None);
    }
    let came_last = |name: &Vec<u8>| {
        // One that is gone by now hides what went before.
        let Ok(inner) = folder.enter(name) else { return true };
        match made(&inner).filter(|_| !is_touched) {
            Some(made) => at.duration_since(made) <= TICK,
            None => Times::of(&inner).is_ok_and(|inner| at.duration_since(inner.changed) <= SETTLING),
        }
    };
    Ok((!names.iter().any(came_last)).then_some(at))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;
    use crate::domain::views::storage::{Links, Traces};

    fn push(root: &Path, name: &str) {
        sleep(Duration::from_millis(60));
        for part in PARTS {
            fs::create_dir_all(root.join(layout::REPOSITORIES).join(name).join(part)).unwrap();
        }
        sleep(Duration::from_millis(60));
    }

    fn remove(root: &Path, name: &str) {
        fs::remove_dir_all(root.join(layout::REPOSITORIES).join(name)).unwrap();
    }

    fn repository(name: &str) -> Repository {
        Repository {
            name: name.parse().unwrap(),
            layers: Links::default(),
            revisions: Links::default(),
            tags: Vec::new(),
            has_layers: true,
            has_manifests: true,
            has_tags: false,
            traces: Traces::default(),
        }
    }

    fn told(root: &Path, names: &[&str]) -> Vec<String> {
        let repositories = names.iter().map(|name| repository(name)).collect();
        let view = StorageView { repositories, ..StorageView::empty("/r".into(), Timestamp::UNIX_EPOCH) };
        let found = find(&Folder::open_root(root).unwrap(), &view);
        found.left.into_iter().map(|departure| departure.folder.into()).collect()
    }

    #[test]
    fn a_repository_that_went_last_is_told_by_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for name in ["x/a", "x/b", "c"] {
            push(root, name);
        }
        let none: [&str; 0] = [];
        assert_eq!(told(root, &["c", "x/a", "x/b"]), none);
        remove(root, "x/a");
        assert_eq!(told(root, &["c", "x/b"]), ["x"]);
        push(root, "x/d");
        assert_eq!(told(root, &["c", "x/b", "x/d"]), none, "what comes later hides it");
        push(root, "x/d/below");
        assert_eq!(told(root, &["c", "x/b", "x/d", "x/d/below"]), none);
        remove(root, "x/d/below");
        assert_eq!(told(root, &["c", "x/b", "x/d"]), ["x/d"]);
        remove(root, "x");
        assert_eq!(told(root, &["c"]), [""], "nothing is left of x");
    }

    #[test]
    fn a_registry_that_was_copied_with_its_times_lost_nothing() {
        use crate::domain::digest::Digest;
        use crate::domain::views::storage::{StoredBlob, Target};
        let dir = tempfile::tempdir().unwrap();
        push(dir.path(), "a");
        let digest = Digest::sha256([1; 32]);
        let place = Place::Link("a".parse().unwrap(), LinkPlace::Layer(digest)).to_string();
        fs::create_dir_all(dir.path().join(&place).parent().unwrap()).unwrap();
        let link = File::create(dir.path().join(place)).unwrap();
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        let layers = Links::from_iter([(digest, Target::Same)]);
        let view = StorageView {
            blobs: vec![StoredBlob { digest, size: 1, modified: now - 3600 }],
            repositories: vec![Repository { layers, ..repository("a") }],
            ..StorageView::empty("/r".into(), Timestamp::UNIX_EPOCH)
        };
        let bereft = || find(&Folder::open_root(dir.path()).unwrap(), &view).bereft.len();
        assert_eq!(bereft(), 1, "what was linked an hour later was linked elsewhere before");
        link.set_modified(std::time::SystemTime::now() - Duration::from_secs(3590)).unwrap();
        assert_eq!(bereft(), 0);
    }

    #[test]
    fn a_part_of_a_repository_that_somebody_cleaned_up_is_none() {
        let dir = tempfile::tempdir().unwrap();
        push(dir.path(), "a");
        remove(dir.path(), "a/_uploads");
        assert!(told(dir.path(), &["a"]).is_empty());
        push(dir.path(), "a");
        assert!(told(dir.path(), &["a"]).is_empty());
    }

    #[test]
    fn what_was_always_empty_lost_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(layout::REPOSITORIES).join("x")).unwrap();
        assert!(told(dir.path(), &[]).is_empty());
        push(dir.path(), "x/a");
        remove(dir.path(), "x/a");
        assert_eq!(told(dir.path(), &[]), ["x"]);
    }

    #[test]
    fn a_change_of_owner_or_mode_is_no_departure() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        push(dir.path(), "x/a");
        sleep(Duration::from_millis(300));
        for name in ["", "x", "x/a", "x/a/_layers", "x/a/_manifests", "x/a/_uploads"] {
            let folder = dir.path().join(layout::REPOSITORIES).join(name);
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert!(told(dir.path(), &["x/a"]).is_empty());
    }
}
