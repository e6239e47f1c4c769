//! Upload sessions: opened, asked about, given up.

use reqwest::Method;
use reqwest::header::LOCATION;
use url::Url;

use crate::adapters::registry::client::{
    Client, HttpReply, HttpRequest, TokenScope, answered, request_error,
};
use crate::domain::name::RepositoryName;
use crate::engine::ports::{RequestError, UploadSession};

/// What may be meant by a session on another host than the one that was named.
const ELSEWHERE: &str = "nothing is sent to a host that you did not name: give --registry the name that the registry calls itself by, \
                         or have its `http.relativeurls` switched on";

/// POST: a new session.
pub(super) async fn start(
    client: &Client,
    repository: &RepositoryName,
) -> Result<UploadSession, RequestError> {
    let scope = TokenScope::Push(repository.to_string());
    let request = HttpRequest::new(Method::POST, client.address.uploads(repository), scope);
    let reply = client.expect(&request, &[202]).await?;
    next(client, &request, repository, &reply)
}

/// DELETE the session.
pub(super) async fn cancel(client: &Client, session: &UploadSession) -> Result<(), RequestError> {
    client.given_up.note(session);
    client.expect(&about(client, Method::DELETE, session)?, &[204, 202, 200]).await.map(|_| ())
}

/// Tell the daemon that a session is not needed; where it does not listen, it purges the session in time.
pub(super) async fn abandon(client: &Client, session: &UploadSession) {
    client.given_up.note(session);
    if let Ok(request) = about(client, Method::DELETE, session) {
        let _ = client.once(&request).await;
    }
}

/// Ask how many bytes the daemon has of a session; also where it goes on.
pub(super) async fn status(
    client: &Client,
    session: &UploadSession,
) -> Result<(u64, UploadSession), RequestError> {
    let request = about(client, Method::GET, session)?;
    let reply = client.expect(&request, &[204, 200, 202]).await?;
    let next = next(client, &request, &session.repository, &reply).unwrap_or_else(|_| session.clone());
    Ok((received(&reply), next))
}

/// The session that an answer opens or goes on with.
pub(super) fn next(
    client: &Client,
    request: &HttpRequest,
    repository: &RepositoryName,
    reply: &HttpReply,
) -> Result<UploadSession, RequestError> {
    let location = reply.header(LOCATION.as_str());
    let Some(location) = location.and_then(|location| client.address.follow(&request.url, location)) else {
        let why = format!("{}, but without a Location to go on at", answered(reply));
        return Err(request_error(request, Some(reply.status), why, reply.attempts));
    };
    if !client.address.owns(&location) {
        let elsewhere = location.host_str().unwrap_or_default();
        let why = format!("{}, but its Location is on another host (`{elsewhere}`)", answered(reply));
        let error = request_error(request, Some(reply.status), why, reply.attempts);
        return Err(RequestError { hint: Some(ELSEWHERE.into()), ..error });
    }
    let last = location.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default().to_owned();
    let id = reply.header("docker-upload-uuid").map_or(last, str::to_owned);
    Ok(UploadSession { repository: repository.clone(), id, location: location.into() })
}

/// A request about a session.
pub(super) fn about(
    client: &Client,
    method: Method,
    session: &UploadSession,
) -> Result<HttpRequest, RequestError> {
    let scope = TokenScope::Push(session.repository.to_string());
    match Url::parse(&session.location) {
        Ok(url) => Ok(HttpRequest::new(method, url, scope)),
        Err(error) => {
            let request = HttpRequest::new(method, client.address.uploads(&session.repository), scope);
            Err(request_error(&request, None, format!("the session's location is no URL: {error}"), 0))
        }
    }
}

/// `Range: 0-N` names the last byte; for none and for one byte daemons send the same `0-0`, which is read as none.
pub(super) fn received(reply: &HttpReply) -> u64 {
    let range = reply.header("range").unwrap_or_default().trim_start_matches("bytes=");
    let last = range.split_once('-').and_then(|(_, last)| last.trim().parse::<u64>().ok());
    last.filter(|last| *last > 0).map_or(0, |last| last + 1)
}
