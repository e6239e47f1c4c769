//! What programs that we start are not told: what was said to us alone.

/// What our own settings begin with in the environment.
const OURS: &str = "REGFSCK_";

/// Keep our settings, passwords and tokens among them, from a program that is about to be started.
pub(super) fn keep_to_ourselves(command: &mut std::process::Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(OURS)) {
        command.env_remove(name);
    }
}
