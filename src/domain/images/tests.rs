use std::cell::Cell;

use super::*;
use crate::domain::manifest::{Descriptor, Kind};
use crate::domain::views::storage::{ReadManifest, StoredManifests};

thread_local! {
    static PASSED: Cell<usize> = const { Cell::new(0) };
}

/// Some walk passed an edge.
pub(crate) fn passed() {
    PASSED.set(PASSED.get() + 1);
}

/// What `walk` gives, and how many edges it and all that it called passed.
pub(crate) fn edges_of<T>(walk: impl FnOnce() -> T) -> (T, usize) {
    PASSED.set(0);
    let result = walk();
    (result, PASSED.get())
}

/// The digest number `n`.
pub(crate) fn digest(n: usize) -> Digest {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Digest::sha256(bytes)
}

/// A manifest that needs and lists these.
pub(crate) fn manifest(needs: &[usize], children: &[usize]) -> Manifest {
    let of = |numbers: &[usize]| -> Box<[Descriptor]> {
        numbers.iter().map(|n| Descriptor::new(digest(*n), Some(10))).collect()
    };
    let kind = if children.is_empty() { Kind::Image } else { Kind::Index };
    Manifest {
        kind,
        needs: of(needs),
        children: of(children),
        platforms: Box::default(),
        subject: None,
        foreign: Box::default(),
        flaw: None,
    }
}

/// The layer at the bottom of every planted graph.
pub(crate) const LAYER: usize = usize::MAX;

/// Manifest 0 lists 1, which lists 2, and so on: `depth` of them, the last of which needs [`LAYER`].
pub(crate) fn chain(depth: usize) -> Vec<(usize, Manifest)> {
    let link = |n| if n + 1 < depth { manifest(&[], &[n + 1]) } else { manifest(&[LAYER], &[]) };
    (0..depth).map(|n| (n, link(n))).collect()
}

/// Manifest 0 lists the `width` manifests of the next level, each of which lists all of the next, `levels` times.
pub(crate) fn diamond(levels: usize, width: usize) -> Vec<(usize, Manifest)> {
    let level = |n: usize| -> Vec<usize> { ((n - 1) * width + 1..=n * width).collect() };
    let one = |n: usize, of: usize| {
        if of < levels { (n, manifest(&[], &level(of + 1))) } else { (n, manifest(&[LAYER], &[])) }
    };
    let rest = (1..=levels).flat_map(|of| level(of).into_iter().map(move |n| one(n, of)));
    std::iter::once(one(0, 0)).chain(rest).collect()
}

/// As they are stored.
pub(crate) fn stored(graph: &[(usize, Manifest)]) -> StoredManifests {
    graph.iter().map(|(n, manifest)| (digest(*n), ReadManifest::Manifest(manifest.clone()))).collect()
}

/// The graphs that a walk must not choke on, with the number of their edges.
pub(crate) fn hostile() -> [(Vec<(usize, Manifest)>, usize); 2] {
    [(chain(20_000), 19_999), (diamond(6, 100), 100 + 5 * 100 * 100)]
}

#[test]
fn what_lists_itself_or_is_listed_twice_is_met_once() {
    let graph = [(0, manifest(&[], &[1, 2, 0])), (1, manifest(&[], &[2, 0])), (2, manifest(&[LAYER], &[7]))];
    let stored = stored(&graph);
    let met = below([digest(0), digest(0)], |digest| stored.manifest(digest));
    let met: Vec<_> = met.map(|(digest, manifest)| (digest, manifest.is_some())).collect();
    assert_eq!(met, [(digest(0), true), (digest(1), true), (digest(2), true), (digest(7), false)]);
    let holders = Holders::listing(stored.readable());
    let gone = digest(7);
    let above: HashMap<_, _> = holders.above([(&gone, 'x')]).map(|(digest, mark)| (*digest, mark)).collect();
    assert_eq!(above, HashMap::from([0, 1, 2, 7].map(|n| (digest(n), 'x'))));
}

#[test]
fn marks_come_to_all_that_leads_to_them() {
    let graph = [
        (0, manifest(&[], &[1, 2])),
        (1, manifest(&[], &[3])),
        (2, manifest(&[8], &[3])),
        (3, manifest(&[9], &[])),
        (4, manifest(&[], &[])),
    ];
    let stored = stored(&graph);
    let holders = Holders::listing(stored.readable());
    let needs = stored.readable().flat_map(|(digest, manifest)| {
        let needs = manifest.needs.iter();
        needs.map(move |need| (digest, need.digest))
    });
    let marks = holders.marks(needs, usize::MAX).of;
    let of = |n: usize| marks.get(&digest(n)).cloned();
    let mut both = [8, 9].map(digest).to_vec();
    both.sort_unstable();
    assert_eq!((of(0), of(2)), (Some(both.clone()), Some(both)));
    assert_eq!((of(1), of(3)), (Some(vec![digest(9)]), Some(vec![digest(9)])));
    assert_eq!((of(4), of(9), marks.len()), (None, None, 4));
    let lost = [2, 3].map(|n| (digest(n), n));
    let nearest: HashMap<_, _> = holders.above(lost.iter().map(|(digest, n)| (digest, *n))).collect();
    assert_eq!((nearest.get(&digest(0)), nearest.get(&digest(1))), (Some(&2), Some(&3)));
}

#[test]
fn a_long_chain_and_a_shared_lattice_cost_their_edges() {
    for (graph, edges) in hostile() {
        let stored = stored(&graph);
        let (met, passed) = edges_of(|| below([digest(0)], |digest| stored.manifest(digest)).count());
        assert_eq!((met, passed), (graph.len(), edges + 1), "and the root");
        let holders = Holders::listing(stored.readable());
        let needing = stored.readable().filter(|(_, manifest)| !manifest.needs.is_empty());
        let (marks, passed) =
            edges_of(|| holders.marks(needing.map(|(digest, _)| (digest, 'x')), usize::MAX));
        assert_eq!((marks.of.len(), marks.is_cut), (graph.len(), false));
        assert!(passed <= 2 * edges, "{passed} for {edges}");
    }
}

#[test]
fn marks_that_lead_far_are_followed_to_the_nearest_and_leave_nothing_unmarked() {
    let (long, few) = (chain(1_000), 10);
    let stored = stored(&long);
    let holders = Holders::listing(stored.readable());
    let bottom = stored.readable().find(|(_, manifest)| !manifest.needs.is_empty()).unwrap().0;
    let (marks, passed) = edges_of(|| holders.marks((0..100).map(|mark| (bottom, mark)), few));
    assert_eq!((marks.of.len(), marks.is_cut), (1_000, true));
    let held: usize = marks.of.values().map(Vec::len).sum();
    assert_eq!(held, 100 * few + (1_000 - few));
    assert!(passed <= 100 * (few + 2) + 1_100, "{passed}");
}
