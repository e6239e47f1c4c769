//! A registry that is damaged by a recipe, a mirror of it as it was before, and somebody who types what is printed.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use regfsck::adapters::sandbox::image::Image;
use regfsck::adapters::sandbox::{Flavour, Options, Sandbox};
use regfsck::domain::finding::State as Standing;
use tempfile::TempDir;

use crate::check::recipes::{Recipe, State, read_all};
use crate::support::daemon::{CacheKind, Daemon, Kind, Settings};
use crate::support::raw::manifest_path;
use crate::support::redis_server::RedisServer;
use crate::support::regfsck::{Ended, command};
use crate::support::tree::{Tree, data, layer_link, tag_link};

/// How the registry is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    ByConfig,
    ByFlags,
}

pub(super) struct Patient {
    daemon: Daemon,
    mirror: Sandbox,
    home: TempDir,
    /// The flags that name it, and those of its recipe.
    own: Vec<String>,
    restarted: Option<PathBuf>,
    /// Another replica on the same storage.
    other: Option<Daemon>,
    /// What stands for the Redis that a command leaves to be filled in.
    redis: Option<String>,
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

impl Patient {
    pub(super) fn new(recipe: &Recipe, kind: &Kind, named: Named) -> Self {
        let daemon = kind.start(&Settings::default());
        let mut tree = recipe.build(Tree::new(&daemon.root()));
        tree.image("known/healthy", None, "healthy");
        tree.age();
        let home = tempfile::tempdir().unwrap();
        copy(&daemon.root(), &home.path().join("mirror"));
        let mirror = Sandbox::start(Options::new(home.path().join("mirror"), Flavour::V2)).unwrap();
        // A cold one was asked nothing yet.
        if recipe.daemon != Some(State::Cold) {
            read_all(&daemon, &tree);
        }
        recipe.damage(&tree, Some(&daemon));
        recipe.lie(&daemon, &tree);
        fs::copy(daemon.config_path(), home.path().join("config.yml")).unwrap();
        let (root, url) = (daemon.root().display().to_string(), daemon.url());
        let target = match named {
            Named::ByConfig => vec!["--config", "config.yml"],
            Named::ByFlags => vec!["--storage", &root, "--registry", &url],
        };
        let own = target.into_iter().map(str::to_owned).chain(recipe.with.clone()).collect();
        Self { daemon, mirror, home, own, restarted: None, other: None, redis: None }
    }

    /// A daemon on which an image was deleted, collected and pushed again; its cache is in Redis where one is given.
    pub(super) fn incident(kind: &Kind, named: Named, redis: Option<&RedisServer>) -> Self {
        let cache = redis.map(|redis| CacheKind::Redis(format!("127.0.0.1:{}", redis.port)));
        let daemon = kind.start(&cache.map(Settings::with_cache).unwrap_or_default());
        let (raw, image) = (daemon.raw(), Image::two_layers("app").unwrap());
        raw.push_image("known/healthy", "1", &Image::two_layers("healthy").unwrap());
        raw.push_image("team/app", "1", &image);
        assert_eq!(raw.pull("team/app", "1", &image), Ok(()));
        let home = tempfile::tempdir().unwrap();
        copy(&daemon.root(), &home.path().join("mirror"));
        let mirror = Sandbox::start(Options::new(home.path().join("mirror"), Flavour::V2)).unwrap();
        let deleted = raw.delete(&manifest_path("team/app", &image.manifest.digest.to_string()));
        assert_eq!((deleted.status, daemon.garbage_collect(true, false).status), (202, 0));
        raw.push_image("team/app", "1", &image);
        fs::copy(daemon.config_path(), home.path().join("config.yml")).unwrap();
        let (root, url) = (daemon.root().display().to_string(), daemon.url());
        let target = match named {
            Named::ByConfig => vec!["--config", "config.yml"],
            Named::ByFlags => vec!["--storage", &root, "--registry", &url],
        };
        let own = target.into_iter().map(str::to_owned).collect();
        let redis = redis.map(|redis| format!("redis://127.0.0.1:{}", redis.port));
        Self { daemon, mirror, home, own, restarted: None, other: None, redis }
    }

    /// The same, and a fresh replica on the same storage beside it.
    pub(super) fn replicated(kind: &Kind) -> Self {
        let stale = Self::incident(kind, Named::ByFlags, None);
        let fresh = kind.start(&Settings::sharing(&stale.daemon.root()));
        let root = stale.daemon.root().display().to_string();
        let own = ["--storage", &root, "--registry", &fresh.url(), "--replica", &stale.daemon.url()];
        let mut patient = stale;
        patient.own = own.map(str::to_owned).to_vec();
        patient.other = Some(fresh);
        patient
    }

    /// In how many ways there is something that its daemon's user may not read.
    pub(super) const CLOSED: usize = 4;

    /// A daemon of a user who may not read a blob, its folder, a link or a tag, which are root's.
    pub(super) fn closed(kind: &Kind, what: usize) -> Self {
        let daemon = kind.start(&Settings { user: Some(4321), ..Settings::default() });
        let (raw, image) = (daemon.raw(), Image::two_layers("closed").unwrap());
        raw.push_image("team/app", "1", &image);
        let home = tempfile::tempdir().unwrap();
        copy(&daemon.root(), &home.path().join("mirror"));
        let mirror = Sandbox::start(Options::new(home.path().join("mirror"), Flavour::V2)).unwrap();
        let (file, layer) = (data(&image.layers[0].digest), layer_link("team/app", &image.layers[0].digest));
        let around = file.rsplit_once('/').unwrap().0.to_owned();
        let path = [file, around, layer, tag_link("team/app", "1")][what].clone();
        let path = daemon.root().join("docker/registry/v2").join(path);
        std::os::unix::fs::chown(&path, Some(0), Some(0)).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(if path.is_dir() { 0o700 } else { 0o600 }))
            .unwrap();
        fs::copy(daemon.config_path(), home.path().join("config.yml")).unwrap();
        let own = vec!["--config".into(), "config.yml".into()];
        Self { daemon, mirror, home, own, restarted: None, other: None, redis: None }
    }

    pub(super) const fn has_redis(&self) -> bool {
        self.redis.is_some()
    }

    /// Whether its cache is in a Redis that nothing in its flags names.
    pub(super) fn has_untold_redis(&self) -> bool {
        self.has_redis() && !self.own.iter().any(|flag| flag == "--config")
    }

    /// What a check of it shows.
    pub(super) fn checked(&self, more: &[&str]) -> Ended {
        let words = ["check"].into_iter().chain(more.iter().copied());
        let mut command = command(words.chain(self.own.iter().map(String::as_str)));
        command.current_dir(self.home.path()).env("HOME", self.home.path()).env("COLUMNS", "300");
        command.output().unwrap().into()
    }

    /// The codes that stand.
    pub(super) fn codes(&self) -> BTreeSet<String> {
        let findings = self.checked(&["-o", "json"]).report().findings.into_iter();
        let open = findings.filter(|finding| finding.state != Standing::Repaired);
        open.map(|finding| finding.code.to_string()).collect()
    }

    /// The command in a shell, as it was printed, by somebody who agrees to everything.
    pub(super) fn type_in(&mut self, printed: &str) -> Ended {
        // What only stands in front of a daemon is not on the way to the daemon itself.
        let direct = printed.contains("--registry URL").then(|| self.direct());
        let url = direct.as_ref().map_or_else(|| self.daemon.url(), Sandbox::url);
        let line = self.fill_in(printed, &url);
        let program = Path::new(env!("CARGO_BIN_EXE_regfsck"));
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(self.home.path()).env_clear().env("HOME", self.home.path());
        shell.env("PATH", format!("{}:{path}", program.parent().unwrap().display()));
        shell.env("REGFSCK_YES", "true").env("REGFSCK_DRAIN", "0");
        let Daemon::Sandbox { sandbox, .. } = &mut self.daemon else { return shell.output().unwrap().into() };
        let (asked, done, over) =
            (self.home.path().join("asked"), self.home.path().join("done"), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if asked.exists() && !done.exists() {
                        sandbox.heal();
                        sandbox.restart().unwrap();
                        fs::write(&done, "").unwrap();
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
            let ended = shell.output().unwrap().into();
            over.store(true, Ordering::Relaxed);
            ended
        })
    }

    /// Another daemon on the same storage.
    fn direct(&self) -> Sandbox {
        Sandbox::start(Options::new(self.daemon.root(), self.daemon.flavour())).unwrap()
    }

    fn fill_in(&mut self, line: &str, url: &str) -> String {
        let elsewhere = self.home.path().join("elsewhere");
        fs::create_dir_all(&elsewhere).unwrap();
        let restart = if line.contains("UNIT") { self.restarter() } else { String::new() };
        line.replace("MIRROR", &self.mirror.address().to_string())
            .replace("ELSEWHERE", elsewhere.to_str().unwrap())
            .replace("URL", url)
            .replace("redis://HOST", self.redis.as_deref().unwrap_or("redis://HOST"))
            .replace("DIR", self.daemon.root().to_str().unwrap())
            .replace("systemd:UNIT", &format!("'{restart}'"))
    }

    /// What restarts the daemon; the process that it starts ends with the patient.
    fn restarter(&mut self) -> String {
        let Daemon::Real(real) = &self.daemon else {
            return "exec:touch asked; while [ -e asked ] && ! [ -e done ]; do sleep 0.02; done".into();
        };
        let pid = self.home.path().join("pid");
        fs::write(&pid, self.daemon.pid().unwrap().to_string()).unwrap();
        let script = self.home.path().join("restart.sh");
        let text = format!(
            "kill -9 $(cat {pid}); sleep 0.2; {program} serve {config} >{log} 2>&1 </dev/null & echo $! >{pid}\n",
            pid = pid.display(),
            program = real.program.path.display(),
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
        drop(self.other.take());
        if let Some(pid) = self.restarted.as_ref().and_then(|file| fs::read_to_string(file).ok()) {
            let _ = Command::new("kill").args(["-9", pid.trim()]).status();
        }
    }
}
