//! The page of a watch, for people: the report of the last check as `-o html` writes it, with what was pushed and is broken
//! above, and how the watch goes on below. It asks for itself again, but not while somebody is at it.

use std::collections::HashSet;

use jiff::Timestamp;

use super::headline;
use crate::domain::report::{Report, Tool, Verdict};
use crate::domain::watch::{BrokenPush, WatchStatus};
use crate::report::headline::Headline;
use crate::report::html::{Top, advice, by, class, contents, end, put, target, time};
use crate::report::markup::{markup, prose};
use crate::report::words::grouped;

/// How often it asks for itself, in seconds.
const REFRESH: u32 = 30;
/// So many broken pushes are listed; the metrics count all of them.
const LISTED: usize = 200;

/// The page.
#[must_use]
pub fn page(status: &WatchStatus) -> String {
    let mut page = String::new();
    top(status).put(&mut page);
    page.push_str("<main>\n");
    pushes(&mut page, status);
    let mut last = by(&Tool::default());
    if let Some(report) = &status.report {
        contents(&mut page, report);
        last.push_str(" · <a href=\"report.json\">report.json</a>");
    }
    figures(&mut page, status);
    end(&mut page, &(last + " · <a href=\"metrics\">metrics</a>"));
    page
}

fn top(status: &WatchStatus) -> Top<'_> {
    let Headline { word, said } = heading(status);
    let title = Headline { word: word.clone(), said: said.clone() }.to_string();
    let stale = status.stale.as_ref();
    let stale = stale.map(|stale| format!("the configuration could not be read again: {}", stale.why));
    Top {
        title,
        class: class(verdict(status)),
        target: target(&status.target),
        word,
        said: said.into_iter().chain(stale).collect(),
        when: when(status),
        refresh: Some(REFRESH),
    }
}

fn verdict(status: &WatchStatus) -> Verdict {
    match (&status.report, &status.blind) {
        _ if !status.broken.is_empty() => Verdict::Incoherent,
        (Some(report), None) => report.verdict,
        (Some(report), Some(_)) if report.verdict == Verdict::Incoherent => report.verdict,
        (_, Some(_)) | (None, None) => Verdict::Incomplete,
    }
}

/// What somebody has to know first: what the last check said only where nothing came up since.
fn heading(status: &WatchStatus) -> Headline {
    let broken = match status.broken.len() as u64 {
        0 => None,
        1 => Some("1 image that was pushed cannot be pulled".to_owned()),
        many => Some(format!("{} images that were pushed cannot be pulled", grouped(many))),
    };
    let blind = status.blind.as_ref();
    let unseen = blind.map(|blind| format!("the last check could not look: {}", blind.why));
    let said: Vec<_> = broken.into_iter().chain(unseen).collect();
    match &status.report {
        None if said.is_empty() => Headline { word: "not checked yet".into(), said },
        Some(report) if said.is_empty() => Headline::of(report),
        report => {
            let last = if blind.is_some() { "the check before" } else { "the last check" };
            let before = report.as_ref().map(|report| format!("{last}: {}", headline(report)));
            Headline { word: "attention".into(), said: said.into_iter().chain(before).collect() }
        }
    }
}

/// When was checked, and when will be, as markup.
fn when(status: &WatchStatus) -> String {
    let at = |moment: Timestamp| time(moment, &status.zone);
    let checked = status.report.as_ref().map(|report| format!("checked {}", at(report.finished)));
    let next = match (status.checking, status.next) {
        (Some(since), _) => Some(format!("a check is under way since {}", at(since))),
        (None, next) => next.map(|next| format!("next check {}", at(next))),
    };
    checked.into_iter().chain(next).collect::<Vec<_>>().join(", ")
}

/// What was pushed and is broken, and what helps.
fn pushes(page: &mut String, status: &WatchStatus) {
    let broken = &status.broken;
    if broken.is_empty() {
        return;
    }
    page.push_str(
        "<section id=\"pushes\">\n<h2>Pushed, and cannot be pulled</h2>\n<table class=\"plain\">\n",
    );
    page.push_str("<thead><tr><th>image</th><th>what is wrong</th><th>found</th></tr></thead>\n<tbody>\n");
    for push in broken.iter().take(LISTED) {
        let (name, found) = (markup(&push.image.name()), time(push.found, &status.zone));
        put(
            page,
            format_args!("<tr><td><strong>{name}</strong><br><code>{}</code></td><td>", push.image.digest),
        );
        for finding in &push.findings {
            put(page, format_args!("<code>{}</code>: {}<br>", finding.code, prose(&finding.message)));
        }
        put(page, format_args!("</td><td>{found}</td></tr>\n"));
    }
    page.push_str("</tbody>\n</table>\n");
    if let Some(more) = broken.len().checked_sub(LISTED).filter(|more| *more > 0) {
        put(page, format_args!("<p class=\"rest\">and {} more</p>\n", grouped(more as u64)));
    }
    page.push_str("</section>\n");
    advice(page, &as_report(status, broken));
}

/// What the last check has not found of broken pushes, as a report.
fn as_report(status: &WatchStatus, broken: &[BrokenPush]) -> Report {
    let last = status.report.as_deref();
    let known: HashSet<&str> =
        last.iter().flat_map(|report| &report.findings).map(|finding| &*finding.id).collect();
    let target = last.map_or(&status.target, |report| &report.target);
    let mut report = Report::empty(target.clone(), status.started, status.started);
    let findings = broken.iter().take(LISTED).flat_map(|push| &push.findings);
    report.findings = findings.filter(|finding| !known.contains(&*finding.id)).cloned().collect();
    report
}

fn figures(page: &mut String, status: &WatchStatus) {
    let figures = &status.figures;
    let collections = if status.counts {
        format!("{} seen", figures.collections)
    } else {
        "not seen as they happen: that takes storage on a disk".to_owned()
    };
    let rows = [
        ("checks", markup(&status.schedule)),
        (
            "pushes",
            format!("{} verified, {} broken, {} waiting", figures.verified, figures.failed, status.waiting),
        ),
        ("garbage collections", collections),
        ("watched since", time(status.started, &status.zone)),
    ];
    page.push_str("<section id=\"watch\">\n<h2>Watch</h2>\n<dl class=\"facts\">\n");
    for (name, value) in rows {
        put(page, format_args!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"));
    }
    page.push_str("</dl>\n</section>\n");
}
