//! A folder as a value: to copy it is to copy a pointer, and copies share what they have in common.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::body::Bytes;

/// What lies somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TreeEntry {
    /// A folder.
    Folder,
    /// A file of so many bytes.
    File(u64),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    Folder(Tree),
    File(Bytes),
}

/// A folder with all that is in it. Empty folders are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Tree(Arc<BTreeMap<Arc<str>, Node>>);

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Node {
    fn entry(&self) -> TreeEntry {
        match self {
            Self::Folder(_) => TreeEntry::Folder,
            Self::File(bytes) => TreeEntry::File(bytes.len() as u64),
        }
    }
}

impl Tree {
    fn find(&self, path: &str) -> io::Result<&Node> {
        let (first, rest) = split(path);
        match (self.0.get(first), rest) {
            (None, _) => Err(not_found()),
            (Some(node), None) => Ok(node),
            (Some(Node::Folder(below)), Some(rest)) => below.find(rest),
            (Some(Node::File(_)), Some(_)) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// The folder at a path; the empty path is the folder itself.
    fn folder(&self, path: &str) -> io::Result<&Self> {
        if path.is_empty() {
            return Ok(self);
        }
        match self.find(path)? {
            Node::Folder(below) => Ok(below),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// What lies at a path.
    ///
    /// # Errors
    /// There is nothing.
    pub fn look(&self, path: &str) -> io::Result<TreeEntry> {
        self.find(path).map(Node::entry)
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// There is none, or it is a folder.
    pub fn read(&self, path: &str) -> io::Result<Bytes> {
        match self.find(path)? {
            Node::File(bytes) => Ok(bytes.clone()),
            Node::Folder(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    /// The names in a folder, sorted, and what each is.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn list(&self, path: &str) -> io::Result<Vec<(String, TreeEntry)>> {
        let entries = self.folder(path)?.0.iter();
        Ok(entries.map(|(name, node)| (name.to_string(), node.entry())).collect())
    }

    /// The paths of all files, in order.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let below = |(name, node): (&Arc<str>, &Node)| match node {
            Node::File(_) => vec![name.to_string()],
            Node::Folder(folder) => folder.files().into_iter().map(|path| format!("{name}/{path}")).collect(),
        };
        self.0.iter().flat_map(below).collect()
    }

    /// Writes a whole file, making its folders.
    ///
    /// # Errors
    /// There is a folder at the path, or a file where a folder would have to be.
    pub fn write(&mut self, path: &str, bytes: Bytes) -> io::Result<()> {
        let (first, rest) = split(path);
        let entries = Arc::make_mut(&mut self.0);
        match (entries.get_mut(first), rest) {
            (Some(Node::Folder(below)), Some(rest)) => below.write(rest, bytes),
            (Some(Node::File(known)), None) => {
                *known = bytes;
                Ok(())
            }
            (None, rest) => {
                let node = match rest {
                    None => Node::File(bytes),
                    Some(rest) => {
                        let mut below = Self::default();
                        below.write(rest, bytes)?;
                        Node::Folder(below)
                    }
                };
                entries.insert(first.into(), node);
                Ok(())
            }
            (Some(Node::Folder(_)), None) => Err(io::ErrorKind::IsADirectory.into()),
            (Some(Node::File(_)), Some(_)) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Deletes a file or a whole folder. The folder that it was in stays.
    ///
    /// # Errors
    /// There is nothing.
    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        let (first, rest) = split(path);
        let entries = Arc::make_mut(&mut self.0);
        match (entries.get_mut(first), rest) {
            (Some(_), None) => {
                entries.remove(first);
                Ok(())
            }
            (Some(Node::Folder(below)), Some(rest)) => below.remove(rest),
            (Some(Node::File(_)), Some(_)) => Err(io::ErrorKind::NotADirectory.into()),
            (None, _) => Err(not_found()),
        }
    }
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)))
}
