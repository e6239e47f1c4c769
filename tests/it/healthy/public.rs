//! Daemons that show their clients another address than the one they are asked at.

use std::fs;

use regfsck::adapters::sandbox::image::Image;

use super::{check, copy_of, found, heal, is_silent};
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::run;
use crate::support::settings::{CacheKind, Settings};
use crate::support::tree::lose;

/// With its configuration uploads stay where the daemon is asked; without it nothing is sent elsewhere.
#[test]
fn uploads_stay_at_the_address_that_was_given() {
    for http in ["  host: https://hub.example.com\n", "  relativeurls: true\n"] {
        on_every_registry(|| {
            let settings = Settings { http: http.to_owned(), ..Settings::with_cache(CacheKind::None) };
            let Some(daemon) = RealRegistry::start(&settings) else { return };
            let image = Image::two_layers("public").unwrap();
            let raw = Raw::new(&daemon.url());
            assert_eq!(raw.push_image("team/app", "1", &image).1.status, 201);
            is_silent(&daemon, &[]);
            let copy = copy_of(daemon.root());
            let layer = &image.layers[0];
            lose(daemon.root(), &layer.digest);
            if http.contains("host") {
                let (root, url) = (daemon.root().display().to_string(), daemon.url());
                let source = format!("storage:{}", copy.path().display());
                let state = tempfile::tempdir().unwrap();
                let state = state.path().to_str().unwrap();
                let words = ["check", "--storage", &root, "--registry", &url, "--state-dir", state];
                let refused = run(words.into_iter().chain(["--fix", "--yes", "--source", &source]));
                assert_eq!(refused.status, 4, "{refused:?}");
                assert!(format!("{refused:?}").contains("hub.example.com"), "{refused:?}");
                assert!(!daemon.data_file(&layer.digest).exists());
            }
            assert_eq!(heal(&daemon, copy.path()), [""; 0]);
            assert_eq!(fs::read(daemon.data_file(&layer.digest)).unwrap(), layer.bytes);
        });
    }
}

/// Below a path of its own, as behind a proxy that serves other things too: it is checked, repaired and guarded there.
#[test]
fn a_registry_below_a_prefix_is_checked_repaired_and_guarded() {
    for prefix in ["/some/registry/", "/hub"] {
        on_every_registry(|| {
            let http = format!("  prefix: {prefix}\n");
            let Some(daemon) =
                RealRegistry::start(&Settings { http, ..Settings::with_cache(CacheKind::InMemory) })
            else {
                return;
            };
            let url = format!("{}{prefix}", daemon.url());
            let (raw, image) = (Raw::new(&url), Image::two_layers("prefixed").unwrap());
            assert_eq!(raw.push_image("team/app", "1", &image).1.status, 201);
            let config = daemon.config_path().display().to_string();
            let alone = ["--registry".to_owned(), url, "--plain-http".to_owned()];
            for way in [&["--config".to_owned(), config.clone()][..], &alone] {
                let checked = check(way, &["--probe", "all"]);
                assert_eq!((checked.status, found(&checked)), (0, vec![]), "{way:?}: {}", checked.stdout);
            }
            let copy = copy_of(daemon.root());
            let layer = &image.layers[0];
            lose(daemon.root(), &layer.digest);
            assert_eq!(heal(&daemon, copy.path()), [""; 0]);
            assert_eq!(raw.pull("team/app", "1", &image), Ok(()));
            let manifest = manifest_path("team/app", &image.manifest.digest.to_string());
            assert_eq!(raw.delete(&manifest).status, 202);
            let state = tempfile::tempdir().unwrap();
            let program = daemon.program.path.to_str().unwrap();
            let guard =
                ["guard", "--config", &config, "--state-dir", state.path().to_str().unwrap(), "--yes"];
            let collect = ["--", program, "garbage-collect", "-m", &config];
            let guarded = run(guard.into_iter().chain(collect));
            assert_eq!(guarded.status, 0, "{guarded:?}");
            assert_eq!(raw.push_image("team/app", "1", &image).1.status, 201);
            assert_eq!(raw.pull("team/app", "1", &image), Ok(()));
        });
    }
}
