
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
            [CompletionResult]::new('merge', 'merge', [CompletionResultType]::ParameterValue, 'Join the JSON reports of the parts of a check that `--shard` split into one')
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
            [CompletionResult]::new('--content-subset', '--content-subset', [CompletionResultType]::ParameterName, 'Hash part N of T of the blobs; day/T takes another part each day, and all in T days')
            [CompletionResult]::new('--probe', '--probe', [CompletionResultType]::ParameterName, 'What the daemon is asked about: what can be wrong, or every tag and link')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'Do not report leftovers that are younger than this: they may be in flight')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Exit with 1 if a finding of this severity or a worse one remains')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Judge part I of N only, from 0/N; auto/N takes I from `JOB_COMPLETION_INDEX`; `regfsck merge` joins the reports')
            [CompletionResult]::new('--max-duration', '--max-duration', [CompletionResultType]::ParameterName, 'Begin no more hashing after so long; what was not hashed is said')
            [CompletionResult]::new('--bytes-per-second', '--bytes-per-second', [CompletionResultType]::ParameterName, 'Read at most so much content a second, such as 50MB')
            [CompletionResult]::new('--state-dir', '--state-dir', [CompletionResultType]::ParameterName, 'Keep what is remembered between runs in this folder')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the result in this form: table or json, with =FILE into a file; repeatable')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the output')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show progress on stderr')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Do not ask the registry that the config names: an offline check')
            [CompletionResult]::new('--password-stdin', '--password-stdin', [CompletionResultType]::ParameterName, 'Read the password of --creds from stdin')
            [CompletionResult]::new('--plain-http', '--plain-http', [CompletionResultType]::ParameterName, 'Talk plain HTTP, also to hosts that are not this one')
            [CompletionResult]::new('--content', '--content', [CompletionResultType]::ParameterName, 'Hash the content of every blob')
            [CompletionResult]::new('--probe-manifests', '--probe-manifests', [CompletionResultType]::ParameterName, 'Ask what the daemon believes of lost manifests by a PUT that it must refuse; needs push rights, changes no file')
            [CompletionResult]::new('--resume', '--resume', [CompletionResultType]::ParameterName, 'Hash from where the last such run stopped, and remember where this one stops')
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
        'regfsck;merge' {
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
            [CompletionResult]::new('merge', 'merge', [CompletionResultType]::ParameterValue, 'Join the JSON reports of the parts of a check that `--shard` split into one')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a finding code, or list all of them')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print completions for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the man page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'regfsck;help;check' {
            break
        }
        'regfsck;help;merge' {
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
