//! Two replicas of one registry, and commands that restart them.

use std::fs;
use std::path::PathBuf;

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::digest::Digest;
use tempfile::TempDir;

use crate::support::raw::{Raw, blob_path, manifest_path};
use crate::support::real_registry::RealRegistry;
use crate::support::regfsck::{Ended, run};
use crate::support::settings::Settings;
use crate::support::tree::lose;

/// Two daemons on one storage with an image in it, which both have served.
pub(super) struct Pair {
    pub(super) one: RealRegistry,
    pub(super) two: RealRegistry,
    pub(super) image: Image,
    /// Where journals are kept.
    pub(super) state: TempDir,
}

impl Pair {
    pub(super) fn start() -> Option<Self> {
        let one = RealRegistry::start(&Settings::default())?;
        let two = RealRegistry::start(&Settings::sharing(one.root()))?;
        let (image, state) = (Image::two_layers("a").unwrap(), TempDir::new().unwrap());
        Raw::new(&one.url()).push_image("a", "1", &image);
        for daemon in [&one, &two] {
            assert_eq!(Raw::new(&daemon.url()).pull("a", "1", &image), Ok(()));
        }
        Some(Self { one, two, image, state })
    }

    pub(super) fn layer(&self) -> Digest {
        self.image.layers[0].digest
    }

    /// What HEAD says of the first layer, at each.
    pub(super) fn heads(&self) -> [u16; 2] {
        let path = blob_path("a", &self.layer());
        [&self.one, &self.two].map(|daemon| Raw::new(&daemon.url()).head(&path).status)
    }

    pub(super) fn run(&self, command: &str, more: &[&str]) -> Ended {
        let (root, state) = (self.one.root().display().to_string(), self.state.path().display().to_string());
        let (one, two) = (self.one.url(), self.two.url());
        let target = [command, "--storage", &root, "--registry", &one, "--replica", &two];
        let means: &[&str] = match command {
            "check" if !more.iter().any(|flag| ["--fix", "--plan"].contains(flag)) => &[],
            "purge" => &["--yes"],
            _ => &["--yes", "--drain", "0"],
        };
        run([&target[..], means, &["--state-dir", &state, "-o", "json"], more].concat())
    }

    /// A command that notes `name`, and who answers of the two, ends the daemon, and starts it again after a pause, where there
    /// is one.
    pub(super) fn restarter(&self, name: &str, daemon: &RealRegistry, pause: Option<f32>) -> Restarter {
        let at = |extension: &str| self.state.path().join(name).with_extension(extension);
        fs::write(at("pid"), daemon.pid().unwrap().to_string()).unwrap();
        let again = format!(
            "(sleep {}; exec {} serve {} >{} 2>&1 </dev/null) & echo $! >{}\n",
            pause.unwrap_or_default(),
            daemon.program.path.display(),
            daemon.config_path().display(),
            at("log").display(),
            at("pid").display(),
        );
        let script = format!(
            "answers() {{ (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null && echo yes || echo no; }}\n\
             echo {name} $(answers {}) $(answers {}) >>{}\n\
             kill -9 $(cat {})\nwhile [ $(answers {}) = yes ]; do sleep 0.02; done\n{}",
            self.one.port(),
            self.two.port(),
            self.state.path().join("order").display(),
            at("pid").display(),
            daemon.port(),
            if pause.is_some() { &again } else { "" },
        );
        fs::write(at("sh"), script).unwrap();
        Restarter { spec: format!("exec:bash {}", at("sh").display()), pid: pause.map(|_| at("pid")) }
    }

    pub(super) fn order(&self) -> String {
        fs::read_to_string(self.state.path().join("order")).unwrap_or_default()
    }

    /// Take the manifest, which each believes to have: nothing but a restart clears that on 2.x.
    pub(super) fn lose_manifest(&self) -> String {
        lose(self.one.root(), &self.image.manifest.digest);
        for daemon in [&self.one, &self.two] {
            let path = manifest_path("a", &self.image.manifest.digest.to_string());
            assert_eq!(Raw::new(&daemon.url()).head(&path).status, 404);
        }
        format!("phantom-manifest:a:{}", self.image.manifest.digest)
    }
}

/// A restart spec; it ends the daemon that it started.
pub(super) struct Restarter {
    pub(super) spec: String,
    pid: Option<PathBuf>,
}

impl Drop for Restarter {
    fn drop(&mut self) {
        let pid = self.pid.as_ref().map(|file| fs::read_to_string(file).unwrap());
        let pid = pid.and_then(|pid| rustix::process::Pid::from_raw(pid.trim().parse().unwrap()));
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}
