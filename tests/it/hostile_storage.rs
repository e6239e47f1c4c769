//! Storage below the root is hostile: its owner swaps folders for symbolic links while root repairs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use regfsck::adapters::storage::FilesystemWriter;
use regfsck::domain::digest::Digest;
use regfsck::domain::journal::Change;
use regfsck::domain::layout::{LinkPlace, Place, ROOT};
use regfsck::domain::name::RepositoryName;
use regfsck::engine::ports::StorageWriter;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;
use walkdir::WalkDir;

/// Tells the other process which folder to swap for links to which others.
const SWAP: &str = "REGFSCK_TEST_SWAP";
/// The user that the registry runs as.
const OWNER: u32 = 54321;
const ROUNDS: usize = 1000;

/// Not a test by itself: what the registry's user does until he is killed.
#[test]
fn swapper() {
    let Some(swap) = std::env::var_os(SWAP) else { return };
    let mut paths = std::env::split_paths(&swap);
    let folder = paths.next().unwrap();
    let targets: Vec<PathBuf> = paths.collect();
    let links: Vec<PathBuf> = (0..targets.len()).map(|n| folder.with_extension(n.to_string())).collect();
    for (target, link) in targets.iter().zip(&links) {
        symlink(target, link).unwrap();
    }
    eprintln!("ready");
    // There is always something under that name: the folder, or a link.
    for link in links.iter().cycle() {
        for _ in 0..2 {
            let _ = renameat_with(CWD, &folder, CWD, link, RenameFlags::EXCHANGE);
            std::hint::spin_loop();
        }
    }
}

/// The registry's user at work on one folder.
struct Swapper(Child);

impl Swapper {
    fn start(folder: &Path, targets: &[&Path]) -> Option<Self> {
        let paths = std::iter::once(folder).chain(targets.iter().copied());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hostile_storage::swapper", "--nocapture"])
            .env(SWAP, std::env::join_paths(paths).unwrap())
            .uid(OWNER)
            .gid(OWNER)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.inspect_err(|error| eprintln!("skipped: no second user: {error}")).ok()?;
        let mut word = [0; 5];
        std::io::Read::read_exact(child.stderr.as_mut().unwrap(), &mut word).unwrap();
        assert_eq!(&word, b"ready");
        Some(Self(child))
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Storage that its user owns, and two folders of root's that he would like to be written in.
struct Scene {
    dir: TempDir,
    v2: PathBuf,
}

fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

fn repository() -> RepositoryName {
    "team/app".parse().unwrap()
}

impl Scene {
    fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can be fooled so");
            return None;
        }
        // In memory, where that is to be had: each change is forced to the disk.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let v2 = dir.path().join("registry").join(ROOT);
        fs::create_dir_all(&v2).unwrap();
        let scene = Self { dir, v2 };
        scene.write(&Place::Data(digest(1)), "bad");
        for place in [layer(), tag()] {
            scene.write(&Place::Link(repository(), place), "wrong");
        }
        let (hex, full) = (digest(1).hex(), scene.outside("full"));
        let below = format!("01/{hex}/data");
        for file in ["data", "link", &below, "app/_manifests/tags/latest/current/link"] {
            fs::create_dir_all(full.join(file).parent().unwrap()).unwrap();
            fs::write(full.join(file), "root's").unwrap();
        }
        fs::create_dir(scene.outside("empty")).unwrap();
        for entry in WalkDir::new(scene.dir.path().join("registry")) {
            chown(entry.unwrap().path(), Some(OWNER), Some(OWNER)).unwrap();
        }
        Some(scene)
    }

    fn write(&self, place: &Place, text: &str) {
        let path = self.path(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn path(&self, place: &Place) -> PathBuf {
        self.v2.join(place.to_string())
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// All that is outside: each path with its owner, mode, inode and content.
    fn all_outside(&self) -> BTreeMap<PathBuf, (u32, u32, u64, Option<String>)> {
        let folders = ["empty", "full"].map(|name| self.outside(name));
        let entries = folders.iter().flat_map(|folder| WalkDir::new(folder).into_iter().map(Result::unwrap));
        let look = |entry: walkdir::DirEntry| {
            let meta = entry.metadata().unwrap();
            let text = fs::read_to_string(entry.path()).ok();
            (entry.into_path(), (meta.uid(), meta.mode(), meta.ino(), text))
        };
        entries.map(look).collect()
    }

    fn swap(&self, folder: &Path) -> Option<Swapper> {
        Swapper::start(folder, &[&self.outside("empty"), &self.outside("full")])
    }

    fn writer(&self) -> FilesystemWriter {
        FilesystemWriter::new(&self.v2, "run").unwrap()
    }
}

fn layer() -> LinkPlace {
    LinkPlace::Layer(digest(1))
}

fn tag() -> LinkPlace {
    LinkPlace::Tag("latest".parse().unwrap())
}

/// Make the changes, as far as that goes; those that were made.
fn make<E>(writer: &FilesystemWriter, changes: Result<Vec<Change>, E>) -> Vec<Change> {
    let changes = changes.unwrap_or_default();
    changes.into_iter().take_while(|change| writer.apply(change).is_ok()).collect()
}

#[derive(Debug, Default)]
struct Tally {
    moved: usize,
    put_back: usize,
    written: usize,
    refused: usize,
}

/// Quarantine, put back and write links again and again.
fn rounds(scene: &Scene) -> Tally {
    let (writer, mut tally, mut away) = (scene.writer(), Tally::default(), None);
    for round in 0..ROUNDS {
        match away.take() {
            None => away = make(&writer, writer.quarantine_blob(&digest(1))).pop(),
            Some(change) => {
                let changes = writer.revert(&change);
                let count = changes.as_ref().map_or(1, Vec::len);
                let back = make(&writer, changes).len() == count;
                tally.put_back += usize::from(back);
                away = Some(change).filter(|_| !back);
            }
        }
        tally.moved += usize::from(away.is_some());
        for place in [layer(), tag()] {
            let says = digest(u8::try_from(round % 2).unwrap());
            let changes = writer.write_link(&repository(), &place, &says);
            let written = make(&writer, changes).len();
            tally.written += written;
            tally.refused += 1 - written.min(1);
            if let (1.., 0) = (written, round % 3) {
                let change = writer.write_link(&repository(), &place, &digest(9)).unwrap_or_default();
                for change in &change {
                    make(&writer, writer.revert(change));
                }
            }
        }
    }
    tally
}

fn attack(folder: impl Fn(&Scene) -> PathBuf) {
    let Some(scene) = Scene::new() else { return };
    let before = scene.all_outside();
    let swapper = scene.swap(&folder(&scene));
    if swapper.is_none() {
        return;
    }
    let tally = rounds(&scene);
    drop(swapper);
    assert_eq!(scene.all_outside(), before, "{tally:?}");
    eprintln!("{ROUNDS} rounds: {tally:?}");
}

#[test]
fn a_blobs_folder_swapped_for_a_link_leads_nowhere() {
    attack(|scene| scene.path(&Place::Data(digest(1))).parent().unwrap().to_owned());
}

#[test]
fn a_folder_above_the_blobs_swapped_for_a_link_leads_nowhere() {
    attack(|scene| scene.v2.join("blobs/sha256"));
}

#[test]
fn a_links_folder_swapped_for_a_link_leads_nowhere() {
    attack(|scene| scene.path(&Place::Link(repository(), tag())).parent().unwrap().to_owned());
}

#[test]
fn a_repository_swapped_for_a_link_leads_nowhere() {
    attack(|scene| scene.v2.join("repositories/team"));
}
