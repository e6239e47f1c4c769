//! One registry that holds everything that is unusual and healthy at once, looked at in six ways: not a word.

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::digest::Digest;
use sha2::{Digest as _, Sha512};

use super::{found, is_silent, listing};
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::run;
use crate::support::settings::{CacheKind, Settings};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry that is filled, and the images in it.
struct Zoo {
    raw: Raw,
    images: Vec<String>,
}

impl Zoo {
    /// Upload these, and put a manifest as the tag.
    fn put(&mut self, name: &str, tag: &str, blobs: &[&Blob], (kind, text): (&str, &str)) -> Blob {
        for blob in blobs {
            assert_eq!(self.raw.upload(name, blob), 201, "{name}:{tag}");
        }
        let manifest = Blob::new(text.as_bytes().to_vec());
        let put = self.raw.put_manifest(name, tag, &manifest, kind);
        assert_eq!(put.status, 201, "{name}:{tag}: {}", String::from_utf8_lossy(&put.body));
        self.images.push(format!("{name}:{tag}"));
        manifest
    }

    fn image(&mut self, name: &str, tag: &str, image: &Image) {
        let text = String::from_utf8(image.manifest.bytes.clone()).unwrap();
        let blobs: Vec<&Blob> = image.blobs().collect();
        self.put(name, tag, &blobs, (&image.media_type, &text));
    }
}

fn described(kind: &str, digest: &Digest, size: usize, more: &str) -> String {
    format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{size}{more}}}"#)
}

fn of(kind: &str, blob: &Blob) -> String {
    described(kind, &blob.digest, blob.bytes.len(), "")
}

/// An OCI manifest with that config and these layers, and more fields.
fn oci(config: &str, layers: &[String], more: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI}","config":{config},"layers":[{}]{more}}}"#,
        layers.join(",")
    )
}

/// Artifacts as their tools push them: charts, signatures by tag and by subject, attestations.
fn artifacts(zoo: &mut Zoo, image: &Image) {
    let empty = Blob::new(b"{}".to_vec());
    let chart = Blob::new(b"a chart".to_vec());
    let config = of("application/vnd.cncf.helm.config.v1+json", &empty);
    let layer = of("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &chart);
    zoo.put("charts/app", "1.0.0", &[&empty, &chart], (OCI, &oci(&config, &[layer], "")));
    let signed = Blob::new(b"signed".to_vec());
    let config = of("application/vnd.oci.image.config.v1+json", &empty);
    let layer = of("application/vnd.dev.cosign.simplesigning.v1+json", &signed);
    let tag = format!("{}.sig", image.manifest.digest.to_string().replace(':', "-"));
    zoo.put("team/app", &tag, &[&empty, &signed], (OCI, &oci(&config, std::slice::from_ref(&layer), "")));
    let config = of("application/vnd.oci.empty.v1+json", &empty);
    let subject = of(OCI, &image.manifest);
    let more = format!(r#","subject":{subject},"artifactType":"application/vnd.example.sbom""#);
    zoo.put("team/app", "sbom", &[&empty, &signed], (OCI, &oci(&config, &[layer], &more)));
    // What is attached to a platform stands beside it in the index.
    let statement = of("application/vnd.in-toto+json", &signed);
    let text = oci(&config, &[statement], "");
    let attested = zoo.put("team/app", "statement", &[&empty, &signed], (OCI, &text));
    let platform = |os: &str, arch: &str| format!(r#","platform":{{"os":"{os}","architecture":"{arch}"}}"#);
    let children = [
        described(OCI, &image.manifest.digest, image.manifest.bytes.len(), &platform("linux", "amd64")),
        described(OCI, &attested.digest, attested.bytes.len(), &platform("unknown", "unknown")),
    ];
    let text = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, children.join(","));
    zoo.put("team/app", "attested", &[], (INDEX, &text));
}

/// Layers and manifests of unusual form.
fn forms(zoo: &mut Zoo, image: &Image) {
    let config = of("application/vnd.oci.image.config.v1+json", &image.config);
    let zstd = of("application/vnd.oci.image.layer.v1.tar+zstd", &image.layers[0]);
    let blobs = [&image.config, &image.layers[0]];
    zoo.put("forms/zstd", "1", &blobs, (OCI, &oci(&config, std::slice::from_ref(&zstd), "")));
    zoo.put("forms/newline", "1", &blobs, (OCI, &(oci(&config, std::slice::from_ref(&zstd), "") + "\n\n")));
    zoo.put("forms/odd", "1", &blobs, (OCI, &oci(&config, &[zstd], r#","SUBJECT":{},"x":[{}],"x":1"#)));
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    let other = Blob::new(b"elsewhere".to_vec());
    let elsewhere =
        described(foreign, &other.digest, other.bytes.len(), r#","urls":["https://example.org/layer"]"#);
    zoo.put("forms/foreign", "1", &[&image.config], (OCI, &oci(&config, &[elsewhere], "")));
    let layer = &image.layers[1];
    let long = Digest::sha512(Sha512::digest(&layer.bytes).into());
    let target = format!("{}&digest={long}", zoo.raw.start_upload("forms/long"));
    let put =
        zoo.raw.send("PUT", &target, &[("Content-Type", "application/octet-stream")], &layer.bytes).status;
    assert_eq!(put, 201);
    let aliased = described("application/vnd.oci.image.layer.v1.tar+gzip", &long, layer.bytes.len(), "");
    zoo.put("forms/long", "1", &[&image.config], (OCI, &oci(&config, &[aliased], "")));
    zoo.image("forms/docker", "1", &Image::two_layers("docker").unwrap().into_docker());
}

fn fill(daemon: &RealRegistry) -> Zoo {
    let mut zoo = Zoo { raw: Raw::new(&daemon.url()), images: Vec::new() };
    let image = Image::two_layers("zoo").unwrap();
    zoo.image("team/app", "1", &image);
    artifacts(&mut zoo, &image);
    forms(&mut zoo, &image);
    zoo.image(&["d"; 60].join("/"), "1", &image);
    zoo.image("team/app", &"t".repeat(128), &image);
    zoo.image("team", "nested", &image);
    // Only by its digest; and emptied again.
    let digest = image.manifest.digest.to_string();
    zoo.image("untagged/app", "1", &image);
    let emptied = Image::two_layers("emptied").unwrap();
    zoo.image("emptied/app", "1", &emptied);
    let gone = zoo.raw.delete(&manifest_path("emptied/app", &emptied.manifest.digest.to_string()));
    assert_eq!(gone.status, 202);
    zoo.images.retain(|name| name != "emptied/app:1");
    zoo.images.push(format!("team/app@{digest}"));
    zoo
}

#[test]
fn of_everything_healthy_at_once_nothing_is_said_in_six_ways() {
    on_every_registry(|| {
        let top = "validation:\n  manifests:\n    urls:\n      allow: [^https://]\n".to_owned();
        let settings = Settings { top, ..Settings::with_cache(CacheKind::InMemory) };
        let Some(mut daemon) = RealRegistry::start(&settings) else { return };
        let zoo = fill(&daemon);
        // What was emptied is forgotten by a daemon that starts later.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        daemon.restart();
        let before = listing(daemon.root());
        is_silent(&daemon, &[]);
        let verify = ["verify", "--plain-http", "-o", "json"].map(str::to_owned);
        let named = zoo.images.iter().map(|name| match name.split_once('@') {
            Some((name, digest)) => format!("{}/{name}@{digest}", daemon.host()),
            None => format!("{}/{name}", daemon.host()),
        });
        let words: Vec<String> = verify.into_iter().chain(named).collect();
        let verified = run(words.iter().map(String::as_str));
        assert_eq!(
            (verified.status, found(&verified)),
            (0, vec![]),
            "{}\n{}",
            verified.stdout,
            verified.stderr
        );
        assert_eq!(listing(daemon.root()), before, "{}", daemon.program.version);
    });
}
