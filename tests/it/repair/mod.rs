//! Repairs, by the built program on running registries: what must be shown, and what must never happen.

mod bad_input;
mod branches;
mod death;
mod engine;
mod full_disk;
mod incident;
mod killed;
mod refusals;
mod sizes;
mod sources;
mod unforced;
mod weather;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::sandbox::{Flavour, Options, Sandbox};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::daemon::Daemon;
use crate::support::raw::Raw;

/// The program under test, with its own state folder.
pub(crate) struct Regfsck {
    state: TempDir,
    config: PathBuf,
}

/// What a run of it showed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    /// The report for machines; `null` where there was none.
    pub(crate) json: Value,
    /// The report for people.
    pub(crate) table: String,
    pub(crate) stderr: String,
}

impl Regfsck {
    pub(crate) fn on(daemon: &Daemon) -> Self {
        Self { state: TempDir::new().unwrap(), config: daemon.config_path() }
    }

    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    /// The folder for files of a test, cleared with the state.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    /// A command line: subcommand, target, state folder, both forms of the report.
    pub(crate) fn command(&self, subcommand: &str, arguments: &[&str]) -> Command {
        let mut command = bare();
        command.arg(subcommand).args(["-o", "json", "-o"]).arg(self.output()).args(["--progress", "never"]);
        command.arg("--config").arg(&self.config).arg("--state-dir").arg(self.state());
        command.args(arguments);
        command
    }

    fn output(&self) -> String {
        format!("table={}", self.file("table").display())
    }

    pub(crate) fn run(&self, subcommand: &str, arguments: &[&str]) -> Ran {
        let output = self.command(subcommand, arguments).output().unwrap();
        self.ran(&output)
    }

    pub(crate) fn ran(&self, output: &Output) -> Ran {
        Ran {
            status: output.status.code().unwrap_or(-1),
            json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            table: fs::read_to_string(self.file("table")).unwrap_or_default(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `check --fix --yes` with these arguments.
    pub(crate) fn fix(&self, arguments: &[&str]) -> Ran {
        self.run("check", &[&["--fix", "--yes"], arguments].concat())
    }

    /// `check`, which writes nothing and needs no state.
    pub(crate) fn check(&self, arguments: &[&str]) -> Ran {
        self.run("check", arguments)
    }

    pub(crate) fn undo(&self) -> Output {
        let mut command = bare();
        command.args(["undo", "--config"]).arg(&self.config).arg("--state-dir").arg(self.state());
        command.output().unwrap()
    }
}

/// The program without anything that the environment of the tests would tell it.
pub(crate) fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regfsck"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REGFSCK_") || name.to_string_lossy().starts_with("REGISTRY_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).env("COLUMNS", "120");
    command
}

impl Ran {
    /// The findings that stand at the end: code and state.
    pub(crate) fn standing(&self) -> Vec<String> {
        let standing = self.findings().filter(|finding| finding["state"] != "repaired");
        standing.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = &Value> {
        self.json["findings"].as_array().into_iter().flatten()
    }

    /// The codes of the errors that stand.
    pub(crate) fn errors(&self) -> Vec<String> {
        let standing = self
            .findings()
            .filter(|finding| finding["state"] != "repaired" && finding["severity"] == "error");
        standing.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }

    /// The names of the plan's steps.
    pub(crate) fn steps(&self) -> Vec<String> {
        let steps = self.json["plan"]["steps"].as_array().into_iter().flatten();
        steps.map(|step| step["id"].as_str().unwrap().to_owned()).collect()
    }

    /// What came of the steps: `done`, `failed` or `skipped`, and what was said.
    pub(crate) fn results(&self) -> Vec<(String, String)> {
        let outcomes = self.json["outcomes"].as_array().into_iter().flatten();
        let result = |outcome: &Value| {
            let result = outcome["result"].as_object().unwrap();
            let (kind, said) = result.iter().next().unwrap();
            (kind.clone(), said.as_str().unwrap().to_owned())
        };
        outcomes.map(result).collect()
    }

    /// Why nothing in the plan helps, for each finding.
    pub(crate) fn unresolved(&self) -> Vec<(String, String)> {
        let unresolved = self.json["plan"]["unresolved"].as_object().into_iter().flatten();
        unresolved.map(|(id, why)| (id.clone(), why.as_str().unwrap().to_owned())).collect()
    }

    pub(crate) fn pulled(&self) -> Vec<&str> {
        let pulled = self.json["proof"]["pulled"].as_array().into_iter().flatten();
        pulled.map(|image| image.as_str().unwrap()).collect()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{}\n{}\n{:#}", self.stderr, self.table, self.json["outcomes"]);
        self
    }

    /// Repaired and proved: nothing stands, every step was done.
    #[track_caller]
    pub(crate) fn healed(self) -> Self {
        let ran = self.expect(0);
        assert_eq!(ran.errors(), Vec::<String>::new());
        assert!(ran.results().iter().all(|(kind, _)| kind == "done"), "{:?}", ran.results());
        ran
    }
}

/// Another registry, with content to take from.
pub(crate) struct Mirror {
    pub(crate) sandbox: Sandbox,
    _home: TempDir,
}

impl Mirror {
    pub(crate) fn empty() -> Self {
        let home = TempDir::new().unwrap();
        let sandbox = Sandbox::start(Options::new(home.path().join("root"), Flavour::V2)).unwrap();
        Self { sandbox, _home: home }
    }

    pub(crate) fn with(images: &[(&str, &str, &Image)]) -> Self {
        let mirror = Self::empty();
        for (repository, tag, image) in images {
            assert_eq!(mirror.raw().push_image(repository, tag, image).1.status, 201);
        }
        mirror
    }

    pub(crate) fn raw(&self) -> Raw {
        Raw::new(&self.sandbox.url())
    }

    /// As `--source` takes it.
    pub(crate) fn source(&self) -> String {
        format!("docker://{}", self.sandbox.address())
    }
}

/// Whether `skopeo` is there; without it the tests that it judges say so.
pub(crate) fn skopeo(arguments: &[&str]) -> Option<Output> {
    let output = Command::new("skopeo").args(arguments).stdin(Stdio::null()).output().ok();
    if output.is_none() {
        crate::support::missing("skopeo", "an independent judge");
    }
    output
}

/// An independent client pulls the image whole, and finds the manifest that was pushed.
#[track_caller]
pub(crate) fn judge(daemon: &Daemon, repository: &str, tag: &str, image: &Image) {
    let target = TempDir::new().unwrap();
    let name = format!("docker://{}/{repository}:{tag}", daemon.url().trim_start_matches("http://"));
    let to = format!("dir:{}", target.path().display());
    let Some(copied) = skopeo(&["copy", "--src-tls-verify=false", &name, &to]) else { return };
    assert!(copied.status.success(), "{copied:?}");
    let inspected = skopeo(&["inspect", "--tls-verify=false", "--raw", &name]).unwrap();
    assert_eq!(inspected.stdout, image.manifest.bytes);
    assert_eq!(daemon.raw().pull(repository, tag, image), Ok(()));
}
