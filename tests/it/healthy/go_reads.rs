//! What Go's `encoding/json` and go-digest read as a manifest we read, and nothing else: the same bytes are given to real
//! daemons by PUT, GET and garbage collection.

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::digest::Digest;
use regfsck::domain::manifest::parse;
use sha2::{Digest as _, Sha384};

use super::{found, is_silent, plant_manifest, remove, ways};
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::settings::{CacheKind, Settings};
use crate::support::tree::lose;

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What becomes of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// It is read, and pushed as it is.
    Pushed,
    /// It is read where it is stored; a push is refused, or nobody would push it.
    Stored,
    /// Nobody reads it.
    Not,
}
use Read::{Not, Pushed, Stored};

/// Manifests with the config `C` and the layer `L`; `T` is a media type.
const CASES: &[(Read, &str, &str)] = &[
    (Pushed, OCI, r#"{"schemaVersion":2,"mediaType":"T","config":{C},"layers":[{L}]}"#),
    (Pushed, DOCKER, r#"{"schemaVersion":2,"mediaType":"T","config":{C},"layers":[{L}]}"#),
    (Pushed, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L}]}"#),
    // Keys that come twice, and in other case.
    (Pushed, OCI, r#"{"schemaVersion":1,"schemaVersion":2,"config":{C},"config":{C},"layers":[{L}]}"#),
    (Pushed, OCI, r#"{"SCHEMAVERSION":2,"MediaType":"T","CONFIG":{C},"layerS":[{L}]}"#),
    (Pushed, OCI, "{\"\u{17f}chemaVersion\":2,\"config\":{C},\"layers\":[{L}]}"),
    (
        Pushed,
        OCI,
        r#"{"schemaVersion":2,"config":{C},"config":{"size":1},"config":{C},"layers":[{L},{L}],"layers":[{L}]}"#,
    ),
    (Not, OCI, r#"{"schemaVersion":2,"schemaVersion":1.5,"config":{C},"layers":[{L}]}"#),
    // Fields that no daemon looks at may be anything.
    (Pushed, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L}],"subject":{},"artifactType":5}"#),
    (
        Pushed,
        OCI,
        r#"{"schemaVersion":2,"config":{C},"layers":[{L}],"subject":[1,{"digest":3}],"x":{"layers":1}}"#,
    ),
    (Pushed, DOCKER, r#"{"schemaVersion":2,"mediaType":"T","config":{C},"layers":[{L}],"annotations":5}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L}],"annotations":5}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L}],"annotations":{"a":{}}}"#),
    (
        Pushed,
        OCI,
        r#"{"schemaVersion":2,"config":{C},"layers":[{L}],"annotations":{"a":null},"annotations":null}"#,
    ),
    // Text that is none.
    (
        Pushed,
        OCI,
        r#"{"schemaVersion":2,"config":{C},"layers":[{L}],"annotations":{"a\ud800":"\udc00\ud83d\ude00"}}"#,
    ),
    (
        Pushed,
        OCI,
        "{\"schemaVersion\":2,\"config\":{C},\"layers\":[{L}],\"annotations\":{\"BAD\":\"BAD\"},\"BAD\":1}",
    ),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L}],"annotations":{"a":"\ud8"}}"#),
    (Not, OCI, "{\"schemaVersion\":2,\"config\":{C},\"layers\":[{L}],\"annotations\":{\"a\":\"\u{1}\"}}"),
    (Not, OCI, "\u{feff}{\"schemaVersion\":2,\"config\":{C},\"layers\":[{L}]}"),
    (Pushed, OCI, "\t\r\n {\"schemaVersion\" : 2 ,\"config\":{C}, \"layers\":[{L}]}\n\n"),
    (Not, OCI, "{\"schemaVersion\":2,\"config\":{C},\"layers\":[{L}]}\0"),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L},]}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L}]"#),
    // Values of another type.
    (Not, OCI, r#"{"schemaVersion":"2","config":{C},"layers":[{L}]}"#),
    (Not, OCI, r#"{"schemaVersion":2.0,"config":{C},"layers":[{L}]}"#),
    (Not, OCI, r#"{"schemaVersion":3,"config":{C},"layers":[{L}]}"#),
    (Not, OCI, r#"{"config":{C},"layers":[{L}]}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":[{C}],"layers":[{L}]}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":{L2}}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[[{L}]]}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L,"size":1e2}]}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L,"size":9223372036854775808}]}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L,"urls":[5]}]}"#),
    (Pushed, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L,"urls":null,"size":null}]}"#),
    (Not, OCI, r#"{"schemaVersion":2,"config":{C},"layers":[{L,"platform":"linux"}]}"#),
    (Pushed, OCI, r#"{"schemaVersion":2,"config":{C},"layers":null,"layers":[{L}]}"#),
    (Not, OCI, "null"),
    (Not, OCI, "[]"),
    (Not, OCI, "5"),
    // What a media type makes of it.
    (Not, OCI, r#"{"schemaVersion":2,"mediaType":"text/plain","config":{C},"layers":[{L}]}"#),
    (Not, INDEX, r#"{"schemaVersion":2,"manifests":5}"#),
    (Pushed, INDEX, r#"{"schemaVersion":2,"manifests":[]}"#),
    (Pushed, INDEX, r#"{"schemaVersion":2,"mediaType":"T","manifests":[],"Manifests":null}"#),
    (Pushed, LIST, r#"{"schemaVersion":2,"mediaType":"T","manifests":[]}"#),
    (Stored, INDEX, r#"{"schemaVersion":2,"mediaType":"T","manifests":[{"digest":"x"}]}"#),
    (Stored, INDEX, r#"{"schemaVersion":2,"mediaType":"T","manifests":[],"config":{C}}"#),
    (Stored, INDEX, r#"{"schemaVersion":2,"manifests":null,"config":{C},"layers":[{L}]}"#),
];

fn described(blob: &Blob) -> String {
    format!(r#""digest":"{}","size":{}"#, blob.digest, blob.bytes.len())
}

fn written(image: &Image, media_type: &str, text: &str) -> Blob {
    let layer = described(&image.layers[0]);
    let text = text
        .replace("\"T\"", &format!("{media_type:?}"))
        .replace("{C", &format!("{{{}", described(&image.config)))
        .replace("{L2}", &format!("{{{layer}}}"))
        .replace("{L", &format!("{{{layer}"));
    let mut bytes = text.into_bytes();
    while let Some(at) = bytes.windows(3).position(|word| word == b"BAD") {
        bytes.splice(at..at + 3, [0xff, b'a', 0xc3]);
    }
    Blob::new(bytes)
}

/// Whether garbage collection gets through with this in a repository of its own.
fn is_collected(daemon: &RealRegistry, manifest: &Blob) -> bool {
    plant_manifest(daemon.root(), "x/own", "1", manifest);
    let collected = daemon.garbage_collect(false, true);
    // Without a folder of layers 2.x takes it for no repository and looks at none of its manifests.
    remove(daemon.root(), "repositories/x/own/_manifests");
    collected.status == 0
}

fn compare(daemon: &RealRegistry, image: &Image, case: &(Read, &str, &str)) -> Vec<String> {
    let (wanted, media_type, text) = *case;
    let raw = Raw::new(&daemon.url());
    let manifest = written(image, media_type, text);
    let put = raw.put_manifest("x/put", &manifest.digest.to_string(), &manifest, media_type).status == 201;
    let is_collected = is_collected(daemon, &manifest);
    plant_manifest(daemon.root(), "x/got", "1", &manifest);
    let got = raw.get(&manifest_path("x/got", &manifest.digest.to_string())).status == 200;
    remove(daemon.root(), "repositories/x/got");
    let ours = parse(&manifest.bytes);
    let reads = [
        ("wanted", wanted != Not),
        ("put", put || wanted == Stored),
        ("got", got),
        ("collected", is_collected),
    ];
    let others = reads.iter().filter(|(_, read)| *read != ours.is_ok());
    others.map(|(who, read)| format!("{who} {read}, ours {ours:?}: {text}")).collect()
}

#[test]
fn what_the_daemon_reads_as_a_manifest_we_read() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
        let raw = Raw::new(&daemon.url());
        let image = Image::two_layers("go").unwrap();
        for repository in ["x/put", "x/got", "x/own"] {
            assert_eq!([&image.config, &image.layers[0]].map(|blob| raw.upload(repository, blob)), [201; 2]);
        }
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            format!(r#"{{"schemaVersion":2,"config":{{C}},"layers":[{{L}}],"x":{open}{close}}}"#)
        };
        let mut differ: Vec<String> = CASES.iter().flat_map(|case| compare(&daemon, &image, case)).collect();
        for (read, depth) in [(Pushed, 9_999), (Not, 10_000)] {
            differ.extend(
                compare(&daemon, &image, &(read, OCI, &nested(depth)))
                    .into_iter()
                    .map(|text| text[..80].into()),
            );
        }
        assert_eq!(differ, [""; 0], "{}", daemon.program.version);
    });
}

/// A check of what was pushed finds nothing, however odd it looks.
#[test]
fn manifests_that_the_daemon_took_are_healthy() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let raw = Raw::new(&daemon.url());
        let image = Image::two_layers("odd").unwrap();
        assert_eq!([&image.config, &image.layers[0]].map(|blob| raw.upload("x/odd", blob)), [201; 2]);
        for (at, (_, media_type, text)) in CASES.iter().filter(|case| case.0 == Pushed).enumerate() {
            let manifest = written(&image, media_type, text);
            let put = raw.put_manifest("x/odd", &format!("t{at}"), &manifest, media_type);
            assert_eq!(put.status, 201, "{}: {text}", String::from_utf8_lossy(&put.body));
        }
        is_silent(&daemon, &[]);
    });
}

/// A blob pushed under a longer digest lies under its SHA-256 one, and the longer one links to it.
#[test]
fn longer_digests_are_as_good_as_others() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
        let raw = Raw::new(&daemon.url());
        let image = Image::two_layers("long").unwrap();
        assert_eq!(raw.upload("x/long", &image.config), 201);
        let (layer, long) = (&image.layers[0], Digest::sha384(Sha384::digest(&image.layers[0].bytes).into()));
        let target = format!("{}&digest={long}", raw.start_upload("x/long"));
        let put = raw.send("PUT", &target, &[("Content-Type", "application/octet-stream")], &layer.bytes);
        assert_eq!(put.status, 201);
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI}","config":{{{}}},"layers":[{{"digest":"{long}","size":{}}}]}}"#,
            described(&image.config),
            layer.bytes.len()
        );
        let manifest = Blob::new(text.into_bytes());
        let put = raw.put_manifest("x/long", "1", &manifest, OCI);
        eprintln!("{}: {}", daemon.program.version, put.status);
        if put.status == 201 {
            is_silent(&daemon, &[]);
            lose(daemon.root(), &layer.digest);
            let lost = super::check(&ways(&daemon)[0], &[]);
            assert_eq!(found(&lost), [format!("missing-blob:{long}")], "{}", lost.stdout);
        }
    });
}
