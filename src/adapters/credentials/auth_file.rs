//! docker's `config.json` and podman's `auth.json`: one format, two ways to write its keys.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::SecretString;
use serde::Deserialize;

use crate::adapters::registry::{Credential, Credentials};

/// Docker Hub's key, which is older than keys that are host names.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// All names of Docker Hub.
const HUB: [&str; 4] = ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// An auth file, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthFile {
    #[serde(default)]
    auths: Option<BTreeMap<String, Entry>>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// A key as a host and a path below it: without scheme, `/v1/` and `/v2/`.
fn split_key(key: &str) -> (String, &str) {
    let bare = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = if matches!(path, "v1" | "v2") { "" } else { path };
    (canonical(host), path)
}

/// One name for a registry that has many; the port of TLS is not a difference.
fn canonical(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    if HUB.contains(&host) { "docker.io".to_owned() } else { host.to_owned() }
}

/// How credential helpers know a registry.
pub(super) fn server_key(host: &str) -> &str {
    if canonical(host) == "docker.io" { HUB_KEY } else { host }
}

impl AuthFile {
    /// Read it. What is wrong is said without what stands there, which may be secret.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| {
            let what = if error.is_data() { "it is not laid out as one" } else { "it is not JSON" };
            format!("{what} (line {}, column {})", error.line(), error.column())
        })
    }

    /// The helpers to ask, in this order.
    pub(super) fn helpers(&self, host: &str) -> impl Iterator<Item = &str> {
        let wanted = canonical(host);
        let named = self.cred_helpers.iter().flatten();
        let named = named
            .filter(move |(key, _)| split_key(key) == (wanted.clone(), ""))
            .map(|(_, name)| name.as_str());
        named.chain(self.creds_store.as_deref()).filter(|name| !name.is_empty())
    }

    /// What stands in the file itself for a host and for paths below it.
    pub(super) fn entries(&self, host: &str) -> Result<Option<Credentials>, String> {
        let wanted = canonical(host);
        let mut found = Credentials::default();
        let mut any = false;
        for (key, entry) in self.auths.iter().flatten() {
            let (host, path) = split_key(key);
            if host != wanted {
                continue;
            }
            let Some(credential) = entry.credential().map_err(|why| format!("`auths.{key}`: {why}"))? else {
                continue;
            };
            any = true;
            if path.is_empty() {
                found.whole = credential;
            } else {
                found.below.push((path.to_owned(), credential));
            }
        }
        Ok(any.then_some(found))
    }
}

fn filled(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

impl Entry {
    /// `None` where docker has left an empty entry, because a helper keeps the secret.
    fn credential(&self) -> Result<Option<Credential>, &'static str> {
        if let Some(token) = filled(self.registrytoken.as_ref()) {
            return Ok(Some(Credential::RegistryToken(token.into())));
        }
        if let Some(token) = filled(self.identitytoken.as_ref()) {
            return Ok(Some(Credential::IdentityToken(token.into())));
        }
        if let Some(auth) = filled(self.auth.as_ref()) {
            return decode(&auth).map(Some);
        }
        let name = filled(self.username.as_ref());
        Ok(name.map(|name| {
            let password = self.password.clone().unwrap_or_default().into();
            Credential::Basic { name, password }
        }))
    }
}

fn decode(auth: &str) -> Result<Credential, &'static str> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let bytes = LENIENT.decode(auth.trim()).ok().ok_or("its `auth` is not base64")?;
    let text = String::from_utf8(bytes).ok().ok_or("its `auth` is not text")?;
    let (name, password) = text.split_once(':').ok_or("its `auth` is not USER:PASSWORD")?;
    // Old versions of docker padded the password with NULs.
    let password = SecretString::from(password.trim_end_matches('\0').to_owned());
    Ok(Credential::Basic { name: name.to_owned(), password })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use secrecy::ExposeSecret as _;

    use super::*;

    const FILE: &str = r#"{
        "auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOnA="},
            "r.test:5000": {"auth": "YWxsOnA6cQ"},
            "r.test:5000/team": {"username": "team", "password": "p"},
            "r.test:5000/team/app": {"identitytoken": "t", "auth": "YWxsOg=="},
            "https://old.test/v2/": {"auth": "b2xkOnA=", "email": "x@example.com"},
            "token.test": {"registrytoken": "t"},
            "helped.test": {},
            "tls.test:443": {"auth": "dGxzOnA="}
        },
        "credHelpers": {"gcr.test": "gcloud", "docker.io": "hub"},
        "credsStore": "desktop", "HttpHeaders": {"User-Agent": "x"}, "psFormat": null
    }"#;

    fn shown(credential: &Credential) -> String {
        match credential {
            Credential::Basic { name, password } => format!("{name}/{}", password.expose_secret()),
            Credential::IdentityToken(token) => format!("identity {}", token.expose_secret()),
            Credential::RegistryToken(token) => format!("registry {}", token.expose_secret()),
            Credential::Anonymous => "anonymous".into(),
        }
    }

    #[rstest]
    #[case("docker.io", "x", "hub/p")]
    #[case("registry-1.docker.io", "x", "hub/p")]
    #[case("r.test:5000", "x", "all/p:q")]
    #[case("R.test:5000", "team/x", "team/p")]
    #[case("r.test:5000", "team/app", "identity t")]
    #[case("old.test", "x", "old/p")]
    #[case("old.test:443", "x", "old/p")]
    #[case("tls.test", "x", "tls/p")]
    #[case("token.test", "x", "registry t")]
    fn entries_are_found_by_all_their_keys(
        #[case] host: &str,
        #[case] repository: &str,
        #[case] expected: &str,
    ) {
        let file = AuthFile::parse(FILE.as_bytes()).unwrap();
        assert_eq!(shown(file.entries(host).unwrap().unwrap().of(repository)), expected);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let file = AuthFile::parse(FILE.as_bytes()).unwrap();
        for host in ["r.test", "helped.test", "x.r.test:5000", ""] {
            assert!(file.entries(host).unwrap().is_none(), "{host}");
        }
        assert!(AuthFile::parse(br#"{"auths":null}"#).unwrap().entries("a").unwrap().is_none());
    }

    #[rstest]
    #[case("gcr.test", &["gcloud", "desktop"])]
    #[case("index.docker.io", &["hub", "desktop"])]
    #[case("other.test", &["desktop"])]
    fn helpers_are_named_for_a_host_or_for_all(#[case] host: &str, #[case] names: &[&str]) {
        let file = AuthFile::parse(FILE.as_bytes()).unwrap();
        assert_eq!(file.helpers(host).collect::<Vec<_>>(), names);
    }

    #[rstest]
    #[case("{", "it is not JSON (line 1, column 1)")]
    #[case(r#"{"auths":{"a":{"auth":7}}}"#, "it is not laid out as one (line 1, column 23)")]
    fn what_is_wrong_is_said_without_secrets(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(AuthFile::parse(text.as_bytes()).err().unwrap(), expected);
    }

    #[test]
    fn a_bad_entry_is_named() {
        let file = AuthFile::parse(br#"{"auths":{"a":{"auth":"c2VjcmV0"}}}"#).unwrap();
        assert_eq!(file.entries("a").unwrap_err(), "`auths.a`: its `auth` is not USER:PASSWORD");
    }
}
