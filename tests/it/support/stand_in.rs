//! Programs that stand in for ones that tests cannot have: they write down how they were called.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

/// A folder of stand-ins, to be searched instead of PATH.
pub struct StandIns {
    dir: TempDir,
}

impl StandIns {
    /// An empty folder.
    pub fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// A program of that name: it writes down its arguments, then goes on with `script`, in `sh` without
    /// anything on its PATH but the other stand-ins.
    pub fn with(self, name: &str, script: &str) -> Self {
        let log = self.dir.path().join("log");
        let path = self.dir.path().join(name);
        let text = format!(
            "#!/bin/sh\n{{ printf '%s' {name}; for word; do printf ' [%s]' \"$word\"; done; echo; }} >> '{}'\n{script}\n",
            log.display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// What to search for programs.
    pub fn path(&self) -> OsString {
        self.dir.path().into()
    }

    /// Every call so far, as `program [argument] [argument]`.
    pub fn calls(&self) -> Vec<String> {
        let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        log.lines().map(ToOwned::to_owned).collect()
    }
}
