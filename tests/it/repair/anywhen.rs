//! kill -9 at any moment of any command that writes: nothing is lost, and running it again ends coherent.
//!
//! `REGFSCK_KILLS=200 cargo nextest run --run-ignored only as_many_kills` kills so often.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::image::Image;

use super::{Mirror, Ran, Regfsck};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Paths, Pushed};

const REPOSITORY: &str = "team/app";

/// The commands that write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Writes {
    Fix,
    Purge,
    Repair,
    Undo,
    Guard,
    Snapshot,
}

const ALL: [Writes; 6] =
    [Writes::Fix, Writes::Purge, Writes::Repair, Writes::Undo, Writes::Guard, Writes::Snapshot];

/// A registry with an image that is whole, one with a corrupt layer, and one that lost its manifest and a layer, all
/// of which the daemon remembers; and another registry that has them all.
struct Scene {
    daemon: Daemon,
    images: [Image; 3],
    mirror: Mirror,
    regfsck: Regfsck,
}

impl Scene {
    fn new(kind: &Kind) -> Self {
        let daemon = kind.start(&Settings::default());
        let images = ["whole", "corrupt", "lost"].map(|seed| Image::two_layers(seed).unwrap());
        let mirror = Mirror::empty();
        for (tag, image) in ["t0", "t1", "t2"].into_iter().zip(&images) {
            for raw in [daemon.raw(), mirror.raw()] {
                assert_eq!(raw.push_image(REPOSITORY, tag, image).1.status, 201);
                assert_eq!(raw.pull(REPOSITORY, tag, image), Ok(()));
            }
        }
        let damages = [
            (&images[1], Damage::BlobBitFlipped),
            (&images[2], Damage::ManifestDataRemoved),
            (&images[2], Damage::BlobDataRemoved),
        ];
        for (image, damage) in damages {
            damage.apply(&daemon.root(), &Pushed { repository: REPOSITORY, tag: "t", image, other: image });
        }
        let regfsck = Regfsck::on(&daemon);
        Self { daemon, images, mirror, regfsck }
    }

    fn fix(&self) -> Ran {
        self.regfsck.fix(&["--content", "--source", &self.mirror.source()])
    }

    /// What has to be there before the command makes sense.
    fn prepare(&self, writes: Writes) {
        match writes {
            Writes::Repair => {
                let plan = self.plan();
                let source = self.mirror.source();
                let arguments = ["--content", "--source", &source, "--plan", plan.to_str().unwrap()];
                assert_eq!(self.regfsck.check(&arguments).status, 1);
            }
            Writes::Undo => assert_eq!(self.fix().status, 0),
            Writes::Fix | Writes::Purge | Writes::Guard | Writes::Snapshot => {}
        }
    }

    fn plan(&self) -> PathBuf {
        self.regfsck.file("plan.json")
    }

    fn command(&self, writes: Writes) -> std::process::Command {
        let source = self.mirror.source();
        let sourced = ["--yes", "--content", "--source", &*source];
        let regfsck = &self.regfsck;
        match writes {
            Writes::Fix => regfsck.command("check", &[&["--fix"], &sourced[..]].concat()),
            Writes::Purge => regfsck.command("purge", &["--yes"]),
            Writes::Repair => {
                let plan = self.plan();
                regfsck.command("repair", &[&["--plan", plan.to_str().unwrap()], &sourced[..]].concat())
            }
            Writes::Guard => {
                let Daemon::Real(real) = &self.daemon else { unreachable!("a garbage collection to guard") };
                let config = self.daemon.config_path();
                let collect =
                    ["--", real.program.path.to_str().unwrap(), "garbage-collect", config.to_str().unwrap()];
                regfsck.command("guard", &[&["--fix"], &sourced[..], &collect[..]].concat())
            }
            Writes::Undo | Writes::Snapshot => {
                let mut command = super::bare([if writes == Writes::Undo { "undo" } else { "snapshot" }]);
                command.arg("--config").arg(self.daemon.config_path());
                if writes == Writes::Undo {
                    command.arg("--yes").arg("--state-dir").arg(regfsck.state());
                } else {
                    command.arg("--output").arg(regfsck.file("snapshot"));
                }
                command
            }
        }
    }

    /// Run it, and kill it after so long. `None` if it ended before; how long it took.
    fn run(&self, writes: Writes, after: Option<Duration>) -> Option<Duration> {
        let began = Instant::now();
        let mut command = self.command(writes);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if let Some(after) = after {
            std::thread::sleep(after);
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                child.wait().unwrap();
                return None;
            }
        }
        let status = child.wait().unwrap().code();
        let allowed: &[i32] = match writes {
            Writes::Purge => &[0, 1, 3],
            // Where the one that was killed was through, there is nothing left to be undone.
            Writes::Undo => &[0, 1, 2, 3],
            // What the one that was killed had done the plan no longer fits.
            Writes::Repair => &[0, 4],
            Writes::Fix | Writes::Guard | Writes::Snapshot => &[0],
        };
        assert!(status.is_some_and(|status| allowed.contains(&status)), "{writes:?}: {status:?}");
        Some(began.elapsed())
    }

    /// What was whole is whole, and whatever was good is where it was.
    fn is_no_worse(&self, at: &str) {
        let [whole, corrupt, lost] = &self.images;
        assert_eq!(self.daemon.raw().pull(REPOSITORY, "t0", whole), Ok(()), "{at}");
        let paths = Paths::new(&self.daemon.root());
        for blob in [&corrupt.config, &corrupt.layers[1], &corrupt.manifest, &lost.config, &lost.layers[1]] {
            assert_eq!(fs::read(paths.data(&blob.digest)).ok(), Some(blob.bytes.clone()), "{at}");
        }
    }

    fn ends_coherent(&self, at: &str) {
        let fixed = self.fix();
        assert_eq!(fixed.status, 0, "{at}: {}\n{}", fixed.stderr, fixed.table);
        for (tag, image) in ["t0", "t1", "t2"].into_iter().zip(&self.images) {
            assert_eq!(self.daemon.raw().pull(REPOSITORY, tag, image), Ok(()), "{at}");
        }
        let checked = self.regfsck.check(&["--content"]);
        assert_eq!(checked.status, 0, "{at}: {}\n{}", checked.stderr, checked.table);
    }
}

/// How many upload sessions there are, or what is left of some.
fn sessions(root: &Path) -> usize {
    let uploads = Paths::new(root).repository(REPOSITORY).join("_uploads");
    fs::read_dir(uploads).map_or(0, Iterator::count)
}

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    /// A part of it.
    fn part(&mut self, of: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of * u32::try_from(self.0 >> 40).unwrap() / (1 << 24)
    }
}

/// Kill so often, each command and each kind of daemon in turn.
fn kills(count: usize) {
    let kinds = Kind::all();
    let real: Vec<_> = kinds.iter().filter(|kind| matches!(kind, Kind::Real(_))).collect();
    let (mut durations, mut dice) = (BTreeMap::new(), Dice(9));
    let (mut killed, mut left) = (0, 0);
    for number in 0..count {
        let writes = ALL[number % ALL.len()];
        let round = number / ALL.len();
        let kind = if writes == Writes::Guard {
            let Some(kind) = real.get(round % real.len().max(1)) else { continue };
            *kind
        } else {
            &kinds[round % kinds.len()]
        };
        let scene = Scene::new(kind);
        scene.prepare(writes);
        let lasts = *durations.entry(writes).or_insert(Duration::from_millis(400));
        let after = dice.part(lasts);
        let at = format!("kill {number}: {writes:?} after {after:?}, {kind:?}");
        if let Some(took) = scene.run(writes, Some(after)) {
            durations.insert(writes, took);
        } else {
            killed += 1;
        }
        scene.is_no_worse(&at);
        let before = sessions(&scene.daemon.root());
        left += before;
        let took = scene.run(writes, None).unwrap();
        durations.insert(writes, took);
        scene.is_no_worse(&at);
        scene.ends_coherent(&at);
        assert!(sessions(&scene.daemon.root()) <= before, "{at}: a finished run leaves a session");
    }
    eprintln!("{killed} of {count} runs were killed before they ended; they left {left} upload sessions");
    assert!(killed * 2 > count, "{killed} of {count}");
}

#[test]
fn a_handful_of_kills() {
    kills(2 * ALL.len());
}

#[test]
#[ignore = "it takes long; REGFSCK_KILLS says how many"]
fn as_many_kills_as_are_wanted() {
    kills(std::env::var("REGFSCK_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(200));
}
