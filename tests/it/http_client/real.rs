//! Against a real daemon.

use std::fs;

use regfsck::adapters::registry::connect;
use regfsck::domain::digest::Digest;
use regfsck::domain::name::{Reference, RepositoryName};
use regfsck::domain::views::served::{Answer, Claim, Delivery};
use regfsck::domain::views::storage::ReadManifest;

use super::{client, connection, digest, name, noise, registry, tag, writer};
use crate::support::real_registry::{RealRegistry, on_every_registry_async};
use crate::support::settings::Settings;

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

#[test]
fn what_was_pushed_is_claimed_delivered_listed_and_resolved() {
    on_every_registry_async(|| async {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
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
        assert!(
            !log.contains("if-none-match") && log.contains(concat!("regfsck/", env!("CARGO_PKG_VERSION")))
        );
    });
}

#[test]
fn large_blobs_go_in_pieces_and_empty_ones_at_once() {
    on_every_registry_async(|| async {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let mut settings = connection(&daemon.url());
        settings.chunk = 1 << 20;
        let writer = client(&settings).writer;
        let repository = name("a");
        for bytes in [noise((5 << 20) + 17, 3), Vec::new(), vec![7]] {
            writer.upload_blob(&repository, &digest(&bytes), &bytes).await.unwrap();
            let stored = fs::read(daemon.data_file(&digest(&bytes))).unwrap();
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
    });
}

#[test]
fn a_path_prefix_and_pages_and_the_usual_mistakes() {
    on_every_registry_async(|| async {
        let setup = Settings { http: "  prefix: /reg/\n".into(), ..Settings::default() };
        let Some(daemon) = RealRegistry::start(&setup) else { return };
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
            format!(
                "GET https://{}/v2/: this port does not speak TLS; it may speak plain HTTP",
                daemon.host()
            )
        );
        assert_eq!(error.hint.as_deref(), Some("give --plain-http, or write http:// in front of the host"));
    });
}

#[test]
fn a_read_only_registry_says_so() {
    on_every_registry_async(|| async {
        let setup = Settings { read_only: true, ..Settings::default() };
        let Some(daemon) = RealRegistry::start(&setup) else { return };
        let error = writer(&daemon.url()).start_upload(&name("a")).await.unwrap_err();
        assert!(error.is_unsupported());
        assert_eq!((&*error.why, &*error.body), ("405 Method Not Allowed", "Method not allowed"));
    });
}
