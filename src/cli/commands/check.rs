//! `regfsck check`.

use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use clap::Parser as _;

use crate::cli::args::{
    Arguments, CheckArguments, Format, OutputArguments, OutputFormat, ProbeArgument, Subcommand,
};
use crate::cli::commands::repair::journal_dir;
use crate::cli::settings::suspects;
use crate::cli::settings::target::Target;
use crate::cli::terminal;
use crate::cli::terminal::interrupt::{self, Interrupt};
use crate::cli::terminal::progress::Progress;
use crate::domain::code::Severity;
use crate::domain::observed::Unlooked;
use crate::domain::report::{self, Coverage, Report, SCHEMA, Tool, Verdict, summarise};
use crate::domain::verdict;
use crate::engine::check::{ContentSubset, Examination, Options, Probe, check};
use crate::report::{json, table};

/// Check, report, and return the exit status.
pub(in crate::cli) fn run(arguments: &CheckArguments, output: &OutputArguments) -> Result<u8> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let report = runtime.block_on(async {
        Interrupt::watch();
        report(arguments, output).await
    })?;
    write(&report, output)?;
    Ok(report.exit_status)
}

async fn report(arguments: &CheckArguments, output: &OutputArguments) -> Result<Report> {
    let target = Target::find(&arguments.target, &arguments.connection).await?;
    let options = options(arguments, &target)?;
    let events = Arc::new(Progress::new(output));
    let mut examination = check(&target.sides, &options, events).await?;
    note_interrupt(&mut examination.coverage, &interrupt::current());
    Ok(conclude(examination, target.named, arguments.fail_on))
}

pub(in crate::cli) fn options(arguments: &CheckArguments, target: &Target) -> Result<Options> {
    let whole = arguments.content.then_some(ContentSubset { part: 1, of: 1 });
    let content = whole.or(arguments.content_subset);
    let shard = arguments.shard.shard;
    let has_storage = target.named.storage.is_some();
    if shard.is_some() && !has_storage {
        bail!("--shard needs storage: give --storage DIR or --config FILE");
    }
    Ok(Options {
        scope: target.scope.clone(),
        grace: arguments.grace,
        probe: match arguments.probe {
            ProbeArgument::Suspects => Probe::Suspects,
            ProbeArgument::All => Probe::All,
        },
        probe_manifests: arguments.probe_manifests,
        content,
        budget: arguments.budget.budget(content, has_storage, shard, || {
            journal_dir(arguments.repair.state_dir.as_deref(), target)
        })?,
        shard,
        jobs: usize::from(arguments.connection.jobs),
        daemon: target.daemon.clone(),
        suspects: suspects::read(&arguments.suspects)?,
        written: Vec::new(),
        since: suspects::since(&arguments.suspects)?,
    })
}

/// Enter in the coverage that the run was stopped, where it was.
pub(in crate::cli) fn note_interrupt(coverage: &mut Coverage, interrupt: &Interrupt) {
    if interrupt.is_set() {
        let why = "interrupted before everything was looked at".to_owned();
        coverage.unknown.push(Unlooked { what: "the rest".into(), why });
        coverage.unknown.sort();
        coverage.unknown.dedup();
    }
}

/// Run the demo, whose checks are the ones that any user runs.
pub(in crate::cli) fn demo(
    options: crate::cli::commands::demo::Options,
    output: &OutputArguments,
) -> Result<u8> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let mut out = anstream::stdout();
    let check = async |target: &crate::cli::commands::demo::Target, out: &mut dyn std::io::Write| {
        let config = target.config.clone().into_os_string();
        let typed = ["regfsck".into(), "check".into(), "--probe-manifests".into(), "--config".into(), config];
        let Subcommand::Check(arguments) = Arguments::try_parse_from(typed)?.command else {
            return Ok(0);
        };
        let report = report(&arguments.check, output).await?;
        render(&report, Format::Table, terminal::drawing(output), out)?;
        Ok(report.exit_status)
    };
    runtime.block_on(crate::cli::commands::demo::run(options, &mut out, check))?;
    Ok(0)
}

/// Make a report of what was examined.
pub(in crate::cli) fn conclude(
    examination: Examination,
    target: report::Target,
    fail_on: Severity,
) -> Report {
    let mut report = Report {
        schema: SCHEMA,
        tool: Tool::default(),
        started: examination.started,
        finished: examination.finished,
        target,
        verdict: Verdict::Coherent,
        exit_status: 0,
        coverage: examination.coverage,
        refusal: examination.refusal,
        plan: None,
        outcomes: None,
        proof: None,
        summary: summarise(&examination.findings),
        findings: examination.findings,
        images: Vec::new(),
    };
    verdict::conclude(&mut report, fail_on);
    report
}

/// Write the report in every form that was asked for.
pub(in crate::cli) fn write(report: &Report, output: &OutputArguments) -> Result<()> {
    let default = [OutputFormat { format: Format::Table, file: None }];
    let formats = if output.formats.is_empty() { &default[..] } else { &output.formats };
    for form in formats {
        match &form.file {
            Some(path) => {
                let shown = || format!("cannot write the report to `{}`", path.display());
                let mut file = BufWriter::new(File::create(path).with_context(shown)?);
                let plain = table::Drawing { no_trunc: output.no_trunc, ..table::Drawing::default() };
                render(report, form.format, plain, &mut file).with_context(shown)?;
            }
            None if output.quiet => {}
            None => {
                let mut out = anstream::stdout().lock();
                let rendered = render(report, form.format, terminal::drawing(output), &mut out);
                terminal::forgive(rendered).context("cannot write to stdout")?;
            }
        }
    }
    Ok(())
}

fn render(
    report: &Report,
    format: Format,
    drawing: table::Drawing,
    out: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    match format {
        Format::Table => out.write_all(table::draw(report, drawing).as_bytes())?,
        Format::Json => json(report, out)?,
    }
    out.flush()
}
