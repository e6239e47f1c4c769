//! The histories that once ended in a false verdict, each judged again.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use regfsck::adapters::sandbox::{Caching, Flavour, SandboxState};

use crate::explore::step;
use crate::judge::Judge;
use crate::moves::Move;
use crate::run::Command;
use crate::world::What;

const NOTED: &str = include_str!("data/histories.txt");

/// One line of the table.
pub struct Noted<'a> {
    pub line: &'a str,
    pub flavour: Flavour,
    pub cache: Caching,
    pub history: Vec<Move>,
    pub command: Command,
    today: &'a str,
}

/// All of it.
pub fn all() -> impl Iterator<Item = Noted<'static>> {
    NOTED.lines().filter(|line| !line.starts_with('#')).map(read)
}

fn read(line: &str) -> Noted<'_> {
    let columns: Vec<_> = line.split(" | ").collect();
    let [flavour, cache, history, command, today] = columns[..] else { panic!("`{line}` has five columns") };
    let named = |kind: &Caching| format!("{kind:?}") == cache;
    Noted {
        line,
        flavour: Flavour::ALL.into_iter().find(|one| format!("{one:?}") == flavour).expect(flavour),
        cache: [Caching::None, Caching::InMemory, Caching::Redis].into_iter().find(named).expect(cache),
        history: history.split("; ").map(|one| one.parse().unwrap()).collect(),
        command: command.parse().unwrap(),
        today,
    }
}

#[test]
fn noted_histories_end_as_noted() {
    let mut wrong = String::new();
    for noted in all() {
        let first = SandboxState::new(noted.cache);
        let state = noted.history.iter().fold(first, |state, one| step(noted.flavour, &state, *one));
        let judge = Judge { flavour: noted.flavour, whats: &What::ALL };
        let judgement = judge.judge(&state, &judge.harms(&state), noted.command);
        let kinds: BTreeSet<_> = judgement.broken.iter().map(crate::judge::Broken::kind).collect();
        let is_so = if noted.today == "true" { kinds.is_empty() } else { kinds.contains(noted.today) };
        if !is_so {
            let _ = writeln!(wrong, "{}\n    is now {:?}, status {}", noted.line, kinds, judgement.status);
        }
    }
    assert_eq!(wrong, "", "edit tests/search/data/histories.txt");
}
