//! `-o prometheus`, as Prometheus reads it.

use std::io::Write;
use std::process::{Command, Stdio};

use regfsck::adapters::sandbox::image::Image;

use super::{check, damaged};
use crate::support::daemon::{Kind, Settings};
use crate::support::program::find;
use crate::support::regfsck::run;
use crate::support::tree::lose;

#[test]
fn promtool_has_nothing_to_say_against_the_metrics() {
    let root = damaged();
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), "prometheus".into()]));
    let target = format!("target=\"{}", root.path().display());
    for sample in [
        "code=\"missing-blob\",severity=\"error\"} 1\n",
        "code=\"phantom-blob\",severity=\"error\"} 0\n",
        "verdict=\"incoherent\"} 1\n",
    ] {
        assert!(ended.stdout.contains(sample), "{sample}: {ended:?}");
    }
    let samples = ended.stdout.lines().filter(|line| !line.starts_with('#'));
    assert!(samples.clone().all(|line| line.contains(&target)), "{ended:?}");
    let Some(promtool) = find("promtool") else { return };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(ended.stdout.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
}

/// An alert on a finding ends when the damage does.
#[test]
fn what_is_repaired_is_no_finding_any_more() {
    for kind in Kind::all() {
        let [daemon, mirror] = [(); 2].map(|()| kind.start(&Settings::default()));
        let image = Image::two_layers("metrics").unwrap();
        for daemon in [&daemon, &mirror] {
            daemon.raw().push_image("team/app", "1", &image);
        }
        lose(&daemon.root(), &image.layers[0].digest);
        let (url, root) = (daemon.url(), daemon.root().to_str().unwrap().to_owned());
        let source = format!("docker://{}", mirror.url().trim_start_matches("http://"));
        let target = ["check", "--registry", &url, "--storage", &root, "-o", "prometheus"];
        let state = tempfile::tempdir().unwrap();
        let repair = ["--fix", "--yes", "--source", &source, "--state-dir", state.path().to_str().unwrap()];
        for (more, status, number) in [(&[][..], 1, 1), (&repair, 0, 0)] {
            let ended = run(target.into_iter().chain(more.iter().copied()));
            let lost = ended.stdout.lines().find(|line| line.contains("code=\"missing-blob\""));
            let lost = lost.and_then(|line| line.rsplit_once(' ')).map(|(_, number)| number.to_owned());
            assert_eq!((ended.status, lost), (status, Some(number.to_string())), "{kind:?}: {ended:?}");
        }
        assert_eq!(daemon.raw().pull("team/app", "1", &image), Ok(()), "{kind:?}");
    }
}
