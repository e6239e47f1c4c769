//! Who we are to the registry: what is sent as `Authorization`.
//!
//! Nothing is sent until a registry asks; then, with every request, what it asked for. A token is fetched
//! for each scope (a repository and what is done there), shared by all requests of it, and renewed before it
//! runs out or when it is refused.

mod challenge;
mod token;

#[cfg(any(test, fuzzing))]
pub(crate) use challenge::realm;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret as _, SecretString};

use self::challenge::{Challenge, Realm};
use self::token::Token;
use super::failure::{Failure, FailureKind};
use super::reach::Reach;
use crate::adapters::registry::address::shown;
use crate::adapters::registry::credential::{Credential, Credentials};

/// What a request needs to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum TokenScope {
    /// `/v2/`: nothing but to be known.
    Known,
    /// `_catalog`
    Catalog,
    /// Reading a repository.
    Pull(String),
    /// Writing to a repository.
    Push(String),
    /// Deleting from a repository.
    Delete(String),
}

impl TokenScope {
    fn repository(&self) -> &str {
        match self {
            Self::Known | Self::Catalog => "",
            Self::Pull(name) | Self::Push(name) | Self::Delete(name) => name,
        }
    }

    /// As token servers word it (seen with distribution 2.7.1 to 3.1.1).
    fn words(&self) -> String {
        match self {
            Self::Known => String::new(),
            Self::Catalog => "registry:catalog:*".into(),
            Self::Pull(name) => format!("repository:{name}:pull"),
            Self::Push(name) => format!("repository:{name}:pull,push"),
            Self::Delete(name) => format!("repository:{name}:delete"),
        }
    }
}

/// What a scope has got from the token server, and the lock that lets one request ask there for all.
type Slot = Arc<tokio::sync::Mutex<Got>>;

#[derive(Default)]
enum Got {
    #[default]
    Nothing,
    Token(Token),
    /// No: it is not asked again, lest an account be locked for too many failures.
    Refusal(Failure),
}

#[derive(Default)]
struct State {
    challenge: Option<Challenge>,
    /// How the registry itself words a scope, where it did.
    worded: HashMap<TokenScope, String>,
    slots: HashMap<TokenScope, Slot>,
    /// Why the token server accepts a user's credentials for nothing at all.
    refused: HashMap<String, Failure>,
}

/// Answers challenges, and remembers how it did.
pub(super) struct Authenticator {
    credentials: Credentials,
    client: Client,
    timeout: Duration,
    /// Whether the registry is spoken to over TLS: then its token server must be, too.
    tls: bool,
    /// Where it may send us.
    reach: Reach,
    state: Mutex<State>,
}

impl Authenticator {
    pub(super) fn new(
        credentials: Credentials,
        client: Client,
        timeout: Duration,
        tls: bool,
        reach: Reach,
    ) -> Self {
        Self { credentials, client, timeout, tls, reach, state: Mutex::default() }
    }

    fn with_state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What to send as `Authorization`, as far as a challenge has told.
    pub(super) async fn header(&self, scope: &TokenScope) -> Result<Option<HeaderValue>, Failure> {
        let credential = self.credentials.of(scope.repository());
        if let Credential::RegistryToken(token) = credential {
            return Ok(token::bearer(token));
        }
        match (self.with_state(|state| state.challenge.clone()), credential) {
            (Some(Challenge::Basic), Credential::Basic { name, password }) => Ok(basic(name, password)),
            (Some(Challenge::Bearer(realm)), _) => self.token(&realm, scope, credential).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Whether what is shown for this scope is a token that was given to us: nobody can renew it.
    pub(super) fn is_given_token(&self, scope: &TokenScope) -> bool {
        matches!(self.credentials.of(scope.repository()), Credential::RegistryToken(_))
    }

    async fn token(
        &self,
        realm: &Realm,
        scope: &TokenScope,
        credential: &Credential,
    ) -> Result<HeaderValue, Failure> {
        let (slot, words) = self.with_state(|state| {
            let words = state.worded.get(scope).cloned().unwrap_or_else(|| scope.words());
            (state.slots.entry(scope.clone()).or_default().clone(), words)
        });
        let mut slot = slot.lock().await;
        match &*slot {
            Got::Token(token) if token.is_fresh() => return Ok(token.header.clone()),
            Got::Refusal(failure) => return Err(failure.clone()),
            Got::Token(_) | Got::Nothing => {}
        }
        let who = credential.name().to_owned();
        if let Some(failure) = self.with_state(|state| state.refused.get(&who).cloned()) {
            return Err(failure);
        }
        match token::fetch(&self.client, realm, &words, credential, self.timeout).await {
            Ok(token) => {
                let header = token.header.clone();
                *slot = Got::Token(token);
                Ok(header)
            }
            Err(failure) => {
                if failure.kind == FailureKind::Credentials {
                    self.with_state(|state| state.refused.insert(who, failure.clone()));
                } else if failure.kind == FailureKind::Denied {
                    *slot = Got::Refusal(failure.clone());
                }
                Err(failure)
            }
        }
    }

    /// A 401 came for a request that showed `shown`. Whether it is worth asking again.
    pub(super) async fn challenged(
        &self,
        headers: &HeaderMap,
        scope: &TokenScope,
        shown: Option<&HeaderValue>,
    ) -> Result<bool, Failure> {
        let offered = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let Some(challenge) = challenge::choose(offered) else { return Ok(false) };
        match (&challenge, self.credentials.of(scope.repository())) {
            (_, Credential::RegistryToken(_))
            | (Challenge::Basic, Credential::Anonymous | Credential::IdentityToken(_)) => return Ok(false),
            (Challenge::Basic, Credential::Basic { name, password }) => {
                let again = basic(name, password).as_ref() != shown;
                self.with_state(|state| state.challenge = Some(challenge));
                return Ok(again);
            }
            (Challenge::Bearer(realm), credential) => self.is_safe(realm, credential).await?,
        }
        let slot = self.with_state(|state| {
            if let Challenge::Bearer(Realm { scope: Some(words), .. }) = &challenge {
                state.worded.insert(scope.clone(), words.clone());
            }
            state.challenge = Some(challenge);
            state.slots.entry(scope.clone()).or_default().clone()
        });
        let mut slot = slot.lock().await;
        // Another request may have renewed it meanwhile.
        if matches!(&*slot, Got::Token(token) if Some(&token.header) == shown) {
            *slot = Got::Nothing;
        }
        Ok(true)
    }

    /// A password that goes to the registry under TLS does not go to its token server without; and nothing goes where
    /// only we can go.
    async fn is_safe(&self, realm: &Realm, credential: &Credential) -> Result<(), Failure> {
        let server = realm.server()?;
        if self.tls && server.scheme() != "https" && !matches!(credential, Credential::Anonymous) {
            let place = shown(&server);
            let why =
                format!("its token server speaks plain HTTP ({place}): it is not shown our credentials");
            return Err(Failure::new(FailureKind::Denied, why)
                .with_hint("have the registry's `auth.token.realm` changed to https"));
        }
        self.reach.check(&server).await.map_err(|forbidden| (&forbidden).into())
    }
}

fn basic(name: &str, password: &SecretString) -> Option<HeaderValue> {
    secret_header(&format!("Basic {}", STANDARD.encode(format!("{name}:{}", password.expose_secret()))))
}

/// A header's value that no log shows.
fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
