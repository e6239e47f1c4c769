//! What regfsck says of a state, and what it makes of it, held against the oracle.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use regfsck::adapters::sandbox::{Flavour, SandboxState};
use regfsck::domain::code::Severity;
use regfsck::domain::finding::Finding;
use regfsck::domain::report::Report;

use crate::explore::step;
use crate::moves::Move;
use crate::oracle::{Attempt, Harm, Harms, When, harms};
use crate::ports::{Ports, traces};
use crate::run::{Command, run};
use crate::world::{Part, REPOSITORIES, What};

/// How the promise is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// It said coherent, and somebody is hurt.
    AllClear(Harm),
    /// It accused, and nobody is hurt by that.
    Accusation(String),
    /// Somebody is hurt who was not before.
    Worse(Harm),
    /// It gave up.
    Failed(String),
}

impl Broken {
    /// What is alike in many states: the smallest history of each is kept.
    pub fn kind(&self) -> String {
        let of = |harm: &Harm| {
            let what = |what: What| if what == What::Index { "index" } else { "image" };
            let attempt = match harm.attempt {
                Attempt::Tag(_) => format!("a tagged {} does not pull", what(harm.wanted)),
                Attempt::Pinned(_) => format!("a linked {} does not pull", what(harm.wanted)),
                Attempt::Push(_) => format!("a pushed {} does not pull", what(harm.wanted)),
            };
            let when = match harm.when {
                When::Refused => ": the push is refused",
                When::Now => "",
                When::AfterRestart => " after a restart",
                When::AfterCollection => " after garbage collection",
            };
            attempt + when
        };
        match self {
            Self::AllClear(harm) => format!("false all-clear: {}", of(harm)),
            Self::Accusation(id) => {
                format!("false accusation: {}", id.split(':').next().unwrap_or_default())
            }
            Self::Worse(harm) => format!("worse than before: {}", of(harm)),
            Self::Failed(why) => format!("failed: {why}"),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllClear(harm) => write!(f, "false all-clear: {harm}"),
            Self::Accusation(id) => write!(f, "false accusation: {id}"),
            Self::Worse(harm) => write!(f, "worse than before: {harm}"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

/// What came of a command in a state.
#[derive(Debug)]
pub struct Judgement {
    pub status: u8,
    pub broken: Vec<Broken>,
    /// What it said, for people.
    pub told: Vec<String>,
}

/// Judges states of one kind of daemon.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    pub flavour: Flavour,
    pub whats: &'a [What],
}

/// The part of a state that counts: upload sessions come and go.
pub fn settled(mut state: SandboxState) -> SandboxState {
    for name in REPOSITORIES {
        let _ = state.files.remove(&format!("repositories/{name}/_uploads"));
    }
    traces::forget(&mut state.files);
    state
}

impl Judge<'_> {
    pub fn harms(&self, state: &SandboxState) -> Harms {
        harms(self.flavour, state, self.whats)
    }

    /// Carries the command out on a copy of the state, whose harms are known.
    pub fn judge(&self, state: &SandboxState, before: &Harms, command: Command) -> Judgement {
        let ports = Arc::new(Ports::new(self.flavour, state.clone()));
        let ended = run(&ports, command);
        let after = settled(ports.registry.state());
        let ended = match ended {
            Ok(ended) => ended,
            Err(why) => {
                return Judgement { status: 101, broken: vec![Broken::Failed(why)], told: Vec::new() };
            }
        };
        let harms = if after == *state { before.clone() } else { self.harms(&after) };
        let mut broken: Vec<_> = if ended.status == 0 {
            harms.iter().cloned().map(Broken::AllClear).collect()
        } else {
            let without = self.without(state, command);
            let is_new = |harm: &&Harm| !is_known(harm, before) && !is_known(harm, &without);
            harms.iter().filter(is_new).cloned().map(Broken::Worse).collect()
        };
        if let (Command::Check, 1, Some(report)) = (command, ended.status, &ended.report) {
            let hurt: Vec<_> = before.iter().chain(&harms).collect();
            let idle = report.standing(Severity::Error).filter(|finding| !hurts(finding, &hurt));
            broken.extend(idle.map(|finding| Broken::Accusation(named(&finding.id))));
        }
        Judgement { status: ended.status, broken, told: ended.report.iter().flat_map(told).collect() }
    }
}

impl Judge<'_> {
    /// Whom garbage collection alone hurts, where the command is to guard it: that is not its guard's doing.
    fn without(&self, state: &SandboxState, command: Command) -> Harms {
        match command {
            Command::Guard(untagged) => self.harms(&step(self.flavour, state, Move::Collect(untagged))),
            Command::Check | Command::Fix | Command::Purge => Harms::new(),
        }
    }
}

/// Whether somebody was hurt by the same before, at once or later.
fn is_known(harm: &Harm, before: &Harms) -> bool {
    before.iter().any(|known| {
        known.repository == harm.repository && known.attempt == harm.attempt && known.when <= harm.when
    })
}

/// Whether what the finding is about is part of what somebody misses.
fn hurts(finding: &Finding, harms: &[&Harm]) -> bool {
    let subject = &finding.subject;
    harms.iter().any(|harm| {
        let is_there =
            subject.repository.as_ref().is_none_or(|name| name.as_str() == REPOSITORIES[harm.repository]);
        let is_of_it = |digest| {
            Part::of(digest).is_some_and(|part| {
                harm.wanted.parts().contains(&part)
                    // An index that lacks an image is not pulled for the sake of that image alone.
                    || part == Part::Index && harm.wanted != What::Index
            })
        };
        let is_tag = subject.tag.as_ref().is_none_or(|tag| match harm.attempt {
            Attempt::Tag(what) | Attempt::Push(what) => what.to_string() == tag.as_str(),
            Attempt::Pinned(_) => false,
        });
        is_there && subject.digest.as_ref().is_none_or(is_of_it) && is_tag
    })
}

fn told(report: &Report) -> Vec<String> {
    let findings = report
        .findings
        .iter()
        .map(|finding| format!("{:?} {:?} {}", finding.severity, finding.state, named(&finding.id)));
    let limits = report.coverage.limits.0.iter().map(|limit| format!("limit: {limit:?}"));
    let unknown = report
        .coverage
        .unknown
        .iter()
        .map(|unlooked| format!("unknown: {}", named(&format!("{unlooked:?}"))));
    findings.chain(limits).chain(unknown).chain(report.refusal.clone()).collect()
}

/// A finding's id with names instead of digests.
fn named(id: &str) -> String {
    Part::ALL.iter().fold(id.to_owned(), |id, part| {
        id.replace(&part.digest().to_string(), &part.to_string())
            .replace(&part.digest().hex(), &part.to_string())
    })
}

/// How often each status came, by command.
pub type Statuses = BTreeMap<(Command, u8), u64>;
