//! All at once on a real daemon: pushes, deletions, guarded garbage collection, damage, checks, repairs, and kill -9 of
//! whatever of ours runs. Now and then all stand still, what is left is repaired, and a client judges by pulling.
//!
//! `REGFSCK_SECONDS=1800 cargo nextest run --run-ignored only a_long_soak` runs half an hour, then tells its figures.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::finding::{Finding, State};

use crate::repair::{Mirror, Regfsck};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::damage::{Damage, Pushed};
use crate::support::raw::manifest_path;

const REPOSITORIES: [&str; 3] = ["team/app", "team/web", "base"];
/// So many images are pushed, deleted and pushed again.
const IMAGES: usize = 24;
/// So long all goes on before it is judged.
const ROUND: Duration = Duration::from_secs(12);

const DAMAGES: [Damage; 8] = [
    Damage::BlobDataRemoved,
    Damage::BlobHalved,
    Damage::BlobBitFlipped,
    Damage::LinkRemoved,
    Damage::LinkEmptied,
    Damage::ManifestDataRemoved,
    Damage::ManifestEmptied,
    Damage::RevisionRemoved,
];

/// How often what was done.
#[derive(Debug, Default)]
struct Tally {
    pushes: AtomicU64,
    refused: AtomicU64,
    deletions: AtomicU64,
    damages: AtomicU64,
    runs: Mutex<BTreeMap<(&'static str, i32), u64>>,
    judged: AtomicU64,
    pulled: AtomicU64,
    /// Pushed and pulled where a repair ended coherent.
    promised: AtomicU64,
}

/// Images by repository and number.
#[derive(Default)]
struct There {
    /// What is to be there.
    images: BTreeSet<(usize, usize)>,
    /// What somebody is about to change.
    busy: BTreeSet<(usize, usize)>,
}

struct World {
    daemon: RwLock<Daemon>,
    mirror: Mirror,
    regfsck: Regfsck,
    images: Vec<Image>,
    there: Mutex<There>,
    tally: Tally,
    is_over: AtomicBool,
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

impl World {
    fn new(kind: &Kind) -> Self {
        let daemon = kind.start(&Settings::default());
        let images: Vec<_> =
            (0..IMAGES).map(|number| Image::two_layers(&format!("soak {number}")).unwrap()).collect();
        let mirror = Mirror::empty();
        for (number, image) in images.iter().enumerate() {
            for repository in REPOSITORIES.into_iter().chain(["promise"]) {
                assert_eq!(mirror.raw().push_image(repository, &tag(number), image).1.status, 201);
            }
        }
        let regfsck = Regfsck::on(&daemon);
        Self {
            daemon: RwLock::new(daemon),
            mirror,
            regfsck,
            images,
            there: Mutex::default(),
            tally: Tally::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// Do it again and again, unless all stand still.
    fn actor(&self, seed: u64, act: impl Fn(&Self, &Daemon, &mut Dice)) {
        let mut dice = Dice(seed);
        while !self.is_over.load(Relaxed) {
            act(self, &self.daemon.read().unwrap(), &mut dice);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Any image that is to be there; nobody else touches it until it is handed back.
    fn borrow(&self, dice: &mut Dice) -> Option<(usize, usize)> {
        let mut there = self.there.lock().unwrap();
        let at = dice.below(there.images.len().max(1));
        let one = there.images.iter().nth(at).copied()?;
        there.busy.insert(one).then_some(one)
    }

    fn hand_back(&self, one: (usize, usize), is_there: bool) {
        let mut there = self.there.lock().unwrap();
        there.busy.remove(&one);
        if is_there {
            there.images.insert(one)
        } else {
            there.images.remove(&one)
        };
    }

    fn push(&self, daemon: &Daemon, dice: &mut Dice) {
        let one = (dice.below(REPOSITORIES.len()), dice.below(IMAGES));
        {
            let mut there = self.there.lock().unwrap();
            if there.images.contains(&one) || !there.busy.insert(one) {
                return;
            }
        }
        let pushed = daemon.raw().push_image(REPOSITORIES[one.0], &tag(one.1), &self.images[one.1]).1;
        let count = if pushed.status == 201 { &self.tally.pushes } else { &self.tally.refused };
        count.fetch_add(1, Relaxed);
        self.hand_back(one, pushed.status == 201);
    }

    fn delete(&self, daemon: &Daemon, dice: &mut Dice) {
        let Some(one @ (repository, number)) = self.borrow(dice) else { return };
        let digest = self.images[number].manifest.digest.to_string();
        let status = daemon.raw().delete(&manifest_path(REPOSITORIES[repository], &digest)).status;
        assert!(matches!(status, 202 | 404 | 500), "{status}");
        self.hand_back(one, false);
        self.tally.deletions.fetch_add(1, Relaxed);
        std::thread::sleep(Duration::from_millis(150));
    }

    /// What is damaged is to be there all the same.
    fn damage(&self, daemon: &Daemon, dice: &mut Dice) {
        let Some((repository, number)) = self.borrow(dice) else { return };
        let (image, damage) = (&self.images[number], DAMAGES[dice.below(DAMAGES.len())]);
        let tag = tag(number);
        let pushed = Pushed { repository: REPOSITORIES[repository], tag: &tag, image, other: image };
        // It may be damaged already, and then there is nothing to be damaged.
        let root = daemon.root();
        if std::panic::catch_unwind(|| damage.apply(&root, &pushed)).is_ok() {
            self.tally.damages.fetch_add(1, Relaxed);
        }
        self.hand_back((repository, number), true);
        std::thread::sleep(Duration::from_millis(400));
    }

    /// Run it, and kill every third before it is through.
    fn run(&self, name: &'static str, mut command: Command, dice: &mut Dice) -> i32 {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if dice.below(3) == 0 {
            std::thread::sleep(Duration::from_millis(dice.below(1_500) as u64));
            let _ = child.kill();
        }
        let status = child.wait().unwrap().code().unwrap_or(-9);
        // 4 is what one of two that write at once is told; 5 that garbage collection met with damage.
        assert!(matches!(status, -9 | 0 | 1 | 3 | 4 | 5), "{name}: {status}");
        *self.tally.runs.lock().unwrap().entry((name, status)).or_default() += 1;
        status
    }

    fn check(&self, _: &Daemon, dice: &mut Dice) {
        self.run("check", self.regfsck.command("check", &["--content"]), dice);
    }

    fn fix(&self, _: &Daemon, dice: &mut Dice) {
        let source = self.mirror.source();
        let arguments = ["--fix", "--yes", "--content", "--source", &source];
        self.run("check --fix", self.regfsck.command("check", &arguments), dice);
    }

    fn guard(&self, daemon: &Daemon, dice: &mut Dice) {
        let Daemon::Real(real) = daemon else { return };
        let (source, config) = (self.mirror.source(), daemon.config_path());
        let (program, config) = (real.program.path.to_str().unwrap(), config.to_str().unwrap());
        let collect = ["--yes", "--fix", "--source", &source, "--", program, "garbage-collect", config];
        self.run("guard", self.regfsck.command("guard", &collect), dice);
        std::thread::sleep(Duration::from_millis(500));
    }

    /// With all standing still, a repair makes all that is to be there pull. What nothing but a restart settles is
    /// settled by one.
    fn judge(&self) {
        let mut daemon = self.daemon.write().unwrap();
        let source = self.mirror.source();
        let mut fixed = self.regfsck.fix(&["--content", "--source", &source]);
        if fixed.status == 3 {
            daemon.restart();
            fixed = self.regfsck.fix(&["--content", "--source", &source]);
        }
        // Content that no image holds may stay corrupt: nothing tells where a source has it.
        let breaks = |finding: &Finding| finding.state != State::Repaired && !finding.affects.is_empty();
        let broken = fixed.findings().filter(|finding| breaks(finding)).count();
        assert!(matches!(fixed.status, 0 | 1) && broken == 0, "{}\n{}", fixed.stderr, fixed.table);
        let raw = daemon.raw();
        for (repository, number) in &self.there.lock().unwrap().images {
            let pulled = raw.pull(REPOSITORIES[*repository], &tag(*number), &self.images[*number]);
            assert_eq!(pulled, Ok(()), "{}:{}\n{}", REPOSITORIES[*repository], tag(*number), fixed.table);
            self.tally.pulled.fetch_add(1, Relaxed);
        }
        // And the promise: what is pushed now is there afterwards.
        if fixed.status == 0 {
            for (number, image) in self.images.iter().enumerate() {
                assert_eq!(raw.push_image("promise", &tag(number), image).1.status, 201, "{}", fixed.table);
                assert_eq!(raw.pull("promise", &tag(number), image), Ok(()), "{}", fixed.table);
                self.tally.promised.fetch_add(1, Relaxed);
            }
        }
        self.tally.judged.fetch_add(1, Relaxed);
    }
}

fn tag(number: usize) -> String {
    format!("s{number}")
}

fn soak(kind: &Kind, time: Duration) {
    let (world, began) = (World::new(kind), Instant::now());
    std::thread::scope(|scope| {
        for seed in [1, 2] {
            let world = &world;
            scope.spawn(move || world.actor(seed, World::push));
        }
        let acts: [fn(&World, &Daemon, &mut Dice); 5] =
            [World::delete, World::damage, World::check, World::fix, World::guard];
        for act in acts {
            let world = &world;
            scope.spawn(move || world.actor(3, act));
        }
        let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            while began.elapsed() < time {
                std::thread::sleep(ROUND.min(time / 2));
                world.judge();
            }
        }));
        world.is_over.store(true, Relaxed);
        assert!(judged.is_ok(), "{:#?}", world.tally);
    });
    eprintln!("{} s on {kind:?}: {:#?}", began.elapsed().as_secs(), world.tally);
    assert!(world.tally.judged.load(Relaxed) > 0);
}

fn seconds() -> Duration {
    let seconds = std::env::var("REGFSCK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

#[test]
fn a_short_soak() {
    let real = Kind::all().into_iter().find(|kind| matches!(kind, Kind::Real(_)));
    if let Some(kind) = real {
        soak(&kind, Duration::from_secs(8));
    }
}

#[test]
#[ignore = "it takes long; REGFSCK_SECONDS says how long on each real registry"]
fn a_long_soak() {
    for kind in Kind::all().iter().filter(|kind| matches!(kind, Kind::Real(_))) {
        soak(kind, seconds());
    }
}
