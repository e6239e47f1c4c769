//! The stored manifests, packed: they are what takes most memory of all that is kept.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Digest;
use super::search::search;
use crate::domain::manifest::Manifest;

/// A stored manifest as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadManifest {
    /// It is a manifest.
    Manifest(Manifest),
    /// It was read, and is none; the reason.
    Unreadable(String),
}

impl ReadManifest {
    /// The manifest, if it is one.
    #[must_use]
    pub const fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Manifest(manifest) => Some(manifest),
            Self::Unreadable(_) => None,
        }
    }
}

/// Manifests by digest, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredManifests(Vec<(Digest, ReadManifest)>);

impl StoredManifests {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The manifest of that digest.
    #[must_use]
    pub fn get(&self, digest: &Digest) -> Option<&ReadManifest> {
        let at = search(&self.0, digest, |(known, _)| known)?;
        self.0.get(at).map(|(_, manifest)| manifest)
    }

    /// The same, if it could be read.
    #[must_use]
    pub fn manifest(&self, digest: &Digest) -> Option<&Manifest> {
        self.get(digest).and_then(ReadManifest::manifest)
    }

    /// Whether there is a manifest of that digest.
    #[must_use]
    pub fn contains_key(&self, digest: &Digest) -> bool {
        self.get(digest).is_some()
    }

    /// All of them with their digests, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, &ReadManifest)> {
        self.0.iter().map(|(digest, manifest)| (digest, manifest))
    }

    /// Those that could be read, with their digests, sorted.
    pub fn readable(&self) -> impl Iterator<Item = (&Digest, &Manifest)> {
        self.iter().filter_map(|(digest, read)| Some((digest, read.manifest()?)))
    }

    /// All of them without their digests, in the order of those.
    pub fn values(&self) -> impl Iterator<Item = &ReadManifest> {
        self.0.iter().map(|(_, manifest)| manifest)
    }

    /// Put one in; cheap where it belongs behind all others.
    pub fn insert(&mut self, digest: Digest, manifest: ReadManifest) {
        match self.0.last() {
            Some((last, _)) if *last >= digest => {
                match self.0.binary_search_by(|(known, _)| known.cmp(&digest)) {
                    Ok(at) => {
                        if let Some(known) = self.0.get_mut(at) {
                            known.1 = manifest;
                        }
                    }
                    Err(at) => self.0.insert(at, (digest, manifest)),
                }
            }
            Some(_) | None => self.0.push((digest, manifest)),
        }
    }

    /// Those that stand in order already, each once.
    #[must_use]
    pub fn of_sorted(manifests: Vec<(Digest, ReadManifest)>) -> Self {
        debug_assert!(manifests.is_sorted_by(|one, next| one.0 < next.0), "they are sorted");
        Self(manifests)
    }
}

impl IntoIterator for StoredManifests {
    type Item = (Digest, ReadManifest);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(Digest, ReadManifest)> for StoredManifests {
    fn from_iter<T: IntoIterator<Item = (Digest, ReadManifest)>>(manifests: T) -> Self {
        let mut manifests: Vec<_> = manifests.into_iter().collect();
        manifests.sort_by_key(|(digest, _)| *digest);
        manifests.dedup_by_key(|(digest, _)| *digest);
        Self(manifests)
    }
}

impl Serialize for StoredManifests {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for StoredManifests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let manifests = std::collections::BTreeMap::deserialize(deserializer)?;
        Ok(Self(manifests.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_found_in_whatever_order_they_came() {
        let digest = |n: u8| Digest::sha256([n; 32]);
        let no = |why: &str| ReadManifest::Unreadable(why.to_owned());
        let mut manifests = StoredManifests::new();
        for (n, why) in [(3, "c"), (7, "g"), (1, "a"), (5, "e"), (3, "again")] {
            manifests.insert(digest(n), no(why));
        }
        let told: Vec<_> = manifests.iter().map(|(digest, manifest)| (*digest, manifest.clone())).collect();
        let wanted = [(1, "a"), (3, "again"), (5, "e"), (7, "g")].map(|(n, why)| (digest(n), no(why)));
        assert_eq!(told, wanted);
        assert_eq!(manifests, wanted.clone().into_iter().rev().collect());
        assert_eq!((manifests.get(&digest(5)), manifests.get(&digest(4))), (Some(&no("e")), None));
        let text = serde_json::to_string(&manifests).unwrap();
        assert_eq!(serde_json::from_str::<StoredManifests>(&text).unwrap(), manifests);
    }
}
