//! A configuration as a tree of plain values, and typed reading of single keys out of it.
//!
//! The file is not read into one big struct, because `REGISTRY_*` variables have to be laid over it key
//! by key, and because an error has to name the key and where its value came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy, Options};

use super::error::ConfigError;

/// A file's values with the environment's laid over them.
pub(super) struct ConfigTree {
    /// The file, for errors.
    pub(super) path: PathBuf,
    /// The values.
    pub(super) root: Map<String, Value>,
    /// Which environment variable set which dotted key.
    pub(super) origins: BTreeMap<String, String>,
    /// The file's values, with `yes`, `on` and the like as truths: what is a text here stands in quotes.
    quoted: Value,
}

/// What the YAML reader of Go does, as near as this parser gets: the last of two equal keys counts. Strictly only the
/// sure truths are read as such; `yes`, `on` and `y` may be texts, and [`truth`] takes them where a truth is asked for.
fn options(strict_booleans: bool) -> Options {
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        strict_booleans: strict_booleans,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 50_000 },
        with_snippet: false,
    }
}

/// Parse the first document of `text`; nothing at all is null.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options(true)).map_err(|error| error.to_string())?;
    Ok(documents.into_iter().next().unwrap_or_default())
}

/// Passwords as they are spelled: the daemon reads them as text, so `0123` and `1e5` must not become numbers.
#[derive(Default, Deserialize)]
struct Spelled {
    redis: Option<SpelledRedis>,
}

#[derive(Default, Deserialize)]
struct SpelledRedis {
    password: Option<String>,
    sentinelpassword: Option<String>,
}

impl ConfigTree {
    /// Parse a configuration file's text.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let path = path.to_owned();
        let mut root = match parse(text) {
            Ok(Value::Object(root)) => root,
            Ok(Value::Null) => return Err(ConfigError::Empty { path }),
            Ok(other) => {
                let why = format!("it holds {}, not keys and values", kind(&other));
                return Err(ConfigError::NotARegistry { path, why });
            }
            Err(why) => return Err(ConfigError::NotYaml { path, why }),
        };
        keep_spelling(&mut root, text);
        let quoted = serde_saphyr::from_multiple_with_options::<Value>(text, options(false)).ok();
        let quoted = quoted.and_then(|documents| documents.into_iter().next()).unwrap_or_default();
        Ok(Self { path, root, origins: BTreeMap::new(), quoted })
    }

    /// The value of a dotted key; null is no value.
    fn get(&self, key: &str) -> Option<&Value> {
        let mut parts = key.split('.');
        let first = self.root.get(parts.next()?)?;
        let found = parts.try_fold(first, |value, part| value.get(part))?;
        (!found.is_null()).then_some(found)
    }

    fn wrong(&self, key: &str, wanted: &'static str, found: &Value) -> ConfigError {
        let ancestors = key.match_indices('.').filter_map(|(dot, _)| key.get(..dot));
        let variable =
            self.origins.get(key).or_else(|| ancestors.filter_map(|a| self.origins.get(a)).next_back());
        ConfigError::WrongValue {
            path: self.path.clone(),
            key: key.to_owned(),
            variable: variable.cloned(),
            wanted,
            found: kind(found).to_owned(),
        }
    }

    /// The keys of a section; none where there is no such section.
    pub(super) fn keys(&self, key: &str) -> Result<Vec<&str>, ConfigError> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Object(section)) => Ok(section.keys().map(String::as_str).collect()),
            Some(other) => Err(self.wrong(key, "a section", other)),
        }
    }

    /// A section as JSON; nothing where there is none, or nothing in it.
    pub(super) fn json(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let has_keys = !self.keys(key)?.is_empty();
        Ok(self.get(key).filter(|_| has_keys).map(Value::to_string))
    }

    /// A list of sections; none where there is no such list.
    pub(super) fn sections(&self, key: &str) -> Result<Vec<&Map<String, Value>>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let sections = value.as_array().and_then(|items| items.iter().map(Value::as_object).collect());
        sections.ok_or_else(|| self.wrong(key, "a list of sections", value))
    }

    /// A text that is not empty.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let text = scalar(value).ok_or_else(|| self.wrong(key, "a text", value))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// Whether the key holds a text that is not empty.
    pub(super) fn has_text(&self, key: &str) -> Result<bool, ConfigError> {
        Ok(self.text(key)?.is_some())
    }

    /// Whether the key holds a list of something.
    pub(super) fn has_items(&self, key: &str) -> bool {
        self.get(key).and_then(Value::as_array).is_some_and(|items| !items.is_empty())
    }

    /// Texts: a list, or one alone.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let texts: Option<Vec<String>> = if let Value::Array(items) = value {
            items.iter().map(scalar).collect()
        } else {
            scalar(value).map(|text| vec![text])
        };
        let texts = texts.ok_or_else(|| self.wrong(key, "a list of texts", value))?;
        Ok(texts.into_iter().filter(|text| !text.is_empty()).collect())
    }

    /// Whether the file gives the key as a text in quotes: whatever that says, it is neither true nor false.
    fn is_quoted(&self, key: &str) -> bool {
        let mut parts = key.split('.');
        let found = parts.try_fold(&self.quoted, |value, part| value.get(part));
        found.is_some_and(|value| value.is_string() && self.get(key).is_some_and(|it| it == value))
    }

    /// A truth, in any of the spellings of YAML 1.1, without quotes.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let flag = scalar(value).filter(|_| !self.is_quoted(key)).and_then(|text| truth(&text));
        flag.map(Some).ok_or_else(|| self.wrong(key, "true or false", value))
    }

    /// A whole number.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_i64().or_else(|| scalar(value)?.parse().ok());
        number.map(Some).ok_or_else(|| self.wrong(key, "a whole number", value))
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self, key: &str) -> Result<Option<u64>, ConfigError> {
        Ok(self.number(key)?.and_then(|number| u64::try_from(number).ok()))
    }

    /// A duration as Go spells it, such as `168h` or `1h30m`; a bare number counts nanoseconds.
    pub(super) fn duration(&self, key: &str) -> Result<Option<Duration>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let duration = scalar(value).and_then(|text| go_duration(&text));
        duration.map(Some).ok_or_else(|| self.wrong(key, "a duration such as 168h", value))
    }
}

fn keep_spelling(root: &mut Map<String, Value>, text: &str) {
    let Ok(documents) = serde_saphyr::from_multiple_with_options::<Spelled>(text, options(true)) else {
        return;
    };
    let spelled = documents.into_iter().next().and_then(|document| document.redis).unwrap_or_default();
    let Some(Value::Object(redis)) = root.get_mut("redis") else { return };
    for (key, spelling) in [("password", spelled.password), ("sentinelpassword", spelled.sentinelpassword)] {
        if let (Some(value @ (Value::Number(_) | Value::Bool(_))), Some(text)) =
            (redis.get_mut(key), spelling)
        {
            *value = Value::String(text);
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// What kind of thing it is, without saying what: it may be a secret.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "another text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a section",
    }
}

/// Go's `time.ParseDuration`, without negative durations.
fn go_duration(text: &str) -> Option<Duration> {
    if let Ok(nanoseconds) = text.parse() {
        return Some(Duration::from_nanos(nanoseconds));
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let seconds = number.parse::<f64>().ok()? * unit_seconds(unit)?;
        sum = sum.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

fn unit_seconds(unit: &str) -> Option<f64> {
    match unit {
        "h" => Some(3600.0),
        "m" => Some(60.0),
        "s" => Some(1.0),
        "ms" => Some(1e-3),
        "us" | "µs" | "μs" => Some(1e-6),
        "ns" => Some(1e-9),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spelled_as_in_go() {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        assert_eq!(go_duration("168h"), hours(168));
        assert_eq!(go_duration("1h60m"), hours(2));
        assert_eq!(go_duration("1.5h30m0s"), hours(2));
        assert_eq!(go_duration("0"), hours(0));
        assert_eq!(go_duration("250ms"), Some(Duration::from_millis(250)));
        for bad in ["", "h", "-1h", "1d", "1h2", "1e3h", "a"] {
            assert_eq!(go_duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn passwords_keep_their_spelling() {
        for spelling in ["0123", "1e5", "1_000", "yes", "0x1F", "1.50", "'a b'"] {
            let text = format!("redis:\n  password: {spelling}\n");
            let tree = ConfigTree::parse(Path::new("c.yml"), &text).unwrap();
            assert_eq!(tree.text("redis.password").unwrap().as_deref(), Some(spelling.trim_matches('\'')));
        }
    }
}
