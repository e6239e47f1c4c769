//! Others push while claims are deleted, and nothing is left of sessions that we began.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use super::{Mirror, Regfsck};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::Paths;
use crate::support::raw::{Raw, blob_path};
use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::code::Code;
use regfsck::domain::finding::State;
use regfsck::domain::plan::Proof;
use walkdir::WalkDir;

const REPOSITORY: &str = "team/app";

/// A proxy that does something before each request comes to the registry.
fn proxy(url: &str, before: impl Fn(&str, &str) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (host, before) = (url.trim_start_matches("http://").to_owned(), Arc::new(before));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (host, before) = (host.clone(), Arc::clone(&before));
            thread::spawn(move || lead(client, &host, &*before));
        }
    });
    address
}

/// One that lets a push of a blob in, and end, right before the DELETE of its claim comes to the daemon.
fn racing(daemon: &Daemon, blobs: Vec<Blob>) -> String {
    let push = move |line: &str, host: &str| {
        let is_next =
            |blob: &&Blob| line.starts_with(&format!("DELETE {} ", blob_path(REPOSITORY, &blob.digest)));
        for blob in blobs.iter().filter(is_next) {
            assert_eq!(Raw::new(host).upload(REPOSITORY, blob), 201);
        }
    };
    format!("http://{}", proxy(&daemon.url(), push))
}

fn lead(mut client: TcpStream, host: &str, before: &dyn Fn(&str, &str)) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&head).lines().next().unwrap().to_owned();
    before(&line, host);
    let mut daemon = TcpStream::connect(host).unwrap();
    // One request a connection, so that each is seen.
    let text = String::from_utf8(head).unwrap().replacen("\r\n", "\r\nConnection: close\r\n", 1);
    daemon.write_all(text.as_bytes()).unwrap();
    let mut asking = client.try_clone().unwrap();
    let mut sending = daemon.try_clone().unwrap();
    thread::spawn(move || std::io::copy(&mut asking, &mut sending));
    let _ = std::io::copy(&mut daemon, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}

#[expect(clippy::disallowed_methods, reason = "the damage is to remove something")]
fn remove(path: &std::path::Path) {
    std::fs::remove_file(path).unwrap();
}

#[test]
fn what_is_pushed_while_its_claim_is_deleted_keeps_its_link() {
    for kind in Kind::all() {
        for loses_data in [true, false] {
            let daemon = kind.start(&Settings::default());
            let (raw, paths) = (daemon.raw(), Paths::new(&daemon.root()));
            let image = Image::two_layers("raced").unwrap();
            assert_eq!(raw.push_image(REPOSITORY, "1", &image).1.status, 201);
            assert_eq!(raw.push_image("team/other", "1", &image).1.status, 201);
            assert_eq!(raw.pull(REPOSITORY, "1", &image), Ok(()));
            let layer = &image.layers[0];
            if loses_data {
                remove(&paths.data(&layer.digest));
            } else {
                // A push that the claim made skip it: no manifest needs it yet.
                let manifest = format!("/v2/{REPOSITORY}/manifests/{}", image.manifest.digest);
                assert_eq!(raw.delete(&manifest).status, 202);
                remove(&paths.layer_link(REPOSITORY, &layer.digest));
            }
            assert_eq!(raw.head(&blob_path(REPOSITORY, &layer.digest)).status, 200, "{kind:?}: claimed");
            let url = racing(&daemon, image.blobs().cloned().collect());
            let ran = Regfsck::on(&daemon).run("purge", &["--yes", "--registry", &url]);
            let step = format!("delete-claim:{REPOSITORY}:{}", layer.digest);
            assert!(ran.steps().contains(&step), "{kind:?} {loses_data}: {} {}", ran.table, ran.stderr);
            let results = ran.results();
            assert!(
                results.contains(&(
                    "done".into(),
                    "it was pushed in the meantime: its link was made again".into()
                )),
                "{kind:?} {loses_data}: {results:?}"
            );
            let link = std::fs::read_to_string(paths.layer_link(REPOSITORY, &layer.digest)).unwrap();
            assert_eq!(link, layer.digest.to_string());
            assert_eq!(raw.get(&blob_path(REPOSITORY, &layer.digest)).body, layer.bytes, "{kind:?}");
        }
    }
}

/// The upload sessions in storage.
fn sessions(daemon: &Daemon) -> Vec<String> {
    let below = WalkDir::new(daemon.root()).into_iter().map(Result::unwrap);
    let inside =
        below.filter(|entry| entry.path().parent().is_some_and(|parent| parent.ends_with("_uploads")));
    inside.map(|entry| entry.path().display().to_string()).collect()
}

#[test]
fn a_repair_leaves_no_upload_session() {
    for kind in Kind::all() {
        let daemon = kind.start(&Settings::default());
        let image = daemon.incident(REPOSITORY, "1");
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        assert_eq!(sessions(&daemon), Vec::<String>::new());
        let regfsck = Regfsck::on(&daemon);
        regfsck.fix(&["--source", &mirror.source()]).healed();
        assert_eq!(sessions(&daemon), Vec::<String>::new(), "{kind:?}: after a repair");
        daemon.incident(REPOSITORY, "2");
        regfsck.run("purge", &["--yes"]);
        assert_eq!(sessions(&daemon), Vec::<String>::new(), "{kind:?}: after a purge");
        // What another began stays.
        let begun = daemon.raw().start_upload(REPOSITORY);
        regfsck.fix(&["--source", &mirror.source()]);
        assert_eq!(sessions(&daemon).len(), 1, "{begun}");
    }
}

/// A registry in which a byte of an image's first layer is another, and a mirror that has it whole.
struct Flipped {
    daemon: Daemon,
    mirror: Mirror,
    image: Image,
    /// The file of the layer, and what it holds.
    data: PathBuf,
    bad: Vec<u8>,
}

impl Flipped {
    fn new(kind: &Kind) -> Self {
        let daemon = kind.start(&Settings::default());
        let image = Image::two_layers("flipped").unwrap();
        daemon.raw().push_image(REPOSITORY, "1", &image);
        let data = Paths::new(&daemon.root()).data(&image.layers[0].digest);
        let mut bad = image.layers[0].bytes.clone();
        bad[0] ^= 1;
        std::fs::write(&data, &bad).unwrap();
        let mirror = Mirror::with(&[(REPOSITORY, "1", &image)]);
        Self { daemon, mirror, image, data, bad }
    }
}

/// Bytes of a layer come from a mirror, and meanwhile somebody restores the file that they are to replace.
#[test]
fn a_file_that_is_restored_during_the_download_stays_where_it_is() {
    for kind in Kind::all() {
        let Flipped { daemon, mirror, image, data, .. } = Flipped::new(&kind);
        let layer = image.layers[0].clone();
        let (path, restored) = (blob_path(REPOSITORY, &layer.digest), data.clone());
        let bytes = layer.bytes.clone();
        let source = proxy(&mirror.sandbox.url(), move |line, _| {
            if line.starts_with(&format!("GET {path} ")) {
                std::fs::write(&restored, &bytes).unwrap();
            }
        });
        let inode = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&data).unwrap());
        let before = inode();
        let ran = Regfsck::on(&daemon).fix(&["--content", "--source", &format!("docker://{source}")]);
        assert_eq!(ran.status, 0, "{kind:?}: {}", ran.table);
        assert_eq!((std::fs::read(&data).unwrap(), inode()), (layer.bytes.clone(), before), "{kind:?}");
        let quarantine = daemon.root().with_file_name("root.regfsck-quarantine");
        let kept = WalkDir::new(quarantine).into_iter().flatten().filter(|entry| entry.file_type().is_file());
        assert_eq!(kept.count(), 0, "{kind:?}: nothing was moved");
        assert_eq!(daemon.raw().pull(REPOSITORY, "1", &image), Ok(()));
    }
}

/// Meanwhile a symbolic link comes to lie where the blob's folder was: nothing is written through it, and what cannot be
/// looked at again is no repair.
#[test]
fn where_a_link_comes_in_the_way_nothing_is_called_repaired() {
    for kind in Kind::all() {
        let Flipped { daemon, mirror, image, data, bad } = Flipped::new(&kind);
        let layer = image.layers[0].clone();
        let (path, folder) = (blob_path(REPOSITORY, &layer.digest), data.parent().unwrap().to_owned());
        let aside = daemon.root().join("aside");
        let elsewhere = aside.clone();
        let source = proxy(&mirror.sandbox.url(), move |line, _| {
            if line.starts_with(&format!("GET {path} ")) && !elsewhere.exists() {
                std::fs::rename(&folder, &elsewhere).unwrap();
                std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
            }
        });
        let ran = Regfsck::on(&daemon).fix(&["--content", "--source", &format!("docker://{source}")]);
        assert_eq!(ran.status, 3, "{kind:?}: {}", ran.table);
        let corrupt: Vec<_> = ran.findings().filter(|it| it.code == Code::CorruptBlob).collect();
        let [corrupt] = corrupt.as_slice() else { panic!("{kind:?}: {}", ran.table) };
        assert_eq!(corrupt.state, State::Unknown, "{kind:?}: {}", ran.table);
        let Proof { resolved, remaining, unknown, .. } = ran.proof().clone();
        assert_eq!((resolved, remaining, unknown), (vec![], vec![], vec![corrupt.id.clone()]), "{kind:?}");
        let said = "corrupt-blob (1 error, could not be looked at again)";
        assert_eq!(ran.table.lines().filter(|line| *line == said).count(), 1, "{}", ran.table);
        assert_eq!(std::fs::read(aside.join("data")).unwrap(), bad, "{kind:?}: written through the link");
    }
}
