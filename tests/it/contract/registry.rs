//! The contract of a daemon, asked and written to: over HTTP to the sandbox and to every real registry, and the double.

use std::collections::BTreeSet;
use std::fs;

use regfsck::adapters::registry::connect;
use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::digest::Digest;
use regfsck::domain::name::{Reference, RepositoryName, Tag};
use regfsck::domain::views::served::{Answer, Asked, Belief, Claim, Delivery, Denial};
use regfsck::domain::views::storage::{HashedBlob, ReadManifest};
use regfsck::engine::ports::{Daemon, Uploads as _};

use crate::doubles::memory::MemoryStorage;
use crate::doubles::registry::{Said, ScriptedRegistry};
use crate::http_client::{connection, name, tag};
use crate::support::daemon::{self, Kind, Settings};
use crate::support::tree::{Files as _, data, data_file};

/// One implementation, over a registry of its own.
enum World {
    Http(daemon::Daemon),
    Scripted(ScriptedRegistry, MemoryStorage),
}

impl World {
    /// One of each.
    fn all() -> Vec<(String, Self)> {
        let real = Kind::all()
            .into_iter()
            .map(|kind| (format!("{kind:?}"), Self::Http(kind.start(&Settings::default()))));
        let storage = MemoryStorage::new();
        let scripted = ScriptedRegistry::new(&storage).writable();
        real.chain([("the double".to_owned(), Self::Scripted(scripted, storage))]).collect()
    }

    async fn daemon(&self) -> Daemon {
        match self {
            Self::Http(daemon) => connect(&mut connection(&daemon.url())).await.unwrap(),
            Self::Scripted(scripted, _) => scripted.daemon(),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Http(daemon) => daemon.url(),
            Self::Scripted(..) => "http://registry.test:5000".into(),
        }
    }

    /// Take a blob's data away behind the back of the daemon, which remembers it.
    fn lose(&self, repository: &RepositoryName, blob: &Blob) {
        match self {
            Self::Http(daemon) => {
                let file = data_file(&daemon.root(), &blob.digest);
                fs::rename(&file, daemon.root().join(blob.digest.hex())).unwrap();
            }
            Self::Scripted(scripted, storage) => {
                storage.remove(&data(&blob.digest));
                scripted.says(repository.as_str(), &blob.digest, Said::Claimed(blob.bytes.len() as u64));
            }
        }
    }

    /// Every file of storage.
    fn files(&self) -> BTreeSet<String> {
        match self {
            Self::Http(daemon) => {
                let files = walkdir::WalkDir::new(daemon.root()).into_iter().map(Result::unwrap);
                files.map(|file| file.path().display().to_string()).collect()
            }
            Self::Scripted(_, storage) => storage.files().into_keys().collect(),
        }
    }

    fn has_session(&self, repository: &RepositoryName, id: &str) -> bool {
        let below = format!("repositories/{repository}/_uploads/{id}");
        match self {
            Self::Http(daemon) => daemon.root().join("docker/registry/v2").join(below).is_dir(),
            Self::Scripted(_, storage) => {
                storage.sessions().present().unwrap().keys().any(|place| place.to_string() == below)
            }
        }
    }
}

/// Push an image.
async fn push(daemon: &Daemon, repository: &RepositoryName, tag: &Tag, image: &Image) {
    for blob in image.blobs() {
        daemon.writer.upload_blob(repository, &blob.digest, &blob.bytes).await.unwrap();
    }
    let reference = Reference::Tag(tag.clone());
    let put =
        daemon.writer.put_manifest(repository, &reference, &image.media_type, &image.manifest.bytes).await;
    assert_eq!(put.unwrap(), Some(image.manifest.digest));
}

fn never() -> Digest {
    Blob::new(b"never pushed".to_vec()).digest
}

/// The answer alone, with what was asked.
fn told<T: Clone>(world: &World, asked: &Asked<T>) -> (String, T) {
    let path = asked.exchange.asked.to_string().replace(&format!("{}/v2/", world.url()), "");
    (path, asked.answer.clone())
}

#[tokio::test]
async fn what_was_pushed_is_claimed_delivered_listed_and_resolved() {
    for (who, world) in World::all() {
        let (daemon, app, one) = (world.daemon().await, name("team/app"), tag("v1"));
        let image = Image::two_layers("pushed").unwrap();
        push(&daemon, &app, &one, &image).await;
        let (reader, layer, manifest) = (&daemon.reader, &image.layers[1], &image.manifest);
        assert_eq!(reader.location(), world.url(), "{who}");
        reader.ping().await.unwrap();
        assert_eq!(reader.catalog().await.answer, Answer::Yes(vec![app.clone()]), "{who}");
        assert_eq!(reader.tags(&app).await.answer, Answer::Yes(vec![one.clone()]), "{who}");
        let size = layer.bytes.len() as u64;
        let claim = reader.head_blob(&app, &layer.digest).await;
        let claimed = Answer::Yes(Claim { size: Some(size), redirected: false });
        assert_eq!(told(&world, &claim), (format!("HEAD team/app/blobs/{}", layer.digest), claimed), "{who}");
        assert_eq!(claim.exchange.said, format!("200 OK, Content-Length {size}"), "{who}");
        let byte = reader.byte(&app, &layer.digest, size - 1).await;
        let asked = format!("GET team/app/blobs/{}, Range: bytes={1}-{1}", layer.digest, size - 1);
        assert_eq!(told(&world, &byte), (asked, Answer::Yes(Delivery::Byte(Some(size)))), "{who}");
        let behind = reader.byte(&app, &layer.digest, size).await.answer;
        assert_eq!(behind, Answer::Yes(Delivery::Short(Some(size))), "{who}");
        let hashed = HashedBlob { digest: layer.digest, actual: layer.digest, size };
        assert_eq!(reader.hash_blob(&app, &layer.digest).await.answer, Answer::Yes(hashed), "{who}");
        let resolved = reader.resolve(&app, &one).await.answer;
        let served = resolved.yes().unwrap();
        assert_eq!((served.digest, served.size), (manifest.digest, manifest.bytes.len() as u64), "{who}");
        assert!(matches!(&served.read, ReadManifest::Manifest(read) if read.needs.len() == 3), "{who}");
        assert_eq!(reader.manifest(&app, &manifest.digest).await.answer, resolved, "{who}");
        for reference in [Reference::Tag(one), Reference::Digest(manifest.digest)] {
            let raw = reader.fetch_manifest(&app, &reference).await.unwrap();
            assert_eq!((raw.bytes, raw.digest), (manifest.bytes.clone(), manifest.digest), "{who}");
        }
        let mut fetched = Vec::new();
        let got = reader.fetch_blob(&app, &layer.digest, &mut fetched).await.unwrap();
        assert_eq!((got.digest, got.size, fetched), (layer.digest, size, layer.bytes.clone()), "{who}");
    }
}

#[tokio::test]
async fn denials_are_told_apart() {
    for (who, world) in World::all() {
        let (daemon, app) = (world.daemon().await, name("a"));
        let image = Image::two_layers("denied").unwrap();
        push(&daemon, &app, &tag("v1"), &image).await;
        let reader = &daemon.reader;
        assert_eq!(reader.head_blob(&app, &never()).await.answer, Answer::No(Denial::Unspecified), "{who}");
        assert_eq!(reader.byte(&app, &never(), 0).await.answer, Answer::No(Denial::Blob), "{who}");
        assert_eq!(reader.hash_blob(&app, &never()).await.answer, Answer::No(Denial::Blob), "{who}");
        assert_eq!(reader.manifest(&app, &never()).await.answer, Answer::No(Denial::Manifest), "{who}");
        assert_eq!(reader.resolve(&app, &tag("none")).await.answer, Answer::No(Denial::Tag), "{who}");
        assert_eq!(reader.tags(&name("b")).await.answer, Answer::No(Denial::Repository), "{who}");
        let referrers = reader.referrers(&app, &image.manifest.digest).await.answer;
        assert_eq!(referrers, Answer::No(Denial::Unspecified), "{who}");
        let fetched = reader.fetch_blob(&app, &never(), &mut tokio::io::sink()).await.unwrap_err();
        assert!(fetched.is_not_found(), "{who}: {fetched}");
        world.lose(&app, &image.manifest);
        assert_eq!(reader.resolve(&app, &tag("v1")).await.answer, Answer::No(Denial::Manifest), "{who}");
        let by_digest = Reference::Digest(image.manifest.digest);
        assert!(reader.fetch_manifest(&app, &by_digest).await.unwrap_err().is_not_found(), "{who}");
    }
}

#[tokio::test]
async fn a_phantom_is_claimed_and_delivers_nothing_until_the_blind_upload() {
    for (who, world) in World::all() {
        let (daemon, app) = (world.daemon().await, name("a"));
        let image = Image::two_layers("phantom").unwrap();
        push(&daemon, &app, &tag("v1"), &image).await;
        let (reader, layer) = (&daemon.reader, &image.layers[0]);
        world.lose(&app, layer);
        let size = layer.bytes.len() as u64;
        let claim = reader.head_blob(&app, &layer.digest).await.answer;
        assert_eq!(claim, Answer::Yes(Claim { size: Some(size), redirected: false }), "{who}");
        let nothing = reader.byte(&app, &layer.digest, 0).await;
        assert_eq!(nothing.answer, Answer::Yes(Delivery::Nothing), "{who}");
        let said = "206 Partial Content, Content-Length 1, then not one byte";
        assert_eq!(nothing.exchange.said, said, "{who}");
        let hashed = reader.hash_blob(&app, &layer.digest).await.answer;
        assert_eq!(hashed, Answer::Unknown("the body was cut after 0 bytes".into()), "{who}");
        let error = reader.fetch_blob(&app, &layer.digest, &mut tokio::io::sink()).await.unwrap_err();
        assert_eq!((&*error.why, error.attempts), ("the body was cut after 0 bytes", 1), "{who}");
        daemon.writer.upload_blob(&app, &layer.digest, &layer.bytes).await.unwrap();
        let byte = reader.byte(&app, &layer.digest, 0).await.answer;
        assert_eq!(byte, Answer::Yes(Delivery::Byte(Some(size))), "{who}");
        let mut fetched = Vec::new();
        let got = reader.fetch_blob(&app, &layer.digest, &mut fetched).await.unwrap();
        assert_eq!((got.digest, got.size, fetched), (layer.digest, size, layer.bytes.clone()), "{who}");
    }
}

#[tokio::test]
async fn the_belief_in_manifests_is_learned_without_changing_a_file() {
    for (who, world) in World::all() {
        // A 3.x daemon may accept any index, and is not asked.
        if matches!(&world, World::Http(daemon) if daemon.flavour().is_3()) {
            continue;
        }
        let (daemon, app) = (world.daemon().await, name("a"));
        let image = Image::two_layers("believed").unwrap();
        push(&daemon, &app, &tag("v1"), &image).await;
        // A 2.x daemon begins to believe in a manifest when it is read.
        assert!(daemon.reader.manifest(&app, &image.manifest.digest).await.answer.yes().is_some(), "{who}");
        if let World::Scripted(scripted, _) = &world {
            scripted.believes(&[image.manifest.digest]);
        }
        world.lose(&app, &image.manifest);
        let before = world.files();
        let beliefs = daemon.reader.probe_manifests(&app, &[image.manifest.digest, never()]).await;
        assert!(matches!(beliefs[..], [Belief::Claimed(_), Belief::Unclaimed(_)]), "{who}: {beliefs:?}");
        assert_eq!(world.files(), before, "{who}");
        // And swallows it.
        push(&daemon, &app, &tag("v1"), &image).await;
        let swallowed = daemon.reader.manifest(&app, &image.manifest.digest).await.answer;
        assert_eq!(swallowed, Answer::No(Denial::Manifest), "{who}");
    }
}

#[tokio::test]
async fn writing_says_what_it_did_and_refuses_what_is_wrong() {
    for (who, world) in World::all() {
        let (daemon, app) = (world.daemon().await, name("a"));
        let (reader, writer) = (&daemon.reader, &daemon.writer);
        let image = Image::two_layers("written").unwrap();
        let session = writer.start_upload(&app).await.unwrap();
        assert!(world.has_session(&app, &session.id), "{who}");
        writer.cancel_upload(&session).await.unwrap();
        assert!(writer.cancel_upload(&session).await.unwrap_err().is_not_found(), "{who}");
        let wrong = writer.upload_blob(&app, &never(), &b"other bytes".to_vec()).await.unwrap_err();
        assert_eq!((wrong.status, wrong.code.as_deref()), (Some(400), Some("DIGEST_INVALID")), "{who}");
        let reference = Reference::Tag(tag("v1"));
        let put = writer.put_manifest(&app, &reference, &image.media_type, &image.manifest.bytes).await;
        let refused = put.unwrap_err();
        let unknown = (Some(400), Some("MANIFEST_BLOB_UNKNOWN"));
        assert_eq!((refused.status, refused.code.as_deref()), unknown, "{who}");
        push(&daemon, &app, &tag("v1"), &image).await;
        let layer = &image.layers[0].digest;
        writer.delete_blob(&app, layer).await.unwrap();
        assert_eq!(reader.head_blob(&app, layer).await.answer, Answer::No(Denial::Unspecified), "{who}");
        assert!(writer.delete_blob(&app, layer).await.unwrap_err().is_not_found(), "{who}");
        // Its data is there still: the next upload finds it, and links it again.
        writer.upload_blob(&app, layer, &image.layers[0].bytes).await.unwrap();
        assert!(reader.byte(&app, layer, 0).await.answer.yes().is_some(), "{who}");
    }
}

#[tokio::test]
#[should_panic(expected = "`team/app` was asked about, and nobody told of it")]
async fn the_double_fails_the_test_that_asks_what_it_did_not_plan() {
    let scripted = ScriptedRegistry::new(&MemoryStorage::new());
    scripted.daemon().reader.head_blob(&name("team/app"), &never()).await;
}

#[tokio::test]
#[should_panic(expected = "writing was not planned")]
async fn the_double_fails_the_test_that_writes_where_it_did_not_plan_to() {
    let scripted = ScriptedRegistry::new(&MemoryStorage::new());
    let _ = scripted.daemon().writer.start_upload(&name("team/app")).await;
}
