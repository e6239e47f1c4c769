//! SARIF 2.1.0, for what gathers the findings of many tools.
//!
//! A result's place is the file of the storage tree that is wrong, or that should be there; what it is about, in a
//! registry's words, is its logical place.

use std::io::{self, Write};

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::places::Digits;
use super::words::plain;
use crate::domain::code::Code;
use crate::domain::finding::{Finding, State, Subject};
use crate::domain::layout::{FolderPlace, LinkPlace, Place};
use crate::domain::report::{Report, Verdict};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What the paths of results are below.
const BASE: &str = "STORAGE";

/// Write it, a result at a time.
pub(super) fn write(report: &Report, mut out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut out, &Log(report))?;
    writeln!(out)
}

struct Log<'a>(&'a Report);

impl Serialize for Log<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut log = serializer.serialize_map(None)?;
        log.serialize_entry("$schema", SCHEMA)?;
        log.serialize_entry("version", "2.1.0")?;
        log.serialize_entry("runs", &[Run(self.0)])?;
        log.end()
    }
}

struct Run<'a>(&'a Report);

impl Serialize for Run<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.0;
        let mut run = serializer.serialize_map(None)?;
        run.serialize_entry("tool", &tool(report))?;
        run.serialize_entry("invocations", &[invocation(report)])?;
        run.serialize_entry("columnKind", "unicodeCodePoints")?;
        if let Some(root) = report.target.storage.as_deref() {
            run.serialize_entry("originalUriBaseIds", &json!({ BASE: { "uri": base(root) } }))?;
        }
        run.serialize_entry("results", &Results(&report.findings))?;
        run.end()
    }
}

struct Results<'a>(&'a [Finding]);

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut results = serializer.serialize_seq(Some(self.0.len()))?;
        for finding in self.0 {
            results.serialize_element(&result(finding))?;
        }
        results.end()
    }
}

fn tool(report: &Report) -> Value {
    let rules: Vec<_> = Code::ALL.iter().map(|code| rule(*code)).collect();
    json!({ "driver": {
        "name": report.tool.name,
        "version": report.tool.version,
        "rules": rules,
    } })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": code.meaning() },
        "fullDescription": { "text": code.meaning() },
        "help": { "text": code.page(), "markdown": code.page() },
        "defaultConfiguration": { "level": code.severity().as_str() },
    })
}

fn invocation(report: &Report) -> Value {
    let notification =
        |level: &str, text: &str| json!({ "level": level, "message": { "text": message(text) } });
    let unknown = report.coverage.unknown.iter();
    let failures = unknown.map(|unlooked| format!("{}: {}", unlooked.what, unlooked.why));
    let failures: Vec<_> =
        report.refusal.clone().into_iter().chain(failures).map(|text| notification("error", &text)).collect();
    let limits = report.coverage.limits.0.iter();
    let limits: Vec<_> = limits.map(|limit| notification("note", &format!("not seen: {limit}"))).collect();
    json!({
        "executionSuccessful": matches!(report.verdict, Verdict::Coherent | Verdict::Incoherent),
        "exitCode": report.exit_status,
        "startTimeUtc": format!("{:.3}", report.started),
        "endTimeUtc": format!("{:.3}", report.finished),
        "toolExecutionNotifications": failures,
        "toolConfigurationNotifications": limits,
    })
}

fn result(finding: &Finding) -> Value {
    let (kind, level) = match finding.state {
        State::Repaired => ("pass", "none"),
        State::Open | State::Failed | State::Unknown => ("fail", finding.severity.as_str()),
    };
    let name = plain(&Digits::All.subject(&finding.subject));
    let file = file(&finding.subject);
    let affects: Vec<_> = finding.affects.iter().map(ToString::to_string).collect();
    let breaks = match affects.as_slice() {
        [] => String::new(),
        [one] => format!("; breaks {one}"),
        [one, rest @ ..] => format!("; breaks {one} and {} more", rest.len()),
    };
    json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == finding.code),
        "kind": kind,
        "level": level,
        "message": { "text": message(&format!("{name}: {}{breaks}", finding.message)) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": relative(&file), "uriBaseId": BASE },
                "region": { "startLine": 1 },
            },
            "logicalLocations": [{ "fullyQualifiedName": name, "kind": "resource" }],
        }],
        "partialFingerprints": { "regfsckFinding/v1": finding.id },
        "properties": {
            "affects": affects,
            "evidence": finding.evidence,
            "remedies": finding.remedies,
            "state": finding.state,
        },
    })
}

/// The file that it is about; of content its data, of a tag its link.
fn file(subject: &Subject) -> String {
    let place = match (subject.place.as_deref(), subject.digest, &subject.repository, &subject.tag) {
        (Some(place), ..) => place.clone(),
        (None, Some(digest), ..) => Place::Data(digest),
        (None, None, Some(repository), Some(tag)) => {
            Place::Link(repository.clone(), LinkPlace::Tag(tag.clone()))
        }
        (None, None, Some(repository), None) => Place::Folder(FolderPlace::Repository(repository.clone())),
        (None, None, None, _) => Place::Folder(FolderPlace::Repositories),
    };
    place.to_string()
}

/// The storage root as what paths are below: a URL stays one.
fn base(root: &str) -> String {
    let root = root.trim_end_matches('/');
    match root.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) && !scheme.is_empty() => {
            format!("{scheme}://{}/", relative(rest))
        }
        _ => format!("file:///{}/", relative(root.trim_start_matches('/'))),
    }
}

/// A path as a relative reference.
fn relative(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.extend(format!("%{byte:02X}").chars());
        }
    }
    uri
}

/// A message: `[text](place)` is a link in one, and what others wrote is none.
fn message(text: &str) -> String {
    plain(text).replace("](", r"\](")
}
