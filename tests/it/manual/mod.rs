//! The manual: a book that builds, whose links lead somewhere and whose commands do what they say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use regfsck::domain::code::Code;

use crate::support::generated::{check, in_tree};
use crate::support::missing;

mod chinese;
mod commands;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pages, in the order of the summary.
fn pages() -> Vec<PathBuf> {
    let summary = read(&in_tree("docs/SUMMARY.md"));
    let named = summary.lines().filter_map(|line| line.split_once("](")?.1.strip_suffix(')'));
    named.map(|name| in_tree("docs").join(name)).collect()
}

/// What a page's links name.
fn links(text: &str) -> impl Iterator<Item = &str> {
    // What stands in backticks or in a fence is no link.
    let parts = text.split('`').step_by(2);
    parts.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split(')').next())
}

/// The anchors that a page's headings make.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"))
        .map(|slug| slug.chars().filter(|c| kept(*c)).collect())
        .collect()
}

#[track_caller]
fn leads_somewhere(from: &Path, link: &str) {
    if link.contains("://") {
        return;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let file = if file.is_empty() { from.to_owned() } else { from.parent().unwrap().join(file) };
    assert!(file.exists(), "{}: `{link}` leads nowhere", from.display());
    if let Some(anchor) = anchor {
        assert!(anchors(&read(&file)).contains(anchor), "{}: `{link}` names no heading", from.display());
    }
}

#[test]
fn links_of_the_manual_and_of_the_pages_at_the_top_lead_somewhere() {
    let pages = pages();
    let listed: BTreeSet<&Path> = pages.iter().map(PathBuf::as_path).collect();
    let mut seen = 0;
    let top =
        ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"].map(in_tree);
    for page in pages.iter().cloned().chain(top).filter(|page| page.exists()) {
        let text = read(&page);
        for link in links(&text) {
            leads_somewhere(&page, link);
            seen += 1;
            // A page of the book must not lead to one that is not in it: there it would be a dead link.
            let target = page.parent().unwrap().join(link.split('#').next().unwrap_or(""));
            let is_page = link.contains(".md") && !link.contains("://");
            if listed.contains(page.as_path()) && is_page {
                assert!(listed.contains(target.as_path()), "{}: `{link}` is no page", page.display());
            }
        }
    }
    assert!(seen > 60, "{seen} links");
}

#[test]
fn every_page_of_the_summary_is_there() {
    let listed: BTreeSet<PathBuf> = pages().into_iter().collect();
    let entries = in_tree("docs").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let of_markdown = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let there: BTreeSet<PathBuf> = of_markdown.filter(|path| !path.ends_with("SUMMARY.md")).collect();
    assert!(listed.is_subset(&there), "{:?}", listed.difference(&there));
}

/// Every page that `explain` prints, one below the other.
fn findings() -> String {
    let mut book =
        "# Every finding\n\nWhat `regfsck explain CODE` prints. Codes are never renamed or used again.\n\n\
                    | code | severity | meaning |\n|---|---|---|\n"
            .to_owned();
    for code in Code::ALL {
        let meaning = code.meaning().replace('|', "\\|");
        let severity = code.severity().as_str();
        let code = code.as_str();
        book.extend(["| [`", code, "`](#", code, ") | ", severity, " | ", &meaning, " |\n"]);
    }
    for code in Code::ALL {
        let page = read(&in_tree("src/domain/explain").join(format!("{code}.md")));
        book.push('\n');
        for line in page.lines() {
            let depth = if line.starts_with('#') { "#" } else { "" };
            book.extend([depth, line, "\n"]);
        }
    }
    book
}

#[test]
fn generated_page_of_findings_in_the_manual() {
    check("docs/findings.md", &findings());
}

#[test]
fn mdbook_builds_every_page_and_has_nothing_to_say() {
    let tools = std::env::var_os("REGFSCK_TEST_TOOLS").map(|folder| PathBuf::from(folder).join("mdbook"));
    let Some(mdbook) = tools.filter(|program| program.is_file()) else {
        return missing("mdbook (below REGFSCK_TEST_TOOLS: what `.ci/mdbook DIR` makes)", "the manual");
    };
    let book = tempfile::tempdir().unwrap();
    let build = |source: &Path| {
        let output =
            Command::new(&mdbook).arg("build").arg(source).arg("--dest-dir").arg(book.path()).output();
        let output = output.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (is_built, said) = build(&in_tree("docs"));
    assert!(is_built && !said.contains("WARN") && !said.contains("ERROR"), "{said}");
    for page in pages() {
        let html = book.path().join(page.file_name().unwrap()).with_extension("html");
        assert!(html.is_file(), "{}", html.display());
    }
    // A summary that names what is not there is refused.
    let broken = tempfile::tempdir().unwrap();
    std::fs::copy(in_tree("docs/book.toml"), broken.path().join("book.toml")).unwrap();
    std::fs::write(broken.path().join("SUMMARY.md"), "# Summary\n\n- [Nothing](nothing.md)\n").unwrap();
    assert!(!build(broken.path()).0);
}
