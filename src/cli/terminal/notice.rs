//! What a person should know that is no finding.

use crate::domain::target::Target;
use crate::engine::ports::Notice;
use crate::report::changes::sentence;
use crate::report::words::quoted;

/// What takes a run back, where what it changed can be.
fn undo(run: &str, target: &Target) -> Option<String> {
    let storage = quoted(target.storage.as_ref()?);
    let state = target.flags.iter().skip_while(|word| *word != "--state-dir").nth(1);
    let state = state.map(|dir| format!(" --state-dir {}", quoted(dir))).unwrap_or_default();
    Some(format!("regfsck undo --storage {storage}{state} --run {run}"))
}

/// The lines that say it.
pub(super) fn lines(notice: &Notice) -> Vec<String> {
    let line = match notice {
        Notice::JournalDamage(damage) => format!("{}: {}", damage.what, damage.why),
        Notice::CutShort { run, steps, unfinished, undoable, target } => {
            let first = format!(
                "an earlier run ({run}) was interrupted: {unfinished} of its {steps} steps did not end; what they were for is in this run's findings, if it still is so"
            );
            let rest = undoable.iter().map(|change| format!("  it had written down: {}", sentence(change)));
            let undo = undo(run, target).filter(|_| !undoable.is_empty());
            let undo = undo.map(|line| format!("  which is taken back by: {line}"));
            return std::iter::once(first).chain(rest).chain(undo).collect();
        }
        Notice::EndUnrecorded(why) => format!("the end of the repair could not be recorded: {why}"),
        Notice::SnapshotKept { path, target } => {
            let words: Vec<_> = target.flags.iter().map(|word| quoted(word)).collect();
            let target = words.join(" ");
            let path = quoted(path);
            format!(
                "what storage holds now is kept; if this is interrupted: regfsck check {target} --since {path}"
            )
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
