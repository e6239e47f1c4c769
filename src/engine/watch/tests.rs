//! Watches on doubles, by a clock that runs faster.

mod day;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::*;
use crate::adapters::sandbox::image::Image;
use crate::domain::digest::Digest;
use crate::domain::report::{Report, Verdict};
use crate::domain::rules::{CacheKind, DaemonSettings};
use crate::domain::views::storage::StorageView;
use crate::domain::watch::{Deletion, PushedImage, Removed, ShardCensus, Told, WatchMemory};
use crate::doubles::memory::MemoryStorage;
use crate::doubles::registry::{Said, ScriptedRegistry};
use crate::doubles::tree::{Files as _, data, image as store};
use crate::engine::ports::{Recalled, Storage as _, StorageError, Unkept};
use crate::engine::scripted::Script;
use crate::engine::sides::{Sides, StorageHandle};

/// A clock that runs so many times as fast.
struct FastClock {
    began: (Timestamp, Instant),
    speed: u32,
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.began.0 + SignedDuration::try_from(self.began.1.elapsed() * self.speed).unwrap()
    }

    async fn until(&self, at: Timestamp) {
        while self.now() < at {
            let left = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
            tokio::time::sleep(left / self.speed + Duration::from_micros(1)).await;
        }
    }

    fn chance(&self, longest: SignedDuration) -> SignedDuration {
        longest / 2
    }
}

/// Everything that a watch needs, in memory.
struct World {
    clock: FastClock,
    storage: MemoryStorage,
    registry: ScriptedRegistry,
    is_shut: AtomicBool,
    kept: Mutex<(Option<WatchMemory>, Option<Report>, Option<StorageView>)>,
    kept_times: AtomicU64,
    news: Mutex<Vec<String>>,
    reports: Mutex<Vec<Arc<Report>>>,
}

/// The parts of it that are ports.
#[derive(Clone)]
struct Ports(Arc<World>);

#[async_trait]
impl Opener for Ports {
    async fn open(&self) -> Result<OpenRegistry, String> {
        if self.0.is_shut.load(Ordering::SeqCst) {
            return Err("it is not mounted".into());
        }
        let mut session = Arc::new(Script::default()).session();
        let storage = Arc::new(self.0.storage.clone());
        let storage = StorageHandle { reader: storage.clone(), writer: None, uploads: storage };
        let daemons = vec![self.0.registry.daemon()];
        session.sides = Sides { storage: Some(storage), daemons, ..Sides::default() };
        session.options.daemon.cache = CacheKind::InMemory;
        Ok(OpenRegistry { session, census: Some(Arc::new(self.clone())) })
    }
}

impl Census for Ports {
    fn count(&self, _before: &BlobCensus) -> Result<BlobCensus, StorageError> {
        let view =
            self.0.storage.collect(&crate::engine::ports::Everything, &crate::engine::ports::Silent)?;
        let blobs = view.blobs.iter().map(|blob| blob.digest).collect();
        let shards = [("all".to_owned(), ShardCensus { changed: None, blobs })];
        Ok(BlobCensus { shards: shards.into() })
    }
}

impl WatchKeeper for Ports {
    fn recall(&self) -> Recalled {
        let kept = self.0.kept.lock().unwrap();
        Recalled { memory: kept.0.clone(), report: kept.1.clone(), damage: Vec::new() }
    }

    fn remember(&self, memory: &WatchMemory) -> Result<(), Unkept> {
        self.0.kept_times.fetch_add(1, Ordering::SeqCst);
        self.0.kept.lock().unwrap().0 = Some(memory.clone());
        Ok(())
    }

    fn keep_report(&self, report: &Report) -> Result<(), Unkept> {
        self.0.kept.lock().unwrap().1 = Some(report.clone());
        Ok(())
    }

    fn keep_view(&self, view: &StorageView) -> Result<(), Unkept> {
        self.0.kept.lock().unwrap().2 = Some(view.clone());
        Ok(())
    }

    fn view(&self) -> Result<Option<StorageView>, Unkept> {
        Ok(self.0.kept.lock().unwrap().2.clone())
    }
}

impl WatchEvents for Ports {
    fn publish(&self, report: &Arc<Report>) {
        self.0.reports.lock().unwrap().push(Arc::clone(report));
    }

    fn tell(&self, news: News<'_>) {
        let said = match news {
            News::Broken(broken) => format!("broken {}", broken.image.name()),
            News::Mended(image) => format!("mended {}", image.name()),
            News::Blind(why) => format!("blind: {why}"),
            News::Collected(count) => format!("{count} gone"),
            News::Overrun
            | News::Reopened
            | News::NotReopened(_)
            | News::Declined { .. }
            | News::NotRepaired(_)
            | News::Unkept(_) => format!("{news:?}"),
        };
        self.0.news.lock().unwrap().push(said);
    }
}

/// A watch that runs.
struct Started {
    world: Arc<World>,
    board: Arc<Board>,
    stop: watch::Sender<bool>,
    run: JoinHandle<()>,
}

fn world(speed: u32) -> Arc<World> {
    let storage = MemoryStorage::new();
    store(&storage, "app", Some("1"), &image("app"));
    Arc::new(World {
        clock: FastClock { began: (Timestamp::now(), Instant::now()), speed },
        registry: ScriptedRegistry::new(&storage),
        storage,
        is_shut: AtomicBool::new(false),
        kept: Mutex::default(),
        kept_times: AtomicU64::new(0),
        news: Mutex::default(),
        reports: Mutex::default(),
    })
}

fn image(seed: &str) -> Image {
    Image::two_layers(seed).unwrap()
}

fn pushed(repository: &str, tag: &str, image: &Image) -> Told {
    Told::Pushed(PushedImage {
        repository: repository.parse().unwrap(),
        digest: image.manifest.digest,
        tag: Some(tag.parse().unwrap()),
    })
}

async fn start(world: &Arc<World>, hours: i64) -> Started {
    start_with(world, hours, Arc::new(Ports(Arc::clone(world)))).await
}

async fn start_with(world: &Arc<World>, hours: i64, keeper: Arc<dyn WatchKeeper>) -> Started {
    let ports = Ports(Arc::clone(world));
    let schedule = Schedule::Every(SignedDuration::from_hours(hours));
    let opened = ports.open().await.unwrap();
    let board = Arc::new(Board::new(world.clock.now(), &opened, &schedule));
    let clock: Arc<dyn Clock> = Arc::new(FastClock { began: world.clock.began, speed: world.clock.speed });
    let watch = Watch {
        opener: Arc::new(ports.clone()),
        clock,
        keeper,
        events: Arc::new(ports),
        board: Arc::clone(&board),
        settings: WatchSettings {
            schedule,
            jitter: SignedDuration::ZERO,
            settle: SignedDuration::from_secs(2),
            poll: SignedDuration::from_secs(60),
            verifying: verify::Options {
                platforms: Vec::new(),
                referrers: false,
                content: false,
                wait: Duration::ZERO,
                daemon: DaemonSettings::default(),
                jobs: 4,
            },
            fix: None,
        },
    };
    let (stop, flag) = watch::channel(false);
    let control = Control { stop: flag, reopen: Arc::default() };
    watch.recall().await;
    let run = tokio::task::spawn_local(async move { watch.run(opened, control).await });
    Started { world: Arc::clone(world), board, stop, run }
}

impl Started {
    fn hear(&self, told: Vec<Told>) {
        self.board.hear(told, self.world.clock.now());
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", self.board.status());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn checks(&self, count: u64) {
        self.until("a check", |it| it.board.status().figures.checks >= count).await;
    }

    fn news(&self) -> Vec<String> {
        self.world.news.lock().unwrap().clone()
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(10), self.run).await.unwrap().unwrap();
    }
}

/// A watch is no task that may wander among threads.
fn on_one_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

fn findings(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.id.as_str()).collect()
}

#[test]
fn a_check_that_cannot_look_is_told_and_tried_again() {
    on_one_thread(async {
        let world = world(10_000);
        let watch = start(&world, 24).await;
        watch.checks(1).await;
        world.is_shut.store(true, Ordering::SeqCst);
        watch.board.wanted.notify_one();
        watch.until("blind", |it| it.board.status().blind.is_some()).await;
        let status = watch.board.status();
        assert_eq!(status.blind.unwrap().why, "it is not mounted");
        assert!(status.report.is_some());
        world.is_shut.store(false, Ordering::SeqCst);
        watch.checks(2).await;
        assert!(watch.board.status().blind.is_none());
        assert!(watch.news().iter().all(|news| news == "blind: it is not mounted"));
        watch.stop().await;
    });
}

#[test]
fn the_last_report_is_there_again_and_the_next_check_is_when_it_was_due() {
    on_one_thread(async {
        let world = world(1000);
        let watch = start(&world, 6).await;
        watch.checks(1).await;
        watch.until("kept", |it| it.world.kept.lock().unwrap().1.is_some()).await;
        watch.stop().await;
        let kept = world.kept.lock().unwrap().1.clone().unwrap().finished;
        let watch = start(&world, 6).await;
        watch.until("recalled", |it| it.board.status().next.is_some()).await;
        let status = watch.board.status();
        assert_eq!(status.report.unwrap().finished, kept);
        assert_eq!(status.next, Some(kept + SignedDuration::from_hours(6)));
        assert_eq!(status.figures.checks, 0);
        watch.stop().await;
    });
}

#[test]
fn a_push_that_was_swallowed_is_named_and_mended_when_it_can_be_pulled() {
    on_one_thread(async {
        let world = world(100);
        let watch = start(&world, 6).await;
        let lost = image("lost");
        store(&world.storage, "team/app", Some("1"), &lost);
        world.storage.remove(&data(&lost.layers[0].digest));
        world.registry.says("team/app", &lost.layers[0].digest, Said::Claimed(7));
        watch.hear(vec![pushed("team/app", "1", &lost), pushed("team/app", "1", &lost)]);
        watch.until("broken", |it| !it.board.status().broken.is_empty()).await;
        let status = watch.board.status();
        let broken = &status.broken[0];
        let took = broken.found.duration_since(broken.notified);
        assert!(took >= SignedDuration::from_secs(2) && took < SignedDuration::from_secs(30), "{took}");
        let id = format!("phantom-blob:team/app:{}", lost.layers[0].digest);
        assert_eq!(broken.findings.iter().map(|finding| finding.id.clone()).collect::<Vec<_>>(), [id]);
        assert_eq!((status.figures.failed, status.figures.joined, status.figures.told), (1, 1, 2));
        // It is known over a restart.
        watch.stop().await;
        let watch = start(&world, 6).await;
        watch.until("recalled", |it| it.board.status().broken.len() == 1).await;
        store(&world.storage, "team/app", Some("1"), &lost);
        watch.until("mended", |it| it.board.status().broken.is_empty()).await;
        assert_eq!(watch.news(), ["broken team/app:1", "mended team/app:1"]);
        watch.stop().await;
    });
}

#[test]
fn what_is_deleted_or_named_anew_is_no_broken_push() {
    on_one_thread(async {
        let world = world(100);
        let watch = start(&world, 6).await;
        let (gone, moved, now) = (image("gone"), image("moved"), image("now"));
        watch.hear(vec![pushed("a", "1", &gone)]);
        let repository: crate::domain::name::RepositoryName = "a".parse().unwrap();
        let what = Removed::Content(gone.manifest.digest);
        watch.hear(vec![Told::Removed(Deletion { repository, what })]);
        store(&world.storage, "a", Some("2"), &moved);
        store(&world.storage, "a", Some("2"), &now);
        watch.hear(vec![pushed("a", "2", &moved), pushed("a", "2", &now)]);
        watch.until("looked at", |it| it.board.status().figures.verified == 2).await;
        let status = watch.board.status();
        assert_eq!((status.waiting, status.broken.len(), status.leads), (0, 0, 1));
        watch.stop().await;
    });
}

#[test]
fn what_garbage_collection_leaves_behind_is_found_and_stays_found() {
    on_one_thread(async {
        let world = world(1000);
        let watch = start(&world, 6).await;
        watch.checks(1).await;
        watch.until("kept", |it| it.world.kept.lock().unwrap().2.is_some()).await;
        // Nothing in storage tells of it any more, and the daemon claims it.
        let app = image("app");
        let lost = app.layers[0].digest;
        world.registry.says("app", &lost, Said::Claimed(9));
        world.registry.believes(&[]);
        world.storage.remove("repositories/app");
        for digest in app.blobs().chain([&app.manifest]).map(|blob| blob.digest).collect::<BTreeSet<Digest>>()
        {
            world.storage.remove(&data(&digest));
        }
        world.storage.make("repositories/app/_manifests/tags");
        watch.checks(2).await;
        let id = format!("phantom-blob:app:{lost}");
        watch.until("seen", |it| it.board.status().figures.collections == 1).await;
        let report = watch.board.status().report.unwrap();
        assert!(findings(&report).contains(&id.as_str()), "{report:?}");
        assert!(watch.news().contains(&"4 gone".to_owned()), "{:?}", watch.news());
        // The next check asks again, though nothing went since.
        watch.board.wanted.notify_one();
        watch.checks(3).await;
        let report = watch.board.status().report.unwrap();
        assert!(findings(&report).contains(&id.as_str()), "{report:?}");
        // Until the daemon denies it.
        world.registry.says("app", &lost, Said::Denied);
        watch.board.wanted.notify_one();
        watch.checks(4).await;
        let report = watch.board.status().report.unwrap();
        assert!(!findings(&report).contains(&id.as_str()), "{report:?}");
        watch.stop().await;
    });
}
