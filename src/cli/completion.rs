//! Completions of shells: what `clap_complete` draws, and what only the registry can tell, the names of repositories.

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
    names=(${(f)\"$(regfsck repositories -- \"${(@)words[2,-1]}\" 2>/dev/null)\"})
    compadd -a names
}

";
const FISH: &str = " -f -a '(regfsck repositories -- (commandline -opc)[2..] 2>/dev/null)'";

/// The completions of a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    let mut drawn = Vec::new();
    clap_complete::generate(shell, &mut described(), "regfsck", &mut drawn);
    let drawn = String::from_utf8_lossy(&drawn);
    if shell == Shell::Bash {
        drawn.replace(BASH_FILES, BASH)
    } else if shell == Shell::Zsh {
        drawn.replace(ZSH_FILES, ZSH).replace(ZSH_END, &format!("{ZSH_NAMES}{ZSH_END}"))
    } else if shell == Shell::Fish {
        let is_repo = |line: &str| line.contains(" -l repo ");
        let names = |line| if is_repo(line) { FISH } else { "" };
        drawn.lines().flat_map(|line| [line, names(line), "\n"]).collect()
    } else {
        drawn.into_owned()
    }
}
