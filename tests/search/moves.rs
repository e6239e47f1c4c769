//! What can happen to a registry, one thing at a time.

use std::fmt;
use std::str::FromStr;

use crate::world::{Part, REPOSITORIES, What};

/// A repository, by its place among them.
pub type Repository = usize;

/// A link file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    Layer(Part),
    Revision(Part),
    /// A tag's current link.
    Tag(What),
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// A client pushes: it skips what the daemon claims.
    Push(Repository, What),
    /// A client pushes, and mounts from the other repository what the daemon does not claim.
    Mount(Repository, What),
    /// A client pushes the second under the tag of the first.
    Retag(Repository, What, What),
    /// A client pulls by tag.
    Pull(Repository, What),
    /// A client deletes a manifest by its digest.
    Delete(Repository, What),
    /// A client deletes a blob.
    DeleteBlob(Repository, Part),
    /// A tag is deleted: over the API since 3.0, as a folder before.
    Untag(Repository, What),
    /// Garbage collection, with or without `-m`.
    Collect(bool),
    /// The same, guarded by regfsck.
    Guard(bool),
    /// The daemon starts anew.
    Restart,
    /// Redis forgets everything.
    Flush,
    /// Storage loses a blob's file.
    LoseData(Part),
    /// A blob's file becomes empty.
    Empty(Part),
    /// Storage loses a link file.
    LoseLink(Repository, Link),
    /// Somebody removes a repository's folder.
    LoseRepository(Repository),
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer(part) => write!(f, "layer {part}"),
            Self::Revision(part) => write!(f, "revision {part}"),
            Self::Tag(what) => write!(f, "tag {what}"),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |at: &Repository| REPOSITORIES[*at];
        match self {
            Self::Push(at, what) => write!(f, "push {} {what}", name(at)),
            Self::Mount(at, what) => write!(f, "mount {} {what}", name(at)),
            Self::Retag(at, tag, what) => write!(f, "retag {} {tag} {what}", name(at)),
            Self::Pull(at, what) => write!(f, "pull {} {what}", name(at)),
            Self::Delete(at, what) => write!(f, "delete {} {what}", name(at)),
            Self::DeleteBlob(at, part) => write!(f, "delete-blob {} {part}", name(at)),
            Self::Untag(at, what) => write!(f, "untag {} {what}", name(at)),
            Self::Collect(untagged) => write!(f, "{}", if *untagged { "gc -m" } else { "gc" }),
            Self::Guard(untagged) => write!(f, "guard {}", if *untagged { "gc -m" } else { "gc" }),
            Self::Restart => write!(f, "restart"),
            Self::Flush => write!(f, "flush"),
            Self::LoseData(part) => write!(f, "lose {part}"),
            Self::Empty(part) => write!(f, "empty {part}"),
            Self::LoseLink(at, link) => write!(f, "lose-link {} {link}", name(at)),
            Self::LoseRepository(at) => write!(f, "lose-repository {}", name(at)),
        }
    }
}

impl FromStr for Move {
    type Err = String;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Range::ALL.iter().flat_map(|range| range.moves());
        known.into_iter().find(|one| one.to_string() == text).ok_or_else(|| format!("`{text}` is no move"))
    }
}

/// Which moves are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range {
    /// What clients and administrators do, with images in two repositories.
    Images,
    /// The same, with an index and its images.
    Indexes,
    /// What storage suffers, as well.
    Damage,
}

impl Range {
    pub const ALL: [Self; 3] = [Self::Images, Self::Indexes, Self::Damage];

    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Indexes => "indexes",
            Self::Damage => "damage",
        }
    }

    /// All its moves.
    pub fn moves(self) -> Vec<Move> {
        let whats: &[What] = match self {
            Self::Images | Self::Damage => &[What::Image(0), What::Image(1)],
            Self::Indexes => &What::ALL,
        };
        let mut moves = vec![Move::Restart, Move::Flush];
        moves.extend(
            [false, true].iter().flat_map(|untagged| [Move::Collect(*untagged), Move::Guard(*untagged)]),
        );
        for at in 0..REPOSITORIES.len() {
            for what in whats {
                moves.extend([Move::Push(at, *what), Move::Pull(at, *what), Move::Delete(at, *what)]);
            }
            match self {
                Self::Images => moves.extend(clients(at)),
                Self::Indexes => moves.extend(whats.iter().map(|what| Move::Untag(at, *what))),
                Self::Damage => moves.extend(damage(at)),
            }
        }
        if self == Self::Damage {
            let parts = Part::ALL.into_iter().filter(|part| *part != Part::Index);
            moves.extend(parts.flat_map(|part| [Move::LoseData(part), Move::Empty(part)]));
        }
        moves
    }
}

/// What clients do less often.
fn clients(at: Repository) -> Vec<Move> {
    let images = [What::Image(0), What::Image(1)];
    let mut moves: Vec<_> =
        images.iter().flat_map(|what| [Move::Mount(at, *what), Move::Untag(at, *what)]).collect();
    moves.extend([Move::Retag(at, images[0], images[1]), Move::Retag(at, images[1], images[0])]);
    moves.extend([Part::Shared, Part::Layer(0), Part::Layer(1)].map(|part| Move::DeleteBlob(at, part)));
    moves
}

fn damage(at: Repository) -> Vec<Move> {
    let layers = Part::BLOBS.map(Link::Layer);
    let revisions = [Part::Manifest(0), Part::Manifest(1)].map(Link::Revision);
    let tags = [What::Image(0), What::Image(1)].map(Link::Tag);
    let links = layers.into_iter().chain(revisions).chain(tags);
    links.map(|link| Move::LoseLink(at, link)).chain([Move::LoseRepository(at)]).collect()
}
