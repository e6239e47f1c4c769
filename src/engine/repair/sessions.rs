//! Upload sessions that we began and gave up leave nothing in storage.
//!
//! 2.8.2, 3.1.1 and HEAD write the state of the session's hash once more after they have taken the session away, so that
//! `_uploads/U/hashstates/sha256/0` stays, which nothing ever purges.

use super::Repair;
use crate::engine::blocking::blocking;
use crate::engine::write_ahead::with_causes;

/// Take away what the daemons left of the sessions that were given up. What cannot be is found by the next check.
pub(super) async fn clear(repair: &Repair) {
    let Some(storage) = repair.sides.storage_writer() else { return };
    let given_up: Vec<_> = repair.sides.daemons.iter().flat_map(|daemon| daemon.writer.given_up()).collect();
    blocking(move || {
        for session in given_up {
            if let Err(error) = storage.clear_upload(&session.repository, &session.id) {
                let error = with_causes(&error);
                tracing::debug!(error, id = session.id, "what is left of an upload session stays");
            }
        }
    })
    .await;
}
