//! `scheduler-state.json`, which a pull-through cache keeps in its driver's root: three folders above the storage root.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::folder::Folder;
use crate::domain::layout;
use crate::domain::observed::Observed;

const NAME: &str = "scheduler-state.json";
/// More than a million entries.
const LARGEST: u64 = 256 << 20;

/// The driver's root; there is none where the storage root lies otherwise.
fn driver(root: &Path) -> Option<PathBuf> {
    root.ends_with(layout::ROOT)
        .then(|| root.ancestors().nth(Path::new(layout::ROOT).components().count()))?
        .map(Path::to_owned)
}

pub(super) fn read(root: &Path) -> io::Result<Observed<Vec<u8>>> {
    let Some(driver) = driver(root) else { return Ok(Observed::Absent) };
    let (file, _) = Folder::open_root(&driver)?.regular_file(NAME)?;
    let mut bytes = Vec::new();
    File::from(file).take(LARGEST).read_to_end(&mut bytes)?;
    Ok(Observed::Present(bytes))
}
