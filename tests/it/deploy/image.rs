//! The image, built from what a release publishes and run beside a registry in a real engine.

use std::process::Command;

use regfsck::adapters::sandbox::image::Image;

use super::{accepts, static_program};
use crate::support::container_registry::{CONFIG, ContainerRegistry};
use crate::support::docker_engine::DockerEngine;
use crate::support::generated::in_tree;
use crate::support::incident::incident;
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::programs;
use crate::support::regfsck::Ended;

const IMAGE: &str = "regfsck:test";

fn engine(test: &str) -> Option<DockerEngine> {
    if programs().is_empty() {
        crate::support::missing("docker-registry", test);
        return None;
    }
    DockerEngine::start(test)
}

/// Pack, lay out and build as the release does.
fn build(engine: &DockerEngine, program: &std::path::Path) {
    let folder = tempfile::tempdir().unwrap();
    let (published, context) = (folder.path().join("published"), folder.path().join("context"));
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let packaging = in_tree("packaging");
    accepts(Command::new(packaging.join("archive")).arg(target).arg(program).arg(&published));
    accepts(Command::new(packaging.join("context")).arg(&published).arg(&context));
    let platform = match std::env::consts::ARCH {
        "aarch64" => "TARGETPLATFORM=linux/arm64",
        _ => "TARGETPLATFORM=linux/amd64",
    };
    let file = packaging.join("Containerfile");
    let arguments =
        ["build", "--quiet", "--build-arg", platform, "--build-arg", "VERSION=9.8.7", "--tag", IMAGE];
    let places = ["--file", file.to_str().unwrap(), context.to_str().unwrap()];
    engine.docker(&[&arguments[..], &places].concat());
}

#[test]
fn the_image_checks_a_volume_that_is_mounted_read_only_beside_its_registry() {
    let test = "the image";
    let Some(program) = static_program(test) else { return };
    let Some(engine) = engine(test) else { return };
    build(&engine, &program);
    let format = "{{.Config.User}} {{.Config.Entrypoint}} {{index .Config.Labels \"org.opencontainers.image.version\"}}";
    assert_eq!(engine.docker(&["inspect", "--format", format, IMAGE]), "65532:65532 [/regfsck] 9.8.7\n");
    let layers = engine.docker(&["inspect", "--format", "{{len .RootFS.Layers}}", IMAGE]);
    assert_eq!(layers.trim(), "2");
    let demo = engine.docker(&["run", "--rm", "--network", "none", IMAGE, "demo"]);
    assert!(demo.contains("phantom-blob"), "{demo}");

    let registry = ContainerRegistry::start(&engine);
    let seen = incident(&engine, &registry.host(), "team/app:1", || registry.collect_garbage());
    let volume = format!("{}:/var/lib/registry:ro", registry.root().display());
    let url = format!("http://{}", registry.host());
    let check = |rights: &[&str]| -> Ended {
        let run = ["run", "--rm", "--read-only", "--network", "host", "--volume", &volume];
        let check = [IMAGE, "check", "--storage", "/var/lib/registry", "--registry", &url, "-o", "json"];
        engine.try_docker(&[&run[..], rights, &check].concat()).into()
    };
    let as_root = ["--user", "0:0", "--cap-drop", "ALL", "--cap-add", "DAC_READ_SEARCH"];
    let found = check(&as_root);
    assert_eq!(found.status, 1, "{found:?}");
    let named = found.findings().iter().any(|finding| finding.starts_with("phantom-blob:team/app:"));
    assert!(named, "{:?} lost {}", found.findings(), seen.digest);
    // Nobody reads what is nobody's; and that is said, not guessed over.
    accepts(Command::new("chmod").arg("0700").arg(registry.root().join("docker")));
    let nobody = check(&[]);
    assert!(nobody.status == 2 && nobody.stderr.contains("Permission denied"), "{nobody:?}");
}

#[test]
fn guard_runs_garbage_collection_in_the_registry_s_container() {
    let Some(engine) = engine("guard around docker exec") else { return };
    let registry = ContainerRegistry::start(&engine);
    let raw = Raw::new(&format!("http://{}", registry.host()));
    let (image, other) = (Image::two_layers("app").unwrap(), Image::two_layers("other").unwrap());
    raw.push_image("app", "1", &image);
    raw.push_image("other", "1", &other);
    assert_eq!(raw.delete(&manifest_path("app", &image.manifest.digest.to_string())).status, 202);
    let state = tempfile::tempdir().unwrap();
    let collect = ["docker", "exec", registry.name, "/usr/bin/docker-registry", "garbage-collect", CONFIG];
    let guard = ["guard", "--container", registry.name, "--drain", "0", "--"];
    let mut command = crate::support::regfsck::command(guard.iter().chain(&collect));
    command.env("PATH", engine.path()).env("REGFSCK_STATE_DIR", state.path());
    command.env("DOCKER_HOST", format!("unix://{}", engine.socket().display()));
    let guarded: Ended = command.output().unwrap().into();
    assert_eq!(guarded.status, 0, "{guarded:?}");
    raw.push_image("app", "1", &image);
    assert_eq!(raw.pull("app", "1", &image), Ok(()));
    assert_eq!(raw.pull("other", "1", &other), Ok(()));
}
