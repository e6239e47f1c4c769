//! With a real docker engine: the incident as its users see it, and the registry in a container.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use regfsck::adapters::service::{ConfigFile, DockerContainer, Engine};
use regfsck::domain::finding::State;
use regfsck::engine::keep_started::KeepStarted;
use regfsck::engine::ports::{RequestError, Service};
use regfsck::engine::restart::restart_and_wait;

use crate::support::container_registry::{CONFIG, ContainerRegistry, config_text};
use crate::support::docker_engine::DockerEngine;
use crate::support::incident::{ask, incident, pull};
use crate::support::real_registry::{RealRegistry, on_every_registry, programs};
use crate::support::settings::Settings;

/// The engine, or nothing where it or the registry's program is missing.
fn engine(test: &str) -> Option<DockerEngine> {
    if programs().is_empty() {
        crate::support::missing("docker-registry", test);
        return None;
    }
    DockerEngine::start(test)
}

fn service(engine: &DockerEngine, name: &str) -> Arc<dyn Service> {
    let timeout = Duration::from_secs(30);
    Arc::new(DockerContainer::new(Engine::at(engine.socket()), name.to_owned(), timeout))
}

fn lines_with(text: &str, part: &str) -> usize {
    text.lines().filter(|line| line.contains(part)).count()
}

#[test]
fn the_five_steps_end_in_manifest_unknown_and_a_restart_alone_heals_nothing() {
    on_every_registry(|| {
        let Some(engine) = engine("the five steps") else { return };
        let mut registry = RealRegistry::start(&Settings::default()).unwrap();
        let seen = incident(&engine, &registry.host(), "team/app:1", || {
            assert_eq!(registry.garbage_collect(false, false).status, 0);
        });
        assert_eq!(lines_with(&seen.push, ": Layer already exists"), 1, "{}", seen.push);
        assert_eq!(
            seen.pull.trim(),
            format!(
                "Error response from daemon: manifest for {} not found: manifest unknown: manifest unknown",
                seen.image
            )
        );
        assert!(!registry.data_file(&seen.digest.parse().unwrap()).exists());
        // Only the daemon's cache is gone then: it takes a restart and another push.
        registry.restart();
        assert!(!pull(&engine, &seen.image).status.success());
        let pushed = engine.docker(&["push", &seen.image]);
        assert_eq!(lines_with(&pushed, ": Pushed"), 1, "{pushed}");
        let pulled = pull(&engine, &seen.image);
        assert!(pulled.status.success(), "{pulled:?}");
    });
}

#[tokio::test]
async fn a_registry_in_a_container_forgets_its_phantoms_when_it_is_restarted() {
    let Some(engine) = engine("a restarted container") else { return };
    let registry = ContainerRegistry::start(&engine);
    let seen = incident(&engine, &registry.host(), "team/app:1", || registry.collect_garbage());
    assert_eq!(lines_with(&seen.push, ": Layer already exists"), 1, "{}", seen.push);
    let before = registry.started();
    let host = registry.host();
    let ask = async || match std::net::TcpStream::connect(&host) {
        Ok(_) => Ok(()),
        Err(error) => Err(RequestError::new("GET", "/v2/", error.to_string())),
    };
    let service = service(&engine, registry.name);
    restart_and_wait(service, ask, Duration::from_secs(20)).await.unwrap();
    assert_ne!(registry.started(), before);
    let pushed = engine.docker(&["push", &seen.image]);
    assert_eq!(lines_with(&pushed, ": Pushed"), 1, "{pushed}");
    assert!(pull(&engine, &seen.image).status.success());
}

#[tokio::test]
async fn the_engine_tells_where_a_container_s_registry_is() {
    let Some(engine) = engine("a container's registry") else { return };
    let registry = ContainerRegistry::start(&engine);
    let socket = Engine::at(engine.socket());
    let container = socket.inspect(registry.name).await.unwrap();
    assert_eq!((container.name.as_str(), container.running), (registry.name, true));
    assert_eq!(container.host_path(Path::new("/var/lib/registry")), Some(registry.root()));
    assert_eq!(container.host_path(Path::new(CONFIG)), None);
    assert_eq!(container.config_paths(), [PathBuf::from(CONFIG)]);
    let config = socket.config_file(&container).await.unwrap();
    assert_eq!(config, ConfigFile { inside: CONFIG.into(), host: None, content: config_text().into() });
    let overrides: Vec<_> = container.overrides().collect();
    let host = registry.host();
    assert_eq!(overrides, [("REGISTRY_HTTP_ADDR", host.as_str()), ("REGISTRY_HTTP_SECRET", "not-a-secret")]);
    assert_eq!(container.reach(&host), Some(host.clone()));
    assert_eq!(ask(&host, "GET", "/v2/"), 200);
}

#[tokio::test]
async fn a_container_that_was_stopped_is_started_again_whatever_happens() {
    let Some(engine) = engine("a stopped container") else { return };
    let registry = ContainerRegistry::start(&engine);
    let service = service(&engine, registry.name);
    let stopped_and_interrupted = async {
        let _guard = KeepStarted::new(service.clone());
        engine.docker(&["stop", registry.name]);
        assert_eq!(registry.started().split(' ').next(), Some("false"));
        std::future::pending::<()>().await;
    };
    tokio::time::timeout(Duration::from_secs(3), stopped_and_interrupted).await.unwrap_err();
    assert_eq!(registry.started().split(' ').next(), Some("true"));
    // Starting what runs is no failure.
    service.start().await.unwrap();
}

#[tokio::test]
async fn what_the_engine_refuses_is_told_in_its_words() {
    let Some(engine) = engine("a refusing engine") else { return };
    let failed = service(&engine, "no/such one").restart().await.unwrap_err();
    let socket = engine.socket();
    let message = format!(
        "the engine at `{}` refused `/containers/no%2Fsuch%20one/restart`: 404 No such container: no/such one",
        socket.display()
    );
    assert_eq!(
        (failed.to_string(), failed.hint),
        (message, Some("`docker ps --all` lists the containers".into()))
    );
    let missing = Engine::at(socket).read_file("nobody", Path::new("/x")).await.unwrap_err();
    assert_eq!(missing.hint.as_deref(), Some("`docker ps --all` lists the containers"));
}

#[test]
fn the_name_of_a_container_is_all_that_a_check_needs() {
    let Some(engine) = engine("a check of a container") else { return };
    let registry = ContainerRegistry::start(&engine);
    let seen = incident(&engine, &registry.host(), "team/app:1", || registry.collect_garbage());
    let regfsck = |arguments: &[&str]| {
        let mut command = crate::support::regfsck::command(arguments);
        command.env("DOCKER_HOST", format!("unix://{}", engine.socket().display()));
        crate::support::regfsck::end(command.spawn().unwrap())
    };
    let ended = regfsck(&["check", "--container", registry.name, "--probe-manifests", "-o", "json"]);
    let target = ended.report().target;
    assert_eq!(ended.status, 1, "{ended:?}");
    let root = registry.root().join("docker/registry/v2").display().to_string();
    assert_eq!(target.storage, Some(root));
    assert_eq!(target.registry, Some(format!("http://{}", registry.host())));
    let phantom = format!("phantom-manifest:team/app:{}", seen.digest);
    assert!(ended.findings().contains(&phantom), "{:?}", ended.findings());
    let missing = regfsck(&["check", "--container", "nobody"]);
    assert_eq!(missing.status, 2, "{missing:?}");
    assert!(missing.stderr.contains("`docker ps --all` lists the containers"), "{}", missing.stderr);
    // How to restart it needs no telling either: it is the remedy that is left for a manifest nobody has.
    let state = registry.root().join("state").display().to_string();
    let fix =
        ["check", "--container", registry.name, "--fix", "--yes", "--drain", "0", "--state-dir", &state];
    let started = registry.started();
    let fixed = regfsck(&[&fix[..], &["-o", "json"]].concat());
    let report = fixed.report();
    let last = report.outcomes.as_ref().unwrap().last().unwrap();
    assert_eq!(last.step, format!("restart:docker:{}", registry.name));
    assert!(last.result.is_done(), "{last:?}");
    assert_ne!(registry.started(), started);
    let repaired = report.findings.iter().find(|finding| finding.id == phantom).unwrap();
    assert_eq!(repaired.state, State::Repaired);
    let pushed = engine.docker(&["push", &seen.image]);
    assert_eq!(lines_with(&pushed, ": Layer already exists"), 0, "{pushed}");
    assert!(pull(&engine, &seen.image).status.success());
    assert_eq!(regfsck(&["check", "--container", registry.name]).status, 0);
    // And alone.
    let before = registry.started();
    let restarted =
        regfsck(&["restart", "--container", registry.name, "--yes", "--drain", "0", "--state-dir", &state]);
    assert_ne!(registry.started(), before, "{restarted:?}");
}
