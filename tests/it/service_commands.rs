//! The services that programs manage: which command lines are run, and what a failure says.

use std::time::Duration;

use regfsck::adapters::service::Managed;
use regfsck::engine::ports::{Service, ServiceError};

use crate::support::stand_in::StandIns;

fn service(spec: &str, programs: &StandIns) -> Managed {
    Managed::new(spec.parse().unwrap(), Duration::from_secs(60)).search(programs.path())
}

async fn restarted(spec: &str, programs: &StandIns) -> Vec<String> {
    service(spec, programs).restart().await.unwrap();
    programs.calls()
}

#[tokio::test]
async fn systemd_is_never_asked_for_a_password() {
    let programs = StandIns::new().with("systemctl", "");
    let unit = service("systemd:docker-registry", &programs);
    unit.restart().await.unwrap();
    unit.start().await.unwrap();
    assert_eq!(
        programs.calls(),
        ["restart", "start"].map(|verb| format!("systemctl [--no-ask-password] [{verb}] [docker-registry]"))
    );
}

#[tokio::test]
async fn compose_is_the_plugin_where_there_is_one() {
    let programs = StandIns::new().with("docker", "").with("docker-compose", "");
    assert_eq!(
        restarted("compose:/srv/my registry.yml:registry", &programs).await,
        ["docker [compose] [version]", "docker [compose] [-f] [/srv/my registry.yml] [restart] [registry]"]
    );
}

#[tokio::test]
async fn compose_is_the_old_program_where_the_plugin_is_missing() {
    let programs = StandIns::new().with("docker", "exit 1").with("docker-compose", "");
    assert_eq!(
        restarted("compose:registry", &programs).await,
        ["docker [compose] [version]", "docker-compose [version]", "docker-compose [restart] [registry]"]
    );
}

#[tokio::test]
async fn no_compose_at_all_is_said_so() {
    let failed = service("compose:registry", &StandIns::new()).restart().await.unwrap_err();
    let message = "cannot run compose: neither `docker compose` nor `docker-compose` works here";
    assert_eq!(failed.to_string(), message);
}

#[tokio::test]
async fn kubernetes_rolls_out_and_waits() {
    let programs = StandIns::new().with("kubectl", "");
    assert_eq!(
        restarted("kubernetes:ci/deployment/registry", &programs).await,
        [
            "kubectl [-n] [ci] [rollout] [restart] [deployment/registry]",
            "kubectl [-n] [ci] [rollout] [status] [deployment/registry] [--timeout=55s]"
        ]
    );
    let programs = StandIns::new().with("kubectl", "");
    service("kubernetes:sts/registry", &programs).start().await.unwrap();
    assert_eq!(programs.calls(), ["kubectl [rollout] [status] [sts/registry] [--timeout=55s]"]);
}

#[tokio::test]
async fn a_rollout_that_cannot_begin_is_not_waited_for() {
    let programs = StandIns::new().with("kubectl", "echo 'Error: not found' >&2; exit 1");
    let failed = service("kubernetes:deploy/registry", &programs).restart().await.unwrap_err();
    assert_eq!(
        failed.to_string(),
        "`kubectl rollout restart deploy/registry` failed: exit status: 1\nError: not found"
    );
    assert_eq!(programs.calls(), ["kubectl [rollout] [restart] [deploy/registry]"]);
}

#[tokio::test]
async fn a_command_is_given_to_the_shell_as_it_is() {
    let programs = StandIns::new().with("sh", "");
    assert_eq!(
        restarted("exec:service registry restart && echo 'done: ok'", &programs).await,
        ["sh [-c] [service registry restart && echo 'done: ok']"]
    );
}

#[tokio::test]
async fn a_failure_shows_the_line_the_status_and_the_output() {
    let programs = StandIns::new().with("systemctl", "echo 'Unit x.service not found.' >&2; exit 5");
    let failed = service("systemd:x", &programs).restart().await.unwrap_err();
    assert_eq!(
        failed.to_string(),
        "`systemctl --no-ask-password restart x` failed: exit status: 5\nUnit x.service not found."
    );
}

#[tokio::test]
async fn a_missing_program_is_named_with_what_to_do() {
    let failed = service("systemd:x", &StandIns::new()).restart().await.unwrap_err();
    let ServiceError { message, hint } = failed;
    assert_eq!(
        (message.as_str(), hint.as_deref()),
        (
            "cannot run `systemctl --no-ask-password restart x`: there is no such program on PATH",
            Some("install `systemctl`, or put it on PATH")
        )
    );
}
