//! Paths read back. A listing of a bucket has millions of them, so nothing is copied but the names that are kept.

use super::{
    BLOBS, CURRENT, DATA, FolderPlace, HASH_STATES, INDEX, LAYERS, LINK, LinkPlace, MANIFESTS, Part, Place,
    REPOSITORIES, REVISIONS, SIGNATURES, STARTED_AT, TAGS, UPLOADS, UploadPart,
};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::name::RepositoryName;

/// No place has more names than this in its path, those of the repository aside.
const NAMES: usize = 8;

/// The place of that path, if the layout knows it.
pub(super) fn place(path: &str) -> Option<Place> {
    let (top, below) = path.split_once('/').map_or((path, None), |(top, below)| (top, Some(below)));
    match (top, below) {
        (BLOBS, None) => Some(Place::Folder(FolderPlace::Blobs)),
        (BLOBS, Some(below)) => in_blobs(below),
        (REPOSITORIES, None) => Some(Place::Folder(FolderPlace::Repositories)),
        (REPOSITORIES, Some(below)) => in_repositories(below),
        _ => None,
    }
}

/// The names between the slashes of a path that is no longer than a place's.
fn names<'a, 'r>(path: &'a str, room: &'r mut [&'a str; NAMES]) -> Option<&'r [&'a str]> {
    let mut count = 0;
    for name in path.split('/') {
        *room.get_mut(count)? = name;
        count += 1;
    }
    room.get(..count)
}

fn digest(algorithm: &str, hex: &str) -> Option<Digest> {
    Digest::from_hex(Algorithm::from_name(algorithm)?, hex.as_bytes())
}

fn in_blobs(path: &str) -> Option<Place> {
    let (algorithm, shard, hex, is_file) = match names(path, &mut [""; NAMES])? {
        [algorithm, shard, hex] => (*algorithm, *shard, *hex, false),
        [algorithm, shard, hex, DATA] => (*algorithm, *shard, *hex, true),
        _ => return None,
    };
    let digest = digest(algorithm, hex).filter(|_| hex.get(..2) == Some(shard))?;
    Some(if is_file { Place::Data(digest) } else { Place::Folder(FolderPlace::Blob(digest)) })
}

/// No component of a repository's name begins with `_`, and each of its parts does.
fn in_repositories(path: &str) -> Option<Place> {
    let Some((name, part)) = path.split_once("/_") else {
        return path.parse().ok().map(|name| Place::Folder(FolderPlace::Repository(name)));
    };
    let part = path.get(path.len() - part.len() - 1..)?;
    in_repository(name.parse().ok()?, names(part, &mut [""; NAMES])?)
}

fn in_repository(name: RepositoryName, names: &[&str]) -> Option<Place> {
    let part = |name, part| Some(Place::Folder(FolderPlace::Part(name, part)));
    match names {
        [LAYERS] => part(name, Part::Layers),
        [MANIFESTS] => part(name, Part::Manifests),
        [MANIFESTS, REVISIONS] => part(name, Part::Revisions),
        [MANIFESTS, TAGS] => part(name, Part::Tags),
        [UPLOADS] => part(name, Part::Uploads),
        [LAYERS, algorithm, hex, rest @ ..] => linked(name, LinkPlace::Layer(digest(algorithm, hex)?), rest),
        [MANIFESTS, REVISIONS, algorithm, hex, rest @ ..] => revision(name, digest(algorithm, hex)?, rest),
        [MANIFESTS, TAGS, tag, rest @ ..] => tagged(name, tag, rest),
        [UPLOADS, id, rest @ ..] if !id.is_empty() => {
            let part = if rest.is_empty() { None } else { Some(upload_part(rest)?) };
            Some(Place::Upload(name, (*id).into(), part))
        }
        _ => None,
    }
}

/// A link's folder, or the file in it.
fn linked(name: RepositoryName, place: LinkPlace, rest: &[&str]) -> Option<Place> {
    match rest {
        [] => Some(Place::Folder(FolderPlace::Link(name, place))),
        [LINK] => Some(Place::Link(name, place)),
        _ => None,
    }
}

fn revision(name: RepositoryName, revision: Digest, rest: &[&str]) -> Option<Place> {
    match rest {
        [SIGNATURES, algorithm, hex, LINK] => Some(Place::Signature(name, revision, digest(algorithm, hex)?)),
        _ => linked(name, LinkPlace::Revision(revision), rest),
    }
}

fn tagged(name: RepositoryName, tag: &str, rest: &[&str]) -> Option<Place> {
    let tag = tag.parse().ok()?;
    match rest {
        [] => Some(Place::Folder(FolderPlace::Tag(name, tag))),
        [CURRENT, rest @ ..] => linked(name, LinkPlace::Tag(tag), rest),
        [INDEX, algorithm, hex] => {
            Some(Place::Folder(FolderPlace::Entry(name, tag, digest(algorithm, hex)?)))
        }
        [INDEX, algorithm, hex, LINK] => Some(Place::Entry(name, tag, digest(algorithm, hex)?)),
        _ => None,
    }
}

fn upload_part(names: &[&str]) -> Option<UploadPart> {
    match names {
        [DATA] => Some(UploadPart::Data),
        [STARTED_AT] => Some(UploadPart::StartedAt),
        [HASH_STATES] => Some(UploadPart::HashStates),
        [HASH_STATES, algorithm, at] => {
            // Other spellings of the number would not read back as what they are.
            let number = at.parse().ok().filter(|number: &u64| number.to_string() == **at)?;
            Some(UploadPart::HashState(Algorithm::from_name(algorithm)?, number))
        }
        _ => None,
    }
}
