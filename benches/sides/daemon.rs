//! Comparisons that need a running server: a registry, a Redis. Each gets a free port of 127.0.0.1 and a folder of
//! its own, and is ended by its own id.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use regfsck::adapters::cache::{RedisCache, RedisSettings};
use regfsck::domain::digest::Digest;
use regfsck::domain::report::Report;
use regfsck::engine::ports::{Cache as _, Silent};
use sha2::{Digest as _, Sha256};

use crate::contest::is_installed;
use crate::draw::{Row, Table, Target};
use crate::measure::{Run, Runs, Side, interleave, own_cpu, program};
use crate::plant::Recipe;
use crate::{Bench, regfsck};

/// Questions at once, on both sides.
const CONNECTIONS: &str = "64";

/// Blobs and repositories that the Redis knows.
const CACHED: (u64, u64) = (100_000, 750);

/// A server that ends with its owner.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub(crate) fn start(port: u16, command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { child, port };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("{command:?} does not listen at {port}")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Asking a daemon about every link against a load generator that asks as many times about one blob.
pub(crate) fn probe(bench: &Bench, table: &mut Table) -> Result<()> {
    if !is_installed("docker-registry") || !is_installed("ab") {
        return Ok(());
    }
    let recipe = Recipe { layers: 30, damage: 0, ..bench.recipe(6_000, 40) };
    let root = &bench.tree(&recipe)?;
    let config = root.with_file_name("daemon.yml");
    let port = free_port()?;
    std::fs::write(&config, configuration(root, port))?;
    let server = Server::start(port, Command::new("docker-registry").arg("serve").arg(&config))?;
    let url = server.url();
    let asked = std::cell::Cell::new(0_u64);
    let daemon = server.child.id();
    let report = root.with_file_name("probe.json");
    let ours = || probe_once(root, &url, &report, daemon).inspect(|(_, requests)| asked.set(*requests));
    let blob = format!("{url}/v2/{}", linked(root)?);
    // The daemon's CPU time is kept beside, round by round.
    let spent = std::cell::RefCell::new(Vec::new());
    let sides = vec![
        Side {
            name: "regfsck check --probe all".into(),
            run: Box::new(|| {
                let before = own_cpu(daemon);
                let (run, _) = ours()?;
                spent.borrow_mut().push(own_cpu(daemon) - before);
                Ok(run)
            }),
        },
        Side { name: "ab -i -k -c 64".into(), run: Box::new(|| load(&blob, asked.get())) },
    ];
    let runs = interleave(sides, bench.arguments.rounds)?;
    let [subject, peer] = runs.as_slice() else { bail!("two sides gave other than two runs") };
    let what = format!("probing, {} requests, {CONNECTIONS} at once", asked.get());
    let rate = |run: &Run| run.work / run.seconds;
    table.rows.push(Row::new(&what, "rate", subject, peer, rate, Some(Target::AtLeast(0.97))));
    let spent = spent.into_inner().into_iter().skip(1);
    let daemon = subject.runs.iter().zip(spent).map(|(run, cpu)| Run { cpu, ..*run }).collect();
    let daemon = Runs { name: "docker-registry, meanwhile".into(), runs: daemon };
    table.rows.push(Row::new(&what, "CPU", subject, &daemon, |run| run.cpu, Some(Target::AtMost(1.0))));
    Ok(())
}

pub(crate) fn configuration(root: &Path, port: u16) -> String {
    format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n\
         storage: {{filesystem: {{rootdirectory: '{}', maxthreads: 100}}, cache: {{blobdescriptor: inmemory}}}}\n",
        root.display()
    )
}

fn probe_once(root: &Path, url: &str, report: &Path, _daemon: u32) -> Result<(Run, u64)> {
    let mut command = Command::new(regfsck());
    command.args(["check", "--probe", "all", "--jobs", CONNECTIONS, "--registry", url, "--storage"]);
    command.arg(root).args(["-o", &format!("json={}", report.display())]);
    let run = program(&mut command, &[0])?;
    let report: Report = serde_json::from_str(&std::fs::read_to_string(report)?)?;
    let requests = report.coverage.served.context("nothing was asked")?.requests;
    let work = f64::from(u32::try_from(requests)?);
    Ok((Run { work, ..run }, requests))
}

/// Any blob of the tree that has a link, as a path of the API.
fn linked(root: &Path) -> Result<String> {
    let layers = root.join("docker/registry/v2/repositories/team0/app0/_layers/sha256");
    let first = std::fs::read_dir(&layers)?.next().context("no layer")??;
    Ok(format!("team0/app0/blobs/sha256:{}", first.file_name().display()))
}

fn load(url: &str, requests: u64) -> Result<Run> {
    let mut command = Command::new("ab");
    command
        .args(["-i", "-k", "-q", "-c", CONNECTIONS, "-n", &requests.to_string(), url])
        .stdout(Stdio::null());
    let run = program(&mut command, &[0])?;
    Ok(Run { work: f64::from(u32::try_from(requests)?), ..run })
}

/// Reading a cache with what it says against listing its keys.
pub(crate) fn redis(bench: &Bench, table: &mut Table) -> Result<()> {
    if !is_installed("redis-server") || !is_installed("redis-cli") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(folder.path());
    let _server = Server::start(port, &mut command)?;
    let keys = fill(port)?;
    let own = std::env::current_exe()?;
    let scan = || {
        let mut command = Command::new(&own);
        program(command.args(["--read-redis", &port.to_string()]).stdout(Stdio::null()), &[0])
    };
    let list = || {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &port.to_string(), "--scan"]).stdout(Stdio::null());
        program(&mut command, &[0])
    };
    let sides = vec![
        Side { name: "regfsck's reading of Redis".into(), run: Box::new(scan) },
        Side { name: "redis-cli --scan".into(), run: Box::new(list) },
    ];
    let runs = interleave(sides, bench.arguments.rounds)?;
    let [subject, peer] = runs.as_slice() else { bail!("two sides gave other than two runs") };
    let what = format!("reading a cache of {keys} keys, values included");
    table.rows.push(Row::new(&what, "time", subject, peer, |run| run.seconds, None));
    Ok(())
}

/// What a daemon writes: an entry a blob, a set a repository, a hash for each of a set's members.
fn fill(port: u16) -> Result<u64> {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &port.to_string(), "--pipe"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn()?;
    let mut pipe = std::io::BufWriter::new(child.stdin.take().context("no pipe")?);
    let (blobs, repositories) = CACHED;
    for blob in 0..blobs {
        let digest = Digest::sha256(Sha256::digest(blob.to_le_bytes()).into());
        let name = format!("team{}/app{}", blob % 40, blob % repositories);
        write!(
            pipe,
            "HSET blobs::{digest} digest {digest} size {blob} mediatype application/octet-stream\r\n"
        )?;
        write!(pipe, "SADD repository::{name}::blobs {digest}\r\n")?;
        write!(pipe, "HSET repository::{name}::blobs::{digest} mediatype application/octet-stream\r\n")?;
    }
    drop(pipe.into_inner().map_err(std::io::IntoInnerError::into_error)?);
    if !child.wait()?.success() {
        bail!("redis-cli --pipe failed");
    }
    Ok(2 * blobs + repositories)
}

/// What this program does as a subject: read the Redis at a port of this machine.
pub(crate) fn read_redis(port: u16) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let address = format!("127.0.0.1:{port}");
    runtime.block_on(async {
        let cache = RedisCache::at(RedisSettings::of_config(&[address], None)?)?;
        let view = cache.collect(&Silent).await?;
        println!("{} entries, {} pairs", view.entries.len(), view.pairs.len());
        Ok(())
    })
}
