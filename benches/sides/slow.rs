//! Storage that takes a millisecond for every look: a folder behind a file system of our own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::contest::{self, check, is_installed, side};
use crate::draw::{Row, Table, Target};
use crate::measure::{Run, Side, interleave, program};
use crate::{Bench, regfsck};

const BLOBS: u64 = 20_000;
const REPOSITORIES: u64 = 250;
/// How long each look takes, in microseconds.
const DELAY: &str = "1000";
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
    walks(bench, table, root, folder.path())?;
    parts(bench, table, root, folder.path())
}

fn walks(bench: &Bench, table: &mut Table, root: &Path, folder: &Path) -> Result<()> {
    let config = folder.join("config.yml");
    std::fs::write(&config, contest::configuration(root))?;
    let config = config.display().to_string();
    let mut sides = vec![
        Side { name: "regfsck check, slow".into(), run: Box::new(|| check(root, &[])) },
        side("find -type f, slow", "find", &[".", "-type", "f"], root, &[0]),
    ];
    if is_installed("docker-registry") {
        let collect = ["garbage-collect", "--dry-run", &config];
        sides.push(side("garbage-collect --dry-run, slow", "docker-registry", &collect, root, &[0]));
    }
    let runs = interleave(sides, bench.arguments.rounds.min(2))?;
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
    let runs = interleave(sides, bench.arguments.rounds.min(3))?;
    let [subject, peer] = runs.as_slice() else { return Ok(()) };
    let what = format!("snapshot, {BLOBS} blobs, 1 ms a look, --io-jobs {LOOKS} each");
    let target = Some(Target::AtMost(1.0 / 3.2));
    table.rows.push(Row::new(&what, "time", subject, peer, |run| run.seconds, target));
    // What was collected is judged as one.
    let given: Vec<_> = (0..MACHINES)
        .map(|part| format!("snapshot:{}", folder.join(format!("part-{part}")).display()))
        .collect();
    let more: Vec<_> = given.iter().flat_map(|part| ["--storage", part.as_str()]).collect();
    check(root, &more).map(|_| ())
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
        let (program_path, at) = (beside.join("slowfs"), beside.join("slow"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/tools/slowfs.c");
        let build = "cc -O2 \"$0\" $(pkg-config --cflags --libs fuse3) -o \"$1\"";
        let mut command = Command::new("sh");
        command.args(["-c", build]).arg(source).arg(&program_path);
        program(&mut command, &[0]).context("build the slow file system; it needs libfuse3-dev")?;
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
