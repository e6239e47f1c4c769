//! The histories on real registries: each is answered there as in memory, and what regfsck says at its end is true there.
//!
//! ```text
//! history ─► in memory, on the daemon: the same answers ─► regfsck, the program ─ status 0 ─► somebody pushes, and pulls
//! ```

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use regfsck::adapters::sandbox::image::Blob;
use regfsck::adapters::sandbox::{Caching, Flavour, Options, Sandbox, SandboxState};
use regfsck::domain::layout::LinkPlace;
use regfsck::domain::name::RepositoryName;
use tempfile::TempDir;

use crate::judge::{Judge, settled};
use crate::machine::{Machine, make, push};
use crate::moves::{Move, Range};
use crate::noted;
use crate::number;
use crate::oracle::{Attempt, pushed};
use crate::ports::{Ports, data, link_path};
use crate::run::Command;
use crate::support::raw::Raw;
use crate::support::real_registry::{Program, RealRegistry, programs};
use crate::support::redis_server::RedisServer;
use crate::support::regfsck::command;
use crate::support::settings::{CacheKind, Settings};
use crate::world::{Part, REPOSITORIES, What};

/// A real registry that things happen to.
struct Real {
    registry: RealRegistry,
    redis: Option<RedisServer>,
    state: TempDir,
    mirror: String,
}

impl Real {
    /// An hour passes over what the other repository, which stays, does not have.
    fn grow_old(&self, other: &str) {
        let other: RepositoryName = other.parse().unwrap();
        let is_there = |place| self.path(&link_path(&other, &place)).exists();
        let kept = |digest| is_there(LinkPlace::Layer(digest)) || is_there(LinkPlace::Revision(digest));
        for digest in Part::ALL.iter().map(|part| *part.digest()).filter(|digest| !kept(*digest)) {
            if let Ok(file) = fs::File::open(self.path(&data(&digest))) {
                file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
            }
        }
    }

    /// None where Redis is wanted and missing.
    fn start(program: &Program, cache: Caching, mirror: &str) -> Option<Self> {
        let redis = if cache == Caching::Redis { Some(RedisServer::start()?) } else { None };
        let kind = match (&redis, cache) {
            (Some(redis), _) => CacheKind::Redis(format!("127.0.0.1:{}", redis.port)),
            (None, Caching::None) => CacheKind::None,
            (None, Caching::InMemory | Caching::Redis) => CacheKind::InMemory,
        };
        let registry = RealRegistry::start_with(program.clone(), &Settings::with_cache(kind));
        Some(Self { registry, redis, state: TempDir::new().unwrap(), mirror: mirror.to_owned() })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.registry.root().join("docker/registry/v2").join(path)
    }

    /// regfsck, the program, on it; its exit status and what it said.
    fn run(&self, what: Command) -> (u8, String) {
        let (name, more) = match what {
            Command::Check => ("check", Vec::new()),
            Command::Fix => ("check", vec!["--fix", "--yes", "--source", &self.mirror]),
            Command::Purge => ("purge", vec!["--yes"]),
            Command::Guard(_) => ("guard", vec!["--yes"]),
        };
        let mut command = command([name]);
        command.arg("--config").arg(self.registry.config_path());
        command.arg("--state-dir").arg(self.state.path()).args(more);
        if let Command::Guard(untagged) = what {
            command.arg("--").arg(&self.registry.program.path).arg("garbage-collect");
            command.args(untagged.then_some("-m")).arg(self.registry.config_path());
        }
        let output = command.output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX), said)
    }
}

impl Machine for Real {
    fn raw(&self) -> Raw {
        Raw::new(&self.registry.url())
    }

    fn flavour(&self) -> Flavour {
        self.registry.flavour()
    }

    fn collect(&mut self, untagged: bool) -> (i32, String) {
        let done = self.registry.garbage_collect(untagged, false);
        (done.status, done.output)
    }

    fn guard(&mut self, untagged: bool) -> u8 {
        self.run(Command::Guard(untagged)).0
    }

    fn restart(&mut self) {
        self.registry.restart();
    }

    fn flush(&mut self) {
        if let Some(redis) = &self.redis {
            redis.flush();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the move is to remove it")]
    fn remove(&mut self, path: &str) {
        let lost = REPOSITORIES.iter().position(|name| path == format!("repositories/{name}"));
        if let Some(lost) = lost {
            self.grow_old(REPOSITORIES[1 - lost]);
        }
        let path = self.path(path);
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }

    fn empty(&mut self, path: &str) {
        let path = self.path(path);
        if path.exists() {
            fs::write(path, b"").unwrap();
        }
    }
}

/// Another registry, with everything in both repositories.
fn mirror() -> (TempDir, Sandbox) {
    let home = TempDir::new().unwrap();
    let sandbox = Sandbox::start(Options::new(home.path().join("root"), Flavour::V2)).unwrap();
    let raw = Raw::new(&sandbox.url());
    for name in REPOSITORIES {
        for what in What::ALL {
            push(&raw, name, &what.to_string(), what, None);
        }
    }
    (home, sandbox)
}

/// A history, and what is asked at its end.
struct Replay {
    cache: Caching,
    history: Vec<Move>,
    command: Command,
}

/// Numbers that look random, the same for the same text.
fn dice(seed: &str, sides: usize) -> usize {
    let digest = Blob::new(seed.as_bytes().to_vec()).digest;
    usize::try_from(digest.head() % sides as u64).unwrap()
}

/// Histories that somebody threw dice for.
fn thrown(flavour: Flavour, count: usize) -> Vec<Replay> {
    let replay = |at: usize| {
        let dice = |what: &str, sides| dice(&format!("{flavour:?} {at} {what}"), sides);
        let cache = [Caching::None, Caching::InMemory, Caching::InMemory, Caching::Redis][dice("cache", 4)];
        let moves: Vec<_> = Range::ALL[dice("range", 3)].moves();
        // Nothing happens to a registry in which there is nothing.
        let first = ["push x/a 0", "push x/b 1", "push x/a multi"].map(|one| one.parse::<Move>().ok());
        let first = first[dice("first", 3)].filter(|one| moves.contains(one));
        let more = (0..2 + dice("length", 4)).map(|turn| moves[dice(&format!("move {turn}"), moves.len())]);
        let history = first.into_iter().chain(more).filter(|one| !matches!(one, Move::Guard(_))).collect();
        Replay { cache, history, command: Command::ALL[dice("command", 5)] }
    };
    (0..count).map(replay).collect()
}

/// The histories that once ended in a false verdict, whatever registry that was on; each once.
fn noted() -> impl Iterator<Item = Replay> {
    let mut seen = HashSet::new();
    noted::all().filter_map(move |noted::Noted { cache, history, command, .. }| {
        let is_new = seen.insert((cache, history.clone(), command));
        is_new.then_some(Replay { cache, history, command })
    })
}

/// What is wrong with it on this registry, if anything is.
fn replay(program: &Program, mirror: &str, Replay { cache, history, command }: &Replay) -> Option<String> {
    let mut real = Real::start(program, *cache, mirror)?;
    let mut state = SandboxState::new(*cache);
    let told: Vec<_> = history.iter().map(ToString::to_string).collect();
    let told = format!("{:?} | {cache:?} | {} | {command}", program.flavour, told.join("; "));
    for one in history {
        let mut memory = Arc::new(Ports::new(program.flavour, state));
        let (expected, got) = (make(&mut memory, *one), make(&mut real, *one));
        // When the real daemon started is known, and settles what stays open in memory.
        if expected != got && !matches!(one, Move::Guard(_)) {
            return Some(format!("{told}: {one} is answered `{got}`, in memory `{expected}`"));
        }
        state = settled(memory.registry.state());
    }
    let harms = Judge { flavour: program.flavour, whats: &What::ALL }.harms(&state);
    let (status, said) = real.run(*command);
    eprintln!("{told}: {status}, {} were hurt", harms.len());
    let pushes = harms.iter().filter_map(|harm| match harm.attempt {
        Attempt::Push(what) => Some((harm.repository, what)),
        Attempt::Tag(_) | Attempt::Pinned(_) => None,
    });
    let (repository, what) = pushes.into_iter().next().unwrap_or((0, What::Image(0)));
    let harm = pushed(&mut real, repository, what).filter(|_| status == 0)?;
    Some(format!("{told}: false all-clear: {harm}\n{said}"))
}

/// On `docker-registry` and each registry that `REGFSCK_TEST_REGISTRY` names; `REGFSCK_REPLAY` says how many are thrown for.
#[test]
fn histories_go_on_real_registries_as_in_memory() {
    let (_home, sandbox) = mirror();
    let source = format!("docker://{}", sandbox.address());
    let mut wrong = Vec::new();
    for program in programs() {
        eprintln!("on {}", program.version);
        let thrown = thrown(program.flavour, number("REGFSCK_REPLAY", 16));
        let all: Vec<_> = noted().chain(thrown).collect();
        wrong.extend(all.iter().filter_map(|one| replay(&program, &source, one)));
    }
    assert_eq!(wrong, Vec::<String>::new(), "{}", wrong.join("\n"));
}
