use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;

fn storage() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let v2 = dir.path().join(ROOT);
    fs::create_dir_all(&v2).unwrap();
    (dir, v2)
}

fn holder(error: JournalError) -> (PathBuf, String) {
    match error {
        JournalError::Locked { path, holder } => (path, holder.unwrap()),
        other @ (JournalError::Refused { .. } | JournalError::NoPlace) => panic!("{other}"),
    }
}

#[test]
fn one_storage_by_two_paths_is_changed_by_one_run_and_keeps_nothing() {
    let (dir, v2) = storage();
    let alias = dir.path().join("alias");
    symlink(dir.path(), &alias).unwrap();
    let held = FileLock::new(Some(&v2), None).take().unwrap();
    let other = FileLock::new(Some(&alias.join(ROOT)), None);
    let (path, who) = holder(other.take().unwrap_err());
    assert_eq!(path, dir.path().canonicalize().unwrap().join(LOCK));
    let (process, rest) = who.split_once(" since ").unwrap();
    assert_eq!(process, format!("process {}", std::process::id()));
    let user = format!("user {}", rustix::process::getuid().as_raw());
    assert_eq!(rest.split_once(", ").unwrap().1.split(" (").next(), Some(&*user));
    let shared = held.clone();
    drop(held);
    assert!(other.take().is_err(), "the guard and its repairs hold it together");
    drop(shared);
    drop(other.take().unwrap());
    assert!(!path.exists());
}

#[test]
fn a_storage_root_of_another_name_is_one_by_every_link_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let v2 = dir.path().join("volume");
    fs::create_dir(&v2).unwrap();
    let linked = |name: &str| {
        let root = dir.path().join(name).join(ROOT);
        fs::create_dir_all(root.parent().unwrap()).unwrap();
        symlink(&v2, &root).unwrap();
        root
    };
    let (one, two) = (linked("one"), linked("two"));
    let held = FileLock::new(Some(&one), None).take().unwrap();
    assert!(dir.path().join("one").join(LOCK).exists());
    for other in [&one, &two, &v2] {
        holder(FileLock::new(Some(other), None).take().unwrap_err());
    }
    drop(held);
    drop(FileLock::new(Some(&two), None).take().unwrap());
    assert_eq!(fs::read_dir(&v2).unwrap().count(), 0);
}

#[test]
fn an_address_is_one_however_it_is_written_and_whoever_has_storage_too() {
    let (_dir, v2) = storage();
    let port = std::process::id();
    let address = |text: &str| FileLock::new(None, Some(&text.replace("PORT", &port.to_string())));
    let held = FileLock::new(Some(&v2), Some(&format!("http://Registry.test:{port}/"))).take().unwrap();
    for text in ["https://registry.test:PORT", "registry.test:PORT/"] {
        let (path, _) = holder(address(text).take().unwrap_err());
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o666, "for all users");
    }
    drop(address("http://other.test:PORT").take().unwrap());
    drop(held);
    drop(address("registry.test:PORT").take().unwrap());
}

#[test]
fn it_is_as_the_folder_that_it_is_in() {
    let (dir, v2) = storage();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o770)).unwrap();
    let held = FileLock::new(Some(&v2), None).take().unwrap();
    assert_eq!(dir.path().join(LOCK).metadata().unwrap().mode() & 0o777, 0o660);
    drop(held);
}

#[test]
fn what_is_no_lock_is_refused_and_stays() {
    for (plant, why) in [
        ("link", "it is a symbolic link, which is not followed here: remove it, or name what it leads to"),
        ("pipe", "it is no regular file: move it away"),
        ("folder", "it is no regular file: move it away"),
        ("name", "it has another name too (a hard link), and may be something else: move it away"),
    ] {
        let (dir, v2) = storage();
        let (path, victim) = (dir.path().join(LOCK), dir.path().join("victim"));
        fs::write(&victim, "precious").unwrap();
        match plant {
            "link" => symlink(&victim, &path).unwrap(),
            "pipe" => rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR).unwrap(),
            "folder" => fs::create_dir(&path).unwrap(),
            _ => fs::hard_link(&victim, &path).unwrap(),
        }
        let JournalError::Refused { source, .. } = FileLock::new(Some(&v2), None).take().unwrap_err() else {
            panic!("{plant}")
        };
        assert_eq!(source.to_string(), why);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert!(path.symlink_metadata().is_ok());
    }
}

#[test]
fn many_take_and_let_go_and_never_two_have_it() {
    let (_dir, v2) = storage();
    let (lock, at_once) = (FileLock::new(Some(&v2), None), std::sync::atomic::AtomicUsize::new(0));
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let Ok(held) = lock.take() else { continue };
                    assert_eq!(at_once.fetch_add(1, order), 0);
                    at_once.fetch_sub(1, order);
                    drop(held);
                }
            });
        }
    });
}
