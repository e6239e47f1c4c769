//! How many looks at storage are under way at once.
//!
//! A look at a cold disk or a network file system takes a millisecond of waiting and microseconds of work, so that
//! their number has nothing to do with how many cores there are. It is the number of threads of a pool in which a walk,
//! second looks and content reads run. Unless it was said, a few looks tell it: as many as fill the cores with work
//! while all the others wait. Where storage answers at once that is one for each core, in the pool that is there
//! anyway.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustix::time::{ClockId, clock_gettime};

use super::folder::Folder;
use super::notes::Notes;
use crate::domain::layout;

/// More than that no server of files was seen to answer faster.
const MOST: usize = 64;
/// Looks that tell how long one waits.
const SAMPLE: usize = 8;
/// Waiting this many times as long as working is what a machine does that is busy with something else.
const BUSY: f64 = 3.0;

/// How many entries of a folder are looked at by one thread: most folders have fewer, so that only large ones are
/// divided.
const PART: usize = 64;

/// The most folders that a thread is handed at once: they stay its own, and in the end all others wait for it.
pub(super) const FEW: usize = 4;

/// Look at each of these in parallel, part by part; in their order. Each is handed room for a path, so that none
/// needs its own.
pub(super) fn in_parts<T: Send, R: Send>(
    all: Vec<T>,
    notes: &mut Notes,
    look: impl Fn(T, &mut String, &mut Notes) -> Option<R> + Sync,
) -> Vec<R> {
    if all.len() <= PART {
        let mut room = String::new();
        return all.into_iter().filter_map(|one| look(one, &mut room, notes)).collect();
    }
    let part = |all: Vec<T>| {
        let (mut room, mut notes) = (String::new(), Notes::default());
        let seen: Vec<R> = all.into_iter().filter_map(|one| look(one, &mut room, &mut notes)).collect();
        (seen, notes)
    };
    let parts: Vec<_> = all.into_par_iter().chunks(PART).with_max_len(1).map(part).collect();
    let mut seen = Vec::with_capacity(parts.iter().map(|(seen, _)| seen.len()).sum());
    for (some, more) in parts {
        seen.extend(some);
        notes.extend(more);
    }
    seen
}

/// The threads that look, started when the first of them is needed.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks {
    said: Option<NonZeroUsize>,
    /// None of its own where the common one is as large.
    pool: Arc<OnceLock<Option<ThreadPool>>>,
}

impl Looks {
    /// That many, whatever storage is like.
    pub(super) fn of(said: Option<NonZeroUsize>) -> Self {
        Self { said, pool: Arc::default() }
    }

    /// Do `work`; what is parallel in it looks at the storage of that root.
    pub(super) fn run<T: Send>(&self, root: &Path, work: impl FnOnce() -> T + Send) -> T {
        match self.pool.get_or_init(|| self.start(root)) {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    fn start(&self, root: &Path) -> Option<ThreadPool> {
        let cores = rayon::current_num_threads();
        let jobs = self.said.map_or_else(|| measured(root, cores), NonZeroUsize::get);
        tracing::info!(jobs, "looks at storage at once");
        if jobs == cores {
            return None;
        }
        ThreadPoolBuilder::new().num_threads(jobs).build().ok()
    }
}

/// As many as fill the cores.
fn measured(root: &Path, cores: usize) -> usize {
    let share = sample(root);
    tracing::debug!(share, "looks at storage take this many times as long as they are work");
    if share < BUSY { cores } else { fitting(share, cores) }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "bounded on both sides right here"
)]
fn fitting(share: f64, cores: usize) -> usize {
    ((share * cores as f64).min(MOST as f64) as usize).max(cores)
}

/// How much longer looks at some blobs, far from each other, took than they were work: that of the middle one, since any
/// may have had to wait for a core.
fn sample(root: &Path) -> f64 {
    let mut shares = Vec::new();
    if let Ok(blobs) = Folder::open_root(root).and_then(|root| root.enter(layout::BLOBS)) {
        for algorithm in names(&blobs) {
            let Ok(shards) = blobs.enter(algorithm) else { continue };
            let all = names(&shards);
            for shard in all.iter().step_by(all.len().div_ceil(SAMPLE).max(1)) {
                let began = (Instant::now(), worked());
                look_into(&shards, shard);
                let work = (worked() - began.1).max(f64::EPSILON);
                shares.push(began.0.elapsed().as_secs_f64() / work);
            }
        }
    }
    shares.sort_unstable_by(f64::total_cmp);
    shares.get(shares.len() / 2).copied().unwrap_or(1.0)
}

fn look_into(shards: &Folder, shard: &[u8]) {
    let Ok(shard) = shards.enter(shard) else { return };
    if let Some(mut path) = names(&shard).pop() {
        path.push(b'/');
        path.extend_from_slice(layout::DATA.as_bytes());
        // Only how long it takes is of interest.
        let _ = shard.look(&path);
    }
}

fn names(folder: &Folder) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    let listed = folder.each(|name, _| names.push(name.to_vec()));
    if listed.is_ok() { names } else { Vec::new() }
}

/// Seconds of work that this thread has done.
#[expect(clippy::cast_precision_loss, reason = "a clock's seconds and nanoseconds")]
fn worked() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_in_parts_is_all_there_in_its_order() {
        for count in [0, 1, PART, PART + 1, 10 * PART + 7] {
            let mut notes = Notes::default();
            let seen = in_parts((0..count).collect(), &mut notes, |number, room, notes| {
                room.clear();
                room.push_str(&number.to_string());
                notes.stray(room.clone(), "");
                (number % 3 != 0).then(|| room.clone())
            });
            let expected: Vec<_> =
                (0..count).filter(|number| number % 3 != 0).map(|number| number.to_string()).collect();
            assert_eq!((seen, notes.stray.len()), (expected, count));
        }
    }

    #[test]
    fn waiting_is_filled_with_other_looks() {
        assert_eq!(fitting(4.0, 2), 8);
        assert_eq!(fitting(1000.0, 2), MOST);
        assert_eq!(fitting(3.0, 96), 96);
    }

    #[test]
    fn what_was_said_is_how_many_there_are() {
        let said = rayon::current_num_threads() + 3;
        let looks = Looks::of(NonZeroUsize::new(said));
        assert_eq!(looks.run(Path::new("/"), rayon::current_num_threads), said);
    }

    #[test]
    fn nothing_there_needs_no_threads_of_its_own() {
        let nothing = Path::new("/nonexistent");
        assert_eq!(Looks::default().run(nothing, rayon::current_num_threads), rayon::current_num_threads());
    }
}
