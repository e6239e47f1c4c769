//! Opening what a user named as a source, with words for whatever it is instead.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::domain::layout;
use crate::engine::ports::{FileRange, SourceError};

pub(super) fn unreadable(path: &Path, source: io::Error) -> SourceError {
    SourceError::Unreadable { what: path.display().to_string(), source }
}

pub(super) fn walk_error(root: &Path, error: walkdir::Error) -> SourceError {
    let path = error.path().unwrap_or(root).to_owned();
    unreadable(&path, error.into())
}

pub(super) fn unusable(path: &Path, why: impl Into<String>, hint: Option<&str>) -> SourceError {
    let hint = hint.map(str::to_owned);
    SourceError::Unusable { path: path.to_owned(), why: why.into(), hint }
}

/// Open a regular file. A pipe or a device in its place is an error and does not block.
#[expect(clippy::disallowed_methods, reason = "it reads, and what a user names may be a link")]
pub(super) fn open_regular(path: &Path) -> Result<Option<(File, u64)>, SourceError> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
    };
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    if !metadata.is_file() {
        return Err(unusable(path, "is not a regular file", None));
    }
    Ok(Some((file, metadata.len())))
}

/// A whole file, where it exists.
pub(super) fn open(path: &Path) -> Result<Option<FileRange>, SourceError> {
    let opened = open_regular(path)?;
    Ok(opened.map(|(file, size)| FileRange::new(Arc::new(file), &path.display().to_string(), 0, size)))
}

/// Fail unless `path` is a folder that can be listed.
pub(super) fn folder(path: &Path) -> Result<(), SourceError> {
    match std::fs::read_dir(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(unusable(path, "does not exist", tag_hint(path)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(unusable(
            path,
            "is a file, and a folder is needed",
            Some("for an archive use `oci-archive:` or `docker-archive:`"),
        )),
        Err(error) => Err(unreadable(path, error)),
    }
}

/// `oci:DIR:TAG` is how skopeo writes an image; a source is the whole layout.
fn tag_hint(path: &Path) -> Option<&'static str> {
    let text = path.to_str()?;
    let (before, _) = text.rsplit_once(':')?;
    Path::new(before).exists().then_some("give the path alone, without a `:TAG` behind it")
}

/// Which other transport would fit the folder at `path`.
pub(super) fn folder_hint(path: &Path) -> Option<&'static str> {
    let has = |name: &str| path.join(name).exists();
    if has("oci-layout") || has("index.json") {
        Some("it looks like an OCI layout: use `oci:`")
    } else if has("version") && has("manifest.json") {
        Some("it looks like what skopeo writes to `dir:`: use `dir:`")
    } else if has(layout::ROOT) || has(layout::REPOSITORIES) {
        Some("it looks like a registry's storage: use `storage:`")
    } else if has("io.containerd.content.v1.content") || has("ingest") {
        Some("it looks like a containerd content store: use `containerd:`")
    } else {
        None
    }
}
