//! What is answered to a request.
//!
//! | request | answer |
//! |---|---|
//! | `GET /healthz` | 200 while the program runs |
//! | `GET /readyz` | 200 once there is a report, else 503 |
//! | `GET /` | the page |
//! | `GET /report.json` | the last report |
//! | `GET /metrics` | for Prometheus |
//! | `POST /events` | 202: the notifications are taken |

use axum::body::{Body, to_bytes};
use axum::http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::PATIENCE;
use super::access::Admission;
use super::told::{self, TAKEN};
use crate::engine::ports::{Page, Shown, Site};

/// Notifications are a kilobyte each; registries send one, or a few.
const MOST: usize = 4 << 20;
/// What an answer may do in a browser, unless it says itself: nothing.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Answer.
pub(super) async fn answer(
    request: Request<Incoming>,
    access: &Admission,
    site: &dyn Site,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let is_read = matches!(parts.method, Method::GET | Method::HEAD);
    let page = match parts.uri.path() {
        "/healthz" if is_read => return say(StatusCode::OK, "ok"),
        "/readyz" if is_read && site.is_ready() => return say(StatusCode::OK, "ok"),
        "/readyz" if is_read => {
            return say(StatusCode::SERVICE_UNAVAILABLE, "the first check has not ended yet");
        }
        "/" => Some(Page::Home),
        "/report.json" => Some(Page::Report),
        "/metrics" => Some(Page::Metrics { is_open: takes_open(&parts.headers) }),
        "/events" => None,
        _ => {
            return say(
                StatusCode::NOT_FOUND,
                "there is /, /metrics, /report.json, /healthz, /readyz and POST /events",
            );
        }
    };
    if !access.is_meant(&parts.headers) {
        return say(
            StatusCode::FORBIDDEN,
            "without a token only this machine is served, by its address or as localhost",
        );
    }
    if !access.admits(&parts.headers) {
        return unauthorised();
    }
    match page {
        Some(page) if is_read => show(site, page),
        Some(_) => refuse_method("GET, HEAD"),
        None if parts.method == Method::POST => hear(&parts.headers, body, access, site).await,
        None => refuse_method("POST"),
    }
}

fn show(site: &dyn Site, page: Page) -> Response<Body> {
    match site.show(page) {
        Some(Shown { media_type, policy, body }) => {
            reply(StatusCode::OK, media_type, policy.unwrap_or(POLICY), Body::from(body))
        }
        None => say(StatusCode::SERVICE_UNAVAILABLE, "there is no report yet: the first check has not ended"),
    }
}

async fn hear(headers: &HeaderMap, body: Incoming, access: &Admission, site: &dyn Site) -> Response<Body> {
    if !access.wants_token() {
        return say(
            StatusCode::FORBIDDEN,
            "notifications are taken with a token only: start with --token-file FILE, and have the registry send \
             `Authorization: Bearer TOKEN`",
        );
    }
    if !site.hears() {
        return say(
            StatusCode::SERVICE_UNAVAILABLE,
            "there is no registry to verify pushes on: give --registry URL",
        );
    }
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !TAKEN.contains(&&*media_type) {
        return say(StatusCode::UNSUPPORTED_MEDIA_TYPE, &format!("notifications are {}", TAKEN.join(" or ")));
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MOST) {
        return say(StatusCode::PAYLOAD_TOO_LARGE, "more than 4 MiB of notifications at once are not taken");
    }
    match timeout(PATIENCE, to_bytes(Body::new(body), MOST)).await {
        Err(_elapsed) => say(StatusCode::REQUEST_TIMEOUT, "the body did not come within 10 seconds"),
        Ok(Err(error)) => {
            say(StatusCode::BAD_REQUEST, &format!("the body cannot be read to its end: {error}"))
        }
        Ok(Ok(bytes)) => match told::read(&bytes) {
            Err(why) => say(StatusCode::BAD_REQUEST, &why),
            Ok(told) => {
                site.hear(told);
                say(StatusCode::ACCEPTED, "taken")
            }
        },
    }
}

/// Whether the newer form of metrics is taken.
fn takes_open(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|part| part.trim_start().starts_with("application/openmetrics-text"))
}

fn unauthorised() -> Response<Body> {
    let sentence =
        "the token is missing or wrong: send `Authorization: Bearer TOKEN`, or the token as password";
    let mut response = say(StatusCode::UNAUTHORIZED, sentence);
    let ways = HeaderValue::from_static("Basic realm=\"regfsck\", Bearer realm=\"regfsck\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, ways);
    response
}

fn refuse_method(allowed: &'static str) -> Response<Body> {
    let mut response = say(StatusCode::METHOD_NOT_ALLOWED, &format!("only {allowed}"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn say(status: StatusCode, sentence: &str) -> Response<Body> {
    reply(status, PLAIN, POLICY, Body::from(format!("{sentence}\n")))
}

fn reply(status: StatusCode, media_type: &'static str, policy: &'static str, body: Body) -> Response<Body> {
    let headers: [(HeaderName, &'static str); 5] = [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
