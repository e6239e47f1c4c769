//! The incident that regfsck is there for, word for word, with real programs: a push, a deletion, a garbage
//! collection under the running daemon, a push that writes nothing, a pull that fails.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Output;

use super::docker_engine::DockerEngine;

/// What was done, and what docker said.
pub struct Incident {
    /// The image as docker names it: `HOST:PORT/REPOSITORY:TAG`.
    pub image: String,
    /// The digest of its manifest.
    pub digest: String,
    /// What the second `docker push` printed. It ended well.
    pub push: String,
    /// What the `docker pull` after it printed. It failed.
    pub pull: String,
}

/// Go through the five steps with `REPOSITORY:TAG` in the registry at `HOST:PORT`. The image stays in the engine.
pub fn incident(engine: &DockerEngine, host: &str, name: &str, collect_garbage: impl FnOnce()) -> Incident {
    incident_after(engine, host, name, |_| {}, collect_garbage)
}

/// The same, with something done once the image is in the registry.
pub fn incident_after(
    engine: &DockerEngine,
    host: &str,
    name: &str,
    pushed: impl FnOnce(&str),
    collect_garbage: impl FnOnce(),
) -> Incident {
    let image = format!("{host}/{name}");
    let file = tempfile::NamedTempFile::new().unwrap();
    // Its own content for every image: none of them may find its layer in the registry already.
    fs::write(file.path(), name.repeat(1000)).unwrap();
    engine.import(&image, &[("/file".into(), file.path().into())]);
    // 1. Push it.
    let first = engine.docker(&["push", &image]);
    let digest = first.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap().to_owned();
    pushed(&image);
    // 2. Delete it over the API.
    let repository = name.split(':').next().unwrap();
    assert_eq!(ask(host, "DELETE", &format!("/v2/{repository}/manifests/{digest}")), 202);
    // 3. Collect garbage, with the daemon running.
    collect_garbage();
    // 4. Push it again: "Layer already exists", and exit status 0.
    let push = engine.docker(&["push", &image]);
    // 5. Pull it: "manifest unknown".
    let pulled = pull(engine, &image);
    assert!(!pulled.status.success(), "{pulled:?}");
    Incident { image, digest, push, pull: String::from_utf8_lossy(&pulled.stderr).into_owned() }
}

/// Pull an image that the engine has already, as an engine that does not: it keeps it under another name.
pub fn pull(engine: &DockerEngine, image: &str) -> Output {
    engine.docker(&["tag", image, "kept"]);
    engine.docker(&["rmi", "--no-prune", image]);
    let pulled = engine.try_docker(&["pull", image]);
    engine.docker(&["tag", "kept", image]);
    engine.docker(&["rmi", "--no-prune", "kept"]);
    pulled
}

/// The status that the registry at `HOST:PORT` answers with.
pub fn ask(host: &str, method: &str, path: &str) -> u16 {
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    // The connection may be cut in the body, which is not asked for.
    let _ = BufReader::new(stream).read_line(&mut answer);
    answer.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
