//! The page of a watch, for people: what is broken, what the last check found, when the next one is.
//!
//! It asks for itself again by its own header; nothing in it needs a script, and what others named stands in it as text.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::headline;
use crate::domain::watch::{BrokenPush, WatchStatus};
use crate::report::drawing::Drawing;
use crate::report::markup::markup;
use crate::report::table;

/// How often it asks for itself, in seconds.
const REFRESH: u32 = 30;
/// So many broken pushes are listed; the report has all of what checks found.
const LISTED: usize = 200;
const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886;--bad:#c62828;--good:#2e7d32;--odd:#b26a00}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--good:#81c784;--odd:#ffb74d}}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:70rem}
h1{font-size:1.25rem;margin:0}h2{font-size:1.05rem;margin:1.5rem 0 .5rem}p{margin:.25rem 0}
.coherent{color:var(--good)}.incoherent{color:var(--bad)}.incomplete,.refused{color:var(--odd)}
.state{font-weight:600;font-size:1.1rem;overflow-wrap:anywhere}
li{overflow-wrap:anywhere}code{overflow-wrap:anywhere}
pre{overflow:auto;border:1px solid var(--line);border-radius:.25rem;padding:.75rem;font-size:.85rem}
pre:focus-visible,a:focus-visible{outline:3px solid Highlight}
dl{display:grid;grid-template-columns:auto 1fr;gap:.1rem 1rem;margin:.5rem 0}dt{opacity:.75}dd{margin:0;overflow-wrap:anywhere}";

/// The page.
#[must_use]
pub fn page(status: &WatchStatus) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{REFRESH}\">\n<title>{}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
        markup(&title(status))
    );
    let _ = writeln!(page, "<h1>{}</h1>", markup(name(status)));
    state(&mut page, status);
    pushes(&mut page, &status.broken);
    figures(&mut page, status);
    if let Some(report) = &status.report {
        let drawing = Drawing { width: 100, ..Drawing::default() };
        let drawn = lines(&table::draw(report, drawing));
        let _ = writeln!(page, "<h2 id=\"report\">The last check</h2>");
        let _ = writeln!(page, "<pre tabindex=\"0\" aria-labelledby=\"report\">{drawn}</pre>");
        page.push_str("<p><a href=\"report.json\">report.json</a> · <a href=\"metrics\">metrics</a></p>\n");
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn name(status: &WatchStatus) -> &str {
    let target = &status.target;
    target.registry.as_deref().or(target.storage.as_deref()).unwrap_or("regfsck")
}

fn title(status: &WatchStatus) -> String {
    let word = match (&status.report, status.broken.is_empty() && status.blind.is_none()) {
        (Some(report), true) => report.verdict.as_str(),
        (None, true) => "not checked yet",
        (_, false) => "attention",
    };
    format!("{word}: {}", name(status))
}

fn state(page: &mut String, status: &WatchStatus) {
    let (class, said) = match &status.report {
        Some(report) => (report.verdict.as_str(), headline(report)),
        None => ("incomplete", "no check has ended yet".to_owned()),
    };
    let _ = writeln!(page, "<p class=\"state {class}\" role=\"status\">{}</p>", markup(&said));
    if let Some(blind) = &status.blind {
        let at = time(blind.at, &status.zone);
        let _ = writeln!(
            page,
            "<p class=\"incoherent\">At {at} a check could not look: {}</p>",
            markup(&blind.why)
        );
    }
    if let Some(stale) = &status.stale {
        let why = markup(&stale.why);
        let _ =
            writeln!(page, "<p class=\"incomplete\">The configuration could not be read again: {why}</p>");
    }
}

fn pushes(page: &mut String, broken: &[BrokenPush]) {
    if broken.is_empty() {
        return;
    }
    page.push_str("<h2 class=\"incoherent\">Pushed, and cannot be pulled</h2>\n<ul>\n");
    for push in broken.iter().take(LISTED) {
        let _ = write!(
            page,
            "<li><strong>{}</strong> <code>{}</code>",
            markup(&push.image.name()),
            push.image.digest
        );
        for finding in &push.findings {
            let _ = write!(page, "<br><code>{}</code>: {}", finding.code, markup(&finding.message));
        }
        page.push_str("</li>\n");
    }
    page.push_str("</ul>\n");
    if let Some(more) = broken.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(page, "<p>and {more} more</p>");
    }
}

fn figures(page: &mut String, status: &WatchStatus) {
    let zone = &status.zone;
    let at = |moment: Option<Timestamp>| moment.map_or_else(|| "—".to_owned(), |at| time(at, zone));
    let checked = at(status.report.as_ref().map(|report| report.finished));
    let now = status.checking.map(|since| format!("under way since {}", time(since, zone)));
    let figures = &status.figures;
    let rows = [
        ("checked", checked),
        ("next check", now.unwrap_or_else(|| at(status.next))),
        ("checks are made", markup(&status.schedule)),
        (
            "pushes",
            format!("{} verified, {} broken, {} waiting", figures.verified, figures.failed, status.waiting),
        ),
        ("garbage collections seen", figures.collections.to_string()),
        ("watching since", time(status.started, zone)),
    ];
    page.push_str("<dl>\n");
    for (name, value) in rows {
        let _ = writeln!(page, "<dt>{name}</dt><dd>{value}</dd>");
    }
    page.push_str("</dl>\n");
}

fn time(at: Timestamp, zone: &TimeZone) -> String {
    let shown = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    format!("<time datetime=\"{}\">{}</time>", at.strftime("%Y-%m-%dT%H:%M:%SZ"), markup(&shown))
}

/// Several lines as text that is no markup.
fn lines(text: &str) -> String {
    text.lines().map(|line| markup(line) + "\n").collect()
}
