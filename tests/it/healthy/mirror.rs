//! Pull-through caches: what they never fetched, dropped or let expire is no damage, and asking them writes nothing.

use std::fs;
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::action::Action;

use super::{check, found, listing, remove};
use crate::support::proxy::Nginx;
use crate::support::raw::{Raw, blob_path, manifest_path};
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::redis_server::RedisServer;
use crate::support::regfsck::run;
use crate::support::settings::{CacheKind, Settings};

/// A registry and a cache of it; the image is `team/app:1`.
fn mirrored(cache: CacheKind) -> Option<(RealRegistry, RealRegistry, Image)> {
    let remote = RealRegistry::start(&Settings::default())?;
    let image = Image::two_layers("mirrored").unwrap();
    Raw::new(&remote.url()).push_image("team/app", "1", &image);
    let proxy = Some(remote.url());
    let mirror = RealRegistry::start(&Settings { cache, proxy, ..Settings::default() })?;
    Some((remote, mirror, image))
}

/// Pull as a client does, and wait until the cache has all of it, and has noted that.
fn pull(mirror: &RealRegistry, image: &Image) {
    let through = Raw::new(&mirror.url());
    // A cache that still fetches the same content for somebody else may answer 500; clients try again.
    wait(|| through.pull("team/app", "1", image) == Ok(()), "the cache gives no whole image");
    let noted = || fs::read_to_string(mirror.root().join("scheduler-state.json")).unwrap_or_default();
    let is_kept = || {
        let noted = noted();
        image
            .blobs()
            .all(|blob| mirror.data_file(&blob.digest).exists() && noted.contains(&blob.digest.to_string()))
    };
    wait(is_kept, "the cache does not keep what was pulled");
}

fn wait(until: impl Fn() -> bool, why: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !until() {
        assert!(Instant::now() < deadline, "{why}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The ways of checking a cache: its API alone tells nothing without its fetching.
fn ways(mirror: &RealRegistry) -> Vec<Vec<String>> {
    let (root, config) = (mirror.root().display().to_string(), mirror.config_path().display().to_string());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    vec![
        words(&["--storage", &root]),
        words(&["--config", &config]),
        words(&["--config", &config, "--probe", "all"]),
        words(&["--config", &config, "--content", "--probe-manifests"]),
        words(&["--storage", &root, "--registry", &mirror.url()]),
    ]
}

/// In whatever way it is checked: nothing is wrong, and nothing is written.
#[track_caller]
fn is_silent(mirror: &RealRegistry, ways: &[Vec<String>]) {
    // The cache still finishes what others made it fetch; a check that writes would write each time.
    let is_untouched = |way: &Vec<String>| {
        let before = listing(mirror.root());
        let checked = check(way, &[]);
        let seen = (checked.status, found(&checked));
        assert_eq!(seen, (0, vec![]), "{way:?}: {}\n{}", checked.stdout, checked.stderr);
        listing(mirror.root()) == before
    };
    for way in ways {
        assert!((0..3).any(|_| is_untouched(way)), "{way:?} writes");
    }
}

#[test]
fn what_a_cache_never_fetched_or_let_go_is_not_missing_and_no_question_fetches_it() {
    on_every_registry(|| {
        let Some((_remote, mut mirror, image)) = mirrored(CacheKind::InMemory) else { return };
        let through = Raw::new(&mirror.url());
        // Only the manifest.
        assert_eq!(through.get(&manifest_path("team/app", "1")).status, 200);
        wait(|| mirror.data_file(&image.manifest.digest).exists(), "the manifest is not kept");
        wait(|| mirror.root().join("scheduler-state.json").exists(), "the scheduler notes nothing");
        is_silent(&mirror, &ways(&mirror));
        // All of it.
        pull(&mirror, &image);
        is_silent(&mirror, &ways(&mirror));
        // Expired, as the daemon does it: the link and the data of a layer are gone, and the note.
        let layer = image.layers[0].digest;
        mirror.stop();
        let state = mirror.root().join("scheduler-state.json");
        let mut noted: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
        noted.retain(|key, _| !key.ends_with(&layer.to_string()));
        fs::write(&state, serde_json::to_vec(&noted).unwrap()).unwrap();
        let hex = layer.to_string().replace("sha256:", "");
        remove(mirror.root(), &format!("blobs/sha256/{}/{hex}", &hex[..2]));
        remove(mirror.root(), &format!("repositories/team/app/_layers/sha256/{hex}/link"));
        mirror.restart();
        is_silent(&mirror, &ways(&mirror));
    });
}

/// Its address is all that is known: it would fetch all that its remote has, so that is not asked, and not called coherent.
#[test]
fn a_cache_whose_address_alone_is_known_is_recognised_and_fetches_nothing() {
    on_every_registry(|| {
        let Some((remote, mirror, image)) = mirrored(CacheKind::InMemory) else { return };
        pull(&mirror, &image);
        let before = listing(mirror.root());
        let url = mirror.url();
        for more in [&[][..], &["--probe", "all"], &["--content"], &["--repo", "team/app"]] {
            let way = ["--registry".to_owned(), url.clone(), "--plain-http".to_owned()];
            let checked = check(&way, more);
            assert_eq!((checked.status, found(&checked)), (3, vec![]), "{more:?}: {}", checked.stdout);
            assert!(checked.stdout.contains("it is a pull-through cache"), "{more:?}: {}", checked.stdout);
            assert_eq!(listing(mirror.root()), before, "{more:?}");
        }
        // What it caches is none.
        let plain = check(&["--registry".to_owned(), remote.url(), "--plain-http".to_owned()], &[]);
        assert_eq!(plain.status, 0, "{}", plain.stdout);
        assert_eq!(listing(mirror.root()), before);
    });
}

/// It has nothing yet, or refuses us the repository that it lists first: what it is is asked all the same.
#[test]
fn a_cache_that_is_empty_or_hides_a_repository_is_recognised_by_its_address() {
    on_every_registry(|| {
        let Some((mut remote, mirror, image)) = mirrored(CacheKind::InMemory) else { return };
        let refused = "location /v2/alpha/ { return 403; }";
        let Some(front) = Nginx::start(&[mirror.host()], refused) else { return };
        let is_recognised = |url: String| {
            let before = listing(mirror.root());
            let checked = check(&["--registry".to_owned(), url, "--plain-http".to_owned()], &[]);
            assert_eq!((checked.status, found(&checked)), (3, vec![]), "{}", checked.stdout);
            assert!(checked.stdout.contains("it is a pull-through cache"), "{}", checked.stdout);
            assert_eq!(listing(mirror.root()), before);
        };
        is_recognised(mirror.url());
        pull(&mirror, &image);
        // It is listed, and that is all.
        fs::create_dir_all(mirror.root().join("docker/registry/v2/repositories/alpha/_layers")).unwrap();
        is_recognised(front.url());
        remote.stop();
        is_recognised(mirror.url());
    });
}

/// An empty registry that is no cache is whole, by its address too.
#[test]
fn an_empty_registry_is_no_cache() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let checked = check(&["--registry".to_owned(), daemon.url(), "--plain-http".to_owned()], &[]);
        assert_eq!((checked.status, found(&checked)), (0, vec![]), "{}", checked.stdout);
        assert!(!daemon.root().join("docker").exists(), "{:?}", listing(daemon.root()));
    });
}

/// As owners of mirrors do it: tags are cleaned by a script, then comes garbage collection beside the live daemon.
#[test]
fn garbage_collection_beside_a_live_cache_leaves_claims_that_a_restart_alone_cures() {
    on_every_registry(|| {
        let Some((_remote, mut mirror, image)) = mirrored(CacheKind::InMemory) else { return };
        pull(&mirror, &image);
        remove(mirror.root(), "repositories/team/app/_manifests/tags/1");
        let collected = mirror.garbage_collect(true, false);
        assert_eq!(collected.status, 0, "{}{}", collected.output, collected.errors);
        let gone = image.blobs().filter(|blob| !mirror.data_file(&blob.digest).exists()).count();
        assert_eq!(gone, 3, "{}", collected.output);
        let before = listing(mirror.root());
        let config = mirror.config_path().display().to_string();
        let checked = check(&["--config".to_owned(), config], &[]);
        let mut wanted: Vec<String> =
            image.blobs().map(|blob| format!("phantom-blob:team/app:{}", blob.digest)).collect();
        wanted.sort();
        let mut told = found(&checked);
        told.sort();
        assert_eq!((checked.status, told), (1, wanted), "{}\n{}", checked.stdout, checked.stderr);
        for finding in checked.report().findings.iter().filter(|it| it.code.as_str() == "phantom-blob") {
            let actions: Vec<_> = finding.remedies.iter().map(|remedy| remedy.action).collect();
            assert_eq!(actions, [Action::Restart], "{}", finding.id);
        }
        assert_eq!(listing(mirror.root()), before);
        // What was gone a second before is surely forgotten.
        std::thread::sleep(Duration::from_millis(1500));
        mirror.restart();
        // Without its configuration nobody knows where it remembers.
        is_silent(&mirror, &ways(&mirror)[..4]);
        pull(&mirror, &image);
        is_silent(&mirror, &ways(&mirror));
    });
}

#[test]
fn a_bad_file_in_a_cache_is_moved_away_and_fetched_again() {
    on_every_registry(|| {
        for cache in [CacheKind::None, CacheKind::InMemory] {
            let Some((_remote, mut mirror, image)) = mirrored(cache.clone()) else { return };
            pull(&mirror, &image);
            let layer = &image.layers[0];
            let file = mirror.data_file(&layer.digest);
            fs::write(&file, &layer.bytes[..9]).unwrap();
            mirror.restart();
            // No pull heals it.
            let served = Raw::new(&mirror.url()).get(&blob_path("team/app", &layer.digest));
            assert_eq!(served.body, layer.bytes[..9]);
            let config = mirror.config_path().display().to_string();
            let checked = check(&["--config".to_owned(), config.clone()], &[]);
            assert_eq!(found(&checked), [format!("truncated-blob:{}", layer.digest)], "{}", checked.stdout);
            let state = tempfile::tempdir().unwrap();
            let state = state.path().to_str().unwrap();
            let mut words = vec!["check", "--config", &config, "--state-dir", state, "--fix", "--yes"];
            if cache == CacheKind::InMemory {
                let refused = run(words.iter().copied().chain(["-o", "json"]));
                assert_eq!(refused.status, 1, "{refused:?}");
                assert_eq!(fs::read(&file).unwrap(), layer.bytes[..9], "not without a restart");
                words.extend(["--restart", "exec:true"]);
            }
            let fixed = run(words);
            // The proof pulls the image: where nothing is remembered, that brings it back.
            if cache == CacheKind::None {
                assert_eq!(fixed.status, 0, "{fixed:?}");
                wait(|| fs::read(&file).is_ok_and(|it| it == layer.bytes), "the proof fetches nothing");
            } else {
                assert!(!file.exists(), "{fixed:?}");
            }
            // The command that restarts it restarts nothing here.
            mirror.restart();
            pull(&mirror, &image);
            assert_eq!(fs::read(&file).unwrap(), layer.bytes);
            is_silent(&mirror, &ways(&mirror));
        }
    });
}

/// Moved away, and forgotten by Redis: by the report's own command, and by a plan that was saved.
#[test]
fn a_bad_file_in_a_cache_that_remembers_in_redis_is_fetched_again_by_a_saved_plan_too() {
    on_every_registry(|| {
        let Some(redis) = RedisServer::start() else { return };
        let Some((_remote, mirror, image)) = mirrored(CacheKind::Redis(format!("127.0.0.1:{}", redis.port)))
        else {
            return;
        };
        pull(&mirror, &image);
        let layer = &image.layers[0];
        let file = mirror.data_file(&layer.digest);
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name).display().to_string();
        let (config, state, plan) = (mirror.config_path().display().to_string(), path("state"), path("plan"));
        let check = ["check", "--config", &config, "--state-dir", &state];
        let repair = ["repair", "--plan", &plan, "--state-dir", &state, "--yes"];
        for is_saved in [true, false] {
            fs::write(&file, &layer.bytes[..9]).unwrap();
            let checked = run(check);
            assert_eq!(checked.status, 1, "{checked:?}");
            let printed = |line: &str| checked.stdout.lines().any(|it| it.trim() == line);
            assert!(printed(&format!("regfsck {} --fix", check.join(" "))), "{}", checked.stdout);
            let fixed = if is_saved {
                let planned = run(check.into_iter().chain(["--plan", &plan]));
                assert_eq!(planned.status, 1, "{planned:?}");
                run(repair)
            } else {
                run(check.into_iter().chain(["--fix", "--yes"]))
            };
            assert_eq!(fixed.status, 0, "{fixed:?}");
            wait(|| fs::read(&file).is_ok_and(|it| it == layer.bytes), "the next pull fetches nothing");
        }
    });
}
