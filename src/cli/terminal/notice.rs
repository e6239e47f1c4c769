//! What a person should know that is no finding.

use crate::engine::ports::Notice;
use crate::report::changes::sentence;

/// The lines that say it.
pub(super) fn lines(notice: &Notice) -> Vec<String> {
    let line = match notice {
        Notice::JournalDamage(damage) => format!("{}: {}", damage.what, damage.why),
        Notice::CutShort { run, steps, unfinished, undoable } => {
            let first = format!(
                "an earlier run ({run}) was interrupted: {unfinished} of its {steps} steps did not end; what they were for is in this run's findings, if it still is so"
            );
            let rest = undoable.iter().map(|change| {
                format!(
                    "  it had written down: {} (regfsck undo --run {run} takes it back)",
                    sentence(change)
                )
            });
            return std::iter::once(first).chain(rest).collect();
        }
        Notice::EndUnrecorded(why) => format!("the end of the repair could not be recorded: {why}"),
        Notice::SnapshotKept(path) => {
            format!("what storage holds now is kept: if this is interrupted, regfsck check --since {path}")
        }
        Notice::HashedAnew(why) => format!("content is hashed from the beginning: {why}"),
        Notice::NotRemembered(why) => {
            format!(
                "what goes between two checks is known less well: {why}; --state-dir names another folder"
            )
        }
        Notice::NoKeys(location) => format!("`{location}` holds no keys of a registry"),
        Notice::OtherDatabases { location, databases } => {
            let databases: Vec<_> = databases.iter().map(|number| format!("database {number}")).collect();
            let databases = databases.join(", ");
            format!("`{location}`: {databases} holds keys of a registry too, and is not looked at")
        }
    };
    vec![line]
}
