//! Whole outputs, as a person sees them: the command, stdout, stderr, status; with names for what differs from run to run.

use std::process::Command;

use super::regfsck::Ended;

/// What stands for what.
#[derive(Debug, Clone, Default)]
pub struct Names(Vec<(String, String)>);

impl Names {
    /// Say `name` where `text` would stand.
    pub fn with(mut self, text: &impl ToString, name: &str) -> Self {
        self.0.push((text.to_string(), name.to_owned()));
        self
    }

    /// The text with names in it; digests of random content stay, for there are none.
    pub fn apply(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, (known, name)| text.replace(known, name));
        text.split_inclusive(char::is_whitespace).map(dated).collect()
    }

    /// The run of this command as a transcript, and what it was.
    pub fn play(&self, command: &mut Command) -> (String, Ended) {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let ended = Ended::from(command.output().unwrap());
        (self.told(&words.join(" "), &ended), ended)
    }

    /// What was typed and what came of it.
    pub fn told(&self, typed: &str, ended: &Ended) -> String {
        let errors = if ended.stderr.is_empty() { "" } else { "--- stderr\n" };
        let text = format!(
            "$ regfsck {typed}\n{}{errors}{}--- status {}\n",
            ended.stdout, ended.stderr, ended.status
        );
        self.apply(&text)
    }
}

/// A path with the runs in it named.
fn without_runs(path: &str) -> String {
    let is_run = |part: &&str| part.len() > 16 && part.as_bytes()[8] == b'T' && part.as_bytes()[15] == b'Z';
    let parts: Vec<_> = path.split('/').map(|part| if is_run(&part) { "RUN" } else { part }).collect();
    parts.join("/")
}

/// A word with the date, the time or the run in it named.
fn dated(word: &str) -> String {
    let quote = if word.starts_with('`') { "`" } else { "" };
    let word = word.strip_prefix('`').unwrap_or(word);
    let bare = word.trim_end_matches(|c: char| c.is_whitespace() || ",:;`)".contains(c));
    let rest = word.get(bare.len()..).unwrap_or_default();
    let shape: String = bare.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    match shape.as_str() {
        "0000-00-00" => format!("DATE{rest}"),
        "00:00:00Z" => format!("TIME{rest}"),
        _ if shape.starts_with("00000000T000000") => format!("{quote}RUN{rest}"),
        _ if shape.contains("/00000000T000000Z-") => format!("{quote}{}{rest}", without_runs(bare)),
        _ => format!("{quote}{word}"),
    }
}
