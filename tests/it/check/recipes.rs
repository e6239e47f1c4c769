//! The recipes in `fixtures/`: for each finding code storage with this damage and nothing else.
//!
//! A recipe is a JSON file: `content` builds healthy storage, `damage` breaks it, `finds` are the findings, exactly.
//! `with` are further arguments. With `daemon` (`warm`: everything was read before the damage; `cold`: after it
//! the daemon was restarted) every daemon of the harness is asked as well; with `lies` only the sandbox, which answers
//! as told. In texts `{NAME}` is the digest of a thing that `content` named, `{NAME#}` its hexadecimal digits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regfsck::adapters::sandbox::{Access, Fault};
use regfsck::domain::code::Code;
use regfsck::domain::digest::Digest;
use regfsck::domain::report::Report;
use serde::Deserialize;
use sha2::{Digest as _, Sha512};

use super::{check, check_daemon, lines};
use crate::support::daemon::{Daemon, Kind, Settings};
use crate::support::generated::in_tree;
use crate::support::raw::{blob_path, manifest_path};
use crate::support::tree::{Tree, data, layer_link, revision_link, tag_link};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    /// What it is, for the reader.
    #[serde(rename = "about")]
    _about: String,
    content: Vec<Content>,
    #[serde(default)]
    damage: Vec<Damage>,
    #[serde(default)]
    pub(crate) with: Vec<String>,
    pub(crate) daemon: Option<State>,
    #[serde(default)]
    pub(crate) lies: Vec<Lie>,
    pub(crate) finds: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Content {
    /// An image of a config and two layers: `NAME.config`, `NAME.layer1`, `NAME.layer2`, `NAME.manifest`.
    Image { repository: String, tag: Option<String>, name: String },
    /// A manifest of this text.
    Manifest { repository: String, tag: Option<String>, name: String, text: serde_json::Value },
    /// A blob of this text, linked where a repository is named.
    Blob { repository: Option<String>, name: String, text: String },
    /// A SHA-512 link to a blob, as 2.x and 3.x write one; it is named `NAME.sha512`.
    Alias { repository: String, name: String },
    /// A file below the storage root.
    File { path: String, text: String },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Damage {
    Remove(What),
    Empty(What),
    Halve(What),
    Flip(What),
    Write(What, String),
    /// Reads a blob over the API of the daemon, if there is one.
    Read(String, String),
    /// Puts back what was there before the damage.
    Restore(What),
}

/// A file of the layout.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Data(String),
    Layer(String, String),
    Revision(String, String),
    Tag(String, String),
    Path(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Warm,
    Cold,
}

/// What the sandbox answers to every request whose path ends so.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Lie {
    path: String,
    status: u16,
    body: String,
}

/// Replaces `{NAME}` and `{NAME#}`.
fn fill_in(tree: &Tree, text: &str) -> String {
    tree.named.iter().fold(text.to_owned(), |text, (name, digest)| {
        text.replace(&format!("{{{name}}}"), &digest.to_string())
            .replace(&format!("{{{name}#}}"), &digest.hex())
    })
}

impl Content {
    fn build(&self, tree: &mut Tree) {
        match self {
            Self::Image { repository, tag, name } => {
                tree.image(repository, tag.as_deref(), name);
            }
            Self::Manifest { repository, tag, name, text } => {
                let text = fill_in(tree, &text.to_string());
                let digest = tree.blob(name, text.as_bytes());
                tree.manifest_links(repository, tag.as_deref(), &digest);
            }
            Self::Blob { repository, name, text } => {
                let digest = tree.blob(name, text.as_bytes());
                if let Some(repository) = repository {
                    tree.layer_link(repository, &digest);
                }
            }
            Self::Alias { repository, name } => {
                let canonical = tree.named[name];
                let alias = Digest::sha512(Sha512::digest(tree.read(&data(&canonical))).into());
                tree.write(&layer_link(repository, &alias), canonical.to_string());
                tree.named.insert(format!("{name}.sha512"), alias);
            }
            Self::File { path, text } => tree.write(&fill_in(tree, path), fill_in(tree, text)),
        }
    }
}

impl What {
    fn path(&self, tree: &Tree) -> String {
        match self {
            Self::Data(name) => data(&tree.named[name]),
            Self::Layer(repository, name) => layer_link(repository, &tree.named[name]),
            Self::Revision(repository, name) => revision_link(repository, &tree.named[name]),
            Self::Tag(repository, tag) => tag_link(repository, tag),
            Self::Path(path) => fill_in(tree, path),
        }
    }
}

impl Damage {
    fn apply(&self, tree: &Tree, before: &BTreeMap<String, Vec<u8>>, daemon: Option<&Daemon>) {
        let edit = |what: &What, edit: &dyn Fn(&mut Vec<u8>)| {
            let path = what.path(tree);
            let mut bytes = tree.read(&path);
            edit(&mut bytes);
            tree.write(&path, bytes);
        };
        match self {
            Self::Remove(what) => tree.remove(&what.path(tree)),
            Self::Empty(what) => edit(what, &Vec::clear),
            Self::Halve(what) => edit(what, &|bytes| bytes.truncate(bytes.len() / 2)),
            Self::Flip(what) => edit(what, &|bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }),
            Self::Write(what, text) => tree.write(&what.path(tree), fill_in(tree, text)),
            Self::Read(repository, name) => {
                if let Some(daemon) = daemon {
                    daemon.raw().get(&blob_path(repository, &tree.named[name]));
                }
            }
            Self::Restore(what) => {
                let path = what.path(tree);
                tree.write(&path, &before[&path]);
            }
        }
    }
}

/// The report's findings with names for digests.
fn named(tree: &Tree, report: &Report) -> Vec<String> {
    let name = |line: String| {
        // Longer names first: `a.config` must not be found inside another one's digest, but SHA-512 holds no SHA-256.
        tree.named.iter().fold(line, |line, (name, digest)| {
            line.replace(&digest.to_string(), name).replace(&digest.hex(), &format!("{name}#"))
        })
    };
    lines(report).into_iter().map(name).collect()
}

impl Recipe {
    /// Builds the healthy content.
    pub(crate) fn build(&self, mut tree: Tree) -> Tree {
        self.content.iter().for_each(|content| content.build(&mut tree));
        tree.age();
        tree
    }

    /// Does the damage, with the daemon's help where there is one.
    pub(crate) fn damage(&self, tree: &Tree, daemon: Option<&Daemon>) {
        let restored = self.damage.iter().filter_map(|damage| match damage {
            Damage::Restore(what) => Some(what.path(tree)),
            _ => None,
        });
        let before = restored.map(|path| (path.clone(), tree.read(&path))).collect();
        self.damage.iter().for_each(|damage| damage.apply(tree, &before, daemon));
        tree.age();
    }

    fn offline(&self, name: &str) {
        let home = tempfile::tempdir().unwrap();
        let tree = self.build(Tree::new(home.path()));
        let arguments = || {
            ["--storage", home.path().to_str().unwrap()]
                .into_iter()
                .chain(self.with.iter().map(String::as_str))
        };
        if !self.damage.is_empty() {
            assert_eq!(named(&tree, &check(arguments())), Vec::<String>::new(), "{name} before the damage");
        }
        self.damage(&tree, None);
        let report = check(arguments());
        if self.daemon.is_none() {
            assert_eq!(named(&tree, &report), self.finds, "{name}: {:#?}", report.findings);
        }
        assert_eq!(report.coverage.unknown, []);
    }

    fn online(&self, name: &str, kind: &Kind, state: State) {
        let mut daemon = kind.start(&Settings::default());
        let mut tree = self.build(Tree::new(&daemon.root()));
        // Something healthy, to know the registry by.
        tree.image("known/healthy", None, "healthy");
        let more: Vec<_> = self.with.iter().map(String::as_str).collect();
        let before = check_daemon(&daemon, &more);
        assert_eq!(named(&tree, &before), Vec::<String>::new(), "{name} on {kind:?} before the damage");
        // The check above has made the daemon remember what it asked about.
        match state {
            State::Warm => read_all(&daemon, &tree),
            State::Cold => daemon.restart(),
        }
        self.damage(&tree, Some(&daemon));
        self.lie(&daemon, &tree);
        let report = check_daemon(&daemon, &more);
        assert_eq!(named(&tree, &report), self.finds, "{name} on {kind:?}: {:#?}", report.findings);
    }

    pub(crate) fn lie(&self, daemon: &Daemon, tree: &Tree) {
        let lies: Vec<_> = self
            .lies
            .iter()
            .map(|lie| Lie { path: fill_in(tree, &lie.path), body: fill_in(tree, &lie.body), ..lie.clone() })
            .collect();
        if let Daemon::Sandbox { sandbox, .. } = daemon
            && !lies.is_empty()
        {
            sandbox.inject(move |request: &Access| {
                let lie = lies.iter().find(|lie| request.path.ends_with(&lie.path))?;
                let media_type = "application/vnd.oci.image.manifest.v1+json";
                Some(Fault::Answer {
                    status: lie.status,
                    retry_after: None,
                    body: lie.body.clone(),
                    media_type,
                })
            });
        }
    }

    fn test(&self, name: &str) {
        self.offline(name);
        let Some(state) = self.daemon else { return };
        let is_sandbox = |kind: &Kind| matches!(kind, Kind::Sandbox(_));
        for kind in Kind::all().iter().filter(|kind| self.lies.is_empty() || is_sandbox(kind)) {
            self.online(name, kind, state);
        }
    }
}

/// Reads everything over the API, so that the daemon remembers it.
pub(crate) fn read_all(daemon: &Daemon, tree: &Tree) {
    for (repository, tag, manifest) in &tree.manifests {
        for reference in tag.iter().cloned().chain([manifest.to_string()]) {
            daemon.raw().get(&manifest_path(repository, &reference));
        }
        for digest in tree.named.values() {
            daemon.raw().get(&blob_path(repository, digest));
        }
    }
}

/// All of them, by their names.
pub(crate) fn recipes() -> Vec<(String, Recipe)> {
    let entries = fs::read_dir(in_tree("fixtures")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut recipes: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let recipe =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), recipe)
        })
        .collect();
    recipes.sort_by(|a, b| a.0.cmp(&b.0));
    recipes
}

#[test]
fn every_recipe_gives_exactly_its_findings() {
    let recipes = recipes();
    std::thread::scope(|scope| {
        for chunk in recipes.chunks(recipes.len().div_ceil(4)) {
            scope.spawn(move || chunk.iter().for_each(|(name, recipe)| recipe.test(name)));
        }
    });
}

#[test]
fn every_code_that_one_daemon_can_show_has_a_recipe() {
    let found: BTreeSet<String> = recipes()
        .iter()
        .flat_map(|(_, recipe)| &recipe.finds)
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    // A recipe makes no file another user's: tests/it/unreadable.rs does.
    let others = [Code::ReplicaDisagreement, Code::StaleCacheEntry, Code::UnreadableFile];
    let wanted: BTreeSet<String> =
        Code::ALL.iter().filter(|code| !others.contains(code)).map(ToString::to_string).collect();
    assert_eq!(found, wanted);
}
