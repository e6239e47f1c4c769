//! A real registry as the pull-through cache of another.

use regfsck::adapters::registry::{Address, Connection, daemon};
use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::action::Action;
use regfsck::domain::code::{Code, Severity};

use crate::support::raw::{Raw, blob_path, manifest_path};
use crate::support::real_registry::{RealRegistry, on_every_registry_async};
use crate::support::regfsck::run;
use crate::support::settings::Settings;
use crate::support::tree::lose;

#[test]
fn what_a_pull_through_cache_lacks_is_no_error_and_only_what_helps_is_offered() {
    on_every_registry_async(|| async {
        let Some(remote) = RealRegistry::start(&Settings::default()) else { return };
        let images = ["one", "two"].map(|seed| Image::two_layers(seed).unwrap());
        let raw = Raw::new(&remote.url());
        for image in &images {
            raw.push_image("team/app", &image.manifest.digest.to_string(), image);
        }
        let (index, kind) = Image::index(&images).unwrap();
        assert_eq!(raw.put_manifest("team/app", "1", &index, &kind).status, 201);
        let proxy = Some(remote.url());
        let cache = RealRegistry::start(&Settings { proxy, ..Settings::default() }).unwrap();
        // Somebody pulls for one platform.
        let through = Raw::new(&cache.url());
        assert_eq!(through.get(&manifest_path("team/app", "1")).status, 200);
        assert_eq!(through.pull("team/app", &images[0].manifest.digest.to_string(), &images[0]), Ok(()));
        let config = cache.config_path().display().to_string();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !images[0].blobs().all(|blob| cache.data_file(&blob.digest).exists()) {
            assert!(std::time::Instant::now() < deadline, "the cache does not keep what was pulled");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let checked = run(["check", "--config", &config, "-o", "json"]);
        let findings = checked.report().findings;
        assert_eq!(checked.status, 0, "{}", checked.stdout);
        assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{}", checked.stdout);
        // Its own cache goes stale like any other; but it takes no uploads.
        let lost = images[0].layers[0].digest;
        assert_eq!(through.head(&blob_path("team/app", &lost)).status, 200);
        lose(cache.root(), &lost);
        let stale = run(["check", "--config", &config, "-o", "json"]);
        assert_eq!(stale.status, 1, "{}", stale.stdout);
        let findings = stale.report().findings;
        let phantom = findings.iter().find(|finding| finding.code == Code::PhantomBlob).unwrap();
        let actions: Vec<_> = phantom.remedies.iter().map(|remedy| remedy.action).collect();
        assert_eq!(actions, [Action::Restart], "{phantom:?}");
        // What is not known from a configuration shows when an upload is begun: 405, and it says why.
        let connection = Connection::new(Address::parse(&cache.url(), false).unwrap());
        let writer = daemon(&connection).unwrap().writer;
        let error = writer.start_upload(&"team/app".parse().unwrap()).await.unwrap_err();
        assert_eq!((error.status, error.code.as_deref()), (Some(405), Some("UNSUPPORTED")), "{error}");
    });
}
