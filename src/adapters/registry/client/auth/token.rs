//! Tokens: asked for, kept, renewed before they run out.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::challenge::Realm;
use super::{basic, secret_header};
use crate::adapters::registry::address::without_userinfo;
use crate::adapters::registry::client::failure::{Failure, FailureKind};
use crate::adapters::registry::client::wire::printable;
use crate::adapters::registry::credential::Credential;

/// What a token server that does not say it means by `expires_in` (the token protocol's default).
const USUAL_LIFE: u64 = 60;
/// The longest answer of a token server that is read; tokens have a few KiB.
const ANSWER_BYTES: usize = 1 << 20;
/// Our name there.
const CLIENT_ID: &str = "regfsck";

/// A token and how long it is shown.
pub(super) struct Token {
    pub header: HeaderValue,
    until: Instant,
}

impl Token {
    /// Whether it may still be shown. It is given up a fifth of its life before it ends, at most half a minute: the request
    /// has to arrive, and clocks differ.
    pub(super) fn is_fresh(&self) -> bool {
        Instant::now() < self.until
    }
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Realm {
    /// The token server as it will be asked: whoever judges it must read it as the HTTP client does, which drops spaces and
    /// tabs, and takes `HTTP:\\\\` for `http://`.
    pub(super) fn server(&self) -> Result<Url, Failure> {
        let url = Url::parse(&self.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let why = || format!("its token server is no URL: `{}`", printable(&without_userinfo(&self.url), 80));
        let mut url = url.ok_or_else(|| Failure::new(FailureKind::Denied, why()))?;
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(url)
    }
}

/// Ask the token server for a token with the rights in `scope`.
pub(super) async fn fetch(
    client: &Client,
    realm: &Realm,
    scope: &str,
    credential: &Credential,
    timeout: Duration,
) -> Result<Token, Failure> {
    let url = realm.server()?;
    let place = url.host_str().unwrap_or_default().to_owned();
    let tls = url.scheme() == "https";
    let asked = Instant::now();
    let request = request(client, url, realm.service.as_deref(), scope, credential);
    let exchange = async {
        let response = request.send().await?;
        let status = response.status();
        Ok((status, read(response).await?))
    };
    let outcome = tokio::time::timeout(timeout, exchange).await;
    let Ok(outcome) = outcome else {
        return Err(Failure::new(
            FailureKind::Timeout,
            format!("no answer from the token server {place} within the time limit"),
        ));
    };
    let (status, body) = outcome.map_err(|error: reqwest::Error| {
        let failure = Failure::diagnose(&error, tls);
        Failure { why: format!("the token server {place}: {}", failure.why), ..failure }
    })?;
    if !status.is_success() {
        return Err(refusal(&place, status, &body, credential));
    }
    understand(&body, asked).ok_or_else(|| {
        Failure::new(
            FailureKind::Denied,
            format!("the token server {place} answered {status} without a token"),
        )
    })
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        body.extend_from_slice(&piece);
        if body.len() > ANSWER_BYTES {
            break;
        }
    }
    Ok(body)
}

/// A GET, with user name and password if we have them; a POST with an identity token.
fn request(
    client: &Client,
    mut url: Url,
    service: Option<&str>,
    scope: &str,
    credential: &Credential,
) -> RequestBuilder {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(service.map(|service| ("service", service)));
    form.append_pair("client_id", CLIENT_ID);
    if let Credential::IdentityToken(token) = credential {
        form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token.expose_secret());
        form.extend_pairs((!scope.is_empty()).then_some(("scope", scope)));
        let kind = "application/x-www-form-urlencoded";
        return client.post(url).header(CONTENT_TYPE, kind).body(form.finish());
    }
    form.extend_pairs(scope.split(' ').filter(|scope| !scope.is_empty()).map(|scope| ("scope", scope)));
    if let Credential::Basic { name, .. } = credential {
        form.append_pair("account", name);
    }
    let ours = form.finish();
    let query = url.query().map_or_else(|| ours.clone(), |theirs| format!("{theirs}&{ours}"));
    url.set_query(Some(&query));
    match credential {
        Credential::Basic { name, password } => {
            let header = basic(name, password);
            header.into_iter().fold(client.get(url), |request, header| request.header(AUTHORIZATION, header))
        }
        Credential::Anonymous | Credential::IdentityToken(_) | Credential::RegistryToken(_) => {
            client.get(url)
        }
    }
}

fn refusal(place: &str, status: StatusCode, body: &[u8], credential: &Credential) -> Failure {
    let start = printable(&String::from_utf8_lossy(body), 120);
    let why = format!("the token server {place} answered {status}: `{start}`");
    match status.as_u16() {
        429 | 500 | 502..=504 => Failure::new(FailureKind::Reset, why),
        400 | 401 | 403 if matches!(credential, Credential::Anonymous) => {
            Failure::new(FailureKind::Denied, why)
                .with_hint("give --creds, or log in so that an auth file has them")
        }
        401 => Failure::new(FailureKind::Credentials, why)
            .with_hint("it does not accept these credentials: check user name and password, or log in again"),
        400 | 403 => Failure::new(FailureKind::Denied, why).with_hint(
            "it gives these credentials no token for this: check them, or use an account with more rights",
        ),
        _ => Failure::new(FailureKind::Denied, why),
    }
}

fn understand(body: &[u8], asked: Instant) -> Option<Token> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty())?;
    let life = Duration::from_secs(answer.expires_in.filter(|life| *life > 0).unwrap_or(USUAL_LIFE));
    let margin = (life / 5).min(Duration::from_secs(30));
    Some(Token { header: bearer(&SecretString::from(token))?, until: asked + life.saturating_sub(margin) })
}

/// `Bearer TOKEN`
pub(super) fn bearer(token: &SecretString) -> Option<HeaderValue> {
    secret_header(&format!("Bearer {}", token.expose_secret()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"{"token":"a","access_token":"b","expires_in":300,"issued_at":"2026-01-01T00:00:00Z"}"#, Some(("Bearer a", 270)))]
    #[case(r#"{"access_token":"b","expires_in":5}"#, Some(("Bearer b", 4)))]
    #[case(r#"{"token":"a"}"#, Some(("Bearer a", 48)))]
    #[case(r#"{"token":"a","expires_in":0}"#, Some(("Bearer a", 48)))]
    #[case(r#"{"token":""}"#, None)]
    #[case("<html>", None)]
    fn tokens_are_read_as_token_servers_write_them(
        #[case] body: &str,
        #[case] expected: Option<(&str, u64)>,
    ) {
        let now = Instant::now();
        let token = understand(body.as_bytes(), now);
        let got = token.as_ref().map(|token| (token.header.to_str().unwrap(), (token.until - now).as_secs()));
        assert_eq!(got, expected);
        assert!(token.is_none_or(|token| token.header.is_sensitive()));
    }
}
