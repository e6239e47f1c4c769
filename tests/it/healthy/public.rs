//! Daemons that show their clients another address than the one they are asked at.

use std::fs;

use regfsck::adapters::sandbox::image::Image;

use super::{copy_of, heal, is_silent};
use crate::support::raw::Raw;
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
