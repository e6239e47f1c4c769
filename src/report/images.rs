//! Verified images for people: one line an image, and below it what breaks it.

use std::collections::BTreeMap;

use bytesize::ByteSize;

use super::drawing::{Drawing, Tone, colour, hang, line};
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
            below(&mut text, &format!("not looked at: {}: {}", unlooked.what, unlooked.why), drawing);
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
        line(&mut text, &format!("not looked at: {}: {}", unlooked.what, unlooked.why));
    }
    text
}

/// What stands below an image: in a line, where there is room for one.
fn below(text: &mut String, said: &str, drawing: Drawing) {
    if drawing.is_narrow() {
        hang(text, &" ".repeat(9), 11, said, drawing);
    } else {
        line(text, &format!("{:9}{said}", ""));
    }
}

fn one(text: &mut String, image: &VerifiedImage, drawing: Drawing) {
    let (word, tone) = match image.verdict {
        Verdict::Coherent => ("ok", Tone::Good),
        Verdict::Incoherent | Verdict::Refused => ("broken", Tone::Bad),
        Verdict::Incomplete => ("unknown", Tone::Doubtful),
    };
    let word = drawing.paint(&format!("{word:8}"), colour(tone).bold());
    let digest = image.digest.map(|digest| {
        let shown = if drawing.no_trunc { digest.to_string() } else { digest.short() };
        format!(" {shown}")
    });
    let said = format!(
        "{}{}, {}, {} ({})",
        image.name,
        digest.unwrap_or_default(),
        counted(image.manifests, "manifest"),
        counted(image.blobs, "blob"),
        ByteSize(image.bytes),
    );
    if drawing.is_narrow() {
        hang(text, &format!("{word} "), 9, &said, drawing);
    } else {
        line(text, &format!("{word} {said}"));
    }
}

/// Whole digests: whoever reads this needs them.
fn broken(text: &mut String, finding: &Finding, drawing: Drawing) {
    let subject = &finding.subject;
    let what = match (subject.digest, &subject.tag) {
        (Some(digest), _) => format!(" {digest}"),
        (None, Some(tag)) => format!(" {tag}"),
        (None, None) => String::new(),
    };
    below(text, &format!("{}{what}: {}", finding.code, finding.message), drawing);
    if drawing.evidence {
        for evidence in &finding.evidence {
            below(text, &format!("  {} -> {}", evidence.asked, evidence.said), drawing);
        }
    }
}
