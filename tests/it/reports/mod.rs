//! The forms of a report, each read by what reads it in the field.

mod files;
mod nagios;
mod prometheus;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

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
