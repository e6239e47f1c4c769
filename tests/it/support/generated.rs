//! Files in the tree that are made from the program itself.

use std::path::{Path, PathBuf};

/// A file of this package.
pub(crate) fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The file at `path` must hold `wanted`; with `UPDATE_GENERATED=1` it is written first.
pub(crate) fn check(path: &str, wanted: &str) {
    let file = in_tree(path);
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == wanted,
        "{path} is out of date; run the tests once with UPDATE_GENERATED=1 to write it anew"
    );
}
