//! A filesystem in memory: absolute paths without a leading slash, folders kept when they are empty.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Folder,
    /// Its bytes, and when they were written, in seconds since 1970.
    File(Vec<u8>, i64),
}

#[derive(Debug, Clone, Default)]
pub struct Disk {
    nodes: BTreeMap<String, Node>,
    /// What nobody may look at, nor below it.
    blocked: BTreeSet<String>,
}

/// The path of the folder that something lies in.
pub fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

/// Every folder above a path, the nearest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(path), |path| parent(path))
}

impl Disk {
    pub fn block(&mut self, path: &str) {
        self.blocked.insert(path.to_owned());
    }

    /// What is there: nothing, or a refusal.
    pub fn look(&self, path: &str) -> io::Result<Option<&Node>> {
        let is_blocked =
            self.blocked.contains(path) || above(path).any(|folder| self.blocked.contains(folder));
        if is_blocked { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(self.nodes.get(path)) }
    }

    /// The bytes and the time of the regular file that is there.
    pub fn file(&self, path: &str) -> io::Result<Option<(&[u8], i64)>> {
        Ok(match self.look(path)? {
            Some(Node::File(bytes, modified)) => Some((bytes, *modified)),
            Some(Node::Folder) | None => None,
        })
    }

    /// The names in a folder, sorted, and what each is.
    pub fn list(&self, folder: &str) -> io::Result<Vec<(&str, &Node)>> {
        self.look(folder)?;
        let prefix = format!("{folder}/");
        let below = self.nodes.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        Ok(below
            .map(|(path, node)| (&path[prefix.len()..], node))
            .filter(|(name, _)| !name.contains('/'))
            .collect())
    }

    /// Make a folder and those above it.
    pub fn make(&mut self, folder: &str) {
        for folder in [folder].into_iter().chain(above(folder)) {
            let node = self.nodes.entry(folder.to_owned()).or_insert(Node::Folder);
            assert_eq!(*node, Node::Folder, "`{folder}` is no folder");
        }
    }

    /// Write a file and the folders that it needs.
    pub fn write(&mut self, path: &str, bytes: &[u8], modified: i64) {
        self.make(parent(path).unwrap());
        let before = self.nodes.insert(path.to_owned(), Node::File(bytes.to_vec(), modified));
        assert_ne!(before, Some(Node::Folder), "`{path}` is a folder");
    }

    /// Take away a file, or a folder with all that is in it, and give what it was.
    pub fn remove(&mut self, path: &str) -> Option<Node> {
        let prefix = format!("{path}/");
        self.nodes.retain(|known, _| !known.starts_with(&prefix));
        self.nodes.remove(path)
    }

    /// Every folder.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter(|(_, node)| **node == Node::Folder).map(|(path, _)| path.as_str())
    }

    /// Every file.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.nodes.iter().filter_map(|(path, node)| match node {
            Node::File(bytes, _) => Some((path.as_str(), bytes.as_slice())),
            Node::Folder => None,
        })
    }
}
