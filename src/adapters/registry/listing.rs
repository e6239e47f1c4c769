//! Lists that come in pages: the catalog and a repository's tags.

use std::collections::BTreeSet;
use std::str::FromStr;

use reqwest::Method;
use reqwest::header::LINK;
use serde::de::DeserializeOwned;
use url::Url;

use super::auth::Scope;
use super::reading::{self, Question, said};
use super::transport::{Ask, End, Reply, Take, Transport};
use super::wire::{self, next_page, printable};
use crate::domain::name::{RepositoryName, Tag};
use crate::domain::views::served::{Answer, Asked};

/// The most that is read of one page; a page of 1,000 names has 256 KiB at most.
const PAGE_BYTES: u64 = 64 << 20;
/// Repositories asked for in one page: the most that 2.8 and 3.x give by default.
const PAGE_SIZE: &str = "n=1000";

/// All pages of `_catalog`.
pub(super) async fn catalog(transport: &Transport) -> Asked<Answer<Vec<RepositoryName>>> {
    let mut url = transport.address.catalog();
    url.set_query(Some(PAGE_SIZE));
    let mut asked = names(transport, url, Scope::Catalog, |page: wire::Catalog| page.repositories).await;
    if refuses_page_size(&asked) {
        let url = transport.address.catalog();
        asked = names(transport, url, Scope::Catalog, |page: wire::Catalog| page.repositories).await;
    }
    if let Answer::No(_) = asked.answer {
        asked.answer = Answer::Unknown(format!("no catalog is offered ({})", asked.exchange.said));
    }
    if let Answer::Unknown(why) = &mut asked.answer {
        why.push_str("; name repositories with --repo, or give --storage");
    }
    asked
}

/// All pages of `tags/list`.
pub(super) async fn tags(transport: &Transport, repository: &RepositoryName) -> Asked<Answer<Vec<Tag>>> {
    let url = transport.address.tags(repository);
    names(transport, url, Scope::Pull(repository.to_string()), |page: wire::Tags| page.tags).await
}

/// An administrator may have set `catalog.maxentries` below the default.
fn refuses_page_size<T>(asked: &Asked<Answer<T>>) -> bool {
    asked.exchange.said.contains("PAGINATION_NUMBER_INVALID")
}

async fn names<P: DeserializeOwned, N: FromStr + Ord>(
    transport: &Transport,
    first: Url,
    scope: Scope,
    list: impl Fn(P) -> Option<Vec<String>>,
) -> Asked<Answer<Vec<N>>> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut next = Some(first.clone());
    let mut question = Question::new(&ask_for(first, &scope));
    while let Some(url) = next {
        if !seen.insert(url.to_string()) {
            let why = format!("the list's pages go in circles: {} comes again", super::address::shown(&url));
            return Asked { answer: Answer::Unknown(why.clone()), exchange: question.exchange(why) };
        }
        let ask = ask_for(url.clone(), &scope);
        let reply = match transport.ask(&ask).await {
            Ok(reply) => reply,
            Err(silence) => return question.silence(&silence),
        };
        match read_page(&reply) {
            Ok(page) => {
                // A name that is none cannot be asked about; storage shows it as a stray folder.
                found.extend(list(page).into_iter().flatten().filter_map(|name| name.parse::<N>().ok()));
            }
            Err(answer) => {
                if seen.len() > 1 {
                    question = question.noting(&format!(" (page {})", seen.len()));
                }
                return Asked { answer, exchange: question.exchange(said(&reply)) };
            }
        }
        next = following(transport, &url, &reply);
    }
    let said = format!("200 OK, {} names in {} pages", found.len(), seen.len());
    Asked { answer: Answer::Yes(found.into_iter().collect()), exchange: question.exchange(said) }
}

fn ask_for(url: Url, scope: &Scope) -> Ask {
    Ask::new(Method::GET, url, scope.clone()).take(Take::Bytes(PAGE_BYTES))
}

/// The page that `Link` names. Only its path and query count: it stays on our registry.
fn following(transport: &Transport, url: &Url, reply: &Reply) -> Option<Url> {
    let links = reply.headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
    let target = transport.address.follow(url, &next_page(links)?)?;
    let mut next = url.clone();
    next.set_path(target.path());
    next.set_query(target.query());
    Some(next)
}

fn read_page<P: DeserializeOwned, T>(reply: &Reply) -> Result<P, Answer<T>> {
    if !reply.status.is_success() || reply.is_web_page() {
        return Err(reading::without(reply));
    }
    if reply.end != End::Whole {
        return Err(Answer::Unknown("a page of more than 64 MiB".into()));
    }
    serde_json::from_slice(&reply.body).map_err(|error| {
        let start = printable(&String::from_utf8_lossy(&reply.body), 80);
        Answer::Unknown(format!("{}, but no list: {error}: `{start}`", said(reply)))
    })
}
