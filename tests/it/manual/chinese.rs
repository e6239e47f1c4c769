//! `README.zh-CN.md` says in Chinese what `README.md` says: its commands, sessions and tables are the same.
//!
//! With `UPDATE_GENERATED=1` it is brought in step: fenced blocks are taken over, and tables get the rows that they lack,
//! in English until somebody translates them.

use std::collections::BTreeMap;

use super::read;
use crate::support::generated::{check, in_tree};

/// A stretch of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Fence(Vec<String>),
    Table(Vec<String>),
    Other(String),
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = text.lines().map(str::to_owned).peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let mut fence = vec![line];
            for line in lines.by_ref() {
                let is_end = line == "```";
                fence.push(line);
                if is_end {
                    break;
                }
            }
            parts.push(Part::Fence(fence));
        } else if line.starts_with('|') {
            let mut table = vec![line];
            while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
                table.push(line);
            }
            parts.push(Part::Table(table));
        } else {
            parts.push(Part::Other(line));
        }
    }
    parts
}

/// What a row is about: its first cell, without the links in it.
fn key(row: &str) -> String {
    let cell = row.trim_start_matches('|').split(" | ").next().unwrap_or("");
    cell.split("](").next().unwrap_or("").trim().trim_start_matches('[').to_owned()
}

/// The rows of one table, in the words of the other where it has them.
fn rows(english: &[String], chinese: &[String]) -> Vec<String> {
    let known: BTreeMap<String, &String> = chinese.iter().skip(2).map(|row| (key(row), row)).collect();
    let head = chinese.iter().take(2).cloned();
    head.chain(english.iter().skip(2).map(|row| known.get(&key(row)).copied().unwrap_or(row).clone()))
        .collect()
}

/// The Chinese text with the English text's blocks, and a row for each of its rows.
fn in_step(english: &str, chinese: &str) -> String {
    let (english, chinese) = (parts(english), parts(chinese));
    let theirs = |wanted: fn(&Part) -> bool| english.iter().filter(move |part| wanted(part));
    let mut fences = theirs(|part| matches!(part, Part::Fence(_)));
    let mut tables = theirs(|part| matches!(part, Part::Table(_)));
    let mut lines = Vec::new();
    for part in chinese {
        match part {
            Part::Other(line) => lines.push(line),
            Part::Fence(_) => match fences.next() {
                Some(Part::Fence(fence)) => lines.extend(fence.iter().cloned()),
                _ => panic!("README.md has fewer blocks than README.zh-CN.md"),
            },
            Part::Table(own) => match tables.next() {
                Some(Part::Table(table)) => lines.extend(rows(table, &own)),
                _ => panic!("README.md has fewer tables than README.zh-CN.md"),
            },
        }
    }
    assert_eq!((fences.next(), tables.next()), (None, None), "README.zh-CN.md lacks this of README.md");
    lines.join("\n") + "\n"
}

#[test]
fn generated_blocks_and_rows_of_the_chinese_readme() {
    let [english, chinese] = ["README.md", "README.zh-CN.md"].map(|name| read(&in_tree(name)));
    check("README.zh-CN.md", &in_step(&english, &chinese));
}

#[test]
fn what_is_translated_stays_and_what_is_new_comes_in() {
    let english =
        "text\n```console\nnew\n```\n| a | b |\n|---|---|\n| [`one`](x) | first |\n| two | second |\n";
    let chinese = "文\n```console\nold\n```\n| 甲 | 乙 |\n|---|---|\n| [`one`](y) | 一 |\n| three | 三 |\n";
    let expected =
        "文\n```console\nnew\n```\n| 甲 | 乙 |\n|---|---|\n| [`one`](y) | 一 |\n| two | second |\n";
    assert_eq!(in_step(english, chinese), expected);
    assert_eq!(in_step(english, expected), expected);
}
