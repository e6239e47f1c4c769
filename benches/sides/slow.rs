//! Storage that takes a millisecond for every look: a folder behind a file system of our own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::contest::{self, check, compiled, is_installed, patient_side, side};
use crate::draw::{Row, Table, Target};
use crate::measure::{Run, Side, interleave};
use crate::plant::{Content, Recipe};
use crate::{Bench, regfsck};

const BLOBS: u64 = 20_000;
const REPOSITORIES: u64 = 250;
/// Blobs and repositories whose content is read.
const READ: (u64, u64) = (4_000, 40);
/// How long each look takes, in microseconds.
const DELAY: &str = "1000";
/// Who waits so many times as long as the check takes has seen enough.
const ENOUGH: f64 = 60.0;
/// Of how many machines each looks at a part.
const MACHINES: usize = 4;
/// How many looks each has under way.
const LOOKS: &str = "4";

/// The check against what walks the same tree, and one machine against several that share the walk.
pub(crate) fn compare(bench: &Bench, table: &mut Table) -> Result<()> {
    if !["cc", "pkg-config", "fusermount3"].iter().all(|program| is_installed(program)) {
        return Ok(());
    }
    let recipe = bench.recipe(BLOBS, REPOSITORIES);
    let planted = bench.tree(&recipe)?;
    let folder = tempfile::tempdir()?;
    let mount = Mount::of(&planted, folder.path())?;
    let root = &mount.at;
    walks(table, root, folder.path())?;
    parts(bench, table, root, folder.path())?;
    content(bench, table)
}

/// Hashing what the mount holds against one reader of it.
fn content(bench: &Bench, table: &mut Table) -> Result<()> {
    let (blobs, repositories) = READ;
    let recipe = Recipe {
        damage: 0,
        content: Content::True(64 << 10),
        layers: 6,
        ..bench.recipe(blobs, repositories)
    };
    let folder = tempfile::tempdir()?;
    let mount = Mount::of(&bench.tree(&recipe)?, folder.path())?;
    let one = "find docker/registry/v2/blobs -name data -print0 | xargs -0 sha256sum";
    let sides = vec![
        Side {
            name: "regfsck check --content, slow".into(),
            run: Box::new(|| check(&mount.at, &["--content"])),
        },
        side("find | xargs sha256sum, slow", "sh", &["-c", one], &mount.at, &[0]),
    ];
    let runs = interleave(sides, bench.arguments.rounds.min(2))?;
    let [subject, peer] = runs.as_slice() else { return Ok(()) };
    let what = format!("content check, {blobs} blobs of 64 KiB, 1 ms a look");
    let target = Some(Target::AtLeast(8.0));
    table.rows.push(Row::new(&what, "rate", subject, peer, |run| 1.0 / run.seconds, target));
    Ok(())
}

fn walks(table: &mut Table, root: &Path, folder: &Path) -> Result<()> {
    let config = folder.join("config.yml");
    std::fs::write(&config, contest::configuration(root))?;
    let config = config.display().to_string();
    let enough = ENOUGH * check(root, &[])?.seconds;
    let mut sides = vec![
        Side { name: "regfsck check, slow".into(), run: Box::new(|| check(root, &[])) },
        patient_side("find -type f", enough, "find", &[".", "-type", "f"], root),
    ];
    if is_installed("docker-registry") {
        let collect = ["garbage-collect", "--dry-run", &config];
        sides.push(patient_side("garbage-collect --dry-run", enough, "docker-registry", &collect, root));
    }
    // The delay is the same each time: there is nothing to warm.
    let runs = interleave(sides, 0)?;
    let what = format!("offline check, {BLOBS} blobs, 1 ms a look");
    contest::compare(table, &what, &runs, &[Some(1.0 / 16.0), Some(1.0 / 40.0)]);
    Ok(())
}

fn parts(bench: &Bench, table: &mut Table, root: &Path, folder: &Path) -> Result<()> {
    let one = || snapshot(root, None, &folder.join("whole")).and_then(|mut one| one.wait());
    let together = || {
        let began = Instant::now();
        let begin = |part: usize| {
            snapshot(root, Some(&format!("{part}/{MACHINES}")), &folder.join(format!("part-{part}")))
        };
        let started: Vec<_> = (0..MACHINES).map(begin).collect::<Result<_>>()?;
        let mut cpu = 0.0;
        for mut part in started {
            cpu += part.wait()?.cpu;
        }
        Ok(Run { seconds: began.elapsed().as_secs_f64(), cpu, peak_bytes: 0, work: 0.0 })
    };
    let name = format!("{MACHINES} processes, a part each");
    let sides = vec![
        Side { name: name.clone(), run: Box::new(together) },
        Side { name: "one process".into(), run: Box::new(one) },
    ];
    let runs = interleave(sides, bench.arguments.rounds.min(2))?;
    let [subject, peer] = runs.as_slice() else { return Ok(()) };
    let what = format!("snapshot, {BLOBS} blobs, 1 ms a look, --io-jobs {LOOKS} each");
    let target = Some(Target::AtMost(1.0 / 3.2));
    table.rows.push(Row::new(&what, "time", subject, peer, |run| run.seconds, target));
    // What was collected is judged as one.
    let given: Vec<_> = (0..MACHINES)
        .map(|part| format!("snapshot:{}", folder.join(format!("part-{part}")).display()))
        .collect();
    let more: Vec<_> = given.iter().flat_map(|part| ["--storage", part.as_str()]).collect();
    if judged(root, &more, folder)? != judged(root, &[], folder)? {
        bail!("parts were judged otherwise than the whole");
    }
    Ok(())
}

/// What a check says, but for the times at which it looked.
fn judged(root: &Path, more: &[&str], folder: &Path) -> Result<String> {
    let report = folder.join("report.json");
    let form = format!("json={}", report.display());
    check(root, &[more, &["-o", &form]].concat())?;
    let mut said = serde_json::from_str(&std::fs::read_to_string(report)?)?;
    forget_times(&mut said);
    Ok(said.to_string())
}

fn forget_times(said: &mut serde_json::Value) {
    if let Some(fields) = said.as_object_mut() {
        fields.retain(|name, _| !["started", "finished", "at"].contains(&name.as_str()));
        fields.values_mut().for_each(forget_times);
    } else if let Some(list) = said.as_array_mut() {
        list.iter_mut().for_each(forget_times);
    }
}

/// A run of ours under way.
struct Started {
    child: Child,
    began: Instant,
}

impl Started {
    fn wait(&mut self) -> Result<Run> {
        let status = self.child.wait()?;
        if !status.success() {
            bail!("regfsck snapshot: {status}");
        }
        Ok(Run { seconds: self.began.elapsed().as_secs_f64(), cpu: 0.0, peak_bytes: 0, work: 0.0 })
    }
}

fn snapshot(root: &Path, shard: Option<&str>, to: &Path) -> Result<Started> {
    let mut command = Command::new(regfsck());
    command.args(["snapshot", "--io-jobs", LOOKS, "--storage"]).arg(root).arg("-o").arg(to);
    command.args(shard.iter().flat_map(|shard| ["--shard", shard]));
    let began = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    Ok(Started { child, began })
}

/// A folder behind the slow file system, until it is dropped.
struct Mount {
    at: PathBuf,
    server: Child,
}

impl Mount {
    fn of(folder: &Path, beside: &Path) -> Result<Self> {
        let at = beside.join("slow");
        let built = compiled("slowfs", "$(pkg-config --cflags --libs fuse3)", beside);
        let program_path = built.context("build the slow file system; it needs libfuse3-dev")?;
        std::fs::create_dir(&at)?;
        let options = "ro,max_threads=64,entry_timeout=0,attr_timeout=0";
        let mut command = Command::new(program_path);
        command.arg(DELAY).arg(folder).arg(&at).args(["-f", "-o", options]);
        let server = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mount = Self { at, server };
        for _ in 0..100 {
            if mount.at.join("docker").is_dir() {
                return Ok(mount);
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("the slow file system was not mounted")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // It may be unmounted already.
        let _ = Command::new("fusermount3").arg("-u").arg(&self.at).status();
        let _ = self.server.wait();
    }
}
