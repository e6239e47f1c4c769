//! The environment that a daemon reads its configuration with: this one, and a file of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// More than any environment takes.
const LARGEST: u64 = 1 << 20;

/// The variables of this environment, and those of a file over them.
pub(super) fn variables(file: Option<&Path>) -> Result<BTreeMap<String, String>> {
    let mut variables: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
    if let Some(path) = file {
        let named = || format!("--env-file {}", path.display());
        variables.extend(parse(&read(path).with_context(named)?).with_context(named)?);
    }
    Ok(variables)
}

/// A variable that is text; what is not cannot be meant for the registry.
fn text((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn read(path: &Path) -> Result<String> {
    // Opening a pipe would wait for a writer.
    let found = std::fs::metadata(path)?;
    if !found.is_file() || found.len() > LARGEST {
        bail!("it is no file of at most 1 MiB");
    }
    Ok(std::fs::read_to_string(path)?)
}

/// `NAME=VALUE` a line, as compose reads it: `#` begins a comment, `export` is passed over, quotes around a value go. A name alone
/// is what this environment has, which counts anyway.
fn parse(text: &str) -> Result<Vec<(String, String)>> {
    let mut variables = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_.-".contains(&c)) {
            bail!("line {} is no NAME=VALUE", at + 1);
        }
        if line.contains('=') {
            variables.push((name.to_owned(), unquoted(value.trim()).to_owned()));
        }
    }
    Ok(variables)
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(inner) = inner('"').or_else(|| inner('\'')) {
        return inner;
    }
    value.split_once(" #").map_or(value, |(value, _)| value.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_compose_reads_it() {
        let text = "# the registry\nREGISTRY_HTTP_ADDR=:5000\n\nexport A = 'b c' \nB=\"x#y\"\nC=1 # one\nPATH\nD=\nREGISTRY_STORAGE_MAINTENANCE_READONLY={\"enabled\":true}\r\n";
        let wanted = [
            ("REGISTRY_HTTP_ADDR", ":5000"),
            ("A", "b c"),
            ("B", "x#y"),
            ("C", "1"),
            ("D", ""),
            ("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{\"enabled\":true}"),
        ];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text).unwrap(), wanted);
        for bad in ["a b=c", "=x", "services:\n  registry:"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
