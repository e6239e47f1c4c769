//! A plan that was saved is shown, and needs nothing else.

use std::fs;
use std::os::unix::fs::symlink;

use super::{REPOSITORY, Scene};
use crate::repair::judge;
use crate::support::daemon::Kind;
use crate::support::damage::Damage;
use crate::support::regfsck::Ended;

#[test]
fn a_plan_is_shown_and_announced_and_carried_out_by_its_name_alone() {
    let scene = Scene::sandbox();
    scene.damage(Damage::BlobDataRemoved);
    let saved =
        scene.told(&["check", "--config", "config.yml", "--plan", "p.json", "--source", "docker://MIRROR"]);
    let repaired = scene.told(&["repair", "--plan", "p.json", "--yes"]);
    let nothing = scene.told(&["check", "--config", "config.yml", "--plan", "none.json"]);
    insta::assert_snapshot!(format!("{saved}\n{repaired}\n{nothing}"));
    judge(&scene.daemon, REPOSITORY, "1", &scene.image);
}

/// From another folder, by somebody who knows the file alone; what was found by hashing is proved by hashing.
#[test]
fn a_plan_knows_its_registry_its_source_and_its_check_on_every_registry() {
    for kind in Kind::all() {
        let scene = Scene::new(&kind);
        scene.damage(Damage::BlobBitFlipped);
        let plan = scene.home.path().join("p.json");
        let path = plan.to_str().unwrap();
        let words =
            ["check", "--config", "config.yml", "--content", "--creds", "bob:hunter2", "--plan", path];
        let ended: Ended =
            scene.command(&[&words[..], &["--source", "docker://MIRROR"]].concat()).output().unwrap().into();
        assert_eq!(ended.status, 1, "{ended:?}");
        let text = fs::read_to_string(&plan).unwrap();
        assert!(text.contains("\"bob\"") && !text.contains("hunter2"), "{text}");
        let words = ["repair", "--plan", path, "--yes", "--creds", "bob:hunter2", "-o", "json"];
        let ended: Ended = scene.command(&words).current_dir("/").output().unwrap().into();
        assert_eq!(ended.status, 0, "{ended:?}");
        assert_eq!(ended.report().proof.unwrap().resolved.len(), 1);
        assert!(ended.report().coverage.storage.unwrap().hashed_blobs > 0);
        judge(&scene.daemon, REPOSITORY, "1", &scene.image);
    }
}

/// The storage of a registry is one, by a relative path, a link to it and another mount of it.
#[test]
fn a_plan_is_for_its_storage_by_whatever_path() {
    let scene = Scene::sandbox();
    let link = scene.home.path().join("link");
    symlink(scene.daemon.root(), &link).unwrap();
    let url = scene.daemon.url();
    let root = scene.daemon.root().display().to_string();
    for (given, carried_out) in [("link", "link"), ("link", &*root), (&*root, "link")] {
        scene.damage(Damage::BlobDataRemoved);
        let plan = ["check", "--storage", given, "--registry", &url, "--source", "docker://MIRROR"];
        let ended: Ended =
            scene.command(&[&plan[..], &["--plan", "p.json"]].concat()).output().unwrap().into();
        assert_eq!(ended.status, 1, "{ended:?}");
        let repair = ["repair", "--plan", "p.json", "--yes"];
        let repair = if given == carried_out {
            repair.to_vec()
        } else {
            [&repair[..], &["--storage", carried_out, "--registry", &url]].concat()
        };
        let ended: Ended = scene.command(&repair).output().unwrap().into();
        assert_eq!(ended.status, 0, "{given}, then {carried_out}: {ended:?}");
        judge(&scene.daemon, REPOSITORY, "1", &scene.image);
    }
}

/// What is typed counts; and what no plan may say is refused.
#[test]
fn a_plan_is_input_and_not_truth() {
    let scene = Scene::sandbox();
    scene.damage(Damage::BlobDataRemoved);
    scene.told(&["check", "--config", "config.yml", "--plan", "p.json", "--source", "docker://MIRROR"]);
    let plan = scene.home.path().join("p.json");
    let text = fs::read_to_string(&plan).unwrap();
    let other = scene.told(&["repair", "--plan", "p.json", "--yes", "--source", "dir:nowhere"]);
    fs::write(&plan, text.replacen("\"--source\"", "\"--yes\", \"--source\"", 1)).unwrap();
    let agreed = scene.told(&["repair", "--plan", "p.json"]);
    insta::assert_snapshot!(format!("{other}\n{agreed}"));
}
