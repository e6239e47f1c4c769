//! What was typed to name the registry, as flags that can be typed again: a report's commands are copied as they stand.

use std::path::Path;

use super::place::Place;
use crate::cli::args::connection::ConnectionArguments;
use crate::domain::report::Target;

/// The flags of a place and of the way there. Addresses are written as `shown`, without their passwords; credentials
/// that were typed are left out.
pub(super) fn of(place: &Place, connection: &ConnectionArguments, shown: &Target) -> Vec<String> {
    let mut flags = Vec::new();
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            flags.extend([flag.to_owned(), value]);
        }
    };
    let path = |path: &Path| path.display().to_string();
    add("--config", place.config.as_deref().map(path));
    add("--container", place.container.clone());
    add("--storage", place.storage.as_deref().map(path));
    add("--io-jobs", place.io_jobs.map(|jobs| jobs.to_string()));
    add("--registry", place.registry.as_ref().and(shown.registry.clone()));
    if !place.resolve_all {
        shown.replicas.iter().for_each(|replica| add("--replica", Some(replica.clone())));
    }
    add("--redis", place.redis.redis.as_ref().and(shown.cache.clone()));
    place.repo.iter().for_each(|glob| add("--repo", Some(glob.clone())));
    add("--authfile", connection.authfile.as_deref().map(path));
    connection.ca_file.iter().for_each(|file| add("--ca-file", Some(path(file))));
    add("--cert-file", connection.cert_file.as_deref().map(path));
    add("--key-file", connection.key_file.as_deref().map(path));
    connection
        .resolve
        .iter()
        .for_each(|entry| add("--resolve", Some(format!("{}:{}:{}", entry.host, entry.port, entry.to))));
    let switches = [
        (place.resolve_all, "--resolve-all"),
        (place.offline, "--offline"),
        (connection.plain_http, "--plain-http"),
        (connection.insecure || connection.tls_verify == Some(false), "--insecure"),
    ];
    flags.extend(switches.iter().filter(|(is_on, _)| *is_on).map(|(_, flag)| (*flag).to_owned()));
    flags
}
