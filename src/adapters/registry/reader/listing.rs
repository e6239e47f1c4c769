//! Lists that come in pages: the catalog and a repository's tags.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::marker::PhantomData;
use std::str::FromStr;

use reqwest::Method;
use reqwest::header::LINK;
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::sync::MutexGuard;
use url::Url;

use super::answer::{Question, said, without};
use crate::adapters::registry::address::shown;
use crate::adapters::registry::client::{
    Client, End, HttpReply, HttpRequest, NoAnswer, Take, TokenScope, errors, printable,
};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::views::served::{Answer, Asked};

/// The most that is read of one page; a page of 1,000 names has 256 KiB at most.
const PAGE_BYTES: u64 = 64 << 20;
/// A page of more than this is read while no other is.
const SMALL_PAGE_BYTES: u64 = 1 << 20;
/// Repositories asked for in one page: the most that 2.8 and 3.x give by default.
const PAGE_SIZE: &str = "n=1000";

/// The most names of a list that are kept, and the most pages that they may come in: a list that has no end is not read
/// to its end. The largest repositories that are known have some hundred thousand tags.
const MOST_NAMES: usize = 2_000_000;
const MOST_PAGES: usize = 5_000;

/// A page of `_catalog`.
#[derive(Deserialize)]
struct Catalog {
    #[serde(default)]
    repositories: Names<RepositoryName>,
}

/// A page of `tags/list`.
#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Names<Tag>,
}

/// All pages of `_catalog`.
pub(super) async fn catalog(client: &Client) -> Asked<Answer<Vec<RepositoryName>>> {
    let repositories = |page: Catalog| page.repositories;
    let mut url = client.address.catalog();
    url.set_query(Some(PAGE_SIZE));
    let mut listed = list(client, url, TokenScope::Catalog, repositories).await;
    if listed.is_page_too_large {
        listed = list(client, client.address.catalog(), TokenScope::Catalog, repositories).await;
    }
    let mut asked = listed.asked;
    if let Answer::No(_) = asked.answer {
        asked.answer = Answer::Unknown(format!("no catalog is offered ({})", asked.exchange.said));
    }
    if let Answer::Unknown(why) = &mut asked.answer {
        why.push_str("; name repositories with --repo, or give --storage");
    }
    asked
}

/// All pages of `tags/list`.
pub(crate) async fn tags(client: &Client, repository: &RepositoryName) -> Asked<Answer<Vec<Tag>>> {
    let scope = TokenScope::Pull(repository.to_string());
    list(client, client.address.tags(repository), scope, |page: Tags| page.tags).await.asked
}

/// The names of a list.
struct Listed<N> {
    asked: Asked<Answer<Vec<N>>>,
    /// Whether pages are to be smaller: an administrator may have set `catalog.maxentries` below the default.
    is_page_too_large: bool,
}

async fn list<P: DeserializeOwned, N: Ord>(
    client: &Client,
    first: Url,
    scope: TokenScope,
    names: impl Fn(P) -> Names<N>,
) -> Listed<N> {
    let mut found = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut next = Some(first.clone());
    let mut question = Question::new(&request(first, &scope));
    let whole = |asked| Listed { asked, is_page_too_large: false };
    while let Some(url) = next {
        if let Err(why) = go_on(&mut seen, &url, found.len()) {
            return whole(question.answered((Answer::Unknown(why.clone()), why)));
        }
        let (reply, _alone) = match page(client, request(url.clone(), &scope)).await {
            Ok(page) => page,
            Err(no_answer) => return whole(question.no_answer(&no_answer)),
        };
        match read_page(&reply) {
            Ok(page) => found.append(&mut names(page).0),
            Err(answer) => {
                if seen.len() > 1 {
                    question = question.noting(&format!(" (page {})", seen.len()));
                }
                let asked = question.answered((answer, said(&reply)));
                return Listed { asked, is_page_too_large: is_page_too_large(&reply) };
            }
        }
        next = following(client, &url, &reply);
    }
    if found.len() > MOST_NAMES {
        let why = format!("it lists more than {MOST_NAMES} names");
        return whole(question.answered((Answer::Unknown(why.clone()), why)));
    }
    let said = format!("200 OK, {} names in {} pages", found.len(), seen.len());
    whole(question.answered((Answer::Yes(found.into_iter().collect()), said)))
}

/// A page, and the turn to take it in where it is large: 2.x gives all tags of a repository in one.
async fn page(
    client: &Client,
    request: HttpRequest,
) -> Result<(HttpReply, Option<MutexGuard<'_, ()>>), NoAnswer> {
    let reply = client.ask(&request).await?;
    if reply.end != End::Enough {
        return Ok((reply, None));
    }
    drop(reply);
    let turn = client.large.lock().await;
    Ok((client.ask(&request.take(Take::Bytes(PAGE_BYTES))).await?, Some(turn)))
}

/// Whether another page is read: of a list whose pages come again, or never end, no more.
fn go_on(seen: &mut HashSet<u64>, url: &Url, found: usize) -> Result<(), String> {
    let mut hasher = DefaultHasher::new();
    url.hash(&mut hasher);
    if !seen.insert(hasher.finish()) {
        return Err(format!("the list's pages go in circles: {} comes again", shown(url)));
    }
    if seen.len() > MOST_PAGES || found > MOST_NAMES {
        return Err(format!("the list does not end: {found} names in {} pages", seen.len() - 1));
    }
    Ok(())
}

/// The names of a page, taken as they are read: a page may have millions of them. A name that is none cannot be asked
/// about; storage shows it as a stray folder.
struct Names<N>(BTreeSet<N>);

impl<N> Default for Names<N> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<'de, N: FromStr + Ord> Deserialize<'de> for Names<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Taking(PhantomData))
    }
}

struct Taking<N>(PhantomData<N>);

impl<'de, N: FromStr + Ord> Visitor<'de> for Taking<N> {
    type Value = Names<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Names::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
        let mut found = BTreeSet::new();
        while let Some(name) = names.next_element::<Cow<'de, str>>()? {
            if found.len() <= MOST_NAMES {
                found.extend(name.parse().ok());
            }
        }
        Ok(Names(found))
    }
}

/// How many names a page has, for whoever throws anything at it.
#[cfg(any(test, fuzzing))]
pub(crate) fn page_names(body: &[u8]) -> usize {
    let catalog = serde_json::from_slice::<Catalog>(body).map_or(0, |page| page.repositories.0.len());
    catalog + serde_json::from_slice::<Tags>(body).map_or(0, |page| page.tags.0.len())
}

fn is_page_too_large(reply: &HttpReply) -> bool {
    let errors = errors(&reply.body).unwrap_or_default();
    errors.iter().any(|error| error.code == "PAGINATION_NUMBER_INVALID")
}

fn request(url: Url, scope: &TokenScope) -> HttpRequest {
    HttpRequest::new(Method::GET, url, scope.clone()).take(Take::Bytes(SMALL_PAGE_BYTES))
}

/// The page that `Link` names. Only its path and query count: it stays on our registry.
fn following(client: &Client, url: &Url, reply: &HttpReply) -> Option<Url> {
    let links = reply.headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
    let target = client.address.follow(url, &next_page(links)?)?;
    let mut next = url.clone();
    next.set_path(target.path());
    next.set_query(target.query());
    Some(next)
}

fn read_page<P: DeserializeOwned, T>(reply: &HttpReply) -> Result<P, Answer<T>> {
    if !reply.status.is_success() || reply.is_web_page() {
        return Err(without(reply));
    }
    if reply.end != End::Whole {
        return Err(Answer::Unknown("a page of more than 64 MiB".into()));
    }
    serde_json::from_slice(&reply.body).map_err(|error| {
        let start = printable(&String::from_utf8_lossy(&reply.body), 80);
        Answer::Unknown(format!("{}, but no list: {error}: `{start}`", said(reply)))
    })
}

/// The target of `rel="next"` in `Link` header values.
pub(crate) fn next_page<'a>(links: impl Iterator<Item = &'a str>) -> Option<String> {
    let is_next = |parameters: &str| {
        parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(key, value)| {
            key.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        })
    };
    for link in links {
        for part in link.split('<').skip(1) {
            let Some((target, parameters)) = part.split_once('>') else { continue };
            if is_next(parameters.trim_end().trim_end_matches(',')) {
                return Some(target.to_owned());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn null_lists_are_survived() {
        assert!(serde_json::from_str::<Tags>(r#"{"name":"a","tags":null}"#).unwrap().tags.0.is_empty());
        assert!(
            serde_json::from_str::<Catalog>(r#"{"repositories":null}"#).unwrap().repositories.0.is_empty()
        );
    }

    #[rstest]
    #[case(&[r#"</v2/_catalog?last=a&n=1>; rel="next""#], Some("/v2/_catalog?last=a&n=1"))]
    #[case(&[r#"<a>; rel="prev", <b>; rel=next"#], Some("b"))]
    #[case(&["<a>; rel=prev", "<c>; Rel=\"NEXT\""], Some("c"))]
    #[case(&["<a>; rel=\"last\""], None)]
    #[case(&["a; rel=next", "<"], None)]
    fn the_next_page_is_found_in_link_headers(#[case] links: &[&str], #[case] next: Option<&str>) {
        assert_eq!(next_page(links.iter().copied()).as_deref(), next);
    }
}
