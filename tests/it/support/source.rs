//! Reading our own source: enough of Rust's grammar to see which paths a file names.

use std::path::{Path, PathBuf};

/// Every `.rs` file below `folder`, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    walk.map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}

/// The source without comments and without what stands in literals, line for line.
pub(crate) fn bare(source: &str) -> String {
    let mut rest = source;
    let mut bare = String::with_capacity(source.len());
    while let Some(first) = rest.chars().next() {
        let (kept, skipped) = match first {
            '/' if rest.starts_with("//") => ("", rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (" ", rest.find("*/").map_or(rest.len(), |end| end + 2)),
            'r' if raw_string(rest).is_some() && !bare.ends_with(is_word) => {
                ("\"\"", raw_string(rest).unwrap())
            }
            '"' => ("\"\"", 1 + quoted(&rest[1..], '"')),
            '\'' => match character(rest) {
                Some(length) => ("' '", length),
                None => ("'", 1),
            },
            other => (&rest[..other.len_utf8()], other.len_utf8()),
        };
        bare.push_str(kept);
        if first != '\n' {
            bare.extend(rest[..skipped].matches('\n'));
        }
        rest = &rest[skipped..];
    }
    bare
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How long the raw string at the start is, if one is there.
fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..].find(|c| c != '#')?;
    let body = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + body.find(&end)? + end.len())
}

/// How far it is past the closing `quote`.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '\\' if !is_escaped => is_escaped = true,
            c if c == quote && !is_escaped => return at + 1,
            _ => is_escaped = false,
        }
    }
    text.len()
}

/// How long the character literal at the start is; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let second = text[1..].chars().next()?;
    let after = 1 + second.len_utf8();
    match second {
        '\\' => Some(1 + quoted(&text[1..], '\'')),
        _ => text[after..].starts_with('\'').then_some(after + 1),
    }
}

/// The source without modules and items that exist in tests only, and the names of such modules in files
/// of their own.
pub(crate) fn without_tests(bare: &str) -> (String, Vec<String>) {
    let mut kept = String::new();
    let mut files = Vec::new();
    let mut rest = bare;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let open = item.find(['{', ';']).unwrap_or(item.len());
        let name = item[..open].trim_end().rsplit_once("mod ").map(|(_, name)| name.trim());
        files.extend(name.filter(|_| item[open..].starts_with(';')).map(str::to_owned));
        rest = &item[open + block(&item[open..])..];
    }
    kept.push_str(rest);
    (kept, files)
}

/// How long the block in braces at the start is; a semicolon alone is one.
pub(crate) fn block(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// Every path that the source names, `use` groups taken apart: `crate::domain::digest::Digest`.
pub(crate) fn paths(bare: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bare.len() {
        let length = bare[at..].find(|c| !is_word(c)).unwrap_or(bare.len() - at);
        if length == 0 {
            at += bare[at..].chars().next().map_or(1, char::len_utf8);
        } else if bare[at + length..].starts_with("::") {
            at += tree(&bare[at..], &[], &mut found);
        } else {
            at += length;
        }
    }
    found
}

/// Every path that a `use` of the source brings in.
pub(crate) fn uses(bare: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, word) in bare.match_indices("use ") {
        if !bare[..at].ends_with(is_word) {
            tree(&bare[at + word.len()..], &[], &mut found);
        }
    }
    found
}

/// Read one use tree at the start and say how long it is.
fn tree(text: &str, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    let mut at = 0;
    loop {
        let length = text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at);
        if length > 0 {
            path.push(text[at..at + length].to_owned());
            at += length;
        }
        if length > 0 && text[at..].starts_with("::") {
            at += 2;
        } else if length == 0 && text[at..].starts_with('{') {
            return at + group(&text[at..], &path, found);
        } else {
            let is_glob = length == 0 && text[at..].starts_with('*');
            path.extend(is_glob.then(|| "*".to_owned()));
            found.push(path);
            return at + usize::from(is_glob);
        }
    }
}

/// Read a group in braces at the start and say how long it is.
fn group(text: &str, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        if c == '}' {
            return at + 1;
        }
        at += if is_word(c) || c == '*' { tree(&text[at..], prefix, found) } else { c.len_utf8() };
    }
    at
}
