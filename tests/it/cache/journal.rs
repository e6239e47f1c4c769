//! A purge in the journal: written down before it happens, and never in the way of an undo.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regfsck::adapters::journal::read;
use regfsck::domain::history::History;
use regfsck::domain::journal::{Change, KeyContent};

use super::differences;
use super::program::{incident, stale};
use crate::support::daemon::Daemon;
use crate::support::real_registry::on_every_registry;
use crate::support::redis_server::{RedisServer, dump};
use crate::support::regfsck::{Ended, command};

struct Scene {
    redis: RedisServer,
    daemon: Daemon,
    state: tempfile::TempDir,
    lost: BTreeSet<String>,
}

impl Scene {
    fn new() -> Option<Self> {
        let redis = RedisServer::start()?;
        let (daemon, lost, _) = incident(&redis)?;
        Some(Self { redis, daemon, state: tempfile::tempdir().unwrap(), lost: stale(&lost) })
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = command(arguments);
        command.arg("--config").arg(self.daemon.config_path());
        command.arg("--state-dir").arg(self.state.path()).output().unwrap().into()
    }

    fn undo(&self) -> (i32, String) {
        let ended = self.run(&["undo", "--yes"]);
        (ended.status, ended.stdout + &ended.stderr)
    }

    /// What the journal of that run says to have gone from Redis: keys, and what of each.
    fn recorded(&self, run: usize) -> BTreeMap<String, KeyContent> {
        let history = History::of(&read(self.state.path()).unwrap().entries);
        let changes = history.runs[run].steps.iter().flat_map(|step| &step.changes);
        let keys = changes.filter_map(|change| match &change.change {
            Change::CacheDeleted { keys } => Some(keys.clone()),
            _ => None,
        });
        keys.flatten().map(|key| (key.key, key.content)).collect()
    }
}

/// Whoever may not delete has read and recorded what would have gone: so the record comes first.
#[test]
fn what_goes_is_written_down_first_with_what_it_held() {
    on_every_registry(|| {
        let Some(scene) = Scene::new() else { return };
        let mut connection = scene.redis.client(0);
        let before = dump(&mut connection);
        let mut acl = redis::cmd("ACL");
        acl.arg("SETUSER").arg("reader").arg("on").arg(">x").arg("~*").arg("+@all").arg("-del").arg("-srem");
        acl.query::<()>(&mut connection).unwrap();
        let url = format!("redis://reader:x@127.0.0.1:{}", scene.redis.port);
        let output = scene.run(&["purge", "--yes", "--redis", &url, "-o", "json"]);
        assert_eq!(output.status, 1, "{output:?}");
        let outcomes = output.report().outcomes.unwrap();
        assert!(outcomes.iter().all(|outcome| !outcome.result.is_done()), "{outcomes:?}");
        assert_eq!(differences(&before, &dump(&mut connection)), BTreeSet::new());
        let recorded = scene.recorded(0);
        for digest in &scene.lost {
            let entry: BTreeMap<String, String> =
                redis::cmd("HGETALL").arg(format!("blobs::{digest}")).query(&mut connection).unwrap();
            let KeyContent::Hash(fields) = &recorded[&format!("blobs::{digest}")] else {
                panic!("{recorded:?}")
            };
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let fields = fields.iter().map(|(name, content)| (name.clone(), text(content.as_bytes())));
            assert_eq!(fields.collect::<BTreeMap<_, _>>(), entry);
        }

        let output = scene.run(&["purge", "--yes"]);
        assert_eq!(output.status, 0, "{output:?}");
        let gone = differences(&before, &dump(&mut connection));
        assert_eq!(scene.recorded(1).into_keys().collect::<BTreeSet<_>>(), gone);
    });
}

#[test]
fn undo_passes_over_a_purge_and_says_why() {
    on_every_registry(|| {
        let Some(scene) = Scene::new() else { return };
        let output = scene.run(&["purge", "--yes"]);
        assert_eq!(output.status, 0, "{output:?}");
        let journal = scene.state.path().join("journal.jsonl");
        let journal = journal.display();
        let why = "the daemon fills its cache by itself, and what was deleted from Redis was stale";
        let nothing = (2, format!("error: there is nothing to undo in `{journal}`; {why}\n"));
        assert_eq!(scene.undo(), nothing);

        let link = find_link(&scene.daemon.root());
        let right = std::fs::read(&link).unwrap();
        std::fs::write(&link, "").unwrap();
        let output = scene.run(&["check", "--fix", "--yes"]);
        assert_eq!(output.status, 0, "{output:?}");
        assert_eq!(std::fs::read(&link).unwrap(), right);
        forget_something(&scene);
        let output = scene.run(&["purge", "--yes"]);
        assert_eq!(output.status, 0, "{output:?}");
        assert_eq!(scene.undo().0, 0, "the repair before the purge");
        assert_eq!(std::fs::read(&link).unwrap(), b"");
        assert_eq!(scene.undo(), nothing);

        let run = History::of(&read(scene.state.path()).unwrap().entries).runs[0].id.clone();
        let output = scene.run(&["undo", "--run", &run]);
        let told = format!("error: there is nothing to undo in run `{run}` of `{journal}`; {why}\n");
        assert_eq!((output.status, output.stderr), (2, told));
    });
}

/// Another stale entry: one that storage never had.
fn forget_something(scene: &Scene) {
    let ghost = crate::support::redis_server::digest(7);
    crate::support::redis_server::remember(&mut scene.redis.client(0), "team/app", &ghost, 10);
}

fn find_link(root: &Path) -> std::path::PathBuf {
    let layers = root.join("docker/registry/v2/repositories/team/app/_layers/sha256");
    let mut folders: Vec<_> = std::fs::read_dir(layers).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.iter().map(|folder| folder.join("link")).find(|link| link.is_file()).unwrap()
}
