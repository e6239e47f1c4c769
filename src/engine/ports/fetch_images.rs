//! Fetching what images consist of: the walk of [`domain::images`](crate::domain::images) over a port.

use std::hash::Hash;

use futures_util::{StreamExt as _, stream};

use crate::domain::images::Frontier;

/// Fetch what `open` holds, level by level, `jobs` at once, each thing once. `take` gets every answer, those of a level
/// in order, and says what it leads to.
pub async fn fetch_images<T: Clone, K: Eq + Hash, F: Future>(
    mut open: Frontier<T, K>,
    jobs: usize,
    fetch: impl Fn(T) -> F,
    mut take: impl FnMut(T, F::Output) -> Vec<T>,
) {
    loop {
        let level = open.level();
        if level.is_empty() {
            return;
        }
        let answers = stream::iter(level).map(|thing| {
            let answer = fetch(thing.clone());
            async move { (thing, answer.await) }
        });
        let answers: Vec<_> = answers.buffered(jobs.max(1)).collect().await;
        for (thing, answer) in answers {
            open.meet(take(thing, answer));
        }
    }
}
