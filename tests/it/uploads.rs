//! Upload sessions of a real daemon, as its storage shows them.

use regfsck::adapters::storage::FilesystemUploads;
use regfsck::domain::layout::Place;
use regfsck::engine::ports::Uploads;

use crate::support::incident::ask;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::settings::Settings;

#[test]
fn an_upload_that_was_begun_is_seen() {
    on_every_registry(|| {
        let Some(registry) = RealRegistry::start(&Settings::default()) else { return };
        let uploads = FilesystemUploads::new(&registry.root().join("docker/registry/v2"));
        let seen = || uploads.sessions().present().unwrap().clone();
        assert_eq!(seen().len(), 0);
        assert_eq!(ask(&registry.host(), "POST", "/v2/team/app/blobs/uploads/"), 202);
        let sessions = seen();
        let repositories: Vec<_> =
            sessions.keys().filter_map(Place::repository).map(ToString::to_string).collect();
        assert_eq!(repositories, ["team/app"]);
        assert!(matches!(sessions.keys().next(), Some(Place::Upload(..))));
        assert_eq!(seen(), sessions);
    });
}
