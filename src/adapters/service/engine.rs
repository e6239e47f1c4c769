//! The container engine's API on its unix socket: docker's, or podman's that answers alike.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use super::container::{ConfigFile, Container};
use crate::adapters::tls::install_crypto;
use crate::engine::ports::ServiceError;

/// How long a question may take.
const ASKING: Duration = Duration::from_secs(30);

/// How much of a file in a container is read at most; a registry's config is a few kilobytes.
const FILE_LIMIT: usize = 1 << 20;

/// A container engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    socket: PathBuf,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

fn error(message: String, hint: Option<&str>) -> ServiceError {
    ServiceError { message, hint: hint.map(str::to_owned) }
}

impl Engine {
    /// The engine that listens on this socket.
    #[must_use]
    pub const fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The engine that the environment names (`DOCKER_HOST`, then podman's `CONTAINER_HOST`), else the
    /// first of the usual sockets that is there: docker's, podman's, and those of the user's own engines.
    ///
    /// # Errors
    /// When the environment names something other than a unix socket, or there is none.
    pub fn find(environment: impl Fn(&str) -> Option<OsString>) -> Result<Self, ServiceError> {
        for variable in ["DOCKER_HOST", "CONTAINER_HOST"] {
            if let Some(host) = environment(variable).filter(|host| !host.is_empty()) {
                return Self::named(variable, &host.to_string_lossy());
            }
        }
        let places = usual_sockets(environment("XDG_RUNTIME_DIR").map(PathBuf::from).as_deref());
        places.iter().find(|path| is_socket(path)).cloned().map(Self::at).ok_or_else(|| {
            let places: Vec<_> = places.iter().map(|path| format!("`{}`", path.display())).collect();
            error(
                format!("there is no container engine at {}", places.join(", ")),
                Some("start docker, or `podman system service`, or name its socket in DOCKER_HOST"),
            )
        })
    }

    fn named(variable: &str, host: &str) -> Result<Self, ServiceError> {
        let socket = host.strip_prefix("unix://").filter(|path| path.starts_with('/'));
        socket.map(|path| Self::at(path.into())).ok_or_else(|| {
            error(
                format!("{variable} is `{host}`, which is not `unix:///PATH`"),
                Some("an engine on another machine cannot be used here; `exec:` with its own client can"),
            )
        })
    }

    /// What there is to know about a container.
    ///
    /// # Errors
    /// When there is none of that name, or the engine does not answer.
    pub async fn inspect(&self, name: &str) -> Result<Container, ServiceError> {
        let response = self.send(Method::GET, Self::url(&["containers", name, "json"])?, ASKING).await?;
        let body = response.bytes().await.map_err(|cause| self.broken(&cause))?;
        Container::parse(&body).map_err(|cause| {
            error(format!("cannot understand what the engine says of `{name}`: {cause}"), None)
        })
    }

    /// A small file as the container sees it, whether it runs or not.
    ///
    /// # Errors
    /// When there is no such file, it is larger than 1 MiB, or the engine does not answer.
    pub async fn read_file(&self, name: &str, path: &Path) -> Result<Vec<u8>, ServiceError> {
        let mut url = Self::url(&["containers", name, "archive"])?;
        url.query_pairs_mut().append_pair("path", &path.to_string_lossy());
        let mut response = self.send(Method::GET, url, ASKING).await?;
        let mut archive = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|cause| self.broken(&cause))? {
            archive.extend_from_slice(&chunk);
            // A folder may hold anything; what is wanted comes first.
            if archive.len() > FILE_LIMIT {
                break;
            }
        }
        let no_file =
            || format!("`{}` of container `{name}` is no regular file, or too large", path.display());
        first_file(&archive).ok_or_else(|| error(no_file(), None))
    }

    /// The config of the registry that runs in a container, as the container sees it.
    ///
    /// # Errors
    /// When there is none where it was told to look, nor where the known images have it.
    pub async fn config_file(&self, container: &Container) -> Result<ConfigFile, ServiceError> {
        let mut failed = error(format!("container `{}` has no config", container.name), None);
        for inside in container.config_paths() {
            match self.read_file(&container.id, &inside).await {
                Ok(content) => {
                    let host = container.host_path(&inside);
                    return Ok(ConfigFile { inside, host, content });
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// The names of the images that it has: `HOST/REPOSITORY:TAG`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn image_names(&self) -> Result<Vec<String>, ServiceError> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(default, rename = "RepoTags")]
            names: Option<Vec<String>>,
        }
        let response = self.send(Method::GET, Self::url(&["images", "json"])?, ASKING).await?;
        let body = response.bytes().await.map_err(|cause| self.broken(&cause))?;
        let listed: Vec<Listed> = serde_json::from_slice(&body).map_err(|cause| {
            error(format!("cannot understand the engine's list of images: {cause}"), None)
        })?;
        Ok(listed.into_iter().flat_map(|image| image.names.unwrap_or_default()).collect())
    }

    /// Push `name` (`HOST/REPOSITORY`) with this tag; the last thing that the engine said.
    ///
    /// # Errors
    /// When it has no such image, or the registry did not take it.
    pub async fn push(
        &self,
        name: &str,
        tag: &str,
        login: &str,
        timeout: Duration,
    ) -> Result<String, ServiceError> {
        let mut url = Self::url(&["images"])?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(name.split('/')).push("push");
        }
        url.query_pairs_mut().append_pair("tag", tag);
        let mut response = self.request(Method::POST, url, timeout, &[("X-Registry-Auth", login)]).await?;
        let (mut said, mut rest) = (String::new(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|cause| self.broken(&cause))? {
            rest.extend_from_slice(&chunk);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                said = pushed(name, tag, &line)?.unwrap_or(said);
            }
        }
        Ok(pushed(name, tag, &rest)?.unwrap_or(said))
    }

    /// Restart or start a container. One that is as wanted already stays so.
    pub(super) async fn order(
        &self,
        name: &str,
        verb: &'static str,
        timeout: Duration,
    ) -> Result<(), ServiceError> {
        self.send(Method::POST, Self::url(&["containers", name, verb])?, timeout).await.map(drop)
    }

    /// The URL of a path. Its host is never looked up; it only fills the header.
    fn url(path: &[&str]) -> Result<Url, ServiceError> {
        let mut url = Url::parse("http://localhost/").map_err(|cause| error(cause.to_string(), None))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        Ok(url)
    }

    async fn send(&self, method: Method, url: Url, timeout: Duration) -> Result<Response, ServiceError> {
        self.request(method, url, timeout, &[]).await
    }

    async fn request(
        &self,
        method: Method,
        url: Url,
        timeout: Duration,
        headers: &[(&str, &str)],
    ) -> Result<Response, ServiceError> {
        tracing::info!(socket = %self.socket.display(), request = %format!("{method} {}", url.path()), "asking the engine");
        install_crypto();
        // One client a call: a service may be started from another runtime than it was stopped from.
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .unix_socket(self.socket.as_path())
            .timeout(timeout)
            .build();
        let mut request = client.map_err(|cause| self.broken(&cause))?.request(method, url.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = request.send().await;
        let response = sent.map_err(|cause| self.broken(&cause))?;
        // 304: it is as wanted already.
        if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        Err(self.refused(&url, response).await)
    }

    async fn refused(&self, url: &Url, response: Response) -> ServiceError {
        let status = response.status();
        let body = response.bytes().await.unwrap_or_default();
        let said = serde_json::from_slice::<Refusal>(&body).map_or_else(
            |_| String::from_utf8_lossy(&body).chars().take(200).collect(),
            |refusal| refusal.message,
        );
        let socket = self.socket.display();
        let hint = (status == StatusCode::NOT_FOUND).then_some("`docker ps --all` lists the containers");
        error(format!("the engine at `{socket}` refused `{}`: {} {said}", url.path(), status.as_u16()), hint)
    }

    fn broken(&self, cause: &reqwest::Error) -> ServiceError {
        let mut why = cause.to_string();
        let mut inner = std::error::Error::source(cause);
        while let Some(source) = inner {
            why = source.to_string();
            inner = source.source();
        }
        let why = if cause.is_timeout() { "no answer in time".to_owned() } else { why };
        error(
            format!("cannot reach the container engine at `{}`: {why}", self.socket.display()),
            Some("is it running, and may this user use it? (root, or a member of its group)"),
        )
    }
}

fn usual_sockets(runtime: Option<&Path>) -> Vec<PathBuf> {
    let own = runtime.map(|dir| [dir.join("docker.sock"), dir.join("podman/podman.sock")]);
    let all = ["/var/run/docker.sock", "/run/podman/podman.sock"].map(PathBuf::from);
    all.into_iter().chain(own.into_iter().flatten()).collect()
}

fn is_socket(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// What a line of the answer to a push says; the error that it reports.
fn pushed(name: &str, tag: &str, line: &[u8]) -> Result<Option<String>, ServiceError> {
    #[derive(Deserialize)]
    struct Line {
        status: Option<String>,
        error: Option<String>,
    }
    match serde_json::from_slice(line) {
        Ok(Line { error: Some(why), .. }) => {
            let hint = "the engine uses its own credentials and trust: `docker push` by hand tells more";
            Err(error(format!("the engine could not push `{name}:{tag}`: {why}"), Some(hint)))
        }
        Ok(Line { status, .. }) => Ok(status),
        Err(_) => Ok(None),
    }
}

/// The first regular file of a tar archive.
fn first_file(archive: &[u8]) -> Option<Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let mut files = archive.entries().ok()?.flatten();
    let mut file = files.find(|entry| entry.header().entry_type().is_file())?;
    let mut content = Vec::new();
    let read = file.read_to_end(&mut content).ok()?;
    (read as u64 == file.size()).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)]) -> Result<Engine, String> {
        let lookup = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        Engine::find(lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_names_the_socket() {
        let engine = Engine::at("/s/docker.sock".into());
        assert_eq!(find(&[("DOCKER_HOST", "unix:///s/docker.sock")]), Ok(engine.clone()));
        assert_eq!(find(&[("DOCKER_HOST", ""), ("CONTAINER_HOST", "unix:///s/docker.sock")]), Ok(engine));
        let refused = "DOCKER_HOST is `tcp://h:1`, which is not `unix:///PATH`";
        assert_eq!(find(&[("DOCKER_HOST", "tcp://h:1")]), Err(refused.into()));
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let failed = Engine::at(socket.clone()).inspect("one").await.unwrap_err();
        let message = format!(
            "cannot reach the container engine at `{}`: No such file or directory (os error 2)",
            socket.display()
        );
        assert_eq!(failed.to_string(), message);
    }
}
