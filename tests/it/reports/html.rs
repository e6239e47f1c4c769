//! `-o html`, in a real browser. What it looks like is left in `target/screenshots`.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use regfsck::domain::report::Report;
use regfsck::report::format::Format;
use serde_json::{Value, json};

use super::hostile;
use super::large::{large, showy};
use super::{check, damaged, written};
use crate::support::browser::Browser;
use crate::support::regfsck::run;

/// What a browser asks for to show a page of ours: the page.
fn is_alone(browser: &Browser) {
    let requests = browser.requests();
    // What the browser shows before is its own.
    let known = |url: &String| ["file://", "data:", "chrome://"].iter().any(|known| url.starts_with(known));
    assert!(
        requests.iter().all(known) && requests.iter().any(|url| url.starts_with("file://")),
        "{requests:?}"
    );
    assert_eq!(browser.console(), Vec::<String>::new());
}

fn page(folder: &Path, report: &Report) -> PathBuf {
    let file = folder.join("report.html");
    fs::write(&file, written(Format::Html, report)).unwrap();
    file
}

/// One browser for all: to start one takes longer than all that is looked at in it.
#[test]
fn a_browser_shows_the_page_as_it_is_meant() {
    let Some(browser) = Browser::start() else { return };
    a_browser_shows_what_was_found_and_asks_nobody(&browser);
    no_text_becomes_markup_in_a_browser(&browser);
    a_hundred_thousand_findings_open(&browser);
    a_keyboard_filters_sorts_and_opens(&browser);
    it_is_read_at_any_width_in_any_light(&browser);
}

fn a_browser_shows_what_was_found_and_asks_nobody(browser: &Browser) {
    let (root, folder) = (damaged(), tempfile::tempdir().unwrap());
    let file = folder.path().join("report.html");
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), format!("html={}", file.display())]));
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
    browser.open(&file);
    is_alone(browser);
    let said = browser.run(
        "return [document.querySelector('h1').textContent, document.querySelectorAll('script, style').length,
                 document.querySelectorAll('img, iframe, object, a').length,
                 [...document.querySelectorAll('.code h3')].map((h) => h.textContent),
                 document.querySelector('.note') !== null]",
    );
    let codes = json!(["missing-blob", "stray-file", "orphan-blob"]);
    assert_eq!(said.as_array().unwrap()[1..3], [json!(2), json!(0)]);
    assert!(codes.as_array().unwrap().starts_with(said[3].as_array().unwrap()), "{said}");
    let heading = said[0].as_str().unwrap();
    assert!(heading.starts_with("1 error, 1 warning"), "{heading}");
}

fn it_is_read_at_any_width_in_any_light(browser: &Browser) {
    let folder = tempfile::tempdir().unwrap();
    browser.open(&page(folder.path(), &showy()));
    for colours in ["light", "dark"] {
        for width in [400, 1280] {
            browser.show(width, if width == 400 { 1600 } else { 1400 }, colours);
            assert_eq!(browser.overhang(), json!(0), "something is wider than the window, by so much");
            browser.photograph(&format!("report-{colours}-{width}.png"));
            assert_eq!(browser.faint(), json!([]), "{colours} at {width}");
        }
    }
    browser.show(1280, 1400, "light");
    browser.command("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
    browser.photograph("report-print.png");
    is_alone(browser);
}

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

fn a_keyboard_filters_sorts_and_opens(browser: &Browser) {
    let folder = tempfile::tempdir().unwrap();
    browser.open(&page(folder.path(), &showy()));
    browser.show(1280, 900, "light");
    let shown = || browser.run("return document.querySelector('output').textContent");
    let rows =
        "[...document.querySelectorAll('.code.error tbody tr')].filter((row) => row.checkVisibility())";
    assert_eq!(shown(), json!("43 shown"));
    browser.press("/team/api");
    assert_eq!(shown(), json!("4 of 43 shown"));
    assert_eq!(browser.run(&format!("return {rows}.length")), json!(4));
    // The boxes are next, then the first code.
    browser.press(&format!("{TAB} "));
    assert_eq!(shown(), json!("0 of 43 shown"));
    browser.press(" ");
    browser.press(&TAB.repeat(3));
    assert_eq!(
        browser.run("return document.activeElement.parentElement.className"),
        json!("code error open")
    );
    browser.press(TAB);
    let first = format!("return {rows}[0].querySelector('summary').textContent");
    assert_eq!(browser.run(&first), json!("team/api@sha256:000000020000"));
    browser.press(ENTER);
    browser.press(ENTER);
    assert_eq!(
        browser.run("return document.activeElement.parentElement.getAttribute('aria-sort')"),
        json!("descending")
    );
    assert_eq!(browser.run(&first), json!("team/api@sha256:000000200000"));
    // Past the other column to the finding itself.
    browser.press(&format!("{TAB}{TAB}"));
    assert_eq!(
        browser.run("return document.activeElement.nextElementSibling.checkVisibility()"),
        json!(false)
    );
    browser.press(ENTER);
    assert_eq!(
        browser.run("return document.activeElement.nextElementSibling.checkVisibility()"),
        json!(true)
    );
    is_alone(browser);
}

/// Without script all of it is there: what script adds is what it alone can use.
#[test]
fn no_script_is_needed_to_read_it() {
    let report = showy();
    let page = written(Format::Html, &report);
    let (before, _) = page.split_once("<script>").unwrap();
    for finding in &report.findings {
        assert!(
            before.contains(&*finding.message)
                && before.contains(&finding.subject.digest.unwrap().to_string())
        );
    }
    assert!(before.contains("<form class=\"filter\" hidden"));
    assert!(!before.contains("<button"), "nothing that needs it");
}

fn no_text_becomes_markup_in_a_browser(browser: &Browser) {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::deterministic();
    let mut report = hostile::report().new_tree(&mut runner).unwrap().current();
    for _ in 0..150 {
        report.findings.extend(hostile::report().new_tree(&mut runner).unwrap().current().findings);
    }
    report.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    browser.open(&page(folder.path(), &report));
    is_alone(browser);
    let said = browser.run(
        "const tags = new Set(), names = new Set(), texts = [];
         for (const node of document.querySelectorAll('*')) {
           tags.add(node.localName);
           for (const { name } of node.attributes) names.add(name);
         }
         const comments = document.createNodeIterator(document, NodeFilter.SHOW_COMMENT).nextNode();
         for (const row of document.querySelectorAll('.code tbody tr')) texts.push(row.querySelector('summary').textContent);
         return [[...tags].sort(), [...names].sort(), comments === null, texts.length, window.alert === alert];",
    );
    let known: Vec<_> = "body button code dd details div dl dt fieldset footer form h1 h2 h3 head header html input label legend li link \
                         main meta output p pre script section span style summary table tbody td th thead time title tr ul"
        .split_whitespace()
        .collect();
    let tags: Vec<_> = said[0].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    assert!(tags.iter().all(|tag| known.contains(tag)), "{tags:?}");
    let names: Vec<_> = said[1].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(
        names.iter().all(|name| !name.starts_with("on") && !matches!(*name, "src" | "style")),
        "{names:?}"
    );
    assert_eq!((&said[2], &said[3]), (&json!(true), &json!(report.findings.len())));
    // Each text is there as it is, but for what hides.
    let places =
        browser.run("return [...document.querySelectorAll('td summary')].map((one) => one.textContent)");
    let places = places.as_array().unwrap();
    let plain = report.findings.iter().filter_map(|finding| {
        let path = finding.subject.place.as_ref()?.to_string();
        path.chars().all(|c| c.is_ascii_graphic()).then_some(json!(path))
    });
    let lost: Vec<_> = plain.filter(|path| !places.contains(path)).collect();
    assert_eq!(lost, Vec::<Value>::new());
}

fn a_hundred_thousand_findings_open(browser: &Browser) {
    let report = large(100_000);
    let page = written(Format::Html, &report);
    assert!(page.len() < 6_000_000, "{} bytes", page.len());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    fs::write(&file, page).unwrap();
    browser.open(&file);
    let said = browser.run("return [document.querySelectorAll('.code tbody tr').length, document.querySelector('.rest').textContent]");
    assert_eq!(said, json!([2000, "and 98,000 more; -o json has them all"]));
    is_alone(browser);
}
