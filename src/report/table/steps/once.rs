//! Each command once, with all that it helps: whoever types it is done with all of that.

use std::collections::BTreeSet;

use super::{Advice, Cure};

/// A cure, and what it helps.
struct Entry {
    about: Vec<String>,
    cure: Cure,
    /// Those that are better for some of that.
    after: BTreeSet<usize>,
}

/// What helps, best first for each: what is typed alike is one.
pub(super) fn once(all: Vec<(Vec<String>, Vec<Cure>)>) -> Vec<Advice> {
    let mut entries: Vec<Entry> = Vec::new();
    for (about, cures) in all {
        let mut better = BTreeSet::new();
        for cure in cures {
            let is_same = |entry: &Entry| entry.cure.typed.is_some() && entry.cure.typed == cure.typed;
            let at = entries.iter().position(is_same).unwrap_or(entries.len());
            match entries.get_mut(at) {
                Some(entry) => entry.join(&about, &cure, better.iter().filter(|other| **other != at)),
                None => entries.push(Entry { about: about.clone(), cure, after: better.clone() }),
            }
            better.insert(at);
        }
    }
    blocks(ordered(entries))
}

impl Entry {
    fn join<'a>(&mut self, about: &[String], cure: &Cure, better: impl Iterator<Item = &'a usize>) {
        let is_new = |name: &&String| !self.about.contains(name);
        let new: Vec<_> = about.iter().filter(is_new).cloned().collect();
        self.about.extend(new);
        self.cure.join(cure);
        self.after.extend(better);
    }
}

/// None before what is better.
fn ordered(entries: Vec<Entry>) -> Vec<Entry> {
    let (mut done, mut ordered) = (BTreeSet::new(), Vec::new());
    let mut left: Vec<(usize, Entry)> = entries.into_iter().enumerate().collect();
    while !left.is_empty() {
        // In a circle there is no best.
        let next = left.iter().position(|(_, entry)| entry.after.is_subset(&done)).unwrap_or_default();
        let (at, entry) = left.remove(next);
        done.insert(at);
        ordered.push(entry);
    }
    ordered
}

/// Those for the same under one heading.
fn blocks(entries: Vec<Entry>) -> Vec<Advice> {
    let (mut offered, mut blocks) = (BTreeSet::new(), Vec::<Advice>::new());
    for Entry { about, cure, .. } in entries {
        let name = about.join(", ");
        if let Some(last) = blocks.last_mut().filter(|last| last.about == name) {
            last.cures.push(cure);
        } else {
            let is_alternative = about.iter().all(|name| offered.contains(name));
            blocks.push(Advice { about: name, cures: vec![cure], is_alternative });
        }
        offered.extend(about);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cure(typed: &str) -> Cure {
        Cure { orders: vec![format!("do {typed}")], needs: None, typed: Some(typed.into()) }
    }

    fn shown(all: &[(&str, &[&str])]) -> Vec<String> {
        let all = all.iter().map(|(about, cures)| {
            (vec![(*about).to_owned()], cures.iter().map(|typed| cure(typed)).collect::<Vec<_>>())
        });
        let lines = once(all.collect()).into_iter().flat_map(|advice| {
            let or = advice.is_alternative;
            let line = move |(at, cure): (usize, Cure)| {
                let mark = if or || at > 0 { "or" } else { "-" };
                format!("{}: {mark} {}", advice.about, cure.typed.unwrap())
            };
            advice.cures.into_iter().enumerate().map(line).collect::<Vec<_>>()
        });
        lines.collect()
    }

    #[test]
    fn a_command_stands_once_and_after_what_is_better_for_each() {
        let told = shown(&[
            ("phantom", &["fix", "purge", "restart"]),
            ("lost", &["fix"]),
            ("memory", &["say", "restart"]),
        ]);
        assert_eq!(
            told,
            ["phantom, lost: - fix", "phantom: or purge", "memory: - say", "phantom, memory: or restart"]
        );
    }

    #[test]
    fn those_that_disagree_about_the_better_one_are_both_told() {
        let told = shown(&[("one", &["a", "b"]), ("other", &["b", "a"])]);
        assert_eq!(told, ["one, other: - a", "one, other: or b"]);
    }

    #[test]
    fn what_is_done_by_hand_stands_for_itself() {
        let by_hand = || Cure { orders: vec!["look".into()], needs: None, typed: None };
        let all =
            vec![(vec!["one".to_owned()], vec![by_hand()]), (vec!["other".to_owned()], vec![by_hand()])];
        assert_eq!(once(all).len(), 2);
    }
}
