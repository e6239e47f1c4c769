//! Against a real daemon.

use std::fs;

use regfsck::adapters::registry::connect;
use regfsck::domain::digest::Digest;
use regfsck::domain::name::{Reference, RepositoryName};
use regfsck::domain::views::served::{Answer, Belief, Claim, Delivery, Denial};
use regfsck::domain::views::storage::ReadManifest;

use super::{client, connection, digest, name, noise, registry, tag, writer};
use crate::support::plain_registry::{RealRegistry, Setup};

const IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Push an image of a config and one layer; the digests of layer and manifest.
async fn push(
    url: &str,
    repository: &RepositoryName,
    label: &str,
    layer: &[u8],
) -> (Digest, Digest, Vec<u8>) {
    let writer = writer(url);
    let config =
        format!(r#"{{"architecture":"amd64","os":"linux","config":{{"Labels":{{"a":"{label}"}}}}}}"#)
            .into_bytes();
    for bytes in [config.clone(), layer.to_vec()] {
        writer.upload_blob(repository, &digest(&bytes), &bytes).await.unwrap();
    }
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.docker.container.image.v1+json","size":{},"digest":"{}"}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":{},"digest":"{}"}}]}}"#,
        config.len(),
        digest(&config),
        layer.len(),
        digest(layer)
    )
    .into_bytes();
    let reference = Reference::Tag(tag(label));
    let said = writer.put_manifest(repository, &reference, IMAGE, &manifest).await.unwrap();
    assert_eq!(said, Some(digest(&manifest)));
    (digest(layer), digest(&manifest), manifest)
}

#[tokio::test]
async fn what_was_pushed_is_claimed_delivered_listed_and_resolved() {
    let Some(daemon) = RealRegistry::start("what_was_pushed…", &Setup::default()) else { return };
    let (repository, layer_bytes) = (name("team/app"), noise(100_000, 1));
    let (layer, manifest, bytes) = push(&daemon.url(), &repository, "v1", &layer_bytes).await;
    let registry = connect(&mut connection(&daemon.host())).await.unwrap().reader;
    assert_eq!(registry.location(), daemon.url());
    assert_eq!(registry.catalog().await.answer, Answer::Yes(vec![repository.clone()]));
    assert_eq!(registry.tags(&repository).await.answer, Answer::Yes(vec![tag("v1")]));
    let claim = registry.head_blob(&repository, &layer).await;
    assert_eq!(claim.answer, Answer::Yes(Claim { size: Some(100_000), redirected: false }));
    assert_eq!(claim.exchange.said, "200 OK, Content-Length 100000");
    let byte = registry.byte(&repository, &layer, 0).await;
    assert!(matches!(byte.answer, Answer::Yes(Delivery::Byte(Some(_)))));
    assert_eq!(
        byte.exchange.asked.to_string(),
        format!("GET {}/v2/team/app/blobs/{layer}, Range: bytes=0-0", daemon.url())
    );
    let resolved = registry.resolve(&repository, &tag("v1")).await.answer;
    let served = resolved.yes().unwrap();
    assert_eq!((served.digest, served.size), (manifest, bytes.len() as u64));
    assert!(matches!(&served.read, ReadManifest::Manifest(read) if read.needs.len() == 2));
    assert_eq!(registry.manifest(&repository, &manifest).await.answer, resolved);
    assert_eq!(registry.requests(), 7);
    let log = daemon.log().to_lowercase();
    assert!(!log.contains("if-none-match") && log.contains(concat!("regfsck/", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn denials_are_told_apart() {
    let Some(daemon) = RealRegistry::start("denials_are_told_apart", &Setup::default()) else { return };
    let repository = name("a");
    let (_, manifest, _) = push(&daemon.url(), &repository, "v1", b"layer").await;
    let registry = registry(&daemon.url());
    let never = digest(b"never pushed");
    assert_eq!(registry.head_blob(&repository, &never).await.answer, Answer::No(Denial::Unspecified));
    assert_eq!(registry.byte(&repository, &never, 0).await.answer, Answer::No(Denial::Blob));
    assert_eq!(registry.manifest(&repository, &never).await.answer, Answer::No(Denial::Manifest));
    assert_eq!(registry.resolve(&repository, &tag("none")).await.answer, Answer::No(Denial::Tag));
    assert_eq!(registry.tags(&name("b")).await.answer, Answer::No(Denial::Repository));
    fs::rename(daemon.data_file(&manifest.to_string()), daemon.root().join("kept")).unwrap();
    assert_eq!(registry.resolve(&repository, &tag("v1")).await.answer, Answer::No(Denial::Manifest));
}

#[tokio::test]
async fn a_phantom_is_claimed_and_delivers_nothing_until_the_blind_upload() {
    let Some(daemon) = RealRegistry::start("a_phantom…", &Setup::default()) else { return };
    let (repository, bytes) = (name("a"), noise(50_000, 2));
    let (layer, _, _) = push(&daemon.url(), &repository, "v1", &bytes).await;
    fs::rename(daemon.data_file(&layer.to_string()), daemon.root().join("kept")).unwrap();
    let registry = registry(&daemon.url());
    let claim = registry.head_blob(&repository, &layer).await;
    assert_eq!(claim.answer, Answer::Yes(Claim { size: Some(50_000), redirected: false }));
    let nothing = registry.byte(&repository, &layer, 0).await;
    assert_eq!(nothing.answer, Answer::Yes(Delivery::Nothing));
    assert_eq!(nothing.exchange.said, "206 Partial Content, Content-Length 1, then not one byte");
    let writer = writer(&daemon.url());
    let error = registry.fetch_blob(&repository, &layer, &mut tokio::io::sink()).await.unwrap_err();
    assert_eq!((&*error.why, error.attempts), ("the body was cut after 0 bytes", 1));
    writer.upload_blob(&repository, &layer, &bytes).await.unwrap();
    let byte = registry.byte(&repository, &layer, 0).await;
    assert!(matches!(byte.answer, Answer::Yes(Delivery::Byte(Some(_)))));
    let mut fetched = Vec::new();
    let got = registry.fetch_blob(&repository, &layer, &mut fetched).await.unwrap();
    assert_eq!((got.digest, got.size, fetched), (layer, 50_000, bytes));
}

#[tokio::test]
async fn the_belief_in_manifests_is_learned_without_changing_a_file() {
    let Some(daemon) = RealRegistry::start("the_belief…", &Setup::default()) else { return };
    let repository = name("a");
    let (_, manifest, _) = push(&daemon.url(), &repository, "v1", b"layer").await;
    let registry = registry(&daemon.url());
    // A 2.x daemon begins to believe in a manifest when it is read.
    assert!(registry.manifest(&repository, &manifest).await.answer.yes().is_some());
    fs::rename(daemon.data_file(&manifest.to_string()), daemon.root().join("kept")).unwrap();
    let before = listing(daemon.root());
    let never = digest(b"never pushed");
    let beliefs = registry.probe_manifests(&repository, &[manifest, never]).await;
    assert!(matches!(beliefs[..], [Belief::Claimed(_), Belief::Unclaimed(_)]), "{beliefs:?}");
    assert_eq!(listing(daemon.root()), before);
}

fn listing(root: &std::path::Path) -> Vec<(std::path::PathBuf, u64)> {
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    files.map(|file| (file.path().to_owned(), file.metadata().unwrap().len())).collect()
}

#[tokio::test]
async fn large_blobs_go_in_pieces_and_empty_ones_at_once() {
    let Some(daemon) = RealRegistry::start("large_blobs…", &Setup::default()) else { return };
    let mut settings = connection(&daemon.url());
    settings.chunk = 1 << 20;
    let writer = client(&settings).writer;
    let repository = name("a");
    for bytes in [noise((5 << 20) + 17, 3), Vec::new(), vec![7]] {
        writer.upload_blob(&repository, &digest(&bytes), &bytes).await.unwrap();
        let stored = fs::read(daemon.data_file(&digest(&bytes).to_string())).unwrap();
        assert!(stored == bytes, "{} bytes", bytes.len());
    }
    assert!(daemon.log().contains("http.request.method=PATCH"));
    let registry = registry(&daemon.url());
    assert_eq!(
        registry.byte(&repository, &digest(b""), 0).await.answer,
        Answer::Yes(Delivery::Short(Some(0)))
    );
    let error = writer.upload_blob(&repository, &digest(b"other"), &b"bytes".to_vec()).await.unwrap_err();
    assert_eq!((error.status, error.code.as_deref()), (Some(400), Some("DIGEST_INVALID")));
}

#[tokio::test]
async fn sessions_and_deletions() {
    let Some(daemon) = RealRegistry::start("sessions…", &Setup::default()) else { return };
    let (writer, registry) = (writer(&daemon.url()), registry(&daemon.url()));
    let a = name("a");
    let (layer, manifest, bytes) = push(&daemon.url(), &a, "v1", b"layer").await;
    let session = writer.start_upload(&a).await.unwrap();
    assert!(daemon.root().join("docker/registry/v2/repositories/a/_uploads").join(&session.id).is_dir());
    writer.cancel_upload(&session).await.unwrap();
    assert!(writer.cancel_upload(&session).await.unwrap_err().is_not_found());
    let raw = registry.fetch_manifest(&a, &Reference::Tag(tag("v1"))).await.unwrap();
    assert_eq!((raw.bytes, raw.digest), (bytes, manifest));
    writer.delete_blob(&a, &layer).await.unwrap();
    assert_eq!(registry.head_blob(&a, &layer).await.answer, Answer::No(Denial::Unspecified));
}

#[tokio::test]
async fn a_path_prefix_and_pages_and_the_usual_mistakes() {
    let setup = Setup { http: "  prefix: /reg/\n".into(), ..Setup::default() };
    let Some(daemon) = RealRegistry::start("a_path_prefix…", &setup) else { return };
    let url = format!("{}/reg", daemon.url());
    for repository in ["a", "b/c", "d"] {
        push(&url, &name(repository), "v1", b"layer").await;
    }
    let registry = registry(&url);
    registry.ping().await.unwrap();
    let names = registry.catalog().await.answer;
    assert_eq!(names, Answer::Yes(vec![name("a"), name("b/c"), name("d")]));
    let error = super::registry(&daemon.url()).ping().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "GET {}/v2/: 404 Not Found, but this is no registry: the API version 2 is not there",
            daemon.url()
        )
    );
    let error = super::registry(&format!("https://{}", daemon.host())).ping().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("GET https://{}/v2/: this port does not speak TLS; it may speak plain HTTP", daemon.host())
    );
    assert_eq!(error.hint.as_deref(), Some("give --plain-http, or write http:// in front of the host"));
}

#[tokio::test]
async fn a_read_only_registry_says_so() {
    let storage = "  maintenance:\n    readonly:\n      enabled: true\n";
    let setup = Setup { storage: storage.into(), ..Setup::default() };
    let Some(daemon) = RealRegistry::start("a_read_only…", &setup) else { return };
    let error = writer(&daemon.url()).start_upload(&name("a")).await.unwrap_err();
    assert!(error.is_unsupported());
    assert_eq!((&*error.why, &*error.body), ("405 Method Not Allowed", "Method not allowed"));
}
