//! Breadth first over states, each once.
//!
//! ```text
//! frontier ─ every move ─► states ─ not seen before ─► judged ─► violations, and the next frontier
//! ```

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::{Caching, Flavour, SandboxState};

use crate::judge::{Broken, Judge, Statuses, settled};
use crate::machine::make;
use crate::moves::{Move, Range};
use crate::ports::Ports;
use crate::run::Command;
use crate::world::What;

/// A kind of daemon, and what happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Setting {
    pub flavour: Flavour,
    pub cache: Caching,
    pub range: Range,
}

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub depth: usize,
    pub states: usize,
}

/// A history that ends where the promise is broken.
#[derive(Debug, Clone)]
pub struct Violation {
    pub history: Vec<Move>,
    pub broken: Broken,
    /// In how many states it is broken in this way.
    pub states: u64,
}

/// What a search saw.
#[derive(Debug)]
pub struct Outcome {
    pub states: usize,
    /// The length of the longest histories of which all were searched.
    pub depth: usize,
    /// How many states there are at each depth.
    pub by_depth: Vec<usize>,
    pub time: Duration,
    pub statuses: Statuses,
    /// The smallest of each kind.
    pub violations: BTreeMap<(Command, String), Violation>,
}

/// A state, and how it came to be: by a move from a state of the layer before.
struct Node {
    state: SandboxState,
    history: Arc<History>,
}

#[derive(Debug)]
struct History {
    before: Option<Arc<History>>,
    last: Option<Move>,
}

impl History {
    fn moves(&self) -> Vec<Move> {
        let mut moves = self.before.as_ref().map(|before| before.moves()).unwrap_or_default();
        moves.extend(self.last);
        moves
    }
}

fn key(state: &SandboxState) -> u128 {
    let half = |seed: u8| {
        let mut hasher = DefaultHasher::new();
        (seed, state).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// Makes a move on a copy of the state.
pub fn step(flavour: Flavour, state: &SandboxState, what: Move) -> SandboxState {
    let mut machine = Arc::new(Ports::new(flavour, state.clone()));
    make(&mut machine, what);
    settled(machine.registry.state())
}

/// Works on all items with many threads: what is judged sleeps now and then. The results are in their order.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    const THREADS: usize = 12;
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut mine = Vec::new();
            while let at = next.fetch_add(1, Ordering::Relaxed)
                && let Some(item) = items.get(at)
            {
                mine.push((at, work(item)));
            }
            mine
        };
        let workers: Vec<_> = (0..THREADS.min(items.len())).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

pub fn search(setting: Setting, limits: Limits) -> Outcome {
    let begun = Instant::now();
    let Setting { flavour, cache, range } = setting;
    let moves: Vec<_> =
        range.moves().into_iter().filter(|one| *one != Move::Flush || cache == Caching::Redis).collect();
    let first = SandboxState::new(cache);
    let mut seen = HashSet::from([key(&first)]);
    let mut outcome = Outcome {
        states: 0,
        depth: 0,
        by_depth: Vec::new(),
        time: Duration::ZERO,
        statuses: Statuses::new(),
        violations: BTreeMap::new(),
    };
    let root = History { before: None, last: None };
    let mut frontier = vec![Node { state: first, history: Arc::new(root) }];
    loop {
        let room = limits.states - outcome.states;
        let is_cut = frontier.len() > room;
        frontier.truncate(room);
        judge_all(setting, &frontier, &mut outcome);
        outcome.states += frontier.len();
        outcome.by_depth.push(frontier.len());
        if !is_cut {
            outcome.depth = outcome.by_depth.len() - 1;
        }
        if is_cut || outcome.depth == limits.depth || frontier.is_empty() || outcome.states == limits.states {
            break;
        }
        frontier = expand(flavour, &frontier, &moves, &mut seen);
    }
    outcome.time = begun.elapsed();
    outcome
}

fn expand(flavour: Flavour, frontier: &[Node], moves: &[Move], seen: &mut HashSet<u128>) -> Vec<Node> {
    let expanded = each(frontier, |node| {
        let next = moves.iter().map(|one| (*one, step(flavour, &node.state, *one)));
        next.map(|(one, state)| (one, key(&state), state)).collect::<Vec<_>>()
    });
    let mut next = Vec::new();
    for (node, children) in frontier.iter().zip(expanded) {
        for (one, key, state) in children {
            if seen.insert(key) {
                let history = History { before: Some(Arc::clone(&node.history)), last: Some(one) };
                next.push(Node { state, history: Arc::new(history) });
            }
        }
    }
    next
}

fn judge_all(setting: Setting, frontier: &[Node], outcome: &mut Outcome) {
    let whats: &[What] =
        if setting.range == Range::Indexes { &What::ALL } else { &[What::Image(0), What::Image(1)] };
    let judge = Judge { flavour: setting.flavour, whats };
    let judged = each(frontier, |node| {
        let before = judge.harms(&node.state);
        Command::ALL.map(|command| (command, judge.judge(&node.state, &before, command)))
    });
    for (node, judgements) in frontier.iter().zip(judged) {
        for (command, judgement) in judgements {
            *outcome.statuses.entry((command, judgement.status)).or_default() += 1;
            let mut kinds = BTreeMap::new();
            for broken in judgement.broken {
                kinds.entry(broken.kind()).or_insert(broken);
            }
            for (kind, broken) in kinds {
                let known = outcome.violations.entry((command, kind)).or_insert_with(|| Violation {
                    history: node.history.moves(),
                    broken,
                    states: 0,
                });
                known.states += 1;
            }
        }
    }
}

/// Tells what each move of a history is answered, and what is said of where it leads.
pub fn explain(setting: Setting, moves: &[Move]) {
    let Setting { flavour, cache, .. } = setting;
    let mut state = SandboxState::new(cache);
    for one in moves {
        let mut machine = Arc::new(Ports::new(flavour, state));
        eprintln!("  {one}: {}", make(&mut machine, *one));
        state = settled(machine.registry.state());
    }
    let judge = Judge { flavour, whats: &What::ALL };
    let before = judge.harms(&state);
    for harm in &before {
        eprintln!("  harm: {harm}");
    }
    for command in Command::ALL {
        let judgement = judge.judge(&state, &before, command);
        eprintln!("  {command}: {}", judgement.status);
        let broken = judgement.broken.iter().map(ToString::to_string);
        for line in judgement.told.into_iter().chain(broken) {
            eprintln!("    {line}");
        }
    }
}
