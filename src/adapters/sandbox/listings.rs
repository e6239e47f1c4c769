//! The lists: the catalog of repositories and a repository's tags, with pagination.

use serde_json::json;
use url::form_urlencoded;

use super::layout::StoreError;
use super::reply::{ErrorCode, Reply, broken};
use super::routes::RoutedRequest;
use super::store::Store;

/// The most repositories that one request may ask for.
const MAX_CATALOG: usize = 1000;
const DEFAULT_CATALOG: usize = 100;

/// What `n` asks for.
enum Number {
    None,
    Some(usize),
    Bad,
}

fn number(request: &RoutedRequest) -> Number {
    match request.query("n") {
        None => Number::None,
        Some(text) => text.parse().map_or(Number::Bad, Number::Some),
    }
}

/// The names behind `last`, cut to `n`, and whether there are more. Repositories are in the order of
/// their paths' components: `a/b` before `a-b`.
fn page(names: Vec<String>, last: Option<&str>, n: usize) -> (Vec<String>, bool) {
    let key = |name: &str| name.replace('/', "\u{1}");
    let after = |name: &String| last.is_none_or(|last| key(name) > key(last));
    let mut names: Vec<_> = names.into_iter().filter(after).collect();
    let has_more = names.len() > n;
    names.truncate(n);
    (names, has_more)
}

/// The refusal of an `n` that is no number.
fn refuse(request: &RoutedRequest) -> Reply {
    ErrorCode::PaginationNumberInvalid.detail(json!({"n": request.query("n")}))
}

fn link(path: &str, last: &str, n: usize) -> String {
    let last: String = form_urlencoded::byte_serialize(last.as_bytes()).collect();
    format!("<{path}?last={last}&n={n}>; rel=\"next\"")
}

impl Store {
    pub(super) fn list_repositories(&self, request: &RoutedRequest) -> Reply {
        let n = match number(request) {
            Number::Some(n) if n > MAX_CATALOG => {
                return ErrorCode::PaginationNumberInvalid.detail(json!({"n": n}));
            }
            Number::Some(n) => n,
            Number::Bad if self.flavour.is_3() => return refuse(request),
            Number::None | Number::Bad => DEFAULT_CATALOG,
        };
        if n == 0 {
            return Reply::json(200, &json!({"repositories": []}));
        }
        let (names, has_more) = page(self.repositories(), request.query("last").as_deref(), n);
        let reply = Reply::json(200, &json!({"repositories": names}));
        match names.last().filter(|_| has_more) {
            Some(last) => reply.with("Link", link("/v2/_catalog", last, n)),
            None => reply,
        }
    }

    pub(super) fn list_tags(&self, name: &str, request: &RoutedRequest) -> Reply {
        let tags = match self.tags(name) {
            Ok(tags) => tags,
            Err(StoreError::RepositoryUnknown(_)) => {
                return ErrorCode::NameUnknown.detail(json!({"name": name}));
            }
            Err(other) => return broken(self.flavour, &other),
        };
        // 2.x knows no pages here.
        let n = match number(request) {
            Number::Bad if self.flavour.is_3() => return refuse(request),
            Number::Some(n) if self.flavour.is_3() => n,
            Number::Some(_) | Number::None | Number::Bad => usize::MAX,
        };
        let last = request.query("last").filter(|_| self.flavour.is_3());
        let (tags, has_more) = page(tags, last.as_deref(), n);
        let reply = Reply::json(200, &json!({"name": name, "tags": tags}));
        match tags.last().filter(|_| has_more) {
            Some(last) => reply.with("Link", link(&format!("/v2/{name}/tags/list"), last, n)),
            None => reply,
        }
    }
}
