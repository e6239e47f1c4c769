//! The registry's own configuration, read by us and by a real daemon: both must mean the same.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use regfsck::adapters::config::{RegistryConfig, StorageDriver};
use tempfile::TempDir;

use crate::support::program::{Running, free_port, until};
use crate::support::real_registry::programs;

/// Send one request without a body and return the status; `None` while nobody listens.
fn ask(authority: &str, method: &str, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(authority).ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Read the configuration as we do, start a daemon with it, and hold what it does against what we read.
fn compare(program: &Path, folder: &Path, text: &str, environment: &[(&str, &str)]) {
    let own = |text: &str| text.replace("FOLDER", folder.to_str().unwrap());
    let environment: Vec<(String, String)> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), own(value))).collect();
    let path = folder.join("config.yml");
    std::fs::write(&path, own(text)).unwrap();
    let config = RegistryConfig::load(&path, environment.clone().into_iter()).unwrap();
    let StorageDriver::Filesystem { root } = &config.storage else { panic!("{:?}", config.storage) };
    let (authority, prefix) =
        config.endpoint.url().unwrap().strip_prefix("http://").unwrap().split_once('/').unwrap();
    let prefix = format!("/{prefix}");

    // Nothing but these variables is in its environment.
    let mut command = Command::new(program);
    command.arg("serve").arg(&path).env_clear().envs(environment.iter().cloned());
    let _daemon = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    until(&format!("a registry answers at {authority}{prefix}"), || {
        ask(authority, "GET", &format!("{prefix}v2/")) == Some(200)
    });
    let upload = ask(authority, "POST", &format!("{prefix}v2/probe/blobs/uploads/"));
    assert_eq!(upload, Some(if config.read_only { 405 } else { 202 }), "{environment:?}");
    let uploads = root.join("docker/registry/v2/repositories/probe/_uploads");
    assert_eq!(uploads.is_dir(), !config.read_only, "{} with {environment:?}", uploads.display());
    let blob = format!("{prefix}v2/probe/blobs/sha256:{}", "0".repeat(64));
    let refuses_deletes = config.read_only || !config.delete_enabled;
    assert_eq!(
        ask(authority, "DELETE", &blob),
        Some(if refuses_deletes { 405 } else { 404 }),
        "{environment:?}"
    );
}

const PLAIN: &str =
    "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: FOLDER/file\nhttp:\n  addr: PORT\n";
const MORE: &str = "version: 0.1\nstorage:\n  filesystem: {rootdirectory: FOLDER/file}\n  delete: {enabled: yes}\n  \
                    maintenance: {readonly: {enabled: false}}\nhttp: {addr: PORT, prefix: /hub/}\n";

#[test]
fn the_environment_overrides_as_in_a_real_daemon() {
    let cases: [(&str, &[(&str, &str)]); 8] = [
        (PLAIN, &[]),
        (PLAIN, &[("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "FOLDER/variable")]),
        (PLAIN, &[("REGISTRY_STORAGE_FILESYSTEM", "{rootdirectory: FOLDER/section}")]),
        (
            PLAIN,
            &[
                ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "FOLDER/part"),
                ("REGISTRY_STORAGE", "filesystem"),
                ("REGISTRY_STORAGE_DELETE_ENABLED", "on"),
            ],
        ),
        (PLAIN, &[("REGISTRY_storage_filesystem_rootdirectory", "FOLDER/lower")]),
        (
            PLAIN,
            &[
                ("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{\"enabled\": true}"),
                ("REGISTRY_HTTP_PREFIX", "/a/b/"),
            ],
        ),
        (MORE, &[("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true")]),
        (MORE, &[("REGISTRY_STORAGE_DELETE", "{enabled: false}"), ("REGISTRY_NOBODY_KNOWS", "this")]),
    ];
    for program in programs() {
        for (text, environment) in cases {
            let folder = TempDir::new().unwrap();
            let text = text.replace("PORT", &format!("127.0.0.1:{}", free_port()));
            compare(&program.path, folder.path(), &text, environment);
        }
    }
}
