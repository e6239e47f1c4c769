//! What differs between stores: how they are asked, how they answer, and who may ask.
//!
//! All else is one: requests are tried again, listings gone through and links judged alike. Where nothing else is said, an object
//! is asked for at its key, and headers tell of it.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::client::HttpRequest;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::answers::{KeyPage, Object, WantedPage, of_headers};
use super::ask::{Ask, StoreReply};
use super::facts::Setting;
use super::fault::Refusal;

/// What a store speaks. Every question is a value; whoever sends it, tries it again.
#[async_trait]
pub(super) trait Dialect: Debug + Send + Sync {
    /// Whether a listing can begin after any key. Otherwise it begins with a prefix, and goes on where the store said so.
    fn begins_anywhere(&self) -> bool {
        true
    }

    /// Whether uploads that are under way are in no listing.
    fn hides_uploads(&self) -> bool {
        false
    }

    /// For a page of keys.
    fn list(&self, wanted: &WantedPage<'_>) -> Ask;

    /// The page that came; nothing if it is none, or cut off.
    fn page(&self, answer: &StoreReply) -> Option<KeyPage>;

    /// For what is known of an object.
    fn look(&self, key: &str) -> Ask {
        Ask::new(Method::HEAD, key)
    }

    /// What is known of it.
    fn object(&self, answer: &StoreReply) -> Option<Object> {
        Some(of_headers(answer))
    }

    /// For those bytes of an object, as long as it is the one of that tag where one is given.
    fn get(&self, key: &str, bytes: (u64, u64), tag: &str) -> Ask {
        Ask::new(Method::GET, key).range(bytes).header_some("if-match", tag)
    }

    /// To write an object.
    fn put(&self, key: &str, body: Bytes) -> Ask;

    /// To delete an object that is still the one of that tag where one is given.
    fn delete(&self, key: &str, tag: &str) -> Ask;

    /// To copy an object that is still the one that was looked at.
    fn copy(&self, from: &str, to: &str, object: &Object) -> Ask;

    /// The same for one that is too large to be copied in one piece; nothing for others.
    fn copy_in_parts(&self, _from: &str, _to: &str, _object: &Object) -> Option<PartCopy> {
        None
    }

    /// What that answer to a copy means; nothing if it is none.
    fn copied(&self, ask: &Ask, answer: &StoreReply) -> Option<Copied>;

    /// What is set of the bucket, and how to ask for it.
    fn settings(&self) -> Vec<Setting>;

    /// Say who asks.
    async fn authorize(&self, request: &mut HttpRequest) -> Result<(), Unauthorized>;

    /// What was refused, and what to do about it.
    fn refusal(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Refusal;
}

/// What became of a copy.
#[derive(Debug)]
pub(super) enum Copied {
    Whole,
    /// It is under way: what to ask next.
    Ask(Ask),
}

/// How an object is copied in parts.
#[derive(Debug)]
pub(super) struct PartCopy {
    /// To begin.
    pub(super) begin: Ask,
    /// To copy a part, but for which.
    pub(super) part: Ask,
    /// How many bytes the object has, and how many of them make a part.
    pub(super) size: u64,
    pub(super) length: u64,
}

/// Why nobody could be said to ask.
#[derive(Debug)]
pub(super) struct Unauthorized {
    pub(super) said: String,
    pub(super) hint: Option<&'static str>,
}

impl Unauthorized {
    /// There is nobody.
    pub(super) fn no_credentials(why: &str, hint: &'static str) -> Self {
        Self { said: format!("there are no credentials: {why}"), hint: Some(hint) }
    }

    /// It cannot be said.
    pub(super) fn unsigned(why: &impl ToString) -> Self {
        Self { said: why.to_string(), hint: None }
    }
}
