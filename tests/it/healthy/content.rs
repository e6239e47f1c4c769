//! Content of unusual kinds: `BuildKit`'s cache, layers that need not be stored.

use std::fs;

use regfsck::adapters::sandbox::image::{Blob, Image};

use super::{check, copy_of, found, heal, is_silent, push_or_plant, ways};
use crate::support::raw::Raw;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::settings::{CacheKind, Settings};
use crate::support::tree::lose;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn described(kind: &str, blob: &Blob, more: &str) -> String {
    format!(r#"{{"mediaType":"{kind}","digest":"{}","size":{}{more}}}"#, blob.digest, blob.bytes.len())
}

/// What `buildx --cache-to type=registry` leaves: an index of layers and a config. See docker/buildx#173 and
/// distribution/distribution#3528.
fn cache_of(image: &Image) -> Blob {
    let layers =
        image.layers.iter().map(|layer| described("application/vnd.oci.image.layer.v1.tar+gzip", layer, ""));
    let config = described("application/vnd.buildkit.cacheconfig.v0", &image.config, "");
    let listed: Vec<_> = layers.chain([config]).collect();
    let text = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, listed.join(","));
    Blob::new(text.into_bytes())
}

#[test]
fn a_build_cache_is_an_index_of_blobs() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
        let raw = Raw::new(&daemon.url());
        let image = Image::two_layers("cache").unwrap();
        for blob in image.blobs() {
            assert_eq!(raw.upload("team/cache", blob), 201);
        }
        let index = cache_of(&image);
        let is_pushed = push_or_plant(&daemon, "team/cache", "main", &index, INDEX);
        eprintln!("{}: pushed as it is: {is_pushed}", daemon.program.version);
        is_silent(&daemon, &[]);
        let verified = crate::support::regfsck::run([
            "verify",
            &format!("{}/team/cache:main", daemon.host()),
            "--plain-http",
        ]);
        assert_eq!(verified.status, 0, "{verified:?}");
        let copy = copy_of(daemon.root());
        for lost in [&image.layers[0], &image.config] {
            lose(daemon.root(), &lost.digest);
            for way in ways(&daemon) {
                let checked = check(&way, &[]);
                assert_eq!(
                    found(&checked),
                    [format!("missing-blob:{}", lost.digest)],
                    "{way:?}: {}",
                    checked.stdout
                );
            }
            assert_eq!(heal(&daemon, copy.path()), [""; 0]);
            assert_eq!(fs::read(daemon.data_file(&lost.digest)).unwrap(), lost.bytes);
        }
        is_silent(&daemon, &[]);
    });
}

/// An image with one more layer of that type, which gives `urls` or not.
fn with_layer(image: &Image, manifest: &str, layer: (&str, &Blob), urls: &str) -> Blob {
    let config = described("application/vnd.oci.image.config.v1+json", &image.config, "");
    let plain = described("application/vnd.oci.image.layer.v1.tar+gzip", &image.layers[0], "");
    let other = described(layer.0, layer.1, urls);
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{manifest}","config":{config},"layers":[{plain},{other}]}}"#
    );
    Blob::new(text.into_bytes())
}

const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const URLS: &str = r#","urls":["https://example.org/layer"]"#;

#[test]
fn which_layers_have_to_be_stored_is_the_daemons_rule() {
    for (kind, layer, urls, is_wanted) in [
        (MANIFEST, FOREIGN, "", true),
        (MANIFEST, FOREIGN, URLS, false),
        (MANIFEST, PLAIN, URLS, true),
        (DOCKER, DOCKER_FOREIGN, URLS, false),
    ] {
        on_every_registry(|| {
            // Unless it is told which, a daemon takes no address of a layer.
            let top = "validation:\n  manifests:\n    urls:\n      allow: [^https://]\n".to_owned();
            let settings = Settings { top, ..Settings::with_cache(CacheKind::None) };
            let Some(daemon) = RealRegistry::start(&settings) else { return };
            let raw = Raw::new(&daemon.url());
            let image = Image::two_layers("foreign").unwrap();
            let blobs = [&image.config, &image.layers[0]];
            assert_eq!(blobs.map(|blob| raw.upload("team/app", blob)), [201; 2]);
            let other = &image.layers[1];
            let manifest = with_layer(&image, kind, (layer, other), urls);
            // Not stored: healthy wherever the daemon takes it so.
            let put = raw.put_manifest("team/app", "1", &manifest, kind);
            eprintln!("{}: {layer} {urls}: {}", daemon.program.version, put.status);
            if put.status == 201 {
                is_silent(&daemon, &[]);
            } else {
                assert!(is_wanted, "{}", String::from_utf8_lossy(&put.body));
            }
            // Stored: it is to be right.
            assert_eq!(raw.upload("team/app", other), 201);
            assert_eq!(raw.put_manifest("team/app", "1", &manifest, kind).status, 201);
            is_silent(&daemon, &[]);
            let copy = copy_of(daemon.root());
            let file = daemon.data_file(&other.digest);
            fs::write(&file, &other.bytes[..100]).unwrap();
            let cut = found(&check(&ways(&daemon)[1], &[]));
            assert_eq!(cut, [format!("truncated-blob:{}", other.digest)], "{layer} {urls}");
            assert_eq!(heal(&daemon, copy.path()), [""; 0]);
            assert_eq!(fs::read(&file).unwrap(), other.bytes);
            lose(daemon.root(), &other.digest);
            let lost = check(&ways(&daemon)[1], &[]);
            let wanted = format!("missing-blob:{}", other.digest);
            if is_wanted {
                assert_eq!(found(&lost), [wanted], "{layer} {urls}");
                assert_eq!(heal(&daemon, copy.path()), [""; 0]);
            } else {
                assert_eq!((lost.status, found(&lost)), (0, vec![]), "{layer} {urls}");
                let [note] = &lost.report().findings[..] else { panic!("{}", lost.stdout) };
                assert!(note.message.contains("a foreign layer"), "{}", note.message);
            }
        });
    }
}
