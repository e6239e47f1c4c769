//! Who we are to the registry: what is sent as `Authorization`.

use std::sync::Mutex;
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret as _, SecretString};

use super::fault::Fault;

/// What we have to show.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Nothing.
    #[default]
    Anonymous,
    /// A user name and a password.
    Basic {
        /// The user name.
        name: String,
        /// The password.
        password: SecretString,
    },
}

/// What a request needs to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// `/v2/`: nothing but to be known.
    Known,
    /// `_catalog`
    Catalog,
    /// Reading a repository.
    Pull(String),
    /// Writing to a repository.
    Push(String),
    /// Writing to the first and reading from the second: a mount.
    Mount(String, String),
    /// Deleting from a repository.
    Delete(String),
}

/// Answers challenges, and remembers how it did.
pub(super) struct Authenticator {
    credentials: Credentials,
    basic: Mutex<bool>,
}

impl Authenticator {
    pub(super) const fn new(credentials: Credentials) -> Self {
        Self { credentials, basic: Mutex::new(false) }
    }

    /// What to send as `Authorization`, as far as a challenge has told.
    pub(super) async fn header(&self, _scope: &Scope) -> Result<Option<HeaderValue>, Fault> {
        let wanted = *self.basic.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match &self.credentials {
            Credentials::Basic { name, password } if wanted => basic(name, password),
            Credentials::Basic { .. } | Credentials::Anonymous => None,
        })
    }

    /// A 401 came for a request that showed `shown`. Whether it is worth asking again.
    pub(super) async fn challenged(
        &self,
        headers: &HeaderMap,
        _scope: &Scope,
        shown: Option<&HeaderValue>,
    ) -> Result<bool, Fault> {
        let asks_basic = headers.get_all(WWW_AUTHENTICATE).iter().any(|challenge| {
            challenge.as_bytes().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
        });
        let can = matches!(self.credentials, Credentials::Basic { .. });
        *self.basic.lock().unwrap_or_else(PoisonError::into_inner) = asks_basic;
        Ok(asks_basic && can && shown.is_none())
    }
}

fn basic(name: &str, password: &SecretString) -> Option<HeaderValue> {
    let pair = STANDARD.encode(format!("{name}:{}", password.expose_secret()));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
