# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_regfsck_global_optspecs
    string join \n color= v/verbose q/quiet h/help V/version
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

complete -c regfsck -n "__fish_regfsck_needs_command" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_needs_command" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_needs_command" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_needs_command" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "check" -d 'Compare what is stored with what is served, and report what is wrong'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "merge" -d 'Join the JSON reports of the parts of a check that `--shard` split into one'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "repair" -d 'Carry out a plan that check --plan saved, and nothing else'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "purge" -d 'Make the daemon forget what storage lacks; upload nothing'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "restart" -d 'Restart the daemon, wait until it answers, and prove that its false claims are gone'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "undo" -d 'Put back what the last repair moved to the quarantine or wrote over'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "verify" -d 'Make sure that images can really be pulled: the gate after a push'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "demo" -d 'Show the incident on an embedded registry, in seconds'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "guard" -d 'Run garbage collection with a look before and after, so that it loses nothing and leaves no phantoms'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "watch" -d 'Check again and again, verify what is pushed, and say at once what is broken'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "snapshot" -d 'Write down what storage holds, so that a later check can tell what disappeared'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "doctor" -d 'Look for settings that make phantoms, or that keep them from being repaired'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "explain" -d 'Explain a finding code, or list all of them'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "completions" -d 'Print completions for a shell'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "man" -d 'Print the man page'
complete -c regfsck -n "__fish_regfsck_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s s -l storage -d 'The storage root, such as /var/lib/registry, or a bucket: <s3://BUCKET>[/ROOT][?endpoint=URL], <gs://BUCKET>[/ROOT] or <az://CONTAINER>[/ROOT][?account=NAME]; `snapshot:FILE` for each part that `regfsck snapshot --shard` took' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l io-jobs -d 'Look at so many files and folders of storage at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l max-requests -d 'Read at most so many links of a bucket one by one' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s r -l registry -d 'The running registry, such as `http://127.0.0.1:5000`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l replica -d 'Another replica of the registry: a daemon on the same storage; each is asked by itself; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r -f -a '(regfsck repositories -- (commandline -opc)[2..] 2>/dev/null)'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l redis -d 'The Redis that holds the registry\'s cache' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l redis-ca-file -d 'Trust the CA certificates in this file when talking to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l redis-cert-file -d 'Show this certificate to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l redis-key-file -d 'The key of --redis-cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l registry-token -d 'A bearer token to show to the registry as it is' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l authfile -d 'Take credentials from this file alone, not from where docker, podman and skopeo keep them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l tls-verify -d 'Whether the registry\'s certificate has to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l ca-file -d 'Trust the certificates in this PEM file as well; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l cert-file -d 'Our own certificate, as PEM, where the registry wants one' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l key-file -d 'The key of --cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l cert-dir -d 'Trust the *.crt in this folder, and show its *.cert with the *.key of the same name' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l plain-http-store -d 'Let a registry behind TLS redirect blobs to this store, which speaks plain HTTP; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l resolve -d 'Connect to ADDR where HOST:PORT is meant, as curl does; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l rate -d 'Send at most so many requests a second' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l suspects -d 'Ask also about what this file names, - for stdin; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l since -d 'Ask also about what disappeared since this snapshot was taken' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l content-subset -d 'Hash part N of T of the blobs; day/T takes another part each day, and all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l bytes-per-second -d 'Read at most so much content a second, such as 50MB' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l started -d 'The daemon started then, or later: an RFC 3339 time, or so long ago, such as `2h ago`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r -f -a "error\t''
warning\t''
note\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l shard -d 'Judge part I of N only, from 0/N; auto/N takes I from `JOB_COMPLETION_INDEX`; `regfsck merge` joins the reports' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l max-duration -d 'Begin no more hashing after so long; what was not hashed is said' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l plan -d 'Save the plan of a repair here, and change nothing' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l source -d 'Take missing bytes from here; repeatable, tried in order' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l src-creds -d 'User and password for docker:// sources' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l src-tls-verify -d 'Whether the certificates of docker:// sources have to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l src-authfile -d 'Take credentials for docker:// sources from this file alone' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l restart -d 'Restart the daemon, as the last remedy' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l drain -d 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l restart-timeout -d 'Give a restart so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l state-dir -d 'Keep the journal, temporary files, what --resume remembers and what the last check saw here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s o -l output -d 'Write the report in this form, with =FILE into a file; repeatable' -r -f -a "table\t''
json\t''
jsonl\t''
junit\t''
sarif\t''
markdown\t''
html\t''
github\t''
prometheus\t''
nagios\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l follow-symlinks -d 'Follow symbolic links below the storage root when it is read, as the daemon does'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l resolve-all -d 'Ask every address that the registry\'s name has, as replicas'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l sparse-indexes -d 'Take indexes for whole whose manifests are not all there'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l no-redis -d 'Do not look into the Redis that the config names'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l redis-insecure -d 'Trust any certificate of Redis'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l insecure -d 'Accept any certificate, as --tls-verify=false does'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l probe-manifests -d 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l resume -d 'Hash from where the last such run stopped, and remember where this one stops'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l fix -d 'Repair what is wrong: show a plan, ask, carry it out, prove it'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l nagios-exit -d 'Exit as a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; without -o its line is what is printed'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand check" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s o -l output -d 'Write the report in this form, with =FILE into a file; repeatable' -r -f -a "table\t''
json\t''
jsonl\t''
junit\t''
sarif\t''
markdown\t''
html\t''
github\t''
prometheus\t''
nagios\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -l nagios-exit -d 'Exit as a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; without -o its line is what is printed'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand merge" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l plan -d 'The plan that check --plan saved' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s s -l storage -d 'The storage root, such as /var/lib/registry, or a bucket: <s3://BUCKET>[/ROOT][?endpoint=URL], <gs://BUCKET>[/ROOT] or <az://CONTAINER>[/ROOT][?account=NAME]; `snapshot:FILE` for each part that `regfsck snapshot --shard` took' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l io-jobs -d 'Look at so many files and folders of storage at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l max-requests -d 'Read at most so many links of a bucket one by one' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s r -l registry -d 'The running registry, such as `http://127.0.0.1:5000`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l replica -d 'Another replica of the registry: a daemon on the same storage; each is asked by itself; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r -f -a '(regfsck repositories -- (commandline -opc)[2..] 2>/dev/null)'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l redis -d 'The Redis that holds the registry\'s cache' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l redis-ca-file -d 'Trust the CA certificates in this file when talking to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l redis-cert-file -d 'Show this certificate to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l redis-key-file -d 'The key of --redis-cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l registry-token -d 'A bearer token to show to the registry as it is' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l authfile -d 'Take credentials from this file alone, not from where docker, podman and skopeo keep them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l tls-verify -d 'Whether the registry\'s certificate has to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l ca-file -d 'Trust the certificates in this PEM file as well; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l cert-file -d 'Our own certificate, as PEM, where the registry wants one' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l key-file -d 'The key of --cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l cert-dir -d 'Trust the *.crt in this folder, and show its *.cert with the *.key of the same name' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l plain-http-store -d 'Let a registry behind TLS redirect blobs to this store, which speaks plain HTTP; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l resolve -d 'Connect to ADDR where HOST:PORT is meant, as curl does; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l rate -d 'Send at most so many requests a second' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l suspects -d 'Ask also about what this file names, - for stdin; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l since -d 'Ask also about what disappeared since this snapshot was taken' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l content-subset -d 'Hash part N of T of the blobs; day/T takes another part each day, and all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l bytes-per-second -d 'Read at most so much content a second, such as 50MB' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l started -d 'The daemon started then, or later: an RFC 3339 time, or so long ago, such as `2h ago`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r -f -a "error\t''
warning\t''
note\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l source -d 'Take missing bytes from here; repeatable, tried in order' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l src-creds -d 'User and password for docker:// sources' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l src-tls-verify -d 'Whether the certificates of docker:// sources have to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l src-authfile -d 'Take credentials for docker:// sources from this file alone' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l restart -d 'Restart the daemon, as the last remedy' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l drain -d 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l restart-timeout -d 'Give a restart so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l state-dir -d 'Keep the journal, temporary files, what --resume remembers and what the last check saw here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s o -l output -d 'Write the report in this form, with =FILE into a file; repeatable' -r -f -a "table\t''
json\t''
jsonl\t''
junit\t''
sarif\t''
markdown\t''
html\t''
github\t''
prometheus\t''
nagios\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l follow-symlinks -d 'Follow symbolic links below the storage root when it is read, as the daemon does'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l resolve-all -d 'Ask every address that the registry\'s name has, as replicas'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l sparse-indexes -d 'Take indexes for whole whose manifests are not all there'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l no-redis -d 'Do not look into the Redis that the config names'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l redis-insecure -d 'Trust any certificate of Redis'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l insecure -d 'Accept any certificate, as --tls-verify=false does'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l nagios-exit -d 'Exit as a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; without -o its line is what is printed'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand repair" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s s -l storage -d 'The storage root, such as /var/lib/registry, or a bucket: <s3://BUCKET>[/ROOT][?endpoint=URL], <gs://BUCKET>[/ROOT] or <az://CONTAINER>[/ROOT][?account=NAME]; `snapshot:FILE` for each part that `regfsck snapshot --shard` took' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l io-jobs -d 'Look at so many files and folders of storage at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l max-requests -d 'Read at most so many links of a bucket one by one' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s r -l registry -d 'The running registry, such as `http://127.0.0.1:5000`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l replica -d 'Another replica of the registry: a daemon on the same storage; each is asked by itself; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r -f -a '(regfsck repositories -- (commandline -opc)[2..] 2>/dev/null)'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l redis -d 'The Redis that holds the registry\'s cache' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l redis-ca-file -d 'Trust the CA certificates in this file when talking to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l redis-cert-file -d 'Show this certificate to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l redis-key-file -d 'The key of --redis-cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l registry-token -d 'A bearer token to show to the registry as it is' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l authfile -d 'Take credentials from this file alone, not from where docker, podman and skopeo keep them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l tls-verify -d 'Whether the registry\'s certificate has to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l ca-file -d 'Trust the certificates in this PEM file as well; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l cert-file -d 'Our own certificate, as PEM, where the registry wants one' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l key-file -d 'The key of --cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l cert-dir -d 'Trust the *.crt in this folder, and show its *.cert with the *.key of the same name' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l plain-http-store -d 'Let a registry behind TLS redirect blobs to this store, which speaks plain HTTP; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l resolve -d 'Connect to ADDR where HOST:PORT is meant, as curl does; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l rate -d 'Send at most so many requests a second' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l suspects -d 'Ask also about what this file names, - for stdin; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l since -d 'Ask also about what disappeared since this snapshot was taken' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l content-subset -d 'Hash part N of T of the blobs; day/T takes another part each day, and all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l bytes-per-second -d 'Read at most so much content a second, such as 50MB' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l started -d 'The daemon started then, or later: an RFC 3339 time, or so long ago, such as `2h ago`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r -f -a "error\t''
warning\t''
note\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l state-dir -d 'Keep the journal, temporary files, what --resume remembers and what the last check saw here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s o -l output -d 'Write the report in this form, with =FILE into a file; repeatable' -r -f -a "table\t''
json\t''
jsonl\t''
junit\t''
sarif\t''
markdown\t''
html\t''
github\t''
prometheus\t''
nagios\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l follow-symlinks -d 'Follow symbolic links below the storage root when it is read, as the daemon does'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l resolve-all -d 'Ask every address that the registry\'s name has, as replicas'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l sparse-indexes -d 'Take indexes for whole whose manifests are not all there'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l no-redis -d 'Do not look into the Redis that the config names'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l redis-insecure -d 'Trust any certificate of Redis'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l insecure -d 'Accept any certificate, as --tls-verify=false does'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l nagios-exit -d 'Exit as a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; without -o its line is what is printed'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand purge" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s s -l storage -d 'The storage root, such as /var/lib/registry, or a bucket: <s3://BUCKET>[/ROOT][?endpoint=URL], <gs://BUCKET>[/ROOT] or <az://CONTAINER>[/ROOT][?account=NAME]; `snapshot:FILE` for each part that `regfsck snapshot --shard` took' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l io-jobs -d 'Look at so many files and folders of storage at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l max-requests -d 'Read at most so many links of a bucket one by one' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s r -l registry -d 'The running registry, such as `http://127.0.0.1:5000`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l replica -d 'Another replica of the registry: a daemon on the same storage; each is asked by itself; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r -f -a '(regfsck repositories -- (commandline -opc)[2..] 2>/dev/null)'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l redis -d 'The Redis that holds the registry\'s cache' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l redis-ca-file -d 'Trust the CA certificates in this file when talking to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l redis-cert-file -d 'Show this certificate to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l redis-key-file -d 'The key of --redis-cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l registry-token -d 'A bearer token to show to the registry as it is' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l authfile -d 'Take credentials from this file alone, not from where docker, podman and skopeo keep them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l tls-verify -d 'Whether the registry\'s certificate has to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l ca-file -d 'Trust the certificates in this PEM file as well; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l cert-file -d 'Our own certificate, as PEM, where the registry wants one' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l key-file -d 'The key of --cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l cert-dir -d 'Trust the *.crt in this folder, and show its *.cert with the *.key of the same name' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l plain-http-store -d 'Let a registry behind TLS redirect blobs to this store, which speaks plain HTTP; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l resolve -d 'Connect to ADDR where HOST:PORT is meant, as curl does; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l rate -d 'Send at most so many requests a second' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l suspects -d 'Ask also about what this file names, - for stdin; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l since -d 'Ask also about what disappeared since this snapshot was taken' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l content-subset -d 'Hash part N of T of the blobs; day/T takes another part each day, and all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l bytes-per-second -d 'Read at most so much content a second, such as 50MB' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l started -d 'The daemon started then, or later: an RFC 3339 time, or so long ago, such as `2h ago`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r -f -a "error\t''
warning\t''
note\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l restart -d 'Restart the daemon, as the last remedy' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l drain -d 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l restart-timeout -d 'Give a restart so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l state-dir -d 'Keep the journal, temporary files, what --resume remembers and what the last check saw here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s o -l output -d 'Write the report in this form, with =FILE into a file; repeatable' -r -f -a "table\t''
json\t''
jsonl\t''
junit\t''
sarif\t''
markdown\t''
html\t''
github\t''
prometheus\t''
nagios\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l follow-symlinks -d 'Follow symbolic links below the storage root when it is read, as the daemon does'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l resolve-all -d 'Ask every address that the registry\'s name has, as replicas'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l sparse-indexes -d 'Take indexes for whole whose manifests are not all there'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l no-redis -d 'Do not look into the Redis that the config names'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l redis-insecure -d 'Trust any certificate of Redis'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l insecure -d 'Accept any certificate, as --tls-verify=false does'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l nagios-exit -d 'Exit as a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; without -o its line is what is printed'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand restart" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s s -l storage -d 'The storage root, such as /var/lib/registry, or a bucket: <s3://BUCKET>[/ROOT][?endpoint=URL], <gs://BUCKET>[/ROOT] or <az://CONTAINER>[/ROOT][?account=NAME]; `snapshot:FILE` for each part that `regfsck snapshot --shard` took' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l run -d 'Undo this run, not the last one that changed storage' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l state-dir -d 'Keep the journal, temporary files, what --resume remembers and what the last check saw here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -l list -d 'List the runs that changed this registry, and what of them can be taken back'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand undo" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l images -d 'Read images from this file as well, one a line; - is stdin' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l platform -d 'Only this platform of images that have several; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l wait -d 'Look again for so long at what is not right yet' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -s r -l registry -d 'The running registry, such as `http://127.0.0.1:5000`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l replica -d 'Another replica of the registry: a daemon on the same storage; each is asked by itself; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l registry-token -d 'A bearer token to show to the registry as it is' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l authfile -d 'Take credentials from this file alone, not from where docker, podman and skopeo keep them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l tls-verify -d 'Whether the registry\'s certificate has to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l ca-file -d 'Trust the certificates in this PEM file as well; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l cert-file -d 'Our own certificate, as PEM, where the registry wants one' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l key-file -d 'The key of --cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l cert-dir -d 'Trust the *.crt in this folder, and show its *.cert with the *.key of the same name' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l plain-http-store -d 'Let a registry behind TLS redirect blobs to this store, which speaks plain HTTP; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l resolve -d 'Connect to ADDR where HOST:PORT is meant, as curl does; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l rate -d 'Send at most so many requests a second' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -s o -l output -d 'Write the report in this form, with =FILE into a file; repeatable' -r -f -a "table\t''
json\t''
jsonl\t''
junit\t''
sarif\t''
markdown\t''
html\t''
github\t''
prometheus\t''
nagios\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l referrers -d 'Verify what is attached to the images, too: signatures, SBOMs, attestations'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l content -d 'Fetch all bytes and hash them, not only the last of each blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l resolve-all -d 'Ask every address that the registry\'s name has, as replicas'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l insecure -d 'Accept any certificate, as --tls-verify=false does'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l nagios-exit -d 'Exit as a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; without -o its line is what is printed'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand verify" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l flavour -d 'Behave like this generation of the registry' -r -f -a "v2\t'distribution 2.8: manifests are cached globally, at the first look'
v3\t'distribution 3.1: with Redis, a DELETE forgets the repository\'s entry, too'"
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l keep -d 'Leave the damaged registry in this folder' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l serve -d 'Keep the daemon up until Ctrl-C'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand demo" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s s -l storage -d 'The storage root, such as /var/lib/registry, or a bucket: <s3://BUCKET>[/ROOT][?endpoint=URL], <gs://BUCKET>[/ROOT] or <az://CONTAINER>[/ROOT][?account=NAME]; `snapshot:FILE` for each part that `regfsck snapshot --shard` took' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l io-jobs -d 'Look at so many files and folders of storage at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l max-requests -d 'Read at most so many links of a bucket one by one' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s r -l registry -d 'The running registry, such as `http://127.0.0.1:5000`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l replica -d 'Another replica of the registry: a daemon on the same storage; each is asked by itself; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r -f -a '(regfsck repositories -- (commandline -opc)[2..] 2>/dev/null)'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l redis -d 'The Redis that holds the registry\'s cache' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l redis-ca-file -d 'Trust the CA certificates in this file when talking to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l redis-cert-file -d 'Show this certificate to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l redis-key-file -d 'The key of --redis-cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l registry-token -d 'A bearer token to show to the registry as it is' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l authfile -d 'Take credentials from this file alone, not from where docker, podman and skopeo keep them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l tls-verify -d 'Whether the registry\'s certificate has to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l ca-file -d 'Trust the certificates in this PEM file as well; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l cert-file -d 'Our own certificate, as PEM, where the registry wants one' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l key-file -d 'The key of --cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l cert-dir -d 'Trust the *.crt in this folder, and show its *.cert with the *.key of the same name' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l plain-http-store -d 'Let a registry behind TLS redirect blobs to this store, which speaks plain HTTP; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l resolve -d 'Connect to ADDR where HOST:PORT is meant, as curl does; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l rate -d 'Send at most so many requests a second' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l suspects -d 'Ask also about what this file names, - for stdin; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l since -d 'Ask also about what disappeared since this snapshot was taken' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l content-subset -d 'Hash part N of T of the blobs; day/T takes another part each day, and all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l bytes-per-second -d 'Read at most so much content a second, such as 50MB' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l started -d 'The daemon started then, or later: an RFC 3339 time, or so long ago, such as `2h ago`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r -f -a "error\t''
warning\t''
note\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l gc-version -d 'Whose garbage collector it is; without it, the command is asked for its version, or both are reckoned with' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l keep -d 'Keep what the last N guarded runs left: storage\'s view of before, the collection\'s log' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l source -d 'Take missing bytes from here; repeatable, tried in order' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l src-creds -d 'User and password for docker:// sources' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l src-tls-verify -d 'Whether the certificates of docker:// sources have to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l src-authfile -d 'Take credentials for docker:// sources from this file alone' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l restart -d 'Restart the daemon, as the last remedy' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l drain -d 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l restart-timeout -d 'Give a restart so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l state-dir -d 'Keep the journal, temporary files, what --resume remembers and what the last check saw here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s o -l output -d 'Write the report in this form, with =FILE into a file; repeatable' -r -f -a "table\t''
json\t''
jsonl\t''
junit\t''
sarif\t''
markdown\t''
html\t''
github\t''
prometheus\t''
nagios\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l follow-symlinks -d 'Follow symbolic links below the storage root when it is read, as the daemon does'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l resolve-all -d 'Ask every address that the registry\'s name has, as replicas'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l sparse-indexes -d 'Take indexes for whole whose manifests are not all there'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l no-redis -d 'Do not look into the Redis that the config names'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l redis-insecure -d 'Trust any certificate of Redis'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l insecure -d 'Accept any certificate, as --tls-verify=false does'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l gate-only -d 'Only say whether garbage collection may run'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l delete-untagged -d 'Reckon with garbage collection that deletes untagged manifests (-m); told from the command where there is one'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l fix -d 'Where the gate refuses, repair first and look again'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l accept-loss -d 'Let garbage collection take what broken images would need to be repaired'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l report-only -d 'After garbage collection only report; clear no claims, restart nothing'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s y -l yes -d 'Carry the plan out without asking'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l nagios-exit -d 'Exit as a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; without -o its line is what is printed'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand guard" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -s s -l storage -d 'The storage root, such as /var/lib/registry, or a bucket: <s3://BUCKET>[/ROOT][?endpoint=URL], <gs://BUCKET>[/ROOT] or <az://CONTAINER>[/ROOT][?account=NAME]; `snapshot:FILE` for each part that `regfsck snapshot --shard` took' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l io-jobs -d 'Look at so many files and folders of storage at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l max-requests -d 'Read at most so many links of a bucket one by one' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -s r -l registry -d 'The running registry, such as `http://127.0.0.1:5000`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l replica -d 'Another replica of the registry: a daemon on the same storage; each is asked by itself; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r -f -a '(regfsck repositories -- (commandline -opc)[2..] 2>/dev/null)'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l redis -d 'The Redis that holds the registry\'s cache' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l redis-ca-file -d 'Trust the CA certificates in this file when talking to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l redis-cert-file -d 'Show this certificate to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l redis-key-file -d 'The key of --redis-cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l registry-token -d 'A bearer token to show to the registry as it is' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l authfile -d 'Take credentials from this file alone, not from where docker, podman and skopeo keep them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l tls-verify -d 'Whether the registry\'s certificate has to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l ca-file -d 'Trust the certificates in this PEM file as well; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l cert-file -d 'Our own certificate, as PEM, where the registry wants one' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l key-file -d 'The key of --cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l cert-dir -d 'Trust the *.crt in this folder, and show its *.cert with the *.key of the same name' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l plain-http-store -d 'Let a registry behind TLS redirect blobs to this store, which speaks plain HTTP; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l resolve -d 'Connect to ADDR where HOST:PORT is meant, as curl does; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l rate -d 'Send at most so many requests a second' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l suspects -d 'Ask also about what this file names, - for stdin; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l since -d 'Ask also about what disappeared since this snapshot was taken' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l content-subset -d 'Hash part N of T of the blobs; day/T takes another part each day, and all in T days' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l bytes-per-second -d 'Read at most so much content a second, such as 50MB' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l probe -d 'What the daemon is asked about: what can be wrong, or every tag and link' -r -f -a "suspects\t'What can be wrong'
all\t'Every tag, manifest and layer link'"
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l started -d 'The daemon started then, or later: an RFC 3339 time, or so long ago, such as `2h ago`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l grace -d 'Do not report leftovers that are younger than this: they may be in flight' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l fail-on -d 'Exit with 1 if a finding of this severity or a worse one remains' -r -f -a "error\t''
warning\t''
note\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l interval -d 'Check so long after the end of the last check' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l at -d 'Check every day at this time, by the clocks of this machine or of the zone that is named' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l jitter -d 'Put each check off by a time chosen by chance, at most so long: many watches do not begin in one moment' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l settle -d 'Look for so long again at a pushed image that is not right before it is called broken' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l poll -d 'Look so often whether blobs disappeared; when they did, a check follows' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l listen -d 'Serve the page, /metrics, /report.json, /healthz and /readyz there, and take POST /events' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l token-file -d 'Answer only who shows the token on the first line of this file: as bearer token, or as password' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l tls-cert -d 'Speak TLS with this certificate chain, as PEM' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l tls-key -d 'The key of --tls-cert' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l fix-only -d 'Repair findings of these codes only' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l fix-max -d 'Take at most so many steps a day (UTC): a repair that takes more is left to a person [default: 50]' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l source -d 'Take missing bytes from here; repeatable, tried in order' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l src-creds -d 'User and password for docker:// sources' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l src-tls-verify -d 'Whether the certificates of docker:// sources have to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l src-authfile -d 'Take credentials for docker:// sources from this file alone' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l state-dir -d 'Keep the journal, temporary files, what --resume remembers and what the last check saw here' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -s o -l output -d 'Write each check\'s report in this form, with =FILE into a file, which is replaced at once; repeatable' -r -f -a "table\t''
json\t''
jsonl\t''
junit\t''
sarif\t''
markdown\t''
html\t''
github\t''
prometheus\t''
nagios\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l follow-symlinks -d 'Follow symbolic links below the storage root when it is read, as the daemon does'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l resolve-all -d 'Ask every address that the registry\'s name has, as replicas'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l offline -d 'Do not ask the registry that the config names: an offline check'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l sparse-indexes -d 'Take indexes for whole whose manifests are not all there'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l no-redis -d 'Do not look into the Redis that the config names'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l redis-insecure -d 'Trust any certificate of Redis'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l insecure -d 'Accept any certificate, as --tls-verify=false does'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l content -d 'Hash the content of every blob'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l fix -d 'Repair what checks find, without asking, within these limits; off unless it is given'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand watch" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -s s -l storage -d 'The storage root, such as /var/lib/registry, or a bucket: <s3://BUCKET>[/ROOT][?endpoint=URL], <gs://BUCKET>[/ROOT] or <az://CONTAINER>[/ROOT][?account=NAME]; `snapshot:FILE` for each part that `regfsck snapshot --shard` took' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -l io-jobs -d 'Look at so many files and folders of storage at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -l max-requests -d 'Read at most so many links of a bucket one by one' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -l shard -d 'Take part I of N only, from 0/N; auto/N takes I from `JOB_COMPLETION_INDEX`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -l repo -d 'Only repositories of this name; * and ? match anything; repeatable' -r -f -a '(regfsck repositories -- (commandline -opc)[2..] 2>/dev/null)'
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -s o -l output -d 'Write the snapshot to this file; one that is there is replaced when the new one is whole' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -l follow-symlinks -d 'Follow symbolic links below the storage root when it is read, as the daemon does'
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand snapshot" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -s c -l config -d 'The registry\'s own config.yml, read with its REGISTRY_* overrides' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l env-file -d 'The variables of the registry\'s own environment, as compose and `docker run --env-file` take them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l container -d 'The container that the registry runs in: its engine tells storage, URL and configuration' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -s r -l registry -d 'The running registry, such as `http://127.0.0.1:5000`' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l redis -d 'The Redis that holds the registry\'s cache' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l redis-ca-file -d 'Trust the CA certificates in this file when talking to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l redis-cert-file -d 'Show this certificate to Redis' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l redis-key-file -d 'The key of --redis-cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l creds -d 'User and password; without the password it is asked for' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l registry-token -d 'A bearer token to show to the registry as it is' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l authfile -d 'Take credentials from this file alone, not from where docker, podman and skopeo keep them' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l tls-verify -d 'Whether the registry\'s certificate has to be right' -r -f -a "true\t''
false\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l ca-file -d 'Trust the certificates in this PEM file as well; repeatable' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l cert-file -d 'Our own certificate, as PEM, where the registry wants one' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l key-file -d 'The key of --cert-file' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l cert-dir -d 'Trust the *.crt in this folder, and show its *.cert with the *.key of the same name' -r -F
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l plain-http-store -d 'Let a registry behind TLS redirect blobs to this store, which speaks plain HTTP; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l resolve -d 'Connect to ADDR where HOST:PORT is meant, as curl does; repeatable' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -s j -l jobs -d 'Ask so many questions at once' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l rate -d 'Send at most so many requests a second' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l retry-times -d 'Try a failed request so many more times' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l timeout -d 'Give up on a request that brings nothing for so long' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l registry-version -d 'The registry\'s version, which it does not tell: `registry --version` does' -r
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l fail-on -d 'Exit with 1 if a hint of this severity or a worse one is given' -r -f -a "error\t''
warning\t''
note\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -s o -l output -d 'Write the diagnosis in this form, with =FILE into a file; repeatable' -r -f -a "table\t''
json\t''"
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l progress -d 'Show progress on stderr: a bar on a terminal, elsewhere a line every ten seconds' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l offline -d 'Do not ask the registry that the config names'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l no-redis -d 'Do not look into the Redis that the config names'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l redis-insecure -d 'Trust any certificate of Redis'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l password-stdin -d 'Read the password of --creds from stdin'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l insecure -d 'Accept any certificate, as --tls-verify=false does'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l plain-http -d 'Talk plain HTTP, also to hosts that are not this one'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -l no-trunc -d 'Show whole digests and every finding'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -l color -d 'Colour the output' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -s v -l verbose -d 'Show the evidence of each finding; twice, also every request'
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -s q -l quiet -d 'Print nothing but errors; the exit status tells'
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c regfsck -n "__fish_regfsck_using_subcommand man" -s V -l version -d 'Print version'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "check" -d 'Compare what is stored with what is served, and report what is wrong'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "merge" -d 'Join the JSON reports of the parts of a check that `--shard` split into one'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "repair" -d 'Carry out a plan that check --plan saved, and nothing else'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "purge" -d 'Make the daemon forget what storage lacks; upload nothing'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "restart" -d 'Restart the daemon, wait until it answers, and prove that its false claims are gone'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "undo" -d 'Put back what the last repair moved to the quarantine or wrote over'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "verify" -d 'Make sure that images can really be pulled: the gate after a push'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "demo" -d 'Show the incident on an embedded registry, in seconds'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "guard" -d 'Run garbage collection with a look before and after, so that it loses nothing and leaves no phantoms'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "watch" -d 'Check again and again, verify what is pushed, and say at once what is broken'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "snapshot" -d 'Write down what storage holds, so that a later check can tell what disappeared'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "doctor" -d 'Look for settings that make phantoms, or that keep them from being repaired'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "explain" -d 'Explain a finding code, or list all of them'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "completions" -d 'Print completions for a shell'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "man" -d 'Print the man page'
complete -c regfsck -n "__fish_regfsck_using_subcommand help; and not __fish_seen_subcommand_from check merge repair purge restart undo verify demo guard watch snapshot doctor explain completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c regfsck -n "__fish_regfsck_using_subcommand explain" -f -a 'phantom-blob phantom-link phantom-manifest missing-blob missing-manifest missing-link empty-blob truncated-blob corrupt-blob wrong-descriptor unreadable-manifest unreadable-file invalid-link size-mismatch tag-mismatch hidden-blob replica-disagreement stale-cache-entry server-error hollow-index partial-index dangling-layer-link orphan-blob stale-upload stray-file'
complete -c regfsck -n "__fish_regfsck_using_subcommand completions" -f -a 'bash elvish fish powershell zsh'
