//! Bare words put where the flags that they mean would have put them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::Subcommand;
use super::bare::{Bare, PART};
use super::target::{StorageArguments, TargetArguments};

/// Where the flags of a command keep what a bare word may name; nothing where it has no such flag.
#[derive(Default)]
struct Slots<'a> {
    bare: Vec<Bare>,
    config: Option<&'a mut Option<PathBuf>>,
    storage: Option<&'a mut StorageArguments>,
    registry: Option<&'a mut Option<String>>,
}

impl<'a> Slots<'a> {
    fn of(subcommand: &'a mut Subcommand) -> Self {
        match subcommand {
            Subcommand::Check(it) => Self::of_target(&mut it.check.target),
            Subcommand::Repair(it) => Self::of_target(&mut it.check.target),
            Subcommand::Purge(it) => Self::of_target(&mut it.check.target),
            Subcommand::Restart(it) => Self::of_target(&mut it.check.target),
            Subcommand::Guard(it) => Self::of_target(&mut it.check.target),
            Subcommand::Watch(it) => Self::of_target(&mut it.check.target),
            Subcommand::Undo(it) => Self {
                bare: it.bare.target.clone(),
                config: Some(&mut it.config.config),
                storage: Some(&mut it.storage),
                registry: None,
            },
            Subcommand::Snapshot(it) => Self {
                bare: it.bare.target.clone(),
                config: Some(&mut it.config.config),
                storage: Some(&mut it.storage),
                registry: None,
            },
            Subcommand::Doctor(it) => Self {
                bare: it.bare.target.clone(),
                config: Some(&mut it.config.config),
                storage: None,
                registry: Some(&mut it.registry.registry),
            },
            Subcommand::Merge(_)
            | Subcommand::Verify(_)
            | Subcommand::Demo(_)
            | Subcommand::Explain(_)
            | Subcommand::Completions(_)
            | Subcommand::Man(_)
            | Subcommand::Repositories(_) => Self::default(),
        }
    }

    fn of_target(target: &'a mut TargetArguments) -> Self {
        Self {
            bare: target.bare.target.clone(),
            config: Some(&mut target.config.config),
            storage: Some(&mut target.storage),
            registry: Some(&mut target.daemons.registry.registry),
        }
    }
}

/// Let bare words stand for the flags that they mean.
///
/// # Errors
/// When the command has no such flag, or the same is named twice.
pub(super) fn settle(
    subcommand: &mut Subcommand,
    program: &mut Command,
    matches: &ArgMatches,
) -> Result<(), clap::Error> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let only_looks = matches!(&*subcommand, Subcommand::Check(it) if !it.fix && it.plan.is_none());
    let slots = Slots::of(subcommand);
    let Some(command) = program.find_subcommand_mut(name) else { return Ok(()) };
    let mut refuse = |said: String| command.error(ErrorKind::ArgumentConflict, said);
    let Slots { bare, mut config, mut storage, mut registry } = slots;
    if let Some(storage) = &mut storage {
        let parts = bare.iter().filter_map(part);
        let given = std::mem::take(&mut storage.given);
        split(storage, given.into_iter().chain(parts).collect()).map_err(&mut refuse)?;
        if !only_looks && !storage.parts.is_empty() {
            let said = "parts of a snapshot are only looked at, by `regfsck check` without --fix and --plan";
            return Err(refuse(said.into()));
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for word in bare.into_iter().filter(|word| part(word).is_none()) {
        let flag = word.flag();
        let is_typed = matches.try_contains_id(flag).unwrap_or(false)
            && matches.value_source(flag) == Some(ValueSource::CommandLine)
            // Beside parts of a snapshot there may be nothing.
            && (flag != "storage" || storage.as_ref().is_some_and(|slot| slot.storage.is_some()));
        if is_typed || seen.contains(&flag) {
            let gc = if name == "guard" { "; garbage collection's command stands behind `--`" } else { "" };
            return Err(refuse(format!(
                "`{word}` names the registry as --{flag} does: one of the two is too many{gc}"
            )));
        }
        seen.push(flag);
        let said = word.to_string();
        let is_taken = match word {
            Bare::Config(path) => config.as_deref_mut().map(|slot| *slot = Some(path)).is_some(),
            Bare::Storage(path) => storage.as_deref_mut().map(|slot| slot.storage = Some(path)).is_some(),
            Bare::Registry(url) => registry.as_deref_mut().map(|slot| *slot = Some(url)).is_some(),
        };
        if !is_taken {
            return Err(refuse(format!("`{said}` means --{flag}, which `regfsck {name}` does not take")));
        }
    }
    Ok(())
}

/// The bare word, where it is a part of a snapshot.
fn part(word: &Bare) -> Option<PathBuf> {
    match word {
        Bare::Storage(path) if part_of(path).is_some() => Some(path.clone()),
        Bare::Storage(_) | Bare::Config(_) | Bare::Registry(_) => None,
    }
}

/// The file of a part of a snapshot, or the folder of several.
fn part_of(path: &Path) -> Option<PathBuf> {
    let name = path.as_os_str().as_bytes().strip_prefix(PART.as_bytes())?;
    Some(PathBuf::from(OsStr::from_bytes(name)))
}

/// Tell parts from the storage root, of which there is one.
fn split(storage: &mut StorageArguments, given: Vec<PathBuf>) -> Result<(), String> {
    for path in given {
        if let Some(part) = part_of(&path) {
            storage.parts.push(part);
        } else if let Some(first) = &storage.storage {
            return Err(format!(
                "--storage is given twice, as `{}` and `{}`: only parts of a snapshot stand beside the storage root",
                first.display(),
                path.display()
            ));
        } else {
            storage.storage = Some(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::parse;

    fn place(line: &str) -> Result<String, String> {
        let parsed = parse(line.split(' ').map(Into::into));
        let parsed =
            parsed.map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())?;
        let Subcommand::Check(check) = parsed.command else { panic!("a check") };
        let target = &check.check.target;
        let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let named = [shown(&target.config.config), shown(&target.storage.storage)];
        let named = named.into_iter().chain([target.daemons.registry.registry.clone()]);
        Ok(named.map(|name| name.unwrap_or_else(|| "-".into())).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_bare_path_or_url_means_the_registry() {
        for (line, named) in [
            ("regfsck check /var/lib/registry", "- /var/lib/registry -"),
            ("regfsck check registry", "- registry -"),
            ("regfsck check http://127.0.0.1:5000", "- - http://127.0.0.1:5000"),
            ("regfsck check registry.example:5000", "- - registry.example:5000"),
            ("regfsck check [::1]:5000 data", "- data [::1]:5000"),
            ("regfsck check config.yml", "config.yml - -"),
            ("regfsck scan --content /srv http://h", "- /srv http://h"),
            ("regfsck check snapshot:1 --storage snapshot:b /srv", "- /srv -"),
        ] {
            assert_eq!(place(line).as_deref(), Ok(named), "{line}");
        }
        for (line, said) in [
            (
                "regfsck check /srv --storage /srv",
                "error: `/srv` names the registry as --storage does: one of the two is too many",
            ),
            (
                "regfsck check --storage a --storage b",
                "error: --storage is given twice, as `a` and `b`: only parts of a snapshot stand beside the storage root",
            ),
            (
                "regfsck guard snapshot:a -- gc",
                "error: parts of a snapshot are only looked at, by `regfsck check` without --fix and --plan",
            ),
            (
                "regfsck check a b",
                "error: `b` names the registry as --storage does: one of the two is too many",
            ),
            (
                "regfsck undo http://h",
                "error: `http://h` means --registry, which `regfsck undo` does not take",
            ),
        ] {
            assert_eq!(place(line), Err(said.into()), "{line}");
        }
    }
}
