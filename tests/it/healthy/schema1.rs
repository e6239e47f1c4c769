//! Images of schema 1, which 2.x signs anew at every read.

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::manifest::{Kind, parse};

use super::{check, copy_of, found, heal, is_silent, ways};
use crate::support::missing;
use crate::support::program;
use crate::support::raw::Raw;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::run;
use crate::support::settings::{CacheKind, Settings};
use crate::support::tree::lose;

/// The image with a history of its layers, without which it cannot be written as schema 1.
fn with_history(image: Image) -> Image {
    let mut config: serde_json::Value = serde_json::from_slice(&image.config.bytes).unwrap();
    let step = serde_json::json!({"created": "2024-01-01T00:00:00Z", "created_by": "copy"});
    config["history"] = vec![step; image.layers.len()].into();
    let size = |blob: &Blob| format!(r#""size":{}"#, blob.bytes.len());
    let (old, config) = (image.config, Blob::new(serde_json::to_vec(&config).unwrap()));
    let text = String::from_utf8(image.manifest.bytes).unwrap();
    let text = text.replace(&old.digest.to_string(), &config.digest.to_string());
    let manifest = Blob::new(text.replacen(&size(&old), &size(&config), 1).into_bytes());
    Image { config, manifest, ..image }
}

#[test]
fn an_image_of_schema_1_is_what_its_tag_names() {
    on_every_registry(|| {
        let top = "compatibility:\n  schema1:\n    enabled: true\n".to_owned();
        let settings = Settings { top, ..Settings::with_cache(CacheKind::None) };
        let Some(daemon) = RealRegistry::start(&settings) else { return };
        if daemon.flavour() != Flavour::V2 {
            return;
        }
        let image = with_history(Image::two_layers("old").unwrap().into_docker());
        let raw = Raw::new(&daemon.url());
        assert_eq!(raw.push_image("team/new", "1", &image).1.status, 201);
        let name = |repository: &str| format!("docker://{}/{repository}:1", daemon.host());
        let (from, to) = (name("team/new"), name("team/old"));
        let copied = program::output(
            "skopeo",
            [
                "--insecure-policy",
                "copy",
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
                "-f",
                "v2s1",
                &from,
                &to,
            ],
        );
        let Some(copied) = copied else { return missing("skopeo", "an image of schema 1") };
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let served = raw.get("/v2/team/old/manifests/1");
        assert_eq!(parse(&served.body).unwrap().kind, Kind::Schema1);
        assert_ne!(served.body, raw.get("/v2/team/old/manifests/1").body, "signed anew");
        is_silent(&daemon, &[]);
        let verified = run(["verify", &format!("{}/team/old:1", daemon.host()), "--plain-http"]);
        assert_eq!(verified.status, 0, "{verified:?}");
        let copy = copy_of(daemon.root());
        let lost = parse(&served.body).unwrap().needs[0].digest;
        lose(daemon.root(), &lost);
        let checked = check(&ways(&daemon)[1], &["--repo", "team/old"]);
        assert_eq!(found(&checked), [format!("missing-blob:{lost}")], "{}", checked.stdout);
        assert_eq!(heal(&daemon, copy.path()), [""; 0]);
    });
}
