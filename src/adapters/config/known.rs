//! The settings that daemons know (distribution 2.7 to 3.1, GitLab's, Harbor's), where a misspelt one changes what they do:
//! all of them pass over what they do not know without a word.

use serde_json::{Map, Value};

const TOP: &[&str] = &[
    "version",
    "log",
    "loglevel",
    "storage",
    "auth",
    "middleware",
    "reporting",
    "http",
    "notifications",
    "redis",
    "health",
    "catalog",
    "tags",
    "proxy",
    "compatibility",
    "policy",
    "validation",
    "tracing",
    // GitLab's.
    "database",
    "gc",
    "migration",
    "profiling",
    "rate_limiter",
];

/// Sections, and what stands in them.
const SECTIONS: &[(&str, &[&str])] = &[
    ("storage.delete", &["enabled"]),
    ("storage.redirect", &["disable", "expirydelay"]),
    ("storage.cache", &["blobdescriptor", "layerinfo", "blobdescriptorsize"]),
    ("storage.tag", &["concurrencylimit"]),
    ("storage.maintenance", &["uploadpurging", "readonly"]),
    ("storage.maintenance.readonly", &["enabled"]),
    ("storage.maintenance.uploadpurging", &["enabled", "age", "interval", "dryrun"]),
    ("storage.filesystem", &["rootdirectory", "maxthreads"]),
    (
        "http",
        &[
            "addr",
            "net",
            "prefix",
            "host",
            "relativeurls",
            "secret",
            "tls",
            "debug",
            "headers",
            "http2",
            "h2c",
            "draintimeout",
        ],
    ),
    ("proxy", &["remoteurl", "username", "password", "ttl", "exec", "cachewritetimeout"]),
    ("validation", &["enabled", "disabled", "manifests"]),
    ("validation.manifests", &["urls", "indexes", "referencelimit", "payloadsizelimit"]),
    ("validation.manifests.indexes", &["platforms", "platformlist"]),
    ("catalog", &["maxentries"]),
];

/// What is set and unknown, in words.
pub(super) fn unknown(root: &Map<String, Value>) -> Vec<String> {
    let mut unknown: Vec<String> = strangers(root, TOP).map(said).collect();
    for (section, known) in SECTIONS {
        let mut parts = section.split('.');
        let first = parts.next().and_then(|part| root.get(part));
        let found = parts.fold(first, |value, part| value.and_then(|value| value.get(part)));
        if let Some(Value::Object(found)) = found {
            unknown.extend(strangers(found, known).map(|key| said(&format!("{section}.{key}"))));
        }
    }
    unknown
}

fn strangers<'a>(section: &'a Map<String, Value>, known: &'a [&str]) -> impl Iterator<Item = &'a str> {
    section.keys().map(String::as_str).filter(|key| !known.contains(key))
}

fn said(key: &str) -> String {
    format!("`{key}` is no setting of a registry: the daemon passes over it")
}
