//! `deploy/kubernetes/guard.sh`: the window in which nobody pushes, on a real registry.

use std::path::Path;
use std::process::{Command, Output};

use regfsck::adapters::sandbox::image::Image;

use crate::support::generated::in_tree;
use crate::support::program;
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::{RealRegistry, current};
use crate::support::settings::Settings;

/// Instead of a cluster: what `kubectl set env` would set is set for a real daemon, which is started anew with it.
const KUBECTL: &str = r#"#!/bin/sh
echo "$*" >>"$HOME/asked"
case $1.$4 in
set.*=*) export "$4" ;;
set.*) ;;
*) exit 0 ;;
esac
kill "$(cat "$HOME/pid")" && sleep 0.1
"$HOME/bin/registry" serve "$CONFIG" >>"$HOME/log" 2>&1 &
echo $! >"$HOME/pid"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    curl -fsS -o "$HOME/up" "$URL/v2/" 2>>"$HOME/log" && exit 0
    sleep 0.1
done
exit 1
"#;

struct Cluster {
    home: tempfile::TempDir,
    registry: RealRegistry,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.home.path().join("pid")).unwrap_or_default();
        let _ = Command::new("kill").arg(pid.trim()).output();
    }
}

impl Cluster {
    fn start() -> Option<Self> {
        let registry = RealRegistry::start(&Settings::default())?;
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let kubectl = bin.join("kubectl");
        std::fs::write(&kubectl, KUBECTL).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&kubectl).status().unwrap().success());
        for (name, place) in
            [("regfsck", Path::new(env!("CARGO_BIN_EXE_regfsck"))), ("registry", &registry.program.path)]
        {
            std::os::unix::fs::symlink(place, bin.join(name)).unwrap();
        }
        std::fs::write(home.path().join("pid"), registry.pid().unwrap().to_string()).unwrap();
        Some(Self { home, registry })
    }

    fn guard(&self) -> Output {
        let path = format!("{}:{}", self.home.path().join("bin").display(), std::env::var("PATH").unwrap());
        Command::new("sh")
            .arg(in_tree("deploy/kubernetes/guard.sh"))
            .env_clear()
            .envs([("PATH", path.as_str()), ("DEPLOYMENT", "deployment/registry"), ("GC_OPTIONS", "-m")])
            .env("HOME", self.home.path())
            .env("REGFSCK_STATE_DIR", self.home.path().join("state"))
            .env("CONFIG", self.registry.config_path())
            .env("URL", self.registry.url())
            .output()
            .unwrap()
    }

    fn asked(&self) -> Vec<String> {
        let asked = std::fs::read_to_string(self.home.path().join("asked")).unwrap();
        asked.lines().map(str::to_owned).collect()
    }
}

#[test]
fn guarded_collection_in_a_cluster_closes_its_window_whatever_comes() {
    if current().is_none() || program::find("curl").is_none() {
        return crate::support::missing("docker-registry and curl", "guarded collection in a cluster");
    }
    let cluster = Cluster::start().unwrap();
    let raw = Raw::new(&cluster.registry.url());
    let (image, other) = (Image::two_layers("app").unwrap(), Image::two_layers("other").unwrap());
    raw.push_image("app", "1", &image);
    raw.push_image("other", "1", &other);
    raw.delete(&manifest_path("app", &image.manifest.digest.to_string()));

    let guarded = cluster.guard();
    assert_eq!(guarded.status.code(), Some(0), "{guarded:?}");
    assert!(!cluster.registry.data_file(&image.layers[0].digest).exists(), "{guarded:?}");
    let asked = cluster.asked();
    let open = "set env deployment/registry REGISTRY_STORAGE_MAINTENANCE_READONLY-";
    assert_eq!(
        asked[0],
        "set env deployment/registry REGISTRY_STORAGE_MAINTENANCE_READONLY={\"enabled\":true}"
    );
    assert!(asked[2..].iter().any(|line| line == open), "{asked:?}");
    raw.push_image("app", "1", &image);
    assert_eq!(raw.pull("app", "1", &image), Ok(()));
    assert_eq!(raw.pull("other", "1", &other), Ok(()));

    // A gate that refuses leaves no registry behind that nobody can push to.
    std::fs::write(cluster.registry.data_file(&image.manifest.digest), "{").unwrap();
    let refused = cluster.guard();
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert_eq!(cluster.asked().iter().rev().nth(1).map(String::as_str), Some(open));
    raw.push_image("third", "1", &other);
    assert_eq!(raw.pull("third", "1", &other), Ok(()));
}
