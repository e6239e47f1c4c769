//! One storage by two paths that no link leads between: a bind mount shows it on the host and in containers.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use regfsck::domain::layout::ROOT;

use super::{REPOSITORY, Scene};
use crate::support::damage::{Damage, Paths};
use crate::support::program::{find, until};
use crate::support::regfsck::{Ended, end};

/// How a process sees the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// Where the daemon has it.
    Host,
    /// That, and a bind mount of the root, by whose path it goes.
    Bound,
    /// The same, but of `docker/registry/v2` alone.
    BoundBelow,
    /// By a bind mount alone, as in a container.
    Contained,
}

impl Scene {
    fn mounted(&self) -> PathBuf {
        self.home.path().join("mounted")
    }

    /// The program, which sees storage like that, in a mount namespace of its own.
    fn seeing(&self, sight: Sight, words: &[&str]) -> Command {
        let (root, mounted) = (self.daemon.root(), self.mounted());
        fs::create_dir_all(mounted.join(ROOT)).unwrap();
        let bind = |below: &str| {
            let (from, to) = (root.join(below), mounted.join(below));
            format!("mount --bind '{}' '{}'", from.display(), to.display())
        };
        let hide = format!("mount -t tmpfs none '{}'", root.parent().unwrap().display());
        let prepare = match sight {
            Sight::Host => "true".to_owned(),
            Sight::Bound => bind(""),
            Sight::BoundBelow => bind(ROOT),
            Sight::Contained => format!("{} && {hide}", bind("")),
        };
        let at = if sight == Sight::Host { root } else { mounted };
        let at = at.display().to_string();
        let (verb, more) = words.split_first().unwrap();
        let plain = self.command(&[&[*verb, "--storage", &at], more].concat());
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &format!("{prepare} && exec \"$@\""), "sh"]);
        command.arg(plain.get_program()).args(plain.get_args());
        command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.home.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn seen(&self, sight: Sight, words: &[&str]) -> Ended {
        self.seeing(sight, words).output().unwrap().into()
    }
}

fn can_mount() -> bool {
    let made = find("unshare")
        .map(|_| Command::new("unshare").args(["-m", "mount", "--make-rprivate", "/"]).output());
    let can = made.is_some_and(|made| made.is_ok_and(|output| output.status.success()));
    if !can {
        eprintln!("skipped: a bind mount needs the right to make a mount namespace");
    }
    can
}

#[test]
fn what_was_repaired_by_one_path_is_taken_back_by_another() {
    if !can_mount() {
        return;
    }
    let sights = [Sight::Host, Sight::Bound, Sight::BoundBelow, Sight::Contained];
    for (repaired, undone) in sights.into_iter().flat_map(|one| sights.map(|other| (one, other))) {
        let scene = Scene::sandbox();
        let paths = Paths::new(&scene.daemon.root());
        let (data, link) = (
            paths.data(&scene.image.layers[0].digest),
            paths.layer_link(REPOSITORY, &scene.image.layers[1].digest),
        );
        scene.damage(Damage::BlobHalved);
        fs::write(&link, "").unwrap();
        let bad = fs::read(&data).unwrap();
        let url = scene.daemon.url();
        let fix = ["check", "--fix", "--yes", "--source", "docker://MIRROR", "--registry", &url];
        let fixed = scene.seen(repaired, &fix);
        assert_eq!(fixed.status, 0, "{repaired:?}: {fixed:?}");
        assert_ne!(fs::read(&data).unwrap(), bad);
        let listed = scene.seen(undone, &["undo", "--list"]);
        assert!(
            listed.stdout.contains("can be taken back: 2 changes"),
            "{repaired:?} {undone:?}: {listed:?}"
        );
        let taken = scene.seen(undone, &["undo", "--yes"]);
        let told = format!("{repaired:?} {undone:?}: {taken:?}");
        assert_eq!(fs::read(&link).unwrap(), b"", "{told}");
        // What lies beside the root is not in the container, and is said to be elsewhere.
        let is_out_of_sight = matches!(
            (repaired, undone),
            (Sight::Host, Sight::Contained) | (Sight::Bound | Sight::Contained, Sight::BoundBelow)
        );
        assert_eq!(taken.status, i32::from(is_out_of_sight), "{told}");
        assert_eq!(fs::read(&data).unwrap() == bad, !is_out_of_sight, "{told}");
        if is_out_of_sight {
            let words = taken.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            let is_said = words.contains("run undo where it is seen, as on the host of a container");
            assert!(is_said || undone == Sight::BoundBelow, "{told}");
            let rest = scene.seen(repaired, &["undo", "--yes"]);
            assert_eq!(rest.status, 0, "{rest:?}");
            assert_eq!(fs::read(&data).unwrap(), bad);
        }
    }
}

#[test]
fn runs_by_two_paths_exclude_each_other() {
    if !can_mount() {
        return;
    }
    let scene = Scene::sandbox();
    for (one, other) in [
        (Sight::Host, Sight::Bound),
        (Sight::Host, Sight::BoundBelow),
        (Sight::Host, Sight::Contained),
        (Sight::Contained, Sight::Host),
        (Sight::BoundBelow, Sight::Bound),
    ] {
        let (runs, go) = (scene.home.path().join("runs"), scene.home.path().join("go"));
        let script =
            format!("touch '{}'; while ! [ -e '{}' ]; do sleep 0.05; done", runs.display(), go.display());
        let guard = ["guard", "--gc-version", "2", "--report-only", "--", "sh", "-c", &script];
        let holder = scene.seeing(one, &guard).spawn().unwrap();
        until("the command runs", || runs.exists());
        let refused = scene.seen(other, &["undo", "--yes"]);
        fs::write(&go, "").unwrap();
        let held = end(holder);
        assert_eq!(refused.status, 4, "{one:?} {other:?}: {refused:?} {held:?}");
        assert!(refused.stdout.contains("another run (process"), "{refused:?}");
        for file in [runs, go] {
            fs::remove_file(file).unwrap();
        }
    }
}
