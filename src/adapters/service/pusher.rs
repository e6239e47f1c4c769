//! The local engine as the one that pushes: `--source docker-daemon:`.
//!
//! What an engine saves has uncompressed layers, of other digests than the registry's. Only its own push makes
//! the compressed ones again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use secrecy::{ExposeSecret as _, SecretString};

use super::engine::Engine;
use crate::domain::name::{Image, Reference};
use crate::engine::ports::{Pusher, ServiceError};

/// An engine that pushes images which are tagged for this registry.
pub struct EnginePusher {
    engine: Engine,
    /// The names that the registry may have in the engine: `HOST:PORT`, and its aliases.
    hosts: Vec<String>,
    login: SecretString,
    timeout: Duration,
}

impl EnginePusher {
    /// `engine`, for the registry at `HOST:PORT`; a push may take so long.
    #[must_use]
    pub fn new(engine: Engine, authority: &str, timeout: Duration) -> Self {
        Self { engine, hosts: aliases(authority), login: URL_SAFE.encode("{}").into(), timeout }
    }

    /// The same, with a user and password for the registry.
    #[must_use]
    pub fn with_login(self, user: &str, password: &SecretString) -> Self {
        let login = serde_json::json!({ "username": user, "password": password.expose_secret() });
        Self { login: URL_SAFE.encode(login.to_string()).into(), ..self }
    }

    /// Each image, and the name without its tag that the engine knows it by.
    async fn named(&self) -> Result<BTreeMap<Image, String>, ServiceError> {
        let names = self.engine.image_names().await?;
        let ours = names.iter().filter_map(|name| {
            let (host, rest) = name.split_once('/')?;
            let (repository, tag) = rest.rsplit_once(':')?;
            self.hosts.iter().any(|known| known == host).then_some(())?;
            let image = Image::tagged(repository.parse().ok()?, tag.parse().ok()?);
            Some((image, format!("{host}/{repository}")))
        });
        Ok(ours.collect())
    }
}

/// Every name of this machine means the same registry, and a default port may be left out.
fn aliases(authority: &str) -> Vec<String> {
    let mut hosts = vec![authority.to_owned()];
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    if port == "443" || port == "80" {
        hosts.push(host.to_owned());
    }
    let here = ["localhost", "127.0.0.1", "[::1]"];
    if here.contains(&host) {
        hosts.extend(here.iter().map(|here| format!("{here}:{port}")).filter(|alias| alias != authority));
    }
    hosts
}

#[async_trait]
impl Pusher for EnginePusher {
    async fn images(&self) -> Result<BTreeSet<Image>, ServiceError> {
        Ok(self.named().await?.into_keys().collect())
    }

    async fn push(&self, image: &Image) -> Result<String, ServiceError> {
        let named = self.named().await?;
        let (Some(name), Reference::Tag(tag)) = (named.get(image), &image.reference) else {
            let hosts = self.hosts.join("` or `");
            return Err(ServiceError {
                message: format!("the engine has no image `{image}` of `{hosts}`"),
                hint: Some("tag it with `docker tag`, and run again".to_owned()),
            });
        };
        self.engine.push(name, tag.as_str(), self.login.expose_secret(), self.timeout).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_many_names() {
        assert_eq!(aliases("127.0.0.1:5000"), ["127.0.0.1:5000", "localhost:5000", "[::1]:5000"]);
        assert_eq!(aliases("registry.example:443"), ["registry.example:443", "registry.example"]);
        assert_eq!(aliases("registry.example"), ["registry.example"]);
    }
}
