//! A small token server: RS256, the key made by `openssl`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use tempfile::TempDir;

use super::certificates::{Pair, self_signed};
use super::stub::{Act, Stub};

/// Who is let in, and how.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// The value of `Authorization` that a request must have; `None` lets anybody in.
    pub(crate) basic: Option<(&'static str, &'static str)>,
    /// The identity token that a POST must bring.
    pub(crate) refresh: Option<&'static str>,
    /// How long its tokens live, in seconds.
    pub(crate) life: u64,
}

/// A running token server.
pub(crate) struct TokenServer {
    dir: TempDir,
    pair: Pair,
    pub(crate) stub: Stub,
}

impl TokenServer {
    /// Start it; `None` where `openssl` is missing.
    pub(crate) async fn start(rules: Rules) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let pair = self_signed(dir.path(), "token", "DNS:token", 30)?;
        let (key, x5c) = (pair.key.clone(), der(&pair.certificate));
        let stub = Stub::start(move |at, request| answer(&rules, at, request, &key, &x5c)).await;
        Some(Self { dir, pair, stub })
    }

    /// A token with these rights that ends in so many seconds, or so many ago.
    pub(crate) fn token(&self, scopes: &[&str], life: i64) -> String {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        sign(&scopes, 0, life, &self.pair.key, &der(&self.pair.certificate))
    }

    /// How many tokens of this scope it gave, or refused.
    pub(crate) fn asked(&self, scope: &str) -> usize {
        let scope: String = url::form_urlencoded::byte_serialize(scope.as_bytes()).collect();
        let scope = format!("scope={scope}");
        self.stub.seen().iter().filter(|request| request.contains(&scope)).count()
    }

    /// The registry's `auth:` section.
    pub(crate) fn section(&self) -> String {
        let bundle = self.dir.path().join("bundle.pem");
        fs::copy(&self.pair.certificate, &bundle).unwrap();
        format!(
            "auth:\n  token:\n    realm: {}/token\n    service: test-registry\n    issuer: test-issuer\n    rootcertbundle: {}\n",
            self.stub.url(),
            bundle.display()
        )
    }
}

fn der(certificate: &Path) -> String {
    let pem = fs::read_to_string(certificate).unwrap();
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn answer(rules: &Rules, at: usize, request: &str, key: &PathBuf, x5c: &str) -> Act {
    let line = request.lines().next().unwrap_or_default();
    let has = |header: &str| request.to_ascii_lowercase().contains(&header.to_ascii_lowercase());
    let denied = Act::answer("401 Unauthorized", "Content-Type: text/plain\r\n", "who are you?");
    let form = request.rsplit("\r\n\r\n").next().unwrap_or_default();
    let query = if line.starts_with("POST") {
        if rules.refresh.is_none_or(|token| !form.contains(&format!("refresh_token={token}"))) {
            return denied;
        }
        form
    } else {
        if let Some((name, password)) = rules.basic {
            let pair = STANDARD.encode(format!("{name}:{password}"));
            if !has(&format!("authorization: Basic {pair}")) {
                return denied;
            }
        }
        line.split(' ').nth(1).and_then(|path| path.split_once('?')).map_or("", |(_, query)| query)
    };
    let scopes: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| key == "scope")
        .flat_map(|(_, value)| value.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let token = sign(&scopes, at, rules.life.cast_signed(), key, x5c);
    Act::json("200 OK", &json!({"token": token, "expires_in": rules.life}).to_string())
}

fn sign(scopes: &[String], at: usize, life: i64, key: &PathBuf, x5c: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let access: Vec<_> = scopes
        .iter()
        .filter_map(|scope| {
            let (kind, rest) = scope.split_once(':')?;
            let (name, actions) = rest.rsplit_once(':')?;
            Some(json!({"type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>()}))
        })
        .collect();
    // The registry grants a minute more than `exp` says, so a token that is to end soon has to say less; and whole seconds
    // must not make its life shorter than announced.
    let expires = now.cast_signed() + life + 1 - 60;
    let header = json!({"typ": "JWT", "alg": "RS256", "x5c": [x5c]});
    let claims = json!({
        "iss": "test-issuer", "sub": "bob", "aud": "test-registry", "exp": expires, "nbf": now - 600, "iat": now - 600,
        "jti": at.to_string(), "access": access
    });
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-sign"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(signed.as_bytes()).unwrap();
    let signature = child.wait_with_output().unwrap().stdout;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
