//! The sections of the page.

use super::{class, put};
use crate::domain::code::Severity;
use crate::domain::finding::{Finding, State};
use crate::domain::report::{Images, Report, Verdict};
use crate::report::coverage::seen;
use crate::report::groups::{Group, group};
use crate::report::markup::{markup, prose};
use crate::report::places::{Digits, side};
use crate::report::table::steps;
use crate::report::words::{counted, grouped};

/// About how many findings the page holds; of each code it shows some.
const FINDINGS: usize = 2000;
/// How many findings of a code are shown at least, if there are as many.
const SHOWN: usize = 100;
/// How many images a finding names, and how many things that could not be looked at are named.
const IMAGES: usize = 50;
const UNKNOWN: usize = 500;

/// The numbers, at a glance.
pub(super) fn figures(page: &mut String, report: &Report) {
    let count = |severity| {
        let stands = |finding: &&Finding| finding.severity == severity && finding.state != State::Repaired;
        report.findings.iter().filter(stands).count() as u64
    };
    page.push_str("<dl class=\"figures\">\n");
    let mut figure = |kind: &str, number: u64, what: &str| {
        let kind = if number == 0 { "none" } else { kind };
        let number = grouped(number);
        put(page, format_args!("<div class=\"{kind}\"><dt>{what}</dt><dd>{number}</dd></div>\n"));
    };
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        figure(severity.as_str(), count(severity), &format!("{}s", severity.as_str()));
    }
    let repaired = report.findings.iter().filter(|finding| finding.state == State::Repaired).count() as u64;
    if repaired > 0 {
        figure("repaired", repaired, "repaired");
    }
    if let Images::Counted(images) = &report.images
        && images.checked > 0
    {
        figure("error", images.broken, &format!("of {} broken", counted(images.checked, "image")));
    }
    figure("warning", report.coverage.unknown.len() as u64, "not looked at");
    page.push_str("</dl>\n");
}

/// What helps, and what to type for it.
pub(in crate::report) fn advice(page: &mut String, report: &Report) {
    let all = steps::advice(report);
    if all.is_empty() {
        return;
    }
    page.push_str("<section id=\"todo\">\n<h2>What to do</h2>\n");
    for advice in all {
        put(page, format_args!("<div class=\"advice\">\n<h3>{}</h3>\n<ul>\n", markup(&advice.about)));
        for (is_other, cure) in advice.choices() {
            let or = if is_other { "or " } else { "" };
            put(page, format_args!("<li>{or}{}", prose(&cure.order())));
            if let Some(typed) = &cure.typed {
                put(page, format_args!("\n<pre>{}</pre>", markup(typed)));
            }
            page.push_str("</li>\n");
        }
        page.push_str("</ul>\n</div>\n");
    }
    page.push_str("</section>\n");
}

/// Each image that was verified.
pub(super) fn images(page: &mut String, report: &Report) {
    let images = report.images.verified();
    if images.is_empty() {
        return;
    }
    page.push_str("<section id=\"images\">\n<h2>Images</h2>\n<table class=\"plain\">\n<thead><tr><th>image</th><th>is</th><th>digest</th></tr></thead>\n<tbody>\n");
    for image in images {
        let is = match image.verdict {
            Verdict::Coherent => "ok",
            Verdict::Incoherent | Verdict::Refused => "broken",
            Verdict::Incomplete => "unknown",
        };
        let digest = image.digest.map(|digest| digest.to_string()).unwrap_or_default();
        put(
            page,
            format_args!(
                "<tr><td><code>{}</code></td><td class=\"{}\">{is}</td><td><code>{digest}</code></td></tr>\n",
                markup(&image.name),
                class(image.verdict)
            ),
        );
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
}

/// All that was found, code by code.
pub(super) fn findings(page: &mut String, report: &Report) {
    let groups = group(&report.findings);
    if groups.is_empty() {
        return;
    }
    let most = (FINDINGS / groups.len()).max(SHOWN);
    page.push_str("<section id=\"findings\">\n<h2>Findings</h2>\n");
    page.push_str(
        "<form class=\"filter\" hidden role=\"search\">\n\
         <input type=\"search\" id=\"words\" placeholder=\"repository, digest, tag, words\" aria-label=\"Show findings with these words\">\n\
         <fieldset><legend>severity</legend>\n",
    );
    for severity in ["error", "warning", "note"] {
        put(
            page,
            format_args!(
                "<label><input type=\"checkbox\" value=\"{severity}\" checked> {severity}s</label>\n"
            ),
        );
    }
    page.push_str("</fieldset>\n<output for=\"words\"></output>\n</form>\n");
    for group in &groups {
        one_code(page, group, most);
    }
    page.push_str("</section>\n");
}

fn one_code(page: &mut String, group: &Group<'_>, most: usize) {
    let (code, severity) = (group.code, group.severity.as_str());
    let state = match group.state {
        State::Open => "open",
        State::Repaired => "repaired",
        State::Failed => "failed",
        State::Unknown => "unknown",
    };
    let open = if group.is_quiet() { "" } else { " open" };
    let shared = group.message();
    put(
        page,
        format_args!(
            "<details class=\"code {severity} {state}\" data-severity=\"{severity}\"{open}>\n\
             <summary><h3>{code}</h3> <span class=\"count\">{}</span></summary>\n<p>{}</p>\n",
            group.count(),
            prose(shared.unwrap_or(group.code.meaning()))
        ),
    );
    let with_images = group.findings.iter().any(|finding| !finding.affects.is_empty());
    page.push_str("<table>\n<thead><tr><th>where</th>");
    page.push_str(if shared.is_none() { "<th>what</th>" } else { "" });
    page.push_str(if with_images { "<th>breaks</th>" } else { "" });
    page.push_str("</tr></thead>\n<tbody>\n");
    for finding in group.findings.iter().take(most) {
        row(page, finding, shared.is_none(), with_images);
    }
    page.push_str("</tbody>\n</table>\n");
    if group.findings.len() > most {
        let rest = grouped((group.findings.len() - most) as u64);
        put(page, format_args!("<p class=\"rest\">and {rest} more; <code>-o json</code> has them all</p>\n"));
    }
    page.push_str("</details>\n");
}

fn row(page: &mut String, finding: &Finding, with_message: bool, with_images: bool) {
    let short = markup(&Digits::Few.subject(&finding.subject));
    put(page, format_args!("<tr><td><details><summary><code>{short}</code></summary>\n<dl>"));
    let mut fact = |name: &str, what: &str| {
        put(page, format_args!("<div><dt>{name}</dt><dd>{}</dd></div>", markup(what)));
    };
    if let Some(digest) = finding.subject.digest {
        fact("digest", &digest.to_string());
    }
    if let Some(place) = &finding.subject.place {
        fact("file", &place.to_string());
    }
    for evidence in &finding.evidence {
        fact(side(evidence.view), &format!("{}: {}", evidence.asked, evidence.said));
    }
    for remedy in &finding.remedies {
        let needs = remedy.needs.map(|needs| format!(", needs {needs}")).unwrap_or_default();
        fact("remedy", &format!("{}{needs}", remedy.action.as_str()));
    }
    page.push_str("</dl></details></td>");
    if with_message {
        put(page, format_args!("<td>{}</td>", prose(&finding.message)));
    }
    if with_images {
        page.push_str("<td class=\"images\">");
        for image in finding.affects.iter().take(IMAGES) {
            put(page, format_args!("<code>{}</code> ", markup(&Digits::Few.image(image))));
        }
        if finding.affects.len() > IMAGES {
            put(page, format_args!("and {} more", grouped((finding.affects.len() - IMAGES) as u64)));
        }
        page.push_str("</td>");
    }
    page.push_str("</tr>\n");
}

/// What could not be looked at, and what this kind of run does not see.
pub(super) fn unseen(page: &mut String, report: &Report) {
    let unknown = &report.coverage.unknown;
    if !unknown.is_empty() {
        page.push_str("<section id=\"unknown\">\n<h2>Could not be looked at</h2>\n<ul>\n");
        for unlooked in unknown.iter().take(UNKNOWN) {
            let (what, why) = (markup(&unlooked.what.to_string()), prose(&unlooked.why.to_string()));
            put(page, format_args!("<li><code>{what}</code>: {why}</li>\n"));
        }
        if unknown.len() > UNKNOWN {
            put(page, format_args!("<li>and {} more</li>\n", grouped((unknown.len() - UNKNOWN) as u64)));
        }
        page.push_str("</ul>\n</section>\n");
    }
    let limits = &report.coverage.limits.0;
    if !limits.is_empty() {
        page.push_str("<section id=\"limits\">\n<h2>Not seen by this kind of run</h2>\n<ul>\n");
        for limit in limits {
            put(page, format_args!("<li>{}</li>\n", prose(&limit.to_string())));
        }
        page.push_str("</ul>\n</section>\n");
    }
}

/// What was looked at.
pub(super) fn sides(page: &mut String, report: &Report) {
    page.push_str("<section id=\"sides\">\n<h2>Looked at</h2>\n<dl class=\"facts\">\n");
    for side in seen(report) {
        let (place, saw) = (markup(side.place), markup(&side.saw.unwrap_or_default()));
        put(page, format_args!("<div><dt>{}</dt><dd><code>{place}</code> {saw}</dd></div>\n", side.side));
    }
    page.push_str("</dl>\n</section>\n");
}
