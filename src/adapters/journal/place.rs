//! Where a registry's journal lies, and what its runs are called.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Roots, path};
use crate::domain::journal::folder_name;
use crate::engine::ports::JournalError;

/// The folder for the journal of the registry that `identity` tells from others.
///
/// `environment` looks variables up. A relative `XDG_STATE_HOME` is ignored, as its specification wants.
///
/// # Errors
/// When neither `XDG_STATE_HOME` nor `HOME` is set.
pub fn state_dir(
    identity: &str,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, JournalError> {
    let absolute = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    let all = state.ok_or(JournalError::NoPlace)?.join("regfsck");
    let own = all.join(folder_name(&canonical(identity)));
    Ok(if path(&own).exists() { own } else { elsewhere(&all, Path::new(identity)).unwrap_or(own) })
}

/// The folder of the same storage by a path that no link leads to: a bind mount.
fn elsewhere(all: &Path, v2: &Path) -> Option<PathBuf> {
    let states = all.read_dir().ok()?.flatten().map(|entry| entry.path());
    if v2.is_dir() { states.into_iter().find(|state| Roots::read(state).are_of(v2)) } else { None }
}

/// The same storage by whatever path it is named: two runs must find the same lock.
fn canonical(identity: &str) -> String {
    let named = Path::new(identity);
    let real = if named.is_absolute() || named.exists() { named.canonicalize().ok() } else { None };
    real.map_or_else(|| identity.trim_end_matches('/').to_owned(), |real| real.display().to_string())
}

/// The name of a run that begins now: sorts by time, and is good as a folder name.
#[must_use]
pub fn new_run(now: Timestamp) -> String {
    format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), std::process::id())
}

/// Whether a run may be called so.
#[must_use]
pub fn is_run(name: &str) -> bool {
    let shape: String = name.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape
        .strip_prefix("00000000T000000Z-")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|c| c == b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)]) -> Option<String> {
        let find = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        let dir = state_dir("/no/such/registry", find).ok()?;
        Some(dir.display().to_string())
    }

    #[test]
    fn the_place_follows_the_base_directory_specification() {
        let name = folder_name("/no/such/registry");
        let both = [("XDG_STATE_HOME", "/state"), ("HOME", "/home/a")];
        assert_eq!(place(&both), Some(format!("/state/regfsck/{name}")));
        let home = Some(format!("/home/a/.local/state/regfsck/{name}"));
        assert_eq!(place(&both[1..]), home);
        assert_eq!(place(&[("XDG_STATE_HOME", "relative"), ("HOME", "/home/a")]), home);
        assert_eq!(place(&[]), None);
    }

    #[test]
    fn one_storage_by_two_paths_has_one_place() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("registry");
        std::fs::create_dir(&root).unwrap();
        std::os::unix::fs::symlink(&root, dir.path().join("alias")).unwrap();
        let find = |_: &str| Some(OsString::from("/state"));
        let place = |name: &str| state_dir(&dir.path().join(name).display().to_string(), find).unwrap();
        assert_eq!(place("alias"), place("registry"));
        assert_eq!(place("registry/"), place("registry"));
    }

    #[test]
    fn a_journal_of_its_own_goes_before_that_of_another_path() {
        let dir = tempfile::tempdir().unwrap();
        let (root, all) = (dir.path().join("registry"), dir.path().join("state"));
        std::fs::create_dir(&root).unwrap();
        let place = || {
            let find = |_: &str| Some(OsString::from(&all));
            state_dir(&root.display().to_string(), find).unwrap()
        };
        let own = place();
        Roots::note(&all.join("regfsck/mounted"), &root).unwrap();
        assert_eq!(place(), all.join("regfsck/mounted"));
        std::fs::create_dir(&own).unwrap();
        std::fs::write(path(&own), "").unwrap();
        assert_eq!(place(), own);
    }

    #[test]
    fn runs_are_named_by_time_and_process() {
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(new_run(at), format!("19700101T000000Z-{}", std::process::id()));
        assert!(is_run(&new_run(at)));
        assert!(
            !["", "19700101T000000Z-", "19700101T000000Z-1a", "mine", "19700101T000000Z"]
                .iter()
                .any(|it| is_run(it))
        );
    }
}
