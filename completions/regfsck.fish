# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_regfsck_global_optspecs
    string join \n o/output= color= progress= no-trunc v/verbose q/quiet h/help V/version
end

function __fish_regfsck_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_regfsck_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_regfsck_using_subcommand
    set -l cmd (__fish_regfsck_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c regfsck -n "__fish_regfsck_needs_command" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_needs_command" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_needs_command" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_needs_command" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_needs_command" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_needs_command" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_needs_command" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "check" -d 'Compare what is stored with what is served, and report what is wrong'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "repair" -d 'Carry out a plan that check --plan saved, and nothing else'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "purge" -d 'Make the daemon forget what storage lacks; upload nothing'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "restart" -d 'Restart the daemon, wait until it answers, and prove that its false claims are gone'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "undo" -d 'Put back what the last repair moved to the quarantine or wrote over'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "demo" -d 'Show the incident on an embedded registry, in seconds'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "explain" -d 'Explain a finding code, or list all of them'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "completions" -d 'Print completions for a shell'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "man" -d 'Print the man page'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s s -l storage -d 'The storage root, such as /var/lib/registry' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s r -l registry -d 'The running registry, such as <http://127.0.0.1:5000>' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l content-subset -d 'Hash part N of T of the blobs; a different part each day covers all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l source -d 'Take missing bytes from here: `docker://HOST[/PREFIX]`, oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR, storage:ROOT, containerd:DIR, quarantine:[DIR]; or let the local engine push: docker-daemon:; repeatable, tried in order' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l restart -d 'Restart the daemon, as the last remedy: systemd:UNIT, docker:CONTAINER, compose:[FILE:]SERVICE, kubernetes:[NAMESPACE/]KIND/NAME, exec:COMMAND' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l drain -d 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l restart-timeout -d 'Give a restart so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l state-dir -d 'Keep the journal and temporary files here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l plan -d 'Save the plan of a repair here, and change nothing' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l probe-manifests -d 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l fix -d 'Repair what is wrong: show a plan, ask, carry it out, prove it'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l plan -d 'The plan that check --plan saved' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s s -l storage -d 'The storage root, such as /var/lib/registry' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s r -l registry -d 'The running registry, such as <http://127.0.0.1:5000>' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l content-subset -d 'Hash part N of T of the blobs; a different part each day covers all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l source -d 'Take missing bytes from here: `docker://HOST[/PREFIX]`, oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR, storage:ROOT, containerd:DIR, quarantine:[DIR]; or let the local engine push: docker-daemon:; repeatable, tried in order' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l restart -d 'Restart the daemon, as the last remedy: systemd:UNIT, docker:CONTAINER, compose:[FILE:]SERVICE, kubernetes:[NAMESPACE/]KIND/NAME, exec:COMMAND' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l drain -d 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l restart-timeout -d 'Give a restart so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l state-dir -d 'Keep the journal and temporary files here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l probe-manifests -d 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s s -l storage -d 'The storage root, such as /var/lib/registry' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s r -l registry -d 'The running registry, such as <http://127.0.0.1:5000>' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l content-subset -d 'Hash part N of T of the blobs; a different part each day covers all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l source -d 'Take missing bytes from here: `docker://HOST[/PREFIX]`, oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR, storage:ROOT, containerd:DIR, quarantine:[DIR]; or let the local engine push: docker-daemon:; repeatable, tried in order' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l restart -d 'Restart the daemon, as the last remedy: systemd:UNIT, docker:CONTAINER, compose:[FILE:]SERVICE, kubernetes:[NAMESPACE/]KIND/NAME, exec:COMMAND' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l drain -d 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l restart-timeout -d 'Give a restart so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l state-dir -d 'Keep the journal and temporary files here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l probe-manifests -d 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s s -l storage -d 'The storage root, such as /var/lib/registry' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s r -l registry -d 'The running registry, such as <http://127.0.0.1:5000>' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l content-subset -d 'Hash part N of T of the blobs; a different part each day covers all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l source -d 'Take missing bytes from here: `docker://HOST[/PREFIX]`, oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR, storage:ROOT, containerd:DIR, quarantine:[DIR]; or let the local engine push: docker-daemon:; repeatable, tried in order' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l restart -d 'Restart the daemon, as the last remedy: systemd:UNIT, docker:CONTAINER, compose:[FILE:]SERVICE, kubernetes:[NAMESPACE/]KIND/NAME, exec:COMMAND' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l drain -d 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l restart-timeout -d 'Give a restart so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l state-dir -d 'Keep the journal and temporary files here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l probe-manifests -d 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s s -l storage -d 'The storage root, such as /var/lib/registry' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s r -l registry -d 'The running registry, such as <http://127.0.0.1:5000>' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l run -d 'Undo this run, not the last one' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l state-dir -d 'Where the journal is kept' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l flavour -d 'Behave like this generation of the registry' -r -f -a "v2\t'distribution 2.8: manifests are cached globally, at the first look'
v3\t'distribution 3.0 and 3.1: manifests share the repository\'s cache, from the push on'"
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l keep -d 'Leave the damaged registry in this folder' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l serve -d 'Keep the daemon up until Ctrl-C'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "check" -d 'Compare what is stored with what is served, and report what is wrong'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "repair" -d 'Carry out a plan that check --plan saved, and nothing else'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "purge" -d 'Make the daemon forget what storage lacks; upload nothing'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "restart" -d 'Restart the daemon, wait until it answers, and prove that its false claims are gone'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "undo" -d 'Put back what the last repair moved to the quarantine or wrote over'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "demo" -d 'Show the incident on an embedded registry, in seconds'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "explain" -d 'Explain a finding code, or list all of them'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "completions" -d 'Print completions for a shell'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "man" -d 'Print the man page'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check repair purge restart undo demo explain completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
