//! The links of one folder. Nearly all name the digest of their own folder, and take no more memory than that.

use std::iter::Peekable;
use std::slice;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::search::search;
use super::{Digest, Target};

/// A link file, named by its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Link<'a> {
    /// The digest that the folder names.
    pub digest: Digest,
    /// What the file says.
    pub target: &'a Target,
}

impl Link<'_> {
    /// The digest under which the linked data lies, where the link file tells.
    #[must_use]
    pub fn data(self) -> Option<Digest> {
        match self.target {
            Target::Same => Some(self.digest),
            Target::Other(other) => Some(**other),
            Target::Invalid(_) | Target::Missing | Target::Unknown => None,
        }
    }
}

/// Links, each digest once, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Those that say what they should, sorted.
    same: Vec<Digest>,
    /// All others, sorted by digest.
    odd: Vec<(Digest, Target)>,
}

static SAME: Target = Target::Same;

impl Links {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.same.len() + self.odd.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.same.is_empty() && self.odd.is_empty()
    }

    /// The link of that digest.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<Link<'_>> {
        if search(&self.same, digest, |same| same).is_some() {
            return Some(Link { digest: *digest, target: &SAME });
        }
        let at = self.odd.binary_search_by(|(odd, _)| odd.cmp(digest)).ok()?;
        self.odd.get(at).map(|(digest, target)| Link { digest: *digest, target })
    }

    /// All of them, sorted by digest.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { same: self.same.iter().peekable(), odd: self.odd.iter().peekable() }
    }
}

/// Links in order.
pub struct Iter<'a> {
    same: Peekable<slice::Iter<'a, Digest>>,
    odd: Peekable<slice::Iter<'a, (Digest, Target)>>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Link<'a>;

    fn next(&mut self) -> Option<Link<'a>> {
        let odd = self.odd.peek().map(|(digest, _)| digest);
        if let Some(digest) = self.same.next_if(|same| odd.is_none_or(|odd| *same < odd)) {
            return Some(Link { digest: *digest, target: &SAME });
        }
        self.odd.next().map(|(digest, target)| Link { digest: *digest, target })
    }
}

impl<'a> IntoIterator for &'a Links {
    type Item = Link<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl FromIterator<(Digest, Target)> for Links {
    fn from_iter<T: IntoIterator<Item = (Digest, Target)>>(links: T) -> Self {
        let mut all = Self::default();
        for (digest, target) in links {
            if target == Target::Same {
                all.same.push(digest);
            } else {
                all.odd.push((digest, target));
            }
        }
        all.same.sort_unstable();
        all.odd.sort_unstable_by_key(|(digest, _)| *digest);
        all.same.shrink_to_fit();
        all.odd.shrink_to_fit();
        all
    }
}

impl Serialize for Links {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Links {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Owned {
            digest: Digest,
            target: Target,
        }
        let links = Vec::<Owned>::deserialize(deserializer)?;
        Ok(links.into_iter().map(|link| (link.digest, link.target)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> Digest {
        Digest::sha256([n; 32])
    }

    #[test]
    fn all_links_are_found_and_told_in_order_and_read_back() {
        let planted = [
            (digest(5), Target::Same),
            (digest(2), Target::Missing),
            (digest(1), Target::Same),
            (digest(9), Target::Other(Box::new(digest(8)))),
            (digest(3), Target::Same),
        ];
        let links: Links = planted.clone().into_iter().collect();
        let told: Vec<_> = links.iter().map(|link| (link.digest, link.target.clone())).collect();
        let [five, two, one, nine, three] = planted;
        assert_eq!(told, [one, two, three.clone(), five, nine]);
        let found = links.find(&digest(3)).map(|link| (link.digest, link.target.clone()));
        assert_eq!(found, Some(three));
        assert_eq!(links.find(&digest(2)).map(Link::data), Some(None));
        assert_eq!(links.find(&digest(9)).and_then(Link::data), Some(digest(8)));
        assert_eq!((links.find(&digest(4)), links.len()), (None, 5));
        let text = serde_json::to_string(&links).unwrap();
        assert_eq!(serde_json::from_str::<Links>(&text).unwrap(), links);
    }
}
