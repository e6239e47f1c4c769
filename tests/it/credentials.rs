//! Every place that credentials can come from, with a real daemon, and that none of them is ever shown.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regfsck::adapters::sandbox::image::Image;
use tempfile::TempDir;

use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::{Ended, command, end};
use crate::support::settings::Settings;
use crate::support::tree::{lose, plant};

const NAME: &str = "bob";
const PASSWORD: &str = "correct-horse-battery";

/// What must not be seen anywhere: the password, and as it is sent.
fn assert_silent(ended: &Ended, what: &str) {
    let encoded = STANDARD.encode(format!("{NAME}:{PASSWORD}"));
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(PASSWORD) && !text.contains(&encoded), "{what}: {text}");
    }
}

fn daemon(dir: &Path, root: &Path) -> Option<RealRegistry> {
    let settings = Settings::with_password(dir, NAME, PASSWORD)?;
    RealRegistry::start(&Settings { root: Some(root.to_owned()), ..settings })
}

/// A source's name, arguments, variables, and what stands on stdin.
type Case<'a> = (&'a str, Vec<&'a str>, Vec<(&'a str, &'a str)>, String);

/// Run it with these variables, and this on stdin.
fn run_as(arguments: &[&str], environment: &[(&str, &str)], stdin: &str) -> Ended {
    let mut command = command(arguments);
    command.envs(environment.iter().copied()).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not read it may have ended already.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), stdin.as_bytes());
    end(child)
}

#[test]
fn every_source_of_credentials_lets_us_in_and_none_is_shown() {
    on_every_registry(|| {
        let (dir, root) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        plant(root.path(), "team/app", "1", &Image::two_layers("a").unwrap());
        let Some(daemon) = daemon(dir.path(), root.path()) else { return };
        let at = |name: &str| dir.path().join(name).display().to_string();
        let auth = STANDARD.encode(format!("{NAME}:{PASSWORD}"));
        let auths = format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, daemon.host());
        let namespaced = format!(r#"{{"auths":{{"{}/team":{{"auth":"{auth}"}}}}}}"#, daemon.host());
        for (file, content) in [
            ("auth.json", auths.as_str()),
            ("namespaced.json", &namespaced),
            ("docker/config.json", &auths),
            ("run/containers/auth.json", &auths),
            ("config/containers/auth.json", &auths),
            ("home/.docker/config.json", &auths),
            ("store/config.json", r#"{"credsStore":"test"}"#),
            ("helpers/config.json", &format!(r#"{{"credHelpers":{{"{}":"test"}}}}"#, daemon.host())),
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let helper = dir.path().join("docker-credential-test");
        let script = format!(
            "#!/bin/sh\nread -r server\necho '{{\"Username\":\"{NAME}\",\"Secret\":\"{PASSWORD}\"}}'\n"
        );
        fs::write(&helper, script).unwrap();
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        let both = format!("{NAME}:{PASSWORD}");
        let (url, host) = (daemon.url(), daemon.host());
        let in_url = format!("http://{both}@{host}");
        let (authfile, namespaced) = (at("auth.json"), at("namespaced.json"));
        let (docker, run_dir, config) = (at("docker"), at("run"), at("config"));
        let (home, store, helpers) = (at("home"), at("store"), at("helpers"));
        let plain = ["--registry", url.as_str()];
        let with = |more: &[&'static str]| [&plain[..], more].concat();
        let none: &[(&str, &str)] = &[];
        let cases: Vec<Case<'_>> = vec![
            ("--creds", [&plain[..], &["--creds", &both]].concat(), none.to_vec(), String::new()),
            ("REGFSCK_CREDS", plain.to_vec(), vec![("REGFSCK_CREDS", &both)], String::new()),
            ("stdin", with(&["--creds", NAME, "--password-stdin"]), none.to_vec(), format!("{PASSWORD}\n")),
            ("the URL", vec!["--registry", &in_url], none.to_vec(), String::new()),
            ("--authfile", [&plain[..], &["--authfile", &authfile]].concat(), none.to_vec(), String::new()),
            ("REGISTRY_AUTH_FILE", plain.to_vec(), vec![("REGISTRY_AUTH_FILE", &authfile)], String::new()),
            ("DOCKER_CONFIG", plain.to_vec(), vec![("DOCKER_CONFIG", &docker)], String::new()),
            ("XDG_RUNTIME_DIR", plain.to_vec(), vec![("XDG_RUNTIME_DIR", &run_dir)], String::new()),
            ("XDG_CONFIG_HOME", plain.to_vec(), vec![("XDG_CONFIG_HOME", &config)], String::new()),
            ("HOME", plain.to_vec(), vec![("HOME", &home)], String::new()),
            ("credsStore", plain.to_vec(), vec![("DOCKER_CONFIG", &store), ("PATH", &path)], String::new()),
            (
                "credHelpers",
                plain.to_vec(),
                vec![("DOCKER_CONFIG", &helpers), ("PATH", &path)],
                String::new(),
            ),
        ];
        for (what, arguments, environment, stdin) in &cases {
            let all = [&["verify", "team/app:1", "-vv", "-o", "json"][..], arguments].concat();
            let ended = run_as(&all, environment, stdin);
            assert_eq!(ended.status, 0, "{what}: {ended:?}");
            assert!(
                ended.stderr.contains(&format!("{host}/v2/team/app/manifests/1")),
                "{what}: {}",
                ended.stderr
            );
            assert_silent(&ended, what);
            let ended =
                run_as(&[&["check", "-vv", "-o", "json"][..], arguments].concat(), environment, stdin);
            assert_eq!(ended.status, 0, "{what}: {ended:?}");
            assert_silent(&ended, what);
        }
        // A namespaced key lets into its repositories only; the registry itself stays closed.
        let ended =
            run_as(&["verify", "team/app:1", "--registry", &url, "--authfile", &namespaced], none, "");
        assert_silent(&ended, "a namespaced key");
        for (what, arguments) in [("nothing", vec![]), ("a wrong password", vec!["--creds", "bob:wrong"])] {
            let ended = run_as(&[&["check", "-vv", "-o", "json"][..], &plain, &arguments].concat(), none, "");
            assert_eq!(ended.status, 3, "{what}: {ended:?}");
            assert!(ended.stdout.contains("give --creds"), "{what}: {}", ended.stdout);
        }
        let missing_file =
            run_as(&[&["check"][..], &plain, &["--authfile", "/nonexistent"]].concat(), none, "");
        assert_eq!(missing_file.status, 2);
    });
}

#[test]
fn a_repair_leaves_no_secret_in_plan_journal_or_report() {
    on_every_registry(|| {
        let (dir, root, backup) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
        let image = Image::two_layers("a").unwrap();
        for root in [root.path(), backup.path()] {
            plant(root, "team/app", "1", &image);
        }
        let Some(daemon) = daemon(dir.path(), root.path()) else { return };
        let Some(source) = self::daemon(dir.path(), backup.path()) else { return };
        lose(root.path(), &image.layers[0].digest);
        let state = dir.path().join("state").display().to_string();
        let plan = dir.path().join("plan.json").display().to_string();
        let (url, place) = (daemon.url(), root.path().display().to_string());
        let from = format!("docker://{}", source.host());
        let environment = [
            ("REGFSCK_CREDS", format!("{NAME}:{PASSWORD}")),
            ("REGFSCK_SRC_CREDS", format!("{NAME}:{PASSWORD}")),
        ];
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let base = ["--storage", &place, "--registry", &url, "--source", &from, "--state-dir", &state, "-vv"];
        let planned =
            run_as(&[&["check"][..], &base, &["--plan", &plan, "-o", "json"]].concat(), &environment, "");
        assert_eq!(planned.status, 1, "{planned:?}");
        assert_silent(&planned, "the plan");
        let fixed =
            run_as(&[&["check"][..], &base, &["--fix", "--yes", "-o", "json"]].concat(), &environment, "");
        assert_eq!(fixed.status, 0, "{fixed:?}");
        assert_silent(&fixed, "the repair");
        let encoded = STANDARD.encode(format!("{NAME}:{PASSWORD}"));
        let written = walkdir::WalkDir::new(&state).into_iter().chain(walkdir::WalkDir::new(&plan)).flatten();
        let files: Vec<_> = written.filter(|entry| entry.file_type().is_file()).collect();
        assert!(files.len() >= 2, "{files:?}");
        for file in files {
            let text = String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned();
            assert!(!text.contains(PASSWORD) && !text.contains(&encoded), "{}", file.path().display());
        }
    });
}

#[test]
fn no_password_that_is_typed_wrong_is_shown() {
    for line in [
        "check --storage / --source docker://bob:hush@host/x --fix",
        "check --storage / --source dokker://bob:hush@host --fix",
        "check --registry http:/bob:hush@host",
        "check --registry host/bob:hush@host",
        "check --replica http:/bob:hush@host --registry http://127.0.0.1:1",
        "check https://bob:hush@host?x",
        "verify http://bob:hush@host/x:1",
        "check --nonsense=http://bob:hush@host",
        "check --redis redis:/bob:hush@host --storage /",
        "restart --registry http://bob:hush@127.0.0.1:1 --restart exec:curl_-H_'Authorization:_hush'",
    ] {
        let arguments: Vec<String> = line.split(' ').map(|word| word.replace('_', " ")).collect();
        let ended: Ended = command(&arguments).output().unwrap().into();
        assert_ne!(ended.status, 0, "{line}");
        let said = ended.stdout + &ended.stderr;
        assert!(!said.contains("hush"), "{line}: {said}");
    }
}

#[test]
fn help_shows_no_value_of_the_environment() {
    let names = [
        "REGISTRY",
        "SOURCE",
        "RESTART",
        "REDIS",
        "CREDS",
        "SRC_CREDS",
        "REGISTRY_TOKEN",
        "REPLICA",
        "CONFIG",
    ];
    for subcommand in ["check", "repair", "restart", "guard", "verify", "doctor"] {
        let mut help = command([subcommand, "--help"]);
        help.envs(names.map(|name| (format!("REGFSCK_{name}"), "docker://bob:hush@host")));
        let ended: Ended = help.output().unwrap().into();
        assert!(!ended.stdout.contains("hush"), "{}", ended.stdout);
    }
}

/// Programs that we start run as others wrote them: what was said to us alone is none of their business.
#[test]
fn our_own_settings_are_not_told_to_programs_that_we_start() {
    on_every_registry(|| {
        let home = tempfile::tempdir().unwrap();
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let (url, root) = (daemon.url(), daemon.root().to_str().unwrap().to_owned());
        plant(daemon.root(), "team/app", "1", &Image::two_layers("told").unwrap());
        let [restarted, collected] = ["restarted", "collected"].map(|name| home.path().join(name));
        let restart = format!("exec:env >{}", restarted.display());
        let collect = format!("env >{}", collected.display());
        let guard = ["guard", "--registry", &url, "--storage", &root, "--yes", "--", "sh", "-c", &collect];
        for (arguments, told) in [
            (&["restart", "--registry", &url, "--restart", &restart, "--yes"][..], restarted),
            (&guard, collected),
        ] {
            let ended = run_as(arguments, &[("REGFSCK_CREDS", "bob:hush"), ("VISIBLE", "yes")], "");
            let told = fs::read_to_string(&told).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
            let ours = told.lines().filter(|line| line.starts_with("REGFSCK_"));
            assert_eq!(ours.count(), 0, "{arguments:?}: {told}");
            assert!(told.lines().any(|line| line == "VISIBLE=yes"), "{told}");
        }
    });
}
