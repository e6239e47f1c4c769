//! Every command that a report prints is run as it was printed, on a registry of its own, and what it was printed for
//! is gone then. A word in capitals is filled in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regfsck::adapters::sandbox::{Flavour, Options, Sandbox};
use regfsck::domain::code::Code;
use regfsck::domain::finding::State as Standing;
use tempfile::TempDir;

use crate::check::recipes::{Recipe, State, read_all, recipes};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::regfsck::{Ended, command};
use crate::support::tree::Tree;

/// What a report prints: for these codes, this command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) codes: Vec<String>,
    pub(super) line: String,
}

/// The commands of a report. Below the heading a line with two blanks in front names codes, deeper ones are remedies.
pub(super) fn printed(report: &str) -> Vec<Printed> {
    let mut codes = Vec::new();
    let mut printed = Vec::new();
    for line in report.lines().skip_while(|line| *line != "what to do").skip(1) {
        if let Some(line) = line.strip_prefix("        ").filter(|line| is_command(line)) {
            printed.push(Printed { codes: Clone::clone(&codes), line: line.to_owned() });
        } else if line.starts_with("  ") && !line.starts_with("   ") && !line.contains('`') {
            codes = line.trim().split(", ").map(str::to_owned).collect();
        }
    }
    printed
}

fn is_command(line: &str) -> bool {
    line.starts_with("regfsck ") || line.starts_with("mv ")
}

/// A registry that is damaged by a recipe, and a mirror of it as it was before.
struct Patient {
    daemon: Daemon,
    mirror: Sandbox,
    home: TempDir,
    restarted: Option<PathBuf>,
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

impl Patient {
    fn new(recipe: &Recipe, kind: &Kind) -> Self {
        let mut daemon = kind.start(&Settings::default());
        let mut tree = recipe.build(Tree::new(&daemon.root()));
        tree.image("known/healthy", None, "healthy");
        tree.age();
        let home = tempfile::tempdir().unwrap();
        copy(&daemon.root(), &home.path().join("mirror"));
        let mirror = Sandbox::start(Options::new(home.path().join("mirror"), Flavour::V2)).unwrap();
        match recipe.daemon {
            Some(State::Cold) => daemon.restart(),
            Some(State::Warm) | None => read_all(&daemon, &tree),
        }
        recipe.damage(&tree, Some(&daemon));
        recipe.lie(&daemon, &tree);
        fs::copy(daemon.config_path(), home.path().join("config.yml")).unwrap();
        Self { daemon, mirror, home, restarted: None }
    }

    fn run(&self, words: &[&str], more: &[String]) -> Ended {
        let mut command = command(words.iter().copied().chain(more.iter().map(String::as_str)));
        command.current_dir(self.home.path()).env("HOME", self.home.path()).env("COLUMNS", "300");
        command.output().unwrap().into()
    }

    /// The codes that stand.
    fn codes(&self, words: &[&str], more: &[String]) -> BTreeSet<String> {
        let ended = self.run(&[words, &["-o", "json"]].concat(), more);
        let open = ended.report().findings.into_iter().filter(|finding| finding.state != Standing::Repaired);
        open.map(|finding| finding.code.to_string()).collect()
    }

    /// The command in a shell, as it was printed, by somebody who agrees to everything.
    fn type_in(&mut self, kind: &Kind, printed: &str) -> Ended {
        let line = self.fill_in(kind, printed);
        let program = Path::new(env!("CARGO_BIN_EXE_regfsck"));
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(self.home.path()).env_clear().env("HOME", self.home.path());
        shell
            .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
            .env("REGFSCK_YES", "true");
        shell.output().unwrap().into()
    }

    fn fill_in(&mut self, kind: &Kind, line: &str) -> String {
        let elsewhere = self.home.path().join("elsewhere");
        fs::create_dir_all(&elsewhere).unwrap();
        let restart = if line.contains("UNIT") { self.restarter(kind) } else { String::new() };
        line.replace("MIRROR", &self.mirror.address().to_string())
            .replace("ELSEWHERE", elsewhere.to_str().unwrap())
            .replace("URL", &self.daemon.url())
            .replace("DIR", self.daemon.root().to_str().unwrap())
            .replace("systemd:UNIT", &format!("'{restart}'"))
    }

    /// What restarts the daemon; the process that it starts ends with the patient.
    fn restarter(&mut self, kind: &Kind) -> String {
        let Kind::Real(program) = kind else { return "exec:false".into() };
        let pid = self.home.path().join("pid");
        fs::write(&pid, self.daemon.pid().unwrap().to_string()).unwrap();
        let script = self.home.path().join("restart.sh");
        let text = format!(
            "kill -9 $(cat {pid}); sleep 0.2; {program} serve {config} >{log} 2>&1 </dev/null & echo $! >{pid}\n",
            pid = pid.display(),
            program = program.path.display(),
            config = self.daemon.config_path().display(),
            log = self.home.path().join("restarted.log").display(),
        );
        fs::write(&script, text).unwrap();
        self.restarted = Some(pid);
        format!("exec:sh {}", script.display())
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        if let Some(pid) = self.restarted.as_ref().and_then(|file| fs::read_to_string(file).ok()) {
            let _ = Command::new("kill").args(["-9", pid.trim()]).status();
        }
    }
}

/// How the registry is named.
fn target(patient: &Patient, is_configured: bool) -> Vec<String> {
    if is_configured {
        return vec!["--config".into(), "config.yml".into()];
    }
    let root = patient.daemon.root().display().to_string();
    vec!["--storage".into(), root, "--registry".into(), patient.daemon.url()]
}

/// What is wrong with what a recipe's report prints.
fn faults(name: &str, recipe: &Recipe, kind: &Kind, is_configured: bool) -> (BTreeSet<String>, Vec<String>) {
    let first = Patient::new(recipe, kind);
    let with: Vec<String> = target(&first, is_configured).into_iter().chain(recipe.with.clone()).collect();
    let shown = first.run(&["check"], &with);
    let (mut seen, mut faults) = (BTreeSet::new(), Vec::new());
    for Printed { codes, line } in printed(&shown.stdout) {
        if line.contains("UNIT") && matches!(kind, Kind::Sandbox(_)) || line.contains("HOST") {
            continue;
        }
        seen.extend(codes.clone());
        // The very registry that the command was printed for.
        let mut patient = Patient::new(recipe, kind);
        let own: Vec<String> =
            target(&patient, is_configured).into_iter().chain(recipe.with.clone()).collect();
        let before = patient.run(&["check"], &own);
        let at = printed(&shown.stdout).iter().position(|known| known.line == line).unwrap();
        let line = printed(&before.stdout).get(at).map(|printed| printed.line.clone()).unwrap_or(line);
        let ended = patient.type_in(kind, &line);
        let left = patient.codes(&["check"], &own);
        let unhealed: Vec<_> = codes.iter().filter(|code| left.contains(*code)).collect();
        if !unhealed.is_empty() {
            faults.push(format!("{name} on {kind:?}: `{line}` leaves {unhealed:?}: {ended:?}"));
        }
    }
    (seen, faults)
}

/// Codes that by themselves only a daemon shows which lies to order: no command is run for them here.
const BY_HAND: [Code; 3] = [Code::TagMismatch, Code::ServerError, Code::HiddenBlob];
/// What was never stored anywhere: a tag that was made to name it.
const HOPELESS: [&str; 1] = ["missing-manifest-tag"];

#[test]
fn every_command_that_a_report_prints_heals_what_it_is_printed_for() {
    let recipes = recipes();
    let damaged: Vec<_> = recipes
        .iter()
        .filter(|(name, recipe)| !recipe.finds.is_empty() && !HOPELESS.contains(&name.as_str()))
        .collect();
    let results = std::thread::scope(|scope| {
        let runs = damaged.chunks(damaged.len().div_ceil(4)).map(|chunk| {
            scope.spawn(move || {
                let each = chunk.iter().flat_map(|(name, recipe)| {
                    let fits = |kind: &Kind| recipe.lies.is_empty() || matches!(kind, Kind::Sandbox(_));
                    let kinds: Vec<_> = Kind::all().into_iter().filter(fits).collect();
                    let both = |kind| [true, false].map(|configured| faults(name, recipe, &kind, configured));
                    kinds.into_iter().flat_map(both).collect::<Vec<_>>()
                });
                each.collect::<Vec<_>>()
            })
        });
        let runs: Vec<_> = runs.collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect::<Vec<_>>()
    });
    let (seen, faults): (Vec<_>, Vec<_>) = results.into_iter().unzip();
    let faults: Vec<_> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    let seen: BTreeSet<String> = seen.into_iter().flatten().collect();
    let found = recipes.iter().flat_map(|(_, recipe)| &recipe.finds);
    let found: BTreeSet<&str> = found.map(|line| line.split(' ').next().unwrap()).collect();
    for code in Code::ALL.iter().filter(|code| found.contains(code.as_str())) {
        let is_note = code.severity() == regfsck::domain::code::Severity::Note;
        assert!(is_note || BY_HAND.contains(code) || seen.contains(code.as_str()), "no command for {code}");
    }
}
