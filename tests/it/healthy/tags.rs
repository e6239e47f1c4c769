//! Tags that lost what they name, as distribution/distribution#1960 and goharbor/harbor#15970 tell: the history says it where it
//! can.

use std::fs;

use regfsck::adapters::sandbox::image::Image;

use super::{check, found, heal, is_silent, ways};
use crate::support::raw::Raw;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::run;
use crate::support::settings::{CacheKind, Settings};

#[test]
fn a_tag_is_what_its_history_says_where_that_names_one_manifest() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
        let raw = Raw::new(&daemon.url());
        let images = ["one", "two"].map(|seed| Image::two_layers(seed).unwrap());
        assert_eq!(raw.push_image("team/app", "one", &images[0]).1.status, 201);
        assert_eq!(raw.push_image("team/app", "moved", &images[0]).1.status, 201);
        assert_eq!(raw.push_image("team/app", "moved", &images[1]).1.status, 201);
        let link = |tag: &str| {
            let path = crate::doubles::tree::tag_link("team/app", tag);
            daemon.root().join(regfsck::domain::layout::ROOT).join(path)
        };
        let none = tempfile::tempdir().unwrap();
        fs::create_dir_all(none.path().join("docker/registry/v2/repositories")).unwrap();
        // Emptied by a full disk, and gone.
        for is_gone in [false, true] {
            if is_gone {
                super::remove(daemon.root(), &crate::doubles::tree::tag_link("team/app", "one"));
            } else {
                fs::write(link("one"), "").unwrap();
            }
            assert_ne!(found(&check(&ways(&daemon)[1], &[])), [""; 0]);
            assert_eq!(heal(&daemon, none.path()), [""; 0]);
            assert_eq!(fs::read_to_string(link("one")).unwrap(), images[0].manifest.digest.to_string());
        }
        is_silent(&daemon, &[]);
        // It named two: nobody guesses, and the way out is told.
        let moved = fs::read(link("moved")).unwrap();
        fs::write(link("moved"), "").unwrap();
        let config = daemon.config_path().display().to_string();
        let state = tempfile::tempdir().unwrap();
        let state = state.path().to_str().unwrap();
        let kept = run(["check", "--config", &config, "--state-dir", state, "--fix", "--yes"]);
        assert_eq!(kept.status, 1, "{kept:?}");
        assert_eq!(fs::read(link("moved")).unwrap(), b"");
        let said = format!("{}{}", kept.stdout, kept.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("or remove the tag: its folder below"), "{said}");
        fs::write(link("moved"), moved).unwrap();
        is_silent(&daemon, &[]);
    });
}
