//! What is kept, where, and when it may go: the quarantine of a repair, the snapshots of guards.

use super::Scene;
use crate::support::damage::Damage;

#[test]
fn what_is_kept_is_said_by_the_repair_by_the_guard_and_by_the_doctor() {
    let scene = Scene::sandbox();
    let doctor = ["doctor", "--config", "config.yml"];
    scene.damage(Damage::BlobHalved);
    let fixed =
        scene.told(&["check", "--config", "config.yml", "--fix", "--yes", "--source", "docker://MIRROR"]);
    let guard = ["guard", "--config", "config.yml", "--keep", "1", "--gc-version", "2", "--", "true"];
    let guards = [scene.told(&guard), scene.told(&guard)];
    let state = walkdir::WalkDir::new(scene.home.path()).into_iter().flatten();
    let snapshots = state.filter(|entry| entry.file_name() == "before.snapshot").count();
    assert_eq!(snapshots, 1, "{}", guards[1]);
    let told = [fixed, guards[1].clone(), scene.told(&doctor)].join("\n");
    let state =
        std::fs::read_dir(scene.home.path().join(".local/state/regfsck")).unwrap().next().unwrap().unwrap();
    insta::assert_snapshot!(told.replace(state.file_name().to_str().unwrap(), "REGISTRY"));
}
