//! Keys that the layout does not know: which of the folders on their way is the first that does not belong there, and
//! why, as a walk over a disk would say it.

use crate::adapters::storage::uploads::is_uuid;
use crate::adapters::storage::words::{
    FILE_IN_SHARD, NOT_BLOB_ALGORITHM, NOT_DIGEST, NOT_FOLDER, NOT_LINK, NOT_LINK_ALGORITHM, NOT_MANIFESTS,
    NOT_NAME, NOT_PART, NOT_SESSION, NOT_SHARD, NOT_TAG, NOT_TOP, RESERVED, WRONG_SHARD,
};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::layout::{
    BLOBS, DATA, HASH_STATES, LAYERS, LINK, LinkPlace, MANIFESTS, REPOSITORIES, REVISIONS, SIGNATURES,
    STARTED_AT, TAGS, UPLOADS,
};
use crate::domain::name::{RepositoryName, Tag};

/// What extends the key of a blob's data.
pub(super) const EXTENDS_DATA: &str = "its key begins as that of the blob's data does: where the data is gone, the S3 driver takes it for a folder, denies \
     the blob and throws away what is uploaded";

/// What is wrong with a key.
#[derive(Debug, PartialEq)]
pub(super) enum Misplaced {
    /// The first that many names of its path do not belong there.
    Stray(usize, &'static str),
    /// It lies beside a blob's data.
    BesideData(Digest, bool),
    /// It lies in the folder of a link.
    BesideLink(RepositoryName, LinkPlace),
    /// It lies in the folder of a tag.
    OfTag(RepositoryName, Tag),
    /// It lies in an upload session.
    InUpload(RepositoryName, String),
    /// It lies where the layout has more than is looked at.
    Known,
}

/// Judge the names of a path.
pub(super) fn judge(names: &[&str]) -> Misplaced {
    match names {
        [BLOBS, below @ ..] if !below.is_empty() => blob(below),
        [REPOSITORIES, below @ ..] if !below.is_empty() => repository(below),
        _ => Misplaced::Stray(1, NOT_TOP),
    }
}

fn blob(names: &[&str]) -> Misplaced {
    let stray = |depth: usize, why| Misplaced::Stray(depth + 1, why);
    let [algorithm, rest @ ..] = names else { return stray(1, NOT_BLOB_ALGORITHM) };
    let Some(by) = Algorithm::from_name(algorithm).filter(|_| !rest.is_empty()) else {
        return stray(1, NOT_BLOB_ALGORITHM);
    };
    let [shard, rest @ ..] = rest else { return stray(1, NOT_BLOB_ALGORITHM) };
    let is_hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    if rest.is_empty() || shard.len() != 2 || !shard.bytes().all(is_hex) {
        return stray(2, NOT_SHARD);
    }
    let [hex, rest @ ..] = rest else { return stray(2, NOT_SHARD) };
    if rest.is_empty() {
        return stray(3, FILE_IN_SHARD);
    }
    match Digest::from_hex(by, hex.as_bytes()) {
        None => stray(3, NOT_DIGEST),
        Some(_) if !hex.starts_with(shard) => stray(3, WRONG_SHARD),
        Some(digest) => {
            Misplaced::BesideData(digest, rest.first().is_some_and(|name| name.starts_with(DATA)))
        }
    }
}

fn repository(names: &[&str]) -> Misplaced {
    let stray = |depth: usize, why| Misplaced::Stray(depth + 1, why);
    let part = names.iter().skip(1).position(|name| name.starts_with('_')).map(|at| at + 1);
    let folders = part.unwrap_or(names.len() - 1);
    let mut name = String::new();
    for (depth, folder) in names.iter().take(folders).enumerate() {
        let slash = if name.is_empty() { "" } else { "/" };
        name = format!("{name}{slash}{folder}");
        if name.parse::<RepositoryName>().is_err() {
            return stray(depth + 1, NOT_NAME);
        }
    }
    let (Some(part), Ok(name)) = (part, name.parse::<RepositoryName>()) else {
        return stray(names.len(), NOT_FOLDER);
    };
    let below = names.get(part..).unwrap_or_default();
    match in_part(name, below) {
        Misplaced::Stray(depth, why) => stray(part + depth, why),
        other @ (Misplaced::BesideData(..)
        | Misplaced::BesideLink(..)
        | Misplaced::OfTag(..)
        | Misplaced::InUpload(..)
        | Misplaced::Known) => other,
    }
}

fn in_part(name: RepositoryName, names: &[&str]) -> Misplaced {
    match names {
        [LAYERS, rest @ ..] if !rest.is_empty() => deeper(1, links(name, rest, LinkPlace::Layer, &[])),
        [MANIFESTS, REVISIONS, rest @ ..] if !rest.is_empty() => {
            deeper(2, links(name, rest, LinkPlace::Revision, &[SIGNATURES]))
        }
        [MANIFESTS, TAGS, tag, rest @ ..] => match tag.parse::<Tag>() {
            Ok(tag) if !rest.is_empty() => Misplaced::OfTag(name, tag),
            Ok(_) | Err(_) => Misplaced::Stray(3, NOT_TAG),
        },
        [MANIFESTS, _, ..] => Misplaced::Stray(2, NOT_MANIFESTS),
        [UPLOADS, id, rest @ ..] if is_uuid(id.as_bytes()) && !rest.is_empty() => {
            let is_known = rest.first().is_some_and(|part| [DATA, STARTED_AT, HASH_STATES].contains(part));
            if is_known { Misplaced::InUpload(name, (*id).to_owned()) } else { Misplaced::Stray(3, NOT_PART) }
        }
        [UPLOADS, _, ..] => Misplaced::Stray(2, NOT_SESSION),
        _ => Misplaced::Stray(1, RESERVED),
    }
}

fn links(name: RepositoryName, names: &[&str], place: fn(Digest) -> LinkPlace, known: &[&str]) -> Misplaced {
    let [algorithm, rest @ ..] = names else { return Misplaced::Stray(1, NOT_LINK_ALGORITHM) };
    let Some(by) = Algorithm::from_name(algorithm).filter(|_| !rest.is_empty()) else {
        return Misplaced::Stray(1, NOT_LINK_ALGORITHM);
    };
    let [hex, rest @ ..] = rest else { return Misplaced::Stray(1, NOT_LINK_ALGORITHM) };
    match Digest::from_hex(by, hex.as_bytes()) {
        Some(digest) if !rest.is_empty() => {
            let is_known = rest.first().is_some_and(|first| known.contains(first) || *first == LINK);
            if is_known { Misplaced::Known } else { Misplaced::BesideLink(name, place(digest)) }
        }
        Some(_) | None => Misplaced::Stray(2, NOT_LINK),
    }
}

fn deeper(by: usize, found: Misplaced) -> Misplaced {
    match found {
        Misplaced::Stray(depth, why) => Misplaced::Stray(depth + by, why),
        other @ (Misplaced::BesideData(..)
        | Misplaced::BesideLink(..)
        | Misplaced::OfTag(..)
        | Misplaced::InUpload(..)
        | Misplaced::Known) => other,
    }
}
