//! Symbolic links in storage, which a daemon follows (goharbor/harbor#8870 has such a layout): read where that is said.

use std::fs;
use std::os::unix::fs::symlink;

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::layout::ROOT;

use super::{check, found, listing};
use crate::support::raw::Raw;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::settings::{CacheKind, Settings};

const FOLLOW: &[&str] = &["--follow-symlinks"];

#[test]
fn links_that_the_daemon_follows_are_read_where_that_is_said() {
    on_every_registry(|| {
        for moved in ["blobs", "repositories", "repositories/team", "layer", "v2", "docker"] {
            let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
            let image = Image::two_layers("linked").unwrap();
            let raw = Raw::new(&daemon.url());
            assert_eq!(raw.push_image("team/app", "1", &image).1.status, 201);
            let layer = &image.layers[0];
            let file = daemon.data_file(&layer.digest);
            let path = match moved {
                "layer" => file.clone(),
                "v2" => daemon.root().join(ROOT),
                "docker" => daemon.root().join("docker"),
                below => daemon.root().join(ROOT).join(below),
            };
            let elsewhere = tempfile::tempdir_in(daemon.root().parent().unwrap()).unwrap();
            let there = elsewhere.path().join("moved");
            fs::rename(&path, &there).unwrap();
            symlink(&there, &path).unwrap();
            assert_eq!(raw.pull("team/app", "1", &image), Ok(()), "{moved}");
            let before = listing(daemon.root());
            let config = ["--config".to_owned(), daemon.config_path().display().to_string()];
            let plain = check(&config, &[]);
            let is_above = matches!(moved, "v2" | "docker");
            assert_eq!(plain.status, if is_above { 0 } else { 3 }, "{moved}: {}", plain.stdout);
            assert_eq!(plain.stdout.contains("--follow-symlinks"), !is_above, "{moved}: {}", plain.stdout);
            for more in [&[][..], &["--probe", "all"], &["--content"]] {
                let words: Vec<&str> = FOLLOW.iter().chain(more).copied().collect();
                let checked = check(&config, &words);
                assert_eq!((checked.status, found(&checked)), (0, vec![]), "{moved}: {}", checked.stdout);
            }
            assert_eq!(listing(daemon.root()), before);
            fs::write(&file, &layer.bytes[..9]).unwrap();
            let cut = check(&config, FOLLOW);
            assert_eq!(found(&cut), [format!("truncated-blob:{}", layer.digest)], "{moved}: {}", cut.stdout);
        }
    });
}

#[test]
fn links_in_a_circle_end_and_links_to_nothing_are_nothing() {
    let Some(daemon) = RealRegistry::start(&Settings::with_cache(CacheKind::None)) else { return };
    let image = Image::two_layers("circle").unwrap();
    assert_eq!(Raw::new(&daemon.url()).push_image("team/app", "1", &image).1.status, 201);
    let base = daemon.root().join(ROOT);
    symlink(".", base.join("repositories/circle")).unwrap();
    symlink("team", base.join("repositories/other")).unwrap();
    symlink("../other", base.join("repositories/team/back")).unwrap();
    let storage = ["--storage".to_owned(), daemon.root().display().to_string()];
    let checked = check(&storage, FOLLOW);
    assert_eq!((checked.status, found(&checked)), (3, vec![]), "{}", checked.stdout);
    let file = daemon.data_file(&image.layers[0].digest);
    crate::support::tree::lose(daemon.root(), &image.layers[0].digest);
    symlink("nowhere", &file).unwrap();
    let lost = check(&storage, FOLLOW);
    assert!(found(&lost).contains(&format!("missing-blob:{}", image.layers[0].digest)), "{}", lost.stdout);
}
