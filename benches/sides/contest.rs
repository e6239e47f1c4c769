//! Comparisons that need no daemon.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::draw::{Row, Table, Target};
use crate::measure::{Caches, Run, Runs, Side, interleave, interleave_with, program};
use crate::plant::{Content, Recipe};
use crate::{Bench, regfsck};

/// A check may find things.
const CHECKED: [i32; 2] = [0, 1];

/// Whether a program is there.
pub(crate) fn is_installed(program: &str) -> bool {
    let found = Command::new("which").arg(program).stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    if !found {
        eprintln!("{program} is not installed: that comparison is left out");
    }
    found
}

/// A side that is a command.
pub(crate) fn side<'a>(
    name: &str,
    program_name: &str,
    arguments: &[&str],
    root: &'a Path,
    statuses: &'a [i32],
) -> Side<'a> {
    let (program_name, arguments) =
        (program_name.to_owned(), arguments.iter().map(ToString::to_string).collect::<Vec<_>>());
    let run = move || {
        let mut command = Command::new(&program_name);
        command.args(&arguments).current_dir(root).stdout(Stdio::null());
        program(&mut command, statuses)
    };
    Side { name: name.to_owned(), run: Box::new(run) }
}

/// A side that is a command and is stopped when whoever waits has seen enough; that is success, too.
pub(crate) fn patient_side<'a>(
    name: &str,
    seconds: f64,
    program_name: &str,
    arguments: &[&str],
    root: &'a Path,
) -> Side<'a> {
    let (name, seconds) = (format!("{name}, {seconds:.0} s at most"), format!("{seconds:.0}"));
    side(&name, "timeout", &[&[seconds.as_str(), program_name], arguments].concat(), root, &[0, 124])
}

pub(crate) fn check(root: &Path, more: &[&str]) -> Result<Run> {
    let mut command = Command::new(regfsck());
    command.args(["check", "--storage"]).arg(root).args(more).args(["-o", "json"]).stdout(Stdio::null());
    program(&mut command, &CHECKED)
}

/// The offline check against what walks the same tree, all of it in the kernel's caches.
pub(crate) fn offline(bench: &Bench, table: &mut Table) -> Result<()> {
    let recipe = bench.recipe(bench.arguments.blobs, bench.arguments.repositories);
    let root = &bench.tree(&recipe)?;
    let mut sides = vec![
        Side { name: "regfsck check".into(), run: Box::new(|| check(root, &[])) },
        side("find -type f", "find", &[".", "-type", "f"], root, &[0]),
        side("du -s", "du", &["-s", "."], root, &[0]),
    ];
    let config = root.with_file_name("config.yml");
    std::fs::write(&config, configuration(root))?;
    let config = config.display().to_string();
    if is_installed("docker-registry") {
        let collect = ["garbage-collect", "--dry-run", &config];
        sides.push(side("garbage-collect --dry-run", "docker-registry", &collect, root, &[0]));
        let collect = ["garbage-collect", "--dry-run", "-m", &config];
        sides.push(side("garbage-collect --dry-run -m", "docker-registry", &collect, root, &[0]));
    }
    let runs = interleave(sides, bench.arguments.rounds)?;
    let what = name(&recipe);
    compare(table, &what, &runs, &[Some(0.2), None, Some(1.0 / 8.0), Some(1.0 / 16.0)]);
    bare(bench, table, &what, root)
}

/// The check's CPU time against that of the least that asks the same of the kernel, on one thread.
fn bare(bench: &Bench, table: &mut Table, what: &str, root: &Path) -> Result<()> {
    if !is_installed("cc") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let walker = compiled("walk", "", folder.path())?.display().to_string();
    let sides = vec![
        Side { name: "regfsck check".into(), run: Box::new(|| check(root, &[])) },
        side("its system calls alone", &walker, &["."], root, &[0]),
        Side { name: "regfsck check, another's blobs".into(), run: Box::new(|| check_of_other(root)) },
    ];
    let runs = interleave(sides, bench.arguments.rounds)?;
    let [subject, peer, owned] = runs.as_slice() else { return Ok(()) };
    table.rows.push(Row::new(what, "CPU", subject, peer, |run| run.cpu, Some(Target::AtMost(1.6))));
    let what = format!("{what}, looking at who may read it");
    table.rows.push(Row::new(&what, "CPU", owned, subject, |run| run.cpu, None));
    Ok(())
}

/// A check of a tree whose folder of blobs is another user's for as long as it runs; only root can give it away.
fn check_of_other(root: &Path) -> Result<Run> {
    let blobs = root.join("docker/registry/v2/blobs");
    let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    std::os::unix::fs::chown(&blobs, Some(65_534), None).context("only root can give a folder away")?;
    let run = check(root, &[]);
    std::os::unix::fs::chown(&blobs, Some(user), Some(group))?;
    run
}

/// A tool of ours in C, built with these libraries.
pub(crate) fn compiled(tool: &str, libraries: &str, into: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/tools/{tool}.c"));
    let built = into.join(tool);
    let build = format!("cc -O2 \"$0\" {libraries} -o \"$1\"");
    let mut command = Command::new("sh");
    command.args(["-c", &build]).arg(source).arg(&built);
    program(&mut command, &[0])?;
    Ok(built)
}

/// The same with nothing of the disk in the kernel's caches.
pub(crate) fn cold(bench: &Bench, table: &mut Table) -> Result<()> {
    let recipe = bench.recipe(bench.arguments.blobs, bench.arguments.repositories);
    let root = &bench.tree(&recipe)?;
    let sides = vec![
        Side { name: "regfsck check".into(), run: Box::new(|| check(root, &[])) },
        side("find -type f", "find", &[".", "-type", "f"], root, &[0]),
    ];
    let runs = interleave_with(Caches::Cold, sides, bench.arguments.rounds.min(3))?;
    compare(table, &format!("{}, cold", name(&recipe)), &runs, &[Some(0.3)]);
    Ok(())
}

fn name(recipe: &Recipe) -> String {
    format!("offline check, {} blobs, {} repositories", recipe.blobs, recipe.repositories)
}

pub(crate) fn configuration(root: &Path) -> String {
    format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n",
        root.display()
    )
}

/// Enter the first side against each other one, by wall time.
pub(crate) fn compare(table: &mut Table, what: &str, runs: &[Runs], at_most: &[Option<f64>]) {
    let Some((subject, peers)) = runs.split_first() else { return };
    for (peer, target) in peers.iter().zip(at_most) {
        let target = target.map(Target::AtMost);
        table.rows.push(Row::new(what, "time", subject, peer, |run| run.seconds, target));
    }
}

/// Hashing against `sha256sum` on both cores: the same files, all in the cache.
pub(crate) fn content(bench: &Bench, table: &mut Table) -> Result<()> {
    let kinds = [("4 KiB", 4 << 10, 40_000), ("64 KiB", 64 << 10, 16_000), ("64 MiB", 64 << 20, 16)];
    for (name, size, blobs) in kinds {
        let recipe = Recipe {
            damage: 0,
            content: Content::True(size),
            layers: 6,
            ..bench.recipe(blobs, (blobs / 100).max(1))
        };
        let root = &bench.tree(&recipe)?;
        let pipe = "find docker/registry/v2/blobs -name data -print0 | xargs -0 -P2 -n64 sha256sum";
        let pipe = if size > 1 << 20 { pipe.replace("-n64", "-n1") } else { pipe.to_owned() };
        let sides = vec![
            Side { name: "regfsck check --content".into(), run: Box::new(|| check(root, &["--content"])) },
            side("find | xargs -P2 sha256sum", "sh", &["-c", &pipe], root, &[0]),
        ];
        let runs = interleave(sides, bench.arguments.rounds)?;
        let rate = if size > 1 << 20 { 0.95 } else { 1.0 };
        let [subject, peer] = runs.as_slice() else { continue };
        let what = format!("content check, blobs of {name}");
        let target = Some(Target::AtLeast(rate));
        table.rows.push(Row::new(&what, "rate", subject, peer, |run| 1.0 / run.seconds, target));
    }
    Ok(())
}
