//! Before garbage collection, and after a push: what a shut gate and a broken image look like, and what to type then.

use super::reports::{at, too_wide};
use super::{REPOSITORY, Scene};
use crate::support::damage::Damage;

/// The whole of what is said at that width; an image is a line where there is room for tables.
fn told(scene: &Scene, columns: usize, words: &[&str]) -> String {
    let told = at(scene, &columns.to_string(), "C.UTF-8", words);
    let is_line = |line: &&str| columns >= 72 && words[0] == "verify" && !line.is_empty();
    let wide: Vec<_> = too_wide(&told, columns)
        .into_iter()
        .filter(|line| !is_line(line) && !line.contains("sha256:"))
        .collect();
    assert_eq!(wide, Vec::<&str>::new(), "{told}");
    told.replace(&scene.daemon.url().replace("http://", ""), "127.0.0.1:5000")
}

#[test]
fn a_gate_is_read_at_forty_columns_and_names_what_to_type() {
    let scene = Scene::sandbox();
    let guard = ["guard", "--gate-only", "--config", "config.yml"];
    let open = told(&scene, 80, &guard);
    scene.damage(Damage::ManifestDataRemoved);
    let narrow = told(&scene, 40, &guard);
    let wide = told(&scene, 80, &guard);
    insta::assert_snapshot!(format!("{open}\n{narrow}\n{wide}"));
    // The first command that it names tells what helps.
    let line = wide.lines().map(str::trim).find(|line| line.starts_with("regfsck ")).unwrap();
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    assert!(scene.told(&words).contains("missing-manifest"), "{line}");
}

#[test]
fn verified_images_are_read_at_forty_columns() {
    let scene = Scene::sandbox();
    scene.damage(Damage::BlobDataRemoved);
    let host = scene.daemon.url().replace("http://", "");
    let images = ["1", "2", "none"].map(|tag| format!("{host}/{REPOSITORY}:{tag}"));
    let verify: Vec<&str> = ["verify"].into_iter().chain(images.iter().map(String::as_str)).collect();
    let told = [40, 80].map(|columns| told(&scene, columns, &verify));
    insta::assert_snapshot!(told.join("\n"));
}
