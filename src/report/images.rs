//! Verified images for people: one line an image, and below it what breaks it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use bytesize::ByteSize;

use super::drawing::Drawing;
use super::words::counted;
use crate::domain::finding::Finding;
use crate::domain::observed::Thing;
use crate::domain::report::{Report, Verdict, VerifiedImage};

/// Draw all of them.
pub(super) fn draw(report: &Report, drawing: Drawing) -> String {
    let mut text = String::new();
    let findings: BTreeMap<&str, &Finding> =
        report.findings.iter().map(|finding| (finding.id.as_str(), finding)).collect();
    for image in report.images.verified() {
        one(&mut text, image, drawing);
        for finding in image.findings.iter().filter_map(|id| findings.get(id.as_str())) {
            broken(&mut text, finding, drawing);
        }
        for unlooked in &image.unknown {
            let _ = writeln!(text, "         not looked at: {}: {}", unlooked.what, unlooked.why);
        }
    }
    let in_images = |what: &Thing| {
        report
            .images
            .verified()
            .iter()
            .any(|image| image.unknown.iter().any(|unlooked| unlooked.what == *what))
    };
    for unlooked in report.coverage.unknown.iter().filter(|unlooked| !in_images(&unlooked.what)) {
        let _ = writeln!(text, "not looked at: {}: {}", unlooked.what, unlooked.why);
    }
    text
}

/// Writing to a string cannot fail.
fn one(text: &mut String, image: &VerifiedImage, drawing: Drawing) {
    let (word, colour) = match image.verdict {
        Verdict::Coherent => ("ok", AnsiColor::Green),
        Verdict::Incoherent | Verdict::Refused => ("broken", AnsiColor::Red),
        Verdict::Incomplete => ("unknown", AnsiColor::Yellow),
    };
    let word = drawing.paint(&format!("{word:8}"), Style::new().bold().fg_color(Some(colour.into())));
    let digest = image.digest.map(|digest| {
        let shown = if drawing.no_trunc { digest.to_string() } else { digest.short() };
        format!(" {shown}")
    });
    let _ = writeln!(
        text,
        "{word} {}{}, {}, {} ({})",
        image.name,
        digest.unwrap_or_default(),
        counted(image.manifests, "manifest"),
        counted(image.blobs, "blob"),
        ByteSize(image.bytes),
    );
}

/// Whole digests: whoever reads this needs them.
fn broken(text: &mut String, finding: &Finding, drawing: Drawing) {
    let subject = &finding.subject;
    let what = match (subject.digest, &subject.tag) {
        (Some(digest), _) => format!(" {digest}"),
        (None, Some(tag)) => format!(" {tag}"),
        (None, None) => String::new(),
    };
    let _ = writeln!(text, "         {}{what}: {}", finding.code, finding.message);
    if drawing.evidence {
        for evidence in &finding.evidence {
            let _ = writeln!(text, "           {} -> {}", evidence.asked, evidence.said);
        }
    }
}
