//! Digests in the paths of the API and of storage, as logs show them.

use super::{Suspect, SuspectKind};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::layout::{FolderPlace, LinkPlace, Place};

/// The digest with which `text` begins, however its colon is written.
pub(super) fn digest_at(text: &str) -> Option<Digest> {
    let (algorithm, rest) = Algorithm::ALL
        .into_iter()
        .find_map(|algorithm| Some((algorithm, text.strip_prefix(algorithm.as_str())?)))?;
    let rest = [":", "%3A", "%3a"].iter().find_map(|colon| rest.strip_prefix(colon))?;
    let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    Digest::from_hex(algorithm, rest.get(..end)?.as_bytes())
}

/// What the paths in a line name: those of the API and those of storage, which both have a `/v2/`.
pub(super) fn paths(line: &str) -> Vec<Suspect> {
    let mut pairs = Vec::new();
    for (at, mark) in line.match_indices("/v2/") {
        let path = line.get(at + mark.len()..).unwrap_or_default();
        let end = path.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).unwrap_or(path.len());
        let path = path.get(..end).unwrap_or_default();
        pairs.extend(stored(path).or_else(|| served(path)));
    }
    // One that names the repository says all that one that does not could.
    let named: Vec<_> = pairs.iter().filter(|one| one.repository.is_some()).map(|one| one.digest).collect();
    pairs.retain(|one| one.repository.is_some() || !named.contains(&one.digest));
    pairs
}

/// A path in storage, or what it begins with: a sentence may go on behind it.
fn stored(path: &str) -> Option<Suspect> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).rev();
    ends.filter_map(|end| path.get(..end))
        .map(Place::from)
        .find_map(|place| Some(Suspect::new(place.repository().cloned(), place.digest()?, kind(&place))))
}

/// What lies at a place, as far as the path tells.
const fn kind(place: &Place) -> SuspectKind {
    match place {
        Place::Link(_, LinkPlace::Layer(_)) | Place::Folder(FolderPlace::Link(_, LinkPlace::Layer(_))) => {
            SuspectKind::Layer
        }
        Place::Link(..)
        | Place::Entry(..)
        | Place::Signature(..)
        | Place::Folder(FolderPlace::Link(..) | FolderPlace::Entry(..)) => SuspectKind::Manifest,
        Place::Data(_) | Place::Upload(..) | Place::Folder(_) | Place::Other(_) => SuspectKind::Content,
    }
}

/// A path of the API: `<name>/blobs/<digest>`, `<name>/manifests/<digest>`, or an upload that ends with
/// `digest=` or begins with `mount=`.
fn served(path: &str) -> Option<Suspect> {
    let (layer, manifest) = (SuspectKind::Layer, SuspectKind::Manifest);
    let ends = [("/blobs/uploads/", layer), ("/blobs/", layer), ("/manifests/", manifest)];
    let (name, rest, kind) =
        ends.iter().find_map(|(end, kind)| path.rsplit_once(end).map(|(name, rest)| (name, rest, *kind)))?;
    let in_query = |name: &str| rest.split(['?', '&']).find_map(|part| digest_at(part.strip_prefix(name)?));
    // In JSON, Go writes `&` as \u0026.
    let escaped = || rest.split("\\u0026").find_map(|part| digest_at(part.strip_prefix("digest=")?));
    let digest =
        digest_at(rest).or_else(|| in_query("digest=")).or_else(|| in_query("mount=")).or_else(escaped)?;
    Some(Suspect::new(Some(name.parse().ok()?), digest, kind))
}
