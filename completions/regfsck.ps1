
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'regfsck' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'regfsck'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'regfsck' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Compare what is stored with what is served, and report what is wrong')
            [CompletionResult]::new('repair', 'repair', [CompletionResultType]::ParameterValue, 'Carry out a plan that check --plan saved, and nothing else')
            [CompletionResult]::new('purge', 'purge', [CompletionResultType]::ParameterValue, 'Make the daemon forget what storage lacks; upload nothing')
            [CompletionResult]::new('restart', 'restart', [CompletionResultType]::ParameterValue, 'Restart the daemon, wait until it answers, and prove that its false claims are gone')
            [CompletionResult]::new('undo', 'undo', [CompletionResultType]::ParameterValue, 'Put back what the last repair moved to the quarantine or wrote over')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Show the incident on an embedded registry, in seconds')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a finding code, or list all of them')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print completions for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the man page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'regfsck;check' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('--storage', '--storage', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--registry', '--registry', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--repo', '--repo', [CompletionResultType]::ParameterName, 'Only repositories of this name; * and ? match anything; repeatable')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'User and password; without the password it is asked for')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Ask so many questions at once')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Ask so many questions at once')
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Try a failed request so many more times')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Give up on a request that brings nothing for so long')
            [CompletionResult]::new('--content-subset', '--content-subset', [CompletionResultType]::ParameterName, 'Hash part N of T of the blobs; a different part each day covers all in T days')
            [CompletionResult]::new('--probe', '--probe', [CompletionResultType]::ParameterName, 'What the daemon is asked about: what can be wrong, or every tag and link')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'Do not report leftovers that are younger than this: they may be in flight')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Take missing bytes from here: `docker://HOST[/PREFIX]`, oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR, storage:ROOT, containerd:DIR, quarantine:[DIR]; or let the local engine push: docker-daemon:; repeatable, tried in order')
            [CompletionResult]::new('--restart', '--restart', [CompletionResultType]::ParameterName, 'Restart the daemon, as the last remedy: systemd:UNIT, docker:CONTAINER, compose:[FILE:]SERVICE, kubernetes:[NAMESPACE/]KIND/NAME, exec:COMMAND')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait')
            [CompletionResult]::new('--restart-timeout', '--restart-timeout', [CompletionResultType]::ParameterName, 'Give a restart so long')
            [CompletionResult]::new('--state-dir', '--state-dir', [CompletionResultType]::ParameterName, 'Keep the journal and temporary files here')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Exit with 1 if a finding of this severity or a worse one remains')
            [CompletionResult]::new('--plan', '--plan', [CompletionResultType]::ParameterName, 'Save the plan of a repair here, and change nothing')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Do not ask the registry that the config names: an offline check')
            [CompletionResult]::new('--password-stdin', '--password-stdin', [CompletionResultType]::ParameterName, 'Read the password of --creds from stdin')
            [CompletionResult]::new('--plain-http', '--plain-http', [CompletionResultType]::ParameterName, 'Talk plain HTTP, also to hosts that are not this one')
            [CompletionResult]::new('--content', '--content', [CompletionResultType]::ParameterName, 'Hash the content of every blob')
            [CompletionResult]::new('--probe-manifests', '--probe-manifests', [CompletionResultType]::ParameterName, 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Carry the plan out without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Carry the plan out without asking')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Repair what is wrong: show a plan, ask, carry it out, prove it')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'regfsck;repair' {
            [CompletionResult]::new('--plan', '--plan', [CompletionResultType]::ParameterName, 'The plan that check --plan saved')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('--storage', '--storage', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--registry', '--registry', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--repo', '--repo', [CompletionResultType]::ParameterName, 'Only repositories of this name; * and ? match anything; repeatable')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'User and password; without the password it is asked for')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Ask so many questions at once')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Ask so many questions at once')
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Try a failed request so many more times')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Give up on a request that brings nothing for so long')
            [CompletionResult]::new('--content-subset', '--content-subset', [CompletionResultType]::ParameterName, 'Hash part N of T of the blobs; a different part each day covers all in T days')
            [CompletionResult]::new('--probe', '--probe', [CompletionResultType]::ParameterName, 'What the daemon is asked about: what can be wrong, or every tag and link')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'Do not report leftovers that are younger than this: they may be in flight')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Take missing bytes from here: `docker://HOST[/PREFIX]`, oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR, storage:ROOT, containerd:DIR, quarantine:[DIR]; or let the local engine push: docker-daemon:; repeatable, tried in order')
            [CompletionResult]::new('--restart', '--restart', [CompletionResultType]::ParameterName, 'Restart the daemon, as the last remedy: systemd:UNIT, docker:CONTAINER, compose:[FILE:]SERVICE, kubernetes:[NAMESPACE/]KIND/NAME, exec:COMMAND')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait')
            [CompletionResult]::new('--restart-timeout', '--restart-timeout', [CompletionResultType]::ParameterName, 'Give a restart so long')
            [CompletionResult]::new('--state-dir', '--state-dir', [CompletionResultType]::ParameterName, 'Keep the journal and temporary files here')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Exit with 1 if a finding of this severity or a worse one remains')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Do not ask the registry that the config names: an offline check')
            [CompletionResult]::new('--password-stdin', '--password-stdin', [CompletionResultType]::ParameterName, 'Read the password of --creds from stdin')
            [CompletionResult]::new('--plain-http', '--plain-http', [CompletionResultType]::ParameterName, 'Talk plain HTTP, also to hosts that are not this one')
            [CompletionResult]::new('--content', '--content', [CompletionResultType]::ParameterName, 'Hash the content of every blob')
            [CompletionResult]::new('--probe-manifests', '--probe-manifests', [CompletionResultType]::ParameterName, 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Carry the plan out without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Carry the plan out without asking')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'regfsck;purge' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('--storage', '--storage', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--registry', '--registry', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--repo', '--repo', [CompletionResultType]::ParameterName, 'Only repositories of this name; * and ? match anything; repeatable')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'User and password; without the password it is asked for')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Ask so many questions at once')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Ask so many questions at once')
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Try a failed request so many more times')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Give up on a request that brings nothing for so long')
            [CompletionResult]::new('--content-subset', '--content-subset', [CompletionResultType]::ParameterName, 'Hash part N of T of the blobs; a different part each day covers all in T days')
            [CompletionResult]::new('--probe', '--probe', [CompletionResultType]::ParameterName, 'What the daemon is asked about: what can be wrong, or every tag and link')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'Do not report leftovers that are younger than this: they may be in flight')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Take missing bytes from here: `docker://HOST[/PREFIX]`, oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR, storage:ROOT, containerd:DIR, quarantine:[DIR]; or let the local engine push: docker-daemon:; repeatable, tried in order')
            [CompletionResult]::new('--restart', '--restart', [CompletionResultType]::ParameterName, 'Restart the daemon, as the last remedy: systemd:UNIT, docker:CONTAINER, compose:[FILE:]SERVICE, kubernetes:[NAMESPACE/]KIND/NAME, exec:COMMAND')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait')
            [CompletionResult]::new('--restart-timeout', '--restart-timeout', [CompletionResultType]::ParameterName, 'Give a restart so long')
            [CompletionResult]::new('--state-dir', '--state-dir', [CompletionResultType]::ParameterName, 'Keep the journal and temporary files here')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Exit with 1 if a finding of this severity or a worse one remains')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Do not ask the registry that the config names: an offline check')
            [CompletionResult]::new('--password-stdin', '--password-stdin', [CompletionResultType]::ParameterName, 'Read the password of --creds from stdin')
            [CompletionResult]::new('--plain-http', '--plain-http', [CompletionResultType]::ParameterName, 'Talk plain HTTP, also to hosts that are not this one')
            [CompletionResult]::new('--content', '--content', [CompletionResultType]::ParameterName, 'Hash the content of every blob')
            [CompletionResult]::new('--probe-manifests', '--probe-manifests', [CompletionResultType]::ParameterName, 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Carry the plan out without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Carry the plan out without asking')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'regfsck;restart' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('--storage', '--storage', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--registry', '--registry', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--repo', '--repo', [CompletionResultType]::ParameterName, 'Only repositories of this name; * and ? match anything; repeatable')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'User and password; without the password it is asked for')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Ask so many questions at once')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Ask so many questions at once')
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Try a failed request so many more times')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Give up on a request that brings nothing for so long')
            [CompletionResult]::new('--content-subset', '--content-subset', [CompletionResultType]::ParameterName, 'Hash part N of T of the blobs; a different part each day covers all in T days')
            [CompletionResult]::new('--probe', '--probe', [CompletionResultType]::ParameterName, 'What the daemon is asked about: what can be wrong, or every tag and link')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'Do not report leftovers that are younger than this: they may be in flight')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Take missing bytes from here: `docker://HOST[/PREFIX]`, oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR, storage:ROOT, containerd:DIR, quarantine:[DIR]; or let the local engine push: docker-daemon:; repeatable, tried in order')
            [CompletionResult]::new('--restart', '--restart', [CompletionResultType]::ParameterName, 'Restart the daemon, as the last remedy: systemd:UNIT, docker:CONTAINER, compose:[FILE:]SERVICE, kubernetes:[NAMESPACE/]KIND/NAME, exec:COMMAND')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'Before a restart, wait until uploads have been quiet for so long; 0 does not wait')
            [CompletionResult]::new('--restart-timeout', '--restart-timeout', [CompletionResultType]::ParameterName, 'Give a restart so long')
            [CompletionResult]::new('--state-dir', '--state-dir', [CompletionResultType]::ParameterName, 'Keep the journal and temporary files here')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Exit with 1 if a finding of this severity or a worse one remains')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Do not ask the registry that the config names: an offline check')
            [CompletionResult]::new('--password-stdin', '--password-stdin', [CompletionResultType]::ParameterName, 'Read the password of --creds from stdin')
            [CompletionResult]::new('--plain-http', '--plain-http', [CompletionResultType]::ParameterName, 'Talk plain HTTP, also to hosts that are not this one')
            [CompletionResult]::new('--content', '--content', [CompletionResultType]::ParameterName, 'Hash the content of every blob')
            [CompletionResult]::new('--probe-manifests', '--probe-manifests', [CompletionResultType]::ParameterName, 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Carry the plan out without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Carry the plan out without asking')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'regfsck;undo' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The registry''s own config.yml, read with its REGISTRY_* overrides')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('--storage', '--storage', [CompletionResultType]::ParameterName, 'The storage root, such as /var/lib/registry')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--registry', '--registry', [CompletionResultType]::ParameterName, 'The running registry, such as <http://127.0.0.1:5000>')
            [CompletionResult]::new('--repo', '--repo', [CompletionResultType]::ParameterName, 'Only repositories of this name; * and ? match anything; repeatable')
            [CompletionResult]::new('--run', '--run', [CompletionResultType]::ParameterName, 'Undo this run, not the last one')
            [CompletionResult]::new('--state-dir', '--state-dir', [CompletionResultType]::ParameterName, 'Where the journal is kept')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Do not ask the registry that the config names: an offline check')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'regfsck;demo' {
            [CompletionResult]::new('--flavour', '--flavour', [CompletionResultType]::ParameterName, 'Behave like this generation of the registry')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Leave the damaged registry in this folder')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--serve', '--serve', [CompletionResultType]::ParameterName, 'Keep the daemon up until Ctrl-C')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'regfsck;explain' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'regfsck;completions' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'regfsck;man' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--no-trunc', '--no-trunc', [CompletionResultType]::ParameterName, 'Show whole digests and every finding')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the evidence of each finding; twice, also every request on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but errors; the exit status tells')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'regfsck;help' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Compare what is stored with what is served, and report what is wrong')
            [CompletionResult]::new('repair', 'repair', [CompletionResultType]::ParameterValue, 'Carry out a plan that check --plan saved, and nothing else')
            [CompletionResult]::new('purge', 'purge', [CompletionResultType]::ParameterValue, 'Make the daemon forget what storage lacks; upload nothing')
            [CompletionResult]::new('restart', 'restart', [CompletionResultType]::ParameterValue, 'Restart the daemon, wait until it answers, and prove that its false claims are gone')
            [CompletionResult]::new('undo', 'undo', [CompletionResultType]::ParameterValue, 'Put back what the last repair moved to the quarantine or wrote over')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Show the incident on an embedded registry, in seconds')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a finding code, or list all of them')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print completions for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the man page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'regfsck;help;check' {
            break
        }
        'regfsck;help;repair' {
            break
        }
        'regfsck;help;purge' {
            break
        }
        'regfsck;help;restart' {
            break
        }
        'regfsck;help;undo' {
            break
        }
        'regfsck;help;demo' {
            break
        }
        'regfsck;help;explain' {
            break
        }
        'regfsck;help;completions' {
            break
        }
        'regfsck;help;man' {
            break
        }
        'regfsck;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
