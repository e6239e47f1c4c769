# What zsh offers for the line $2 with the completions in $1: each as <<WORD>>.
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner "PS1=''; unset zle_bracketed_paste; fpath=(${(q)1} \$fpath); autoload -Uz compinit && compinit -u -D"
# Whoever asks compadd for what fits adds nothing.
zpty -w inner 'compadd() { local o; for o in "$@"; do case $o in (-|--) break;; (-[OAD]) builtin compadd "$@"; return;; esac; done
  local -a fits; builtin compadd -O fits "$@"; print -rn -- "${(@)fits/#/<<}" | sed "s/ *<</>><</g; s/^>>//"; (( $#fits )) && print -r -- ">>"; builtin compadd "$@"; }'
zpty -w inner 'bindkey "^I" complete-word; print READ"Y"'
zpty -r -m inner out '*READY*'
zpty -w -n inner "$2"$'\t'$'\C-u'
zpty -w inner 'print DON"E"'
zpty -r -m inner out '*DONE*'
print -r -- $out
zpty -d inner
