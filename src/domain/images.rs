//! The one graph of images, and how it is walked.
//!
//! ```text
//! tag ─► index ─► … ─► manifest ─┬─► config, layers
//!                                └─► subject: what it is attached to, and can be pulled without
//! ```
//! What an image needs is followed through indexes whether or not a link leads there. Whoever pushes decides how deep
//! indexes nest and how often they share what they list, and bad bytes may even list themselves: so everything is
//! met once, nothing recurses, and a walk costs no more than the edges that it passes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

use super::digest::Digest;
use super::manifest::Manifest;

/// What is to be looked at: each thing once, in the order in which it was met. Things are the same if their keys are.
pub struct Frontier<T, K = T> {
    key: fn(&T) -> K,
    seen: HashSet<K>,
    open: VecDeque<T>,
}

impl<T: Clone + Eq + Hash> Frontier<T> {
    /// Begin at `roots`.
    #[must_use]
    pub fn of(roots: impl IntoIterator<Item = T>) -> Self {
        Self::by(T::clone, roots)
    }
}

impl<T, K: Eq + Hash> Frontier<T, K> {
    /// Begin at `roots`, of which those with the same key are the same.
    #[must_use]
    pub fn by(key: fn(&T) -> K, roots: impl IntoIterator<Item = T>) -> Self {
        let mut frontier = Self { key, seen: HashSet::new(), open: VecDeque::new() };
        frontier.meet(roots);
        frontier
    }

    /// Take note of things; those that are new are to be looked at.
    pub fn meet(&mut self, things: impl IntoIterator<Item = T>) {
        for thing in things {
            if self.see(&thing) {
                self.open(thing);
            }
        }
    }

    /// Take note of a thing that need not be looked at, and whether it is new.
    pub fn see(&mut self, thing: &T) -> bool {
        #[cfg(test)]
        tests::passed();
        self.seen.insert((self.key)(thing))
    }

    /// Look at a thing, met before or not.
    pub fn open(&mut self, thing: T) {
        self.open.push_back(thing);
    }

    /// All that is to be looked at by now; what that leads to is the next level.
    #[must_use]
    pub fn level(&mut self) -> Vec<T> {
        self.open.drain(..).collect()
    }

    /// All that was ever met.
    #[must_use]
    pub fn into_seen(self) -> HashSet<K> {
        self.seen
    }
}

impl<T, K> Iterator for Frontier<T, K> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.open.pop_front()
    }
}

/// The manifests that pulling `roots` meets, these first: each once, with what it says as far as that is known.
pub fn below<'a>(
    roots: impl IntoIterator<Item = Digest>,
    lookup: impl Fn(&Digest) -> Option<&'a Manifest>,
) -> impl Iterator<Item = (Digest, Option<&'a Manifest>)> {
    let mut open = Frontier::of(roots);
    std::iter::from_fn(move || {
        let digest = open.next()?;
        let manifest = lookup(&digest);
        open.meet(manifest.into_iter().flat_map(|manifest| &manifest.children).map(|child| child.digest));
        Some((digest, manifest))
    })
}

/// How many things each of so many is followed to: whoever pushes decides how many there are of both, and what is kept is
/// their pairs.
#[must_use]
pub fn room(of: usize) -> usize {
    const PAIRS: usize = 1 << 18;
    const FEWEST: usize = 64;
    PAIRS.checked_div(of).unwrap_or(PAIRS).max(FEWEST)
}

/// The same graph upwards: what holds a thing. `N` is cheap to copy.
pub struct Holders<N>(Vec<(N, N)>);

impl<'a> Holders<&'a Digest> {
    /// The indexes among these manifests, by what they list.
    #[must_use]
    pub fn listing(manifests: impl IntoIterator<Item = (&'a Digest, &'a Manifest)>) -> Self {
        let edges = manifests.into_iter();
        Self::new(edges.flat_map(|(digest, manifest)| {
            manifest.children.iter().map(move |child| (digest, &child.digest))
        }))
    }
}

impl<N: Copy + Ord + Hash> Holders<N> {
    /// Of pairs: what holds, and what it holds.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (N, N)>) -> Self {
        let mut held: Vec<(N, N)> = pairs.into_iter().map(|(holder, held)| (held, holder)).collect();
        held.sort_unstable();
        held.dedup();
        Self(held)
    }

    fn holding(&self, held: N) -> impl Iterator<Item = N> {
        let from = self.0.partition_point(|(known, _)| *known < held);
        let pairs = self.0.iter().skip(from).take_while(move |(known, _)| *known == held);
        pairs.map(|(_, holder)| *holder)
    }

    /// All that leads to one of these, which count as well: each once, with what the nearest of them is marked with.
    pub fn above<M: Copy>(&self, marked: impl IntoIterator<Item = (N, M)>) -> impl Iterator<Item = (N, M)> {
        let mut open = Frontier::by(|(node, _): &(N, M)| *node, marked);
        std::iter::from_fn(move || {
            let (node, mark) = open.next()?;
            open.meet(self.holding(node).map(|holder| (holder, mark)));
            Some((node, mark))
        })
    }

    /// For everything that leads to something marked, the marks that it reaches, sorted. What reaches none is
    /// not in there, so that this costs no more than the answer and the edges that led to it.
    ///
    /// A mark is followed to no more than `most`, the nearest; what that leaves without any mark has the nearest one.
    #[must_use]
    pub fn marks<M: Copy + Ord>(&self, marked: impl IntoIterator<Item = (N, M)>, most: usize) -> Marks<N, M> {
        let mut marked: Vec<(M, N)> = marked.into_iter().map(|(node, mark)| (mark, node)).collect();
        marked.sort_unstable();
        let (mut of, mut is_cut): (HashMap<N, Vec<M>>, _) = (HashMap::new(), false);
        for alike in marked.chunk_by(|(one, _), (other, _)| one == other) {
            let mut above = self.above(alike.iter().map(|(mark, node)| (*node, *mark)));
            for (node, mark) in above.by_ref().take(most) {
                of.entry(node).or_default().push(mark);
            }
            is_cut |= above.next().is_some();
        }
        if is_cut {
            for (node, mark) in self.above(marked.iter().map(|(mark, node)| (*node, *mark))) {
                of.entry(node).or_insert_with(|| vec![mark]);
            }
        }
        Marks { of, is_cut }
    }
}

/// What leads to what is marked.
pub struct Marks<N, M> {
    /// Of each thing the marks that it reaches, sorted.
    pub of: HashMap<N, Vec<M>>,
    /// Whether some were not followed to the end.
    pub is_cut: bool,
}

#[cfg(test)]
pub(crate) mod tests;
