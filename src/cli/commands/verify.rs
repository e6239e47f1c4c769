//! `regfsck verify`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use crate::adapters::files;
use crate::adapters::registry::Connection;
use crate::cli::args::verify::VerifyCommand;
use crate::cli::settings::image::{self, Typed};
use crate::cli::settings::target;
use crate::cli::terminal::Terminal;
use crate::cli::terminal::interrupt::Interrupt;
use crate::domain::code::Severity;
use crate::domain::finding::Finding;
use crate::domain::report::{Images, Report, ServedCoverage, Target, VerifiedImage, summarise};
use crate::domain::verdict;
use crate::engine::ports::Events;
use crate::engine::verify::{Named, Options, VerifiedImages, verify};

/// More than all images of anybody take, named a line each.
const LARGEST: u64 = 64 << 20;

/// Verify, report, and return the exit status.
pub(in crate::cli) fn run(command: &VerifyCommand, terminal: Terminal) -> Result<u8> {
    let terminal = terminal.with_result(&command.result)?.with_progress(&command.progress);
    let report = super::runtime()?.block_on(report(command, &terminal))?;
    terminal.write_report(&report)
}

async fn report(arguments: &VerifyCommand, terminal: &Terminal) -> Result<Report> {
    let started = Timestamp::now();
    let interrupt = Interrupt::watch();
    let (target, config) = target::known(&arguments.into()).await?;
    let given = target::registries(&target, &arguments.connection, config.as_ref()).await?;
    let images = typed(arguments, given.first().map(|(settings, _)| settings))?;
    let options = Options {
        platforms: arguments.platform.clone(),
        referrers: arguments.referrers,
        content: arguments.content,
        wait: Duration::try_from(arguments.wait).context("--wait")?,
        daemon: config.as_ref().map(target::Target::daemon).unwrap_or_default(),
        jobs: usize::from(arguments.connection.jobs),
    };
    let events: Arc<dyn Events> = terminal.progress();
    let mut report = Report::empty(Target::default(), started, started);
    let mut verified: Vec<(Option<usize>, VerifiedImage)> = Vec::new();
    for (host, named) in &by_registry(&images) {
        let replicas = match host {
            Some(host) => {
                let settings = arguments.connection.settings(host, host).await?;
                target::replicas(settings, target.resolve_all).await?
            }
            None => given.clone(),
        };
        for (settings, address) in &replicas {
            let registry = target::reach(settings, *address)?.reader;
            let mut seen = verify(&*registry, named, &options, Arc::clone(&events)).await;
            let typed_at =
                |image: &VerifiedImage| images.iter().position(|typed| typed.named.name == image.name);
            let places: Vec<_> = seen.images.iter().map(typed_at).collect();
            if replicas.len() > 1 {
                say_where(&mut seen, &registry.location());
            }
            verified.extend(places.into_iter().zip(std::mem::take(&mut seen.images)));
            add(&mut report, seen, registry.location());
        }
    }
    verified.sort_by_key(|(place, _)| *place);
    report.images = Images::Verified(verified.into_iter().map(|(_, image)| image).collect());
    join_findings(&mut report);
    if interrupt.is_set() {
        report.coverage.note_interrupt();
    }
    report.summary = summarise(&report.findings);
    report.finished = Timestamp::now();
    verdict::conclude(&mut report, Severity::Error);
    Ok(report)
}

/// The images that the arguments and the file name, each once.
fn typed(arguments: &VerifyCommand, given: Option<&Connection>) -> Result<Vec<Typed>> {
    let mut texts = arguments.image.clone();
    if let Some(path) = &arguments.images {
        texts.extend(lines(path)?);
    }
    let address = given.map(|given| &given.address);
    let mut images: Vec<Typed> = Vec::new();
    for text in texts {
        let typed = image::parse(&text, address)?;
        if !images.contains(&typed) {
            images.push(typed);
        }
    }
    if images.is_empty() {
        bail!("--images: there is no image in the file");
    }
    Ok(images)
}

/// The images in a file: empty lines and those that begin with `#` are none.
fn lines(path: &Path) -> Result<Vec<String>> {
    let shown = || format!("--images: cannot read `{}`", path.display());
    let bytes = if path == Path::new("-") {
        files::read_all(std::io::stdin(), LARGEST)
    } else {
        files::read_any(path, LARGEST)
    };
    let text = String::from_utf8(bytes.with_context(shown)?).with_context(shown)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

fn by_registry(images: &[Typed]) -> BTreeMap<Option<String>, Vec<Named>> {
    let mut groups: BTreeMap<Option<String>, Vec<Named>> = BTreeMap::new();
    for typed in images {
        groups.entry(typed.host.clone()).or_default().push(typed.named.clone());
    }
    groups
}

fn add(report: &mut Report, seen: VerifiedImages, location: String) {
    let before = report.coverage.served.take().unwrap_or_default();
    report.coverage.served = Some(ServedCoverage {
        requests: before.requests + seen.served.requests,
        tags: before.tags + seen.served.tags,
        manifests: before.manifests + seen.served.manifests,
        blobs: before.blobs + seen.served.blobs,
        hashed_blobs: before.hashed_blobs + seen.served.hashed_blobs,
        hashed_bytes: before.hashed_bytes + seen.served.hashed_bytes,
    });
    report.target.registry = Some(match report.target.registry.take() {
        Some(others) => format!("{others}, {location}"),
        None => location,
    });
    report.findings.extend(seen.findings);
    report.coverage.unknown.extend(seen.unknown);
}

/// Say of which replica it is.
fn say_where(seen: &mut VerifiedImages, location: &str) {
    for image in &mut seen.images {
        image.name = format!("{} at {location}", image.name);
    }
    for finding in &mut seen.findings {
        finding.message = format!("{} (at {location})", finding.message);
    }
}

/// What several replicas show is one finding.
fn join_findings(report: &mut Report) {
    let mut findings: Vec<Finding> = Vec::new();
    for finding in std::mem::take(&mut report.findings) {
        match findings.iter_mut().find(|known| known.id == finding.id) {
            Some(known) => {
                known.message = format!("{}; {}", known.message, finding.message);
                known.evidence.extend(finding.evidence);
                let more = finding.affects.into_iter().filter(|image| !known.affects.contains(image));
                let more: Vec<_> = more.collect();
                known.affects.extend(more);
            }
            None => findings.push(finding),
        }
    }
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    report.findings = findings;
}
