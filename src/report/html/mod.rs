//! One page of HTML, which is all that it needs: nothing is fetched, and without script it reads the same.
//!
//! What others wrote is text in it; a policy in its head forbids any script and style but its own, and any request.

mod parts;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use self::parts::{advice, figures, findings, images, sides, unseen};
use super::drawing::Drawing;
use super::headline::Headline;
use super::markup::markup;
use super::repair;
use crate::domain::report::{Report, Verdict};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut page = String::new();
    head(&mut page, report);
    header(&mut page, report);
    page.push_str("<main>\n");
    figures(&mut page, report);
    advice(&mut page, report);
    images(&mut page, report);
    findings(&mut page, report);
    let mut repaired = String::new();
    repair::draw(&mut repaired, report, Drawing { width: 100, ..Drawing::default() });
    block(&mut page, &repaired);
    unseen(&mut page, report);
    sides(&mut page, report);
    page.push_str("</main>\n");
    put(&mut page, format_args!("<footer>regfsck {}</footer>\n", markup(&report.tool.version)));
    put(&mut page, format_args!("<script>{SCRIPT}</script>\n</body>\n</html>\n"));
    page
}

/// Writing to a string cannot fail.
fn put(page: &mut String, content: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(content);
}

/// What a policy calls a script or style.
fn hash(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content)))
}

fn head(page: &mut String, report: &Report) {
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    let policy = format!(
        "default-src 'none'; style-src {style}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'"
    );
    let title = markup(&format!("{} · {}", Headline::of(report), target(report)));
    put(
        page,
        format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n"
        ),
    );
}

/// The registry in a word.
fn target(report: &Report) -> &str {
    let target = &report.target;
    target.registry.as_deref().or(target.storage.as_deref()).unwrap_or("registry")
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Coherent => "good",
        Verdict::Incoherent | Verdict::Refused => "bad",
        Verdict::Incomplete => "doubtful",
    }
}

fn header(page: &mut String, report: &Report) {
    let Headline { word, said } = Headline::of(report);
    let took = report.finished.duration_since(report.started).as_secs_f64().max(0.0);
    put(
        page,
        format_args!(
            "<body>\n<header class=\"{}\">\n<p class=\"target\">{}</p>\n<h1>{}</h1>\n",
            class(report.verdict),
            markup(target(report)),
            markup(&word)
        ),
    );
    for one in said {
        put(page, format_args!("<p class=\"said\">{}</p>\n", markup(&one)));
    }
    let (machine, human) =
        (format!("{:.0}", report.finished), report.finished.strftime("%Y-%m-%d %H:%M:%S UTC"));
    put(
        page,
        format_args!(
            "<p class=\"when\"><time datetime=\"{machine}\">{human}</time>, in {took:.1} s, exit status {}</p>\n</header>\n",
            report.exit_status
        ),
    );
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
