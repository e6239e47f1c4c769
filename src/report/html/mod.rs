//! One page of HTML, which is all that it needs: nothing is fetched, and without script it reads the same.
//!
//! What others wrote is text in it; a policy in its head forbids any script and style but its own, and any request.

mod parts;

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

pub(super) use self::parts::advice;
use self::parts::{figures, findings, images, sides, unseen};
use super::drawing::Drawing;
use super::headline::Headline;
use super::markup::markup;
use super::repair;
use crate::domain::report::{Report, Target, Tool, Verdict};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a page of ours may do in a browser: show itself, with its own script and style.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    format!(
        "default-src 'none'; style-src {style}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'"
    )
});

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut page = String::new();
    let headline = Headline::of(report);
    let took = report.finished.duration_since(report.started).as_secs_f64().max(0.0);
    let finished = time(report.finished, &TimeZone::UTC);
    let top = Top {
        title: headline.to_string(),
        class: class(report.verdict),
        target: target(&report.target),
        word: headline.word,
        said: headline.said,
        when: format!("{finished}, in {took:.1} s, exit status {}", report.exit_status),
        refresh: None,
    };
    top.put(&mut page);
    put(&mut page, format_args!("<main>\n"));
    contents(&mut page, report);
    end(&mut page, &by(&report.tool));
    page
}

/// All that a report says.
pub(super) fn contents(page: &mut String, report: &Report) {
    figures(page, report);
    advice(page, report);
    images(page, report);
    findings(page, report);
    let mut repaired = String::new();
    repair::draw(&mut repaired, report, Drawing { width: 100, ..Drawing::default() });
    block(page, &repaired);
    unseen(page, report);
    sides(page, report);
}

/// What stands on top of a page.
pub(super) struct Top<'a> {
    /// What a tab is called, before the registry.
    pub(super) title: String,
    /// How it is painted.
    pub(super) class: &'static str,
    pub(super) target: &'a str,
    pub(super) word: String,
    pub(super) said: Vec<String>,
    /// As markup.
    pub(super) when: String,
    /// After how many seconds it asks for itself again.
    pub(super) refresh: Option<u32>,
}

/// Writing to a string cannot fail.
pub(super) fn put(page: &mut String, content: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(content);
}

/// What a policy calls a script or style.
fn hash(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content)))
}

impl Top<'_> {
    pub(super) fn put(&self, page: &mut String) {
        self.head(page);
        let (class, target, word) = (self.class, markup(self.target), markup(&self.word));
        put(
            page,
            format_args!(
                "<body>\n<header class=\"{class}\">\n<p class=\"target\">{target}</p>\n<h1>{word}</h1>\n"
            ),
        );
        for one in &self.said {
            put(page, format_args!("<p class=\"said\">{}</p>\n", markup(one)));
        }
        put(page, format_args!("<p class=\"when\">{}</p>\n</header>\n", self.when));
    }

    fn head(&self, page: &mut String) {
        let (policy, title) = (&*POLICY, markup(&format!("{} · {}", self.title, self.target)));
        let attribute = self.refresh.map(|after| format!(" data-refresh=\"{after}\"")).unwrap_or_default();
        // A script knows whether somebody is reading; without one it is the browser's clock.
        let refresh = self
            .refresh
            .map(|after| format!("<noscript><meta http-equiv=\"refresh\" content=\"{after}\"></noscript>\n"));
        let refresh = refresh.unwrap_or_default();
        put(
            page,
            format_args!(
                "<!doctype html>\n<html lang=\"en\"{attribute}>\n<head>\n<meta charset=\"utf-8\">\n\
                 <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n{refresh}\
                 <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
                 <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
                 <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n"
            ),
        );
    }
}

/// Whose page it is.
pub(super) fn by(tool: &Tool) -> String {
    format!("regfsck {}", markup(&tool.version))
}

/// What ends a page; its last line is markup.
pub(super) fn end(page: &mut String, last: &str) {
    put(page, format_args!("</main>\n<footer>{last}</footer>\n"));
    put(page, format_args!("<script>{SCRIPT}</script>\n</body>\n</html>\n"));
}

/// The registry in a word.
pub(super) fn target(target: &Target) -> &str {
    target.registry.as_deref().or(target.storage.as_deref()).unwrap_or("registry")
}

/// A moment, as markup.
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> String {
    let shown = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    format!("<time datetime=\"{at:.0}\">{}</time>", markup(&shown))
}

pub(super) const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Coherent => "good",
        Verdict::Incoherent | Verdict::Refused => "bad",
        Verdict::Incomplete => "doubtful",
    }
}

/// What was repaired, as a terminal shows it.
fn block(page: &mut String, lines: &str) {
    let lines: Vec<_> = lines.trim_matches('\n').lines().map(markup).collect();
    if !lines.is_empty() {
        put(
            page,
            format_args!(
                "<section id=\"repair\">\n<h2>Repair</h2>\n<pre tabindex=\"0\">{}</pre>\n</section>\n",
                lines.join("\n")
            ),
        );
    }
}
