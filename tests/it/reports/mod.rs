//! The forms of a report, each read by what reads it in the field.

mod alerts;
mod files;
mod github;
mod hostile;
mod html;
mod junit;
mod large;
mod markdown;
mod nagios;
mod prometheus;
mod sarif;

use std::fs;
use std::path::{Path, PathBuf};

use regfsck::domain::report::Report;
use regfsck::report::format::{self, Format};
use regfsck::report::table::Drawing;
use tempfile::TempDir;

use crate::support::missing;
use crate::support::tree::{Tree, data};

/// A name that tries to be something else in every form: markup, a quote, a new line, a command, figures.
const HOSTILE: &str =
    "<script src=x onerror=alert(1)>&\"'|[a](javascript:b)`*_\n::error::no%0A,]]>\u{1b}[31m";

/// Storage with two images, one of which is broken, an orphan and a hostile file.
fn damaged() -> TempDir {
    let root = TempDir::new().unwrap();
    let mut tree = Tree::new(root.path());
    let image = tree.image("team/app", Some("1.0"), "a");
    tree.image("team/app", Some("2.0"), "b");
    tree.remove(&data(&image.layers[0].digest));
    fs::write(tree.base().join("blobs/sha256").join(HOSTILE.replace('/', "\\")), "").unwrap();
    root
}

/// The arguments of an offline check of it.
fn check(root: &Path) -> Vec<String> {
    ["check", "--storage", root.to_str().unwrap(), "--grace", "0"].map(str::to_owned).into()
}

/// The report in that form.
fn written(format: Format, report: &Report) -> String {
    let mut out = Vec::new();
    format::write(format, report, Drawing::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A file that `.ci/tools` fetched.
fn fetched(file: &str, test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("REGFSCK_TEST_TOOLS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools"));
    let path = folder.join(file);
    if path.is_file() {
        return Some(path);
    }
    missing(&format!("{file} (of what `.ci/tools DIR` makes)"), test);
    None
}
