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
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "merge" -d 'Join the JSON reports of the parts of a check that `--shard` split into one'
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
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l content-subset -d 'Hash part N of T of the blobs; day/T takes another part each day, and all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l shard -d 'Judge part I of N only, from 0/N; auto/N takes I from `JOB_COMPLETION_INDEX`; `regfsck merge` joins the reports' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l max-duration -d 'Begin no more hashing after so long; what was not hashed is said' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l bytes-per-second -d 'Read at most so much content a second, such as 50MB' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l state-dir -d 'Keep what is remembered between runs in this folder' -r -F
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
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l resume -d 'Hash from where the last such run stopped, and remember where this one stops'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s o -l output -d 'Write the result in this form: table or json, with =FILE into a file; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -l progress -d 'Show progress on stderr' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request on stderr'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s V -l version -d 'Print version'
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
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge explain completions man help" -f -a "check" -d 'Compare what is stored with what is served, and report what is wrong'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge explain completions man help" -f -a "merge" -d 'Join the JSON reports of the parts of a check that `--shard` split into one'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge explain completions man help" -f -a "explain" -d 'Explain a finding code, or list all of them'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge explain completions man help" -f -a "completions" -d 'Print completions for a shell'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge explain completions man help" -f -a "man" -d 'Print the man page'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge explain completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
