//! How far a content check has got, in a file beside the journal.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::domain::content::ContentPass;
use crate::domain::shard::Shard;
use crate::engine::ports::{Bookmark, BookmarkError};

/// One content check's progress: `<state dir>/content.json`, or `content-I-of-N.json` for a shard.
#[derive(Debug, Clone)]
pub struct BookmarkFile {
    path: PathBuf,
}

impl BookmarkFile {
    /// The progress kept in this state folder, which need not exist yet.
    #[must_use]
    pub fn new(dir: &Path, shard: Option<Shard>) -> Self {
        let name = shard.map_or_else(
            || "content.json".to_owned(),
            |shard| format!("content-{}-of-{}.json", shard.index, shard.of),
        );
        Self { path: dir.join(name) }
    }

    fn failed(&self, what: &'static str) -> impl FnOnce(std::io::Error) -> BookmarkError {
        let path = self.path.clone();
        move |source| BookmarkError { what, path, source }
    }

    /// Written beside and renamed: a crash leaves the old one or the new one.
    fn write(&self, text: &[u8]) -> std::io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(text)?;
        file.persist(&self.path)?;
        Ok(())
    }
}

impl Bookmark for BookmarkFile {
    fn load(&self) -> Result<Option<ContentPass>, BookmarkError> {
        match fs::read(&self.path) {
            Ok(text) => {
                serde_json::from_slice(&text).map(Some).map_err(|error| self.failed("read")(error.into()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read")(error)),
        }
    }

    fn save(&self, pass: &ContentPass) -> Result<(), BookmarkError> {
        let text = serde_json::to_vec(pass).map_err(|error| self.failed("write")(error.into()))?;
        self.write(&text).map_err(self.failed("write"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::content::ContentSubset;
    use crate::domain::digest::Digest;

    #[test]
    fn what_is_saved_is_loaded_and_damage_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let file = BookmarkFile::new(&dir.path().join("deep/state"), Shard::new(1, 4));
        assert_eq!(file.load().unwrap(), None);
        let mut pass = ContentPass::new(ContentSubset { part: 1, of: 3 }, Shard::new(1, 4));
        pass.after = Some(Digest::sha256([1; 32]));
        file.save(&pass).unwrap();
        assert_eq!(file.load().unwrap(), Some(pass));
        fs::write(dir.path().join("deep/state/content-1-of-4.json"), "{").unwrap();
        assert_eq!(file.load().unwrap_err().what, "read");
    }
}
