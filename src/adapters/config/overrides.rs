//! `REGISTRY_*` environment variables, laid over a configuration the way the daemon does it.
//!
//! distribution (2.7.1 to 3.1.1) splits a variable's name on `_` and walks its configuration: Go structs
//! by field name, maps by key. The value is YAML and replaces what is there. Variables are applied in
//! the order of their names, so that `REGISTRY_STORAGE` comes before what it contains. Two oddities are
//! kept, because a tool that "fixes" them would look at another registry than the daemon serves:
//!
//! - below `storage.<section>` a subsection that the file has cannot be reached (its keys are no Go
//!   strings): the daemon ignores the variable;
//! - where the file has no such subsection the variable makes one, which the daemon then cannot read.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::ConfigError;
use super::tree::{ConfigTree, kind, parse};

/// The sections that hold something we read. `storage` and `auth` are maps in the daemon, the rest structs.
const SECTIONS: &[&str] = &["storage", "auth", "http", "redis", "proxy", "catalog", "database", "validation"];

/// Lay the variables over the tree; what the daemon ignores or chokes on comes back in words.
pub(super) fn apply(
    tree: &mut ConfigTree,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Vec<String>, ConfigError> {
    name_alone(&mut tree.root, "storage");
    name_alone(&mut tree.root, "auth");
    let mut variables: Vec<_> = environment.filter(|(name, _)| name.starts_with("REGISTRY_")).collect();
    variables.sort();
    let mut made = BTreeSet::new();
    let mut warnings = Vec::new();
    for (variable, value) in variables {
        let Some(path) = segments(&variable) else { continue };
        let value =
            payload(&value).map_err(|why| ConfigError::BadOverride { variable: variable.clone(), why })?;
        match overwrite(&mut tree.root, &path, value, &mut made) {
            Ok(()) => {
                tree.origins.insert(path.join("."), variable.clone());
            }
            Err(why) => warnings.push(format!("`{variable}` is ignored, as the daemon does: {why}")),
        }
        warnings.extend(unreadable(&variable, &path));
    }
    Ok(warnings)
}

/// `storage: inmemory` and `auth: silly` are short for a section without settings.
fn name_alone(root: &mut Map<String, Value>, section: &str) {
    if let Some(value) = root.get_mut(section)
        && let Value::String(name) = value
    {
        *value = Value::Object(Map::from_iter([(std::mem::take(name), Value::Object(Map::new()))]));
    }
}

/// The keys that a variable's name leads to, where it leads to something we read.
fn segments(variable: &str) -> Option<Vec<String>> {
    let path = variable.strip_prefix("REGISTRY_")?;
    // The daemon compares with the upper case of its own names.
    if path.chars().any(|c| c.is_ascii_lowercase()) {
        return None;
    }
    let path: Vec<String> = path.split('_').map(str::to_ascii_lowercase).collect();
    SECTIONS.contains(&path.first()?.as_str()).then_some(path)
}

/// The value as YAML; numbers and truths stay as they are spelled, for keys that hold a text.
fn payload(text: &str) -> Result<Value, String> {
    let value = parse(text)?;
    let is_one_word = !text.trim().contains(char::is_whitespace);
    let is_spelled = matches!(value, Value::Number(_) | Value::Bool(_));
    Ok(if is_spelled && is_one_word { Value::String(text.trim().to_owned()) } else { value })
}

fn overwrite(
    root: &mut Map<String, Value>,
    path: &[String],
    value: Value,
    made: &mut BTreeSet<String>,
) -> Result<(), String> {
    let Some((last, parents)) = path.split_last() else { return Ok(()) };
    let is_map = matches!(path.first().map(String::as_str), Some("storage" | "auth"));
    let mut section = root;
    for (depth, key) in parents.iter().enumerate() {
        let place = path.get(..=depth).unwrap_or(path).join(".");
        let next = section.entry(key.clone()).or_insert(Value::Null);
        if next.is_null() {
            *next = Value::Object(Map::new());
            made.insert(place.clone());
        } else if is_map && depth >= 2 && !made.contains(&place) {
            return Err(format!("`{place}` is set in the file; set it as a whole, as YAML"));
        }
        let found = kind(next);
        section = next.as_object_mut().ok_or_else(|| format!("`{place}` is {found}, not a section"))?;
    }
    section.insert(last.clone(), value);
    if path.len() == 1 && is_map {
        name_alone(section, last);
    }
    Ok(())
}

/// The daemon (2.7.1 to 3.1.1) panics on a maintenance section that a variable made key by key.
fn unreadable(variable: &str, path: &[String]) -> Option<String> {
    let is_maintenance = path.len() > 3 && path.starts_with(&["storage".into(), "maintenance".into()]);
    let whole = variable.rsplit_once('_').map_or(variable, |(whole, _)| whole);
    is_maintenance.then(|| {
        format!("a daemon started with `{variable}` ignores it or stops; give `{whole}` all of it, as YAML")
    })
}
