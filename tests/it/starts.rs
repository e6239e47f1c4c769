//! Who tells when the daemon started, where the process on its port is hidden behind a proxy: what it believed before is
//! settled by that, and by nothing less.

use std::ffi::{OsStr, OsString};
use std::thread::sleep;
use std::time::Duration;

use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::program::free_port;
use crate::support::proxy::Nginx;
use crate::support::raw::manifest_path;
use crate::support::real_registry::{current, on_every_registry};
use crate::support::regfsck::{Ended, command};
use crate::support::stand_in::StandIns;
use regfsck::adapters::sandbox::image::Image;

/// A registry behind a proxy that has lost an image which its daemon knew.
struct Scene {
    daemon: Daemon,
    proxy: Nginx,
    /// What runs regfsck keep.
    state: tempfile::TempDir,
}

fn scene(http: String) -> Option<Scene> {
    let daemon = Kind::Real(current()?).start(&Settings { http, ..Settings::default() });
    let (raw, image) = (daemon.raw(), Image::two_layers("gone").unwrap());
    raw.push_image("stays", "1", &Image::two_layers("stays").unwrap());
    raw.push_image("team/app", "1", &image);
    assert_eq!(raw.pull("team/app", "1", &image), Ok(()));
    assert_eq!(raw.delete(&manifest_path("team/app", &image.manifest.digest.to_string())).status, 202);
    assert_eq!(daemon.garbage_collect(false, false).status, 0);
    let proxy = Nginx::start(&[daemon.url().trim_start_matches("http://").to_owned()], "")?;
    Some(Scene { daemon, proxy, state: tempfile::tempdir().unwrap() })
}

impl Scene {
    /// A run with these programs first on its PATH.
    fn run(&self, words: &[&str], programs: Option<&StandIns>) -> Ended {
        let mut run = command(words);
        run.args(["-o", "json", "--config"]).arg(self.daemon.config_path());
        run.arg("--registry").arg(self.proxy.url()).arg("--state-dir").arg(self.state.path());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = programs.map(StandIns::path).into_iter();
        let all: Vec<OsString> = own.chain([path]).collect();
        run.env("PATH", all.join(OsStr::new(":"))).output().unwrap().into()
    }
}

#[test]
fn a_daemon_behind_a_proxy_tells_by_its_metrics() {
    on_every_registry(|| {
        let port = free_port();
        let http = format!("  debug:\n    addr: 127.0.0.1:{port}\n    prometheus:\n      enabled: true\n");
        let Some(mut scene) = scene(http) else { return };
        // Claims of layers are denied once they are purged; the belief stays.
        let _ = scene.run(&["purge", "--yes"], None);
        let before = scene.run(&["check"], None);
        assert_ne!(before.status, 0, "{before:?}");
        sleep(Duration::from_secs(4));
        scene.daemon.restart();
        let after = scene.run(&["check"], None);
        assert_eq!(after.status, 0, "{after:?}");
    });
}

#[test]
fn nothing_tells_of_a_daemon_behind_a_proxy_that_has_no_metrics() {
    let Some(mut scene) = scene(String::new()) else { return };
    let _ = scene.run(&["purge", "--yes"], None);
    sleep(Duration::from_millis(1500));
    scene.daemon.restart();
    let after = scene.run(&["check"], None);
    assert_eq!(after.status, 3, "{after:?}");
    let said = scene.run(&["check", "--started", "0s ago"], None);
    assert_eq!(said.status, 0, "{said:?}");
}

/// There is no systemd in a container: `systemctl` is a stand-in that names the daemon's own process.
#[test]
fn a_unit_tells_by_its_main_process() {
    on_every_registry(|| {
        let Some(mut scene) = scene(String::new()) else { return };
        let unit = |scene: &Scene| {
            StandIns::new().with("systemctl", &format!("echo {}", scene.daemon.pid().unwrap()))
        };
        let _ = scene.run(&["purge", "--yes"], None);
        assert_ne!(scene.run(&["check"], None).status, 0);
        sleep(Duration::from_millis(1500));
        scene.daemon.restart();
        let programs = unit(&scene);
        let fixed = scene.run(&["check", "--fix", "--yes", "--restart", "systemd:registry"], Some(&programs));
        assert_eq!(fixed.status, 0, "{fixed:?}");
        let calls = programs.calls();
        assert!(
            !calls.is_empty() && calls.iter().all(|call| call.contains("[show]")),
            "it is not restarted: {calls:?}"
        );
    });
}
