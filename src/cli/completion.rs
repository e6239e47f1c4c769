//! Completions of shells: what `clap_complete` draws, and what only the registry can tell, the names of repositories.

use clap::Command;
use clap_complete::Shell;

use super::args::described;

const BASH_FILES: &str = "--repo)\n                    COMPREPLY=($(compgen -f \"${cur}\"))";
const BASH: &str = "--repo)\n                    COMPREPLY=($(compgen -W \"$(regfsck repositories -- \"${COMP_WORDS[@]:1}\" 2>/dev/null)\" -- \"${cur}\"))";
const ZSH_FILES: &str = ":GLOB:_default'";
const ZSH: &str = ":GLOB:_regfsck_repositories'";
const ZSH_END: &str = "if [ \"$funcstack[1]\" = \"_regfsck\" ]";
const ZSH_NAMES: &str = "(( $+functions[_regfsck_repositories] )) ||
_regfsck_repositories() {
    local -a names
    names=(${(f)\"$(regfsck repositories -- \"${(@)words}\" 2>/dev/null)\"})
    compadd -a names
}

";
const FISH: &str = " -f -a '(regfsck repositories -- (commandline -opc)[2..] 2>/dev/null)'";

/// The program as people type it: without what only completions call.
fn shown() -> Command {
    let whole = described();
    let subcommands = whole.get_subcommands().filter(|it| !it.is_hide_set()).cloned();
    let program = Command::new("regfsck").version(env!("CARGO_PKG_VERSION")).propagate_version(true);
    program.args(whole.get_arguments().cloned()).subcommands(subcommands)
}

/// The values of words without a flag, which `clap_complete` leaves out for fish.
fn fish_words() -> String {
    let program = shown();
    let words = program.get_subcommands().flat_map(|subcommand| {
        subcommand.get_positionals().map(move |word| (subcommand.get_name(), word.get_possible_values()))
    });
    let words = words.filter(|(_, values)| !values.is_empty()).map(|(name, values)| {
        let values: Vec<_> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
        let condition = format!("__fish_regfsck_using_subcommand {name}");
        format!("complete -c regfsck -n \"{condition}\" -f -a '{}'\n", values.join(" "))
    });
    words.collect()
}

/// The completions of a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    let mut drawn = Vec::new();
    clap_complete::generate(shell, &mut shown(), "regfsck", &mut drawn);
    let drawn = String::from_utf8_lossy(&drawn);
    if shell == Shell::Bash {
        drawn.replace(BASH_FILES, BASH)
    } else if shell == Shell::Zsh {
        drawn.replace(ZSH_FILES, ZSH).replace(ZSH_END, &format!("{ZSH_NAMES}{ZSH_END}"))
    } else if shell == Shell::Fish {
        let is_repo = |line: &str| line.contains(" -l repo ");
        let names = |line| if is_repo(line) { FISH } else { "" };
        drawn.lines().flat_map(|line| [line, names(line), "\n"]).collect::<String>() + &fish_words()
    } else {
        drawn.into_owned()
    }
}
