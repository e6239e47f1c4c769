//! How far a content check has got, in a file beside the journal.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::adapters::files::{PrivateFolder, read_all};
use crate::domain::content::ContentPass;
use crate::domain::shard::Shard;
use crate::engine::ports::{Bookmark, BookmarkError};

/// One content check's progress: `<state dir>/content.json`, or `content-I-of-N.json` for a shard.
#[derive(Debug, Clone)]
pub struct BookmarkFile {
    dir: PathBuf,
    name: String,
}

/// No progress of ours takes more.
const LIMIT: u64 = 1 << 20;

impl BookmarkFile {
    /// The progress kept in this state folder, which need not exist yet.
    #[must_use]
    pub fn new(dir: &Path, shard: Option<Shard>) -> Self {
        let name = shard.map_or_else(
            || "content.json".to_owned(),
            |shard| format!("content-{}-of-{}.json", shard.index, shard.of),
        );
        Self { dir: dir.to_owned(), name }
    }

    fn failed(&self, what: &'static str) -> impl FnOnce(std::io::Error) -> BookmarkError {
        let path = self.dir.join(&self.name);
        move |source| BookmarkError { what, path, source }
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let Some(folder) = PrivateFolder::find(&self.dir)? else { return Ok(None) };
        folder.open(&self.name)?.map(|(file, _)| read_all(file, LIMIT)).transpose()
    }
}

impl Bookmark for BookmarkFile {
    fn load(&self) -> Result<Option<ContentPass>, BookmarkError> {
        let Some(text) = self.read().map_err(self.failed("read"))? else { return Ok(None) };
        serde_json::from_slice(&text).map(Some).map_err(|error| self.failed("read")(error.into()))
    }

    fn save(&self, pass: &ContentPass) -> Result<(), BookmarkError> {
        let text = serde_json::to_vec(pass).map_err(|error| self.failed("write")(error.into()))?;
        let folder = PrivateFolder::make(&self.dir).map_err(self.failed("write"))?;
        folder.replace(&self.name, |file| file.write_all(&text)).map_err(self.failed("write"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
