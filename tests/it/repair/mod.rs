//! Repairs, by the built program on running registries: what must be shown, and what must never happen.

mod anywhen;
mod bad_input;
mod branches;
mod death;
mod engine;
mod full_disk;
mod incident;
mod killed;
mod multi_arch;
mod pulled;
mod raced;
mod refusals;
mod sizes;
mod sources;
mod unforced;
mod weather;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::sandbox::{Flavour, Options, Sandbox};
use regfsck::domain::code::Severity;
use regfsck::domain::finding::{Finding, State};
use regfsck::domain::plan::{Outcome, Proof, StepResult};
use regfsck::domain::report::Report;
use tempfile::TempDir;

use crate::support::daemon::Daemon;
use crate::support::program::output;
use crate::support::raw::Raw;
use crate::support::regfsck::{Ended, command};

/// The program under test, with its own state folder.
pub(crate) struct Regfsck {
    state: TempDir,
    config: PathBuf,
}

/// What a run of it showed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    /// The report for machines, where there was one.
    report: Option<Report>,
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
        let mut command = bare([subcommand]);
        command.args(["-o", "json", "-o"]).arg(self.output()).args(["--progress", "never"]);
        command.arg("--config").arg(&self.config).arg("--state-dir").arg(self.state());
        command.args(arguments);
        command
    }

    fn output(&self) -> String {
        format!("table={}", self.file("table").display())
    }

    pub(crate) fn run(&self, subcommand: &str, arguments: &[&str]) -> Ran {
        self.ran(self.command(subcommand, arguments).output().unwrap().into())
    }

    pub(crate) fn ran(&self, ended: Ended) -> Ran {
        let report = if ended.stdout.is_empty() { None } else { Some(ended.report()) };
        let table = fs::read_to_string(self.file("table")).unwrap_or_default();
        Ran { status: ended.status, report, table, stderr: ended.stderr }
    }

    /// `check --fix --yes` with these arguments.
    pub(crate) fn fix(&self, arguments: &[&str]) -> Ran {
        self.run("check", &[&["--fix", "--yes"], arguments].concat())
    }

    /// `check`, which writes nothing and needs no state.
    pub(crate) fn check(&self, arguments: &[&str]) -> Ran {
        self.run("check", arguments)
    }

    pub(crate) fn undo(&self) -> Ended {
        let mut command = bare(["undo", "--yes", "--config"]);
        command.arg(&self.config).arg("--state-dir").arg(self.state()).output().unwrap().into()
    }
}

/// The program, with room for its tables.
pub(crate) fn bare(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = command(arguments);
    command.env("COLUMNS", "120");
    command
}

impl Ran {
    #[track_caller]
    pub(crate) fn report(&self) -> &Report {
        self.report.as_ref().unwrap_or_else(|| panic!("a report: {}", self.stderr))
    }

    /// The findings that stand at the end: code and state.
    pub(crate) fn standing(&self) -> Vec<String> {
        self.open().map(|finding| finding.code.to_string()).collect()
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.report.iter().flat_map(|report| &report.findings)
    }

    fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings().filter(|finding| finding.state != State::Repaired)
    }

    /// The codes of the errors that stand.
    pub(crate) fn errors(&self) -> Vec<String> {
        let errors = self.open().filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.code.to_string()).collect()
    }

    /// The names of the plan's steps.
    pub(crate) fn steps(&self) -> Vec<String> {
        self.report().plan.iter().flat_map(|plan| &plan.steps).map(|step| step.id.clone()).collect()
    }

    fn outcomes(&self) -> &[Outcome] {
        self.report.as_ref().and_then(|report| report.outcomes.as_deref()).unwrap_or_default()
    }

    /// What came of the steps: `done`, `failed` or `skipped`, and what was said.
    pub(crate) fn results(&self) -> Vec<(String, String)> {
        let result = |outcome: &Outcome| match outcome.result.clone() {
            StepResult::Done(said) => ("done".to_owned(), said),
            StepResult::Failed(why) => ("failed".to_owned(), why),
            StepResult::Skipped(why) => ("skipped".to_owned(), why),
        };
        self.outcomes().iter().map(result).collect()
    }

    /// Why nothing in the plan helps, for each finding.
    pub(crate) fn unresolved(&self) -> Vec<(String, String)> {
        self.report()
            .plan
            .iter()
            .flat_map(|plan| plan.unresolved.clone())
            .map(|(id, why)| (id, why.to_string()))
            .collect()
    }

    #[track_caller]
    pub(crate) fn proof(&self) -> &Proof {
        self.report().proof.as_ref().unwrap()
    }

    pub(crate) fn pulled(&self) -> Vec<&str> {
        self.report().proof.iter().flat_map(|proof| &proof.pulled).map(String::as_str).collect()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            status,
            "{}\n{}\n{:#?}",
            self.stderr,
            self.table,
            self.report.as_ref().map(|report| &report.outcomes)
        );
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

/// An independent client pulls the image whole, and finds the manifest that was pushed.
#[track_caller]
pub(crate) fn judge(daemon: &Daemon, repository: &str, tag: &str, image: &Image) {
    let target = TempDir::new().unwrap();
    let name = format!("docker://{}/{repository}:{tag}", daemon.url().trim_start_matches("http://"));
    let to = format!("dir:{}", target.path().display());
    let Some(copied) = output("skopeo", ["copy", "--src-tls-verify=false", &name, &to]) else { return };
    assert!(copied.status.success(), "{copied:?}");
    let inspected = output("skopeo", ["inspect", "--tls-verify=false", "--raw", &name]).unwrap();
    assert_eq!(inspected.stdout, image.manifest.bytes);
    assert_eq!(daemon.raw().pull(repository, tag, image), Ok(()));
}
