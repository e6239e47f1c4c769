//! Every hint is provoked by its error, and is true.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;

use super::{REPOSITORY, Scene};
use crate::support::daemon::{CacheKind, Kind, Settings};
use crate::support::damage::Damage;
use crate::support::redis_server::RedisServer;
use crate::support::regfsck::{Ended, command, run};
use crate::support::transcript::Names;
use crate::support::tree::Tree;

fn hints(ended: &Ended) -> Vec<&str> {
    ended.stderr.lines().filter_map(|line| line.strip_prefix("hint: ")).collect()
}

/// A configuration that cannot be used: what is wrong, and the hint.
#[test]
fn a_configuration_that_cannot_be_used_is_hinted_at() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    fs::create_dir(path("folder")).unwrap();
    fs::write(path("two.yml"), "version: 0.1\nstorage:\n  inmemory: {}\n  filesystem: {}\n").unwrap();
    fs::write(
        path("good.yml"),
        format!("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\n", path("r")),
    )
    .unwrap();
    let mut told = String::new();
    for (name, more) in
        [("none.yml", None), ("folder", None), ("two.yml", None), ("good.yml", Some("REGISTRY_HTTP_ADDR__"))]
    {
        let mut check = command(["check", "--config", &path(name)]);
        if let Some(variable) = more {
            check.env(variable, "[");
        }
        let ended = Ended::from(check.output().unwrap());
        assert_eq!(ended.status, 2, "{ended:?}");
        let _ = writeln!(told, "{}status {}\n", ended.stderr.replace(&path(""), ""), ended.status);
    }
    insta::assert_snapshot!(told);
}

/// Somebody who may not read storage is told who may.
#[test]
fn whoever_may_not_read_is_told_who_may() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut tree = Tree::new(&home.path().join("root"));
    tree.image("team/app", Some("1.0"), "a");
    let config = home.path().join("config.yml");
    fs::write(
        &config,
        format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\n",
            home.path().join("root").display()
        ),
    )
    .unwrap();
    let as_nobody = |words: &[&str]| {
        let program = home.path().join("regfsck");
        fs::copy(env!("CARGO_BIN_EXE_regfsck"), &program).unwrap();
        let mut run = Command::new("setpriv");
        run.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]).arg(&program).args(words);
        run.env_clear().env("HOME", "/nonexistent").output()
    };
    let Ok(version) = as_nobody(&["--version"]) else {
        return crate::support::missing("setpriv", "a hint for whoever may not read");
    };
    if !version.status.success() {
        return crate::support::missing("root", "a hint for whoever may not read");
    }
    let repositories = home.path().join("root/docker/registry/v2/repositories/team/app/_layers");
    fs::set_permissions(&repositories, fs::Permissions::from_mode(0o700)).unwrap();
    let root = home.path().join("root").display().to_string();
    let unread = Ended::from(as_nobody(&["check", "--storage", &root]).unwrap());
    assert_eq!(unread.status, 3, "{unread:?}");
    let order = "run it as root, or as the registry's own user";
    assert!(unread.stdout.contains(order), "{}", unread.stdout);
    assert!(
        unread.stdout.contains(&format!("        sudo regfsck check --storage {root}\n")),
        "{}",
        unread.stdout
    );
    // And root sees all of it: nothing of the kind is said then.
    let all = run(["check", "--storage", &root]);
    assert!(all.status == 0 && !all.stdout.contains(order), "{all:?}");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let refused = Ended::from(as_nobody(&["check", "--config", config.to_str().unwrap()]).unwrap());
    assert_eq!(hints(&refused), ["run regfsck as a user that may read it: the registry's own user, or root"]);
    // What could not be read is no reason to restart a daemon.
    let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::default());
    daemon.raw().push_image(REPOSITORY, "1", &Image::two_layers("unread").unwrap());
    let (root, url) = (daemon.root(), daemon.url());
    fs::set_permissions(root.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    let team = root.join("docker/registry/v2/repositories/team");
    fs::set_permissions(team, fs::Permissions::from_mode(0o700)).unwrap();
    let words = ["check", "--storage", root.to_str().unwrap(), "--registry", &url];
    let unread = Ended::from(as_nobody(&words).unwrap());
    assert_eq!(unread.status, 3, "{unread:?}");
    assert!(unread.stdout.contains(order) && !unread.stdout.contains("restart"), "{}", unread.stdout);
}

/// A restart is no repair: what it does not do is said for what it is, and not for a read-only mode that is not on.
#[test]
fn a_restart_says_what_it_does_not_do() {
    let scene = Scene::sandbox();
    scene.damage(Damage::BlobDataRemoved);
    let told =
        scene.told(&["restart", "--config", "config.yml", "--restart", "exec:true", "--yes", "--drain", "0"]);
    assert!(!told.contains("read-only"), "{told}");
    let said = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("a restart brings nothing back; check --fix does that"), "{told}");
    insta::assert_snapshot!(told);
}

/// What is in Redis outlives a restart: `restart` says so, and names what helps.
#[test]
fn with_redis_a_restart_clears_nothing_and_says_so() {
    let Some(redis) = RedisServer::start() else { return };
    let reals = Kind::all().into_iter().filter(|kind| matches!(kind, Kind::Real(_)));
    for (at, kind) in reals.enumerate() {
        redis.flush();
        let settings = Settings::with_cache(CacheKind::Redis(format!("127.0.0.1:{}", redis.port)));
        redis.flush();
        let daemon = kind.start(&settings);
        daemon.incident(REPOSITORY, "1");
        let home = tempfile::tempdir().unwrap();
        let config = daemon.config_path();
        let mut restart =
            command(["restart", "--config", config.to_str().unwrap(), "--restart", "exec:true", "--yes"]);
        let ended = Ended::from(restart.args(["--drain", "0"]).env("HOME", home.path()).output().unwrap());
        assert_eq!(ended.status, 1, "{ended:?}");
        let said = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("a restart clears nothing in Redis"), "{}", ended.stdout);
        assert!(said.contains("regfsck purge"), "{}", ended.stdout);
        assert!(!said.contains("read-only"), "{}", ended.stdout);
        if at == 0 {
            let names = Names::default()
                .with(&config.display(), "CONFIG")
                .with(&daemon.root().display(), "ROOT")
                .with(&daemon.url(), "URL")
                .with(&redis.port, "PORT");
            let typed = "restart --config CONFIG --restart exec:true --yes --drain 0";
            insta::assert_snapshot!(names.told(typed, &ended));
        }
    }
}

/// TLS where plain HTTP is spoken, and the other way round: the hint names what was typed, and following it helps.
#[test]
fn the_wrong_scheme_is_hinted_at_and_the_hint_helps() {
    let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::default());
    let https = daemon.url().replace("http://", "https://");
    let ended = run(["check", "--registry", &https]);
    assert!(ended.stdout.contains("give --plain-http, or write http:// in front of the host"), "{ended:?}");
    assert!(run(["check", "--registry", &daemon.url()]).status == 0);
}
