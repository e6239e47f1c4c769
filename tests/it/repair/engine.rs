//! The five steps word for word with a real docker engine, healed from a mirror and by the engine's own push.

use std::path::Path;

use super::{Mirror, bare};
use crate::support::container_registry::ContainerRegistry;
use crate::support::docker_engine::DockerEngine;
use crate::support::incident::{incident, incident_after, pull};
use crate::support::program::output;
use crate::support::regfsck::Ended;

/// The program on the registry in the container, its report as JSON.
fn regfsck(
    engine: &DockerEngine,
    registry: &ContainerRegistry<'_>,
    state: &Path,
    arguments: &[&str],
) -> Ended {
    let mut command = bare(["check", "-o", "json", "--registry", &format!("http://{}", registry.host())]);
    command.env("DOCKER_HOST", format!("unix://{}", engine.socket().display()));
    command.arg("--storage").arg(registry.root()).arg("--state-dir").arg(state);
    command.args(arguments).output().unwrap().into()
}

#[test]
fn a_push_by_the_engine_heals_once_the_claims_are_cleared() {
    let Some(engine) = DockerEngine::start("a repair by docker push") else { return };
    let registry = ContainerRegistry::start(&engine);
    let seen = incident(&engine, &registry.host(), "team/app:1", || registry.collect_garbage());
    assert!(seen.push.contains("Layer already exists"), "{}", seen.push);
    assert!(seen.pull.contains("manifest unknown"), "{}", seen.pull);
    let state = tempfile::tempdir().unwrap();
    let before = registry.started();
    let arguments = ["--fix", "--yes", "--source", "docker-daemon:", "--restart", "docker:registry"];
    let fixed = regfsck(&engine, &registry, state.path(), &arguments);
    assert_eq!(fixed.status, 0, "{fixed:?}");
    assert_ne!(registry.started(), before, "the manifest's phantom took a restart");
    let steps = fixed.report().plan.unwrap().steps;
    assert_eq!(steps.last().unwrap().id, "push-image:team/app:1");
    let pulled = pull(&engine, &seen.image);
    assert!(pulled.status.success(), "{pulled:?}");
    let again = regfsck(&engine, &registry, state.path(), &["--content", "--probe", "all"]);
    assert_eq!(again.status, 0, "{again:?}");
}

#[test]
fn a_mirror_heals_what_docker_broke_without_a_restart() {
    let Some(engine) = DockerEngine::start("a repair from a mirror") else { return };
    let registry = ContainerRegistry::start(&engine);
    let mirror = Mirror::empty();
    let seen = incident(&engine, &registry.host(), "team/app:1", || registry.collect_garbage());
    // What docker pushed is lost here; the mirror got it too.
    let there = format!("{}/team/app:1", mirror.sandbox.address());
    engine.docker(&["tag", &seen.image, &there]);
    engine.docker(&["push", &there]);
    let (state, before) = (tempfile::tempdir().unwrap(), registry.started());
    let fixed = regfsck(&engine, &registry, state.path(), &["--fix", "--yes", "--source", &mirror.source()]);
    assert_eq!(fixed.status, 0, "{fixed:?}");
    assert_eq!(registry.started(), before, "no restart");
    let pulled = pull(&engine, &seen.image);
    assert!(pulled.status.success(), "{pulled:?}");
}

/// What skopeo copied out of the registry before the incident. An `oci:` layout holds OCI manifests only, so skopeo
/// converts what docker pushed, whose manifest is then in no source; `dir:` keeps it.
#[test]
fn what_skopeo_saved_before_heals_and_the_image_is_the_same() {
    let Some(engine) = DockerEngine::start("a repair from what skopeo saved") else { return };
    let registry = ContainerRegistry::start(&engine);
    let saved = tempfile::tempdir().unwrap();
    let place = |kind: &str| format!("{kind}:{}", saved.path().join(kind).display());
    let save = |image: &str| {
        for kind in ["oci", "dir"] {
            let from = format!("docker://{image}");
            let to = if kind == "oci" { format!("{}:1", place(kind)) } else { place(kind) };
            let Some(copied) = output("skopeo", ["copy", "--src-tls-verify=false", &from, &to]) else {
                return;
            };
            assert!(copied.status.success(), "{copied:?}");
        }
    };
    let seen = incident_after(&engine, &registry.host(), "team/app:1", save, || registry.collect_garbage());
    let id = || engine.docker(&["inspect", "--format", "{{.Id}}", &seen.image]);
    let (before, state) = (id(), tempfile::tempdir().unwrap());
    let run = |source: &str| {
        let fixed = regfsck(&engine, &registry, state.path(), &["--fix", "--yes", "--source", source]);
        (fixed.status, fixed.report())
    };
    let (status, report) = run(&place("oci"));
    let lost = format!("missing-manifest:team/app:{}", seen.digest);
    let why = "no source has its bytes; give one with --source";
    assert_eq!((status, report.plan.unwrap().unresolved[&lost].to_string()), (1, why.to_owned()));
    let (status, report) = run(&place("dir"));
    assert_eq!((status, report.proof.unwrap().pulled), (0, vec!["team/app:1".to_owned()]));
    engine.docker(&["rmi", "--force", &seen.image]);
    let pulled = engine.try_docker(&["pull", &seen.image]);
    assert!(pulled.status.success(), "{pulled:?}");
    assert_eq!(id(), before);
}
