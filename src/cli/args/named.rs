//! Bare words put where the flags that they mean would have put them.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::Subcommand;
use super::bare::Bare;
use super::target::TargetArguments;

/// Where the flags of a command keep what a bare word may name; nothing where it has no such flag.
#[derive(Default)]
struct Slots<'a> {
    bare: Vec<Bare>,
    config: Option<&'a mut Option<PathBuf>>,
    storage: Option<&'a mut Option<PathBuf>>,
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
                storage: Some(&mut it.storage.storage),
                registry: None,
            },
            Subcommand::Snapshot(it) => Self {
                bare: it.bare.target.clone(),
                config: Some(&mut it.config.config),
                storage: Some(&mut it.storage.storage),
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
            storage: Some(&mut target.storage.storage),
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
    let slots = Slots::of(subcommand);
    let Some(command) = program.find_subcommand_mut(name) else { return Ok(()) };
    let mut refuse = |said: String| command.error(ErrorKind::ArgumentConflict, said);
    let Slots { bare, mut config, mut storage, mut registry } = slots;
    let mut seen: Vec<&str> = Vec::new();
    for word in bare {
        let flag = word.flag();
        let is_typed = matches.try_contains_id(flag).unwrap_or(false)
            && matches.value_source(flag) == Some(ValueSource::CommandLine);
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
            Bare::Storage(path) => storage.as_deref_mut().map(|slot| *slot = Some(path)).is_some(),
            Bare::Registry(url) => registry.as_deref_mut().map(|slot| *slot = Some(url)).is_some(),
        };
        if !is_taken {
            return Err(refuse(format!("`{said}` means --{flag}, which `regfsck {name}` does not take")));
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
        ] {
            assert_eq!(place(line).as_deref(), Ok(named), "{line}");
        }
        for (line, said) in [
            (
                "regfsck check /srv --storage /srv",
                "error: `/srv` names the registry as --storage does: one of the two is too many",
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
