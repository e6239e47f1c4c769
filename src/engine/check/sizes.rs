//! Which is wrong where a file has another size than a manifest gives: the file or the manifest. Its bytes tell, hashed
//! once for all that need to know, and no more of them than a plain check may read: who pushes chooses the sizes.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use crate::domain::digest::Digest;
use crate::domain::layout::Place;
use crate::domain::limit::Limit;
use crate::domain::observed::{Observed, Thing};
use crate::domain::rules::{Accusation, Condition};
use crate::domain::views::storage::HashedBlob;
use crate::engine::ports::Storage;

/// So many bytes does a check hash that was not asked to: some seconds, and the layers of many an image.
pub(super) const UNASKED: u64 = 1 << 30;

/// The blobs of another size than is described.
pub(super) struct Sizes {
    hashed: HashMap<Digest, OnceLock<Observed<HashedBlob>>>,
    /// Those that are too much, and their sizes.
    unhashed: BTreeMap<Digest, u64>,
}

impl Sizes {
    /// Those that are accused, the smallest first as far as so many bytes reach.
    pub(super) fn of(accusations: &[Accusation], most: u64) -> Self {
        let sizes = accusations.iter().filter_map(|accusation| match accusation.conditions.as_slice() {
            [Condition::DataSize(digest, size), Condition::WrongContent(_), ..] => Some((*size, *digest)),
            _ => None,
        });
        let (hashed, unhashed) = within(sizes.collect(), most);
        Self {
            hashed: hashed.into_iter().map(|digest| (digest, OnceLock::new())).collect(),
            unhashed: unhashed.into_iter().map(|(size, digest)| (digest, size)).collect(),
        }
    }

    /// Look at a condition on the content of one of them; `None` if it is none. What is not hashed may be either, and
    /// counts as wrong: whoever replaces it hashes it first.
    pub(super) fn observe(
        &self,
        storage: &dyn Storage,
        condition: &Condition,
    ) -> Option<(Thing, Observed<String>)> {
        let (Condition::WrongContent(digest) | Condition::RightContent(digest)) = condition else {
            return None;
        };
        let is_wrong = matches!(condition, Condition::WrongContent(_));
        let seen = if let Some(size) = self.unhashed.get(digest) {
            let said = || format!("{size} bytes, which were not hashed");
            if is_wrong { Observed::Present(said()) } else { Observed::Absent }
        } else {
            let hashed = self.hashed.get(digest)?.get_or_init(|| storage.hash(digest)).clone();
            if is_wrong { wrong_content(hashed) } else { right_content(hashed) }
        };
        Some((Place::Data(*digest).into(), seen))
    }

    /// What was not hashed.
    pub(super) fn limit(&self) -> Option<Limit> {
        limit(self.unhashed.values().copied())
    }
}

/// Of what has these sizes the smallest, as far as so many bytes reach; and the rest.
pub(super) fn within<T: Ord>(mut all: Vec<(u64, T)>, most: u64) -> (Vec<T>, Vec<(u64, T)>) {
    all.sort_unstable();
    let mut left = Some(most);
    let fits = |(size, _): &&(u64, T)| {
        left = left.and_then(|left| left.checked_sub(*size));
        left.is_some()
    };
    let count = all.iter().take_while(fits).count();
    let rest = all.split_off(count);
    (all.into_iter().map(|(_, thing)| thing).collect(), rest)
}

/// That what has these sizes was not hashed. A pusher chooses them, so they may add up to anything.
pub(super) fn limit(unhashed: impl Iterator<Item = u64>) -> Option<Limit> {
    let (blobs, bytes) =
        unhashed.fold((0, 0_u64), |(blobs, bytes), size| (blobs + 1, bytes.saturating_add(size)));
    (blobs > 0).then_some(Limit::SizesUnhashed { blobs, bytes })
}

pub(super) fn wrong_content(hashed: Observed<HashedBlob>) -> Observed<String> {
    match hashed {
        Observed::Present(hashed) if hashed.actual == hashed.digest => Observed::Absent,
        hashed @ (Observed::Present(_) | Observed::Absent | Observed::Unknown(_)) => {
            hashed.map(|hashed| format!("{} bytes that hash to {}", hashed.size, hashed.actual))
        }
    }
}

pub(super) fn right_content(hashed: Observed<HashedBlob>) -> Observed<String> {
    match hashed {
        Observed::Present(hashed) if hashed.actual != hashed.digest => Observed::Absent,
        hashed @ (Observed::Present(_) | Observed::Absent | Observed::Unknown(_)) => {
            hashed.map(|hashed| format!("{} bytes that hash to its digest", hashed.size))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_come_first_and_no_sum_is_too_large() {
        assert_eq!(
            within(vec![(5, 'a'), (1, 'b'), (3, 'c'), (9, 'd')], 4),
            (vec!['b', 'c'], vec![(5, 'a'), (9, 'd')])
        );
        assert_eq!(within(vec![(4, 'a')], 4), (vec!['a'], vec![]));
        assert_eq!(limit([].into_iter()), None);
        let all = Some(Limit::SizesUnhashed { blobs: 3, bytes: u64::MAX });
        assert_eq!(limit([u64::MAX, 1, 1].into_iter()), all);
    }
}
