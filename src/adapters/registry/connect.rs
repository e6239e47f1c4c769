//! Daemons, made of the settings of their connections.

use std::sync::Arc;

use super::address::Scheme;
use super::client::{Client, FailureKind, UnusableSettings};
use super::connection::Connection;
use super::reader::{HttpReader, ping};
use super::writer::HttpWriter;
use crate::engine::ports::{Daemon, RequestError};

/// The daemon that `connection` leads to, whose scheme is settled ([`connect`] does that). No request is sent yet.
///
/// # Errors
/// When the settings cannot be used.
pub fn daemon(connection: &Connection) -> Result<Daemon, UnusableSettings> {
    Client::new(connection).map(over)
}

/// Reading and writing stand on one client: its rate, jobs, tokens and breaker count once.
fn over(client: Client) -> Daemon {
    let client = Arc::new(client);
    Daemon { reader: Arc::new(HttpReader(Arc::clone(&client))), writer: Arc::new(HttpWriter(client)) }
}

/// A daemon that has let us in. Where no scheme was given, `connection.address` learns it: for a
/// loopback host plain HTTP is tried before TLS; where certificates are not verified, TLS before plain HTTP, as
/// other tools do.
///
/// # Errors
/// When this is no registry that lets us in.
pub async fn connect(connection: &mut Connection) -> Result<Daemon, RequestError> {
    let given = connection.address.clone();
    let tls_first = match given.scheme() {
        Scheme::Either => false,
        Scheme::Tls if !given.is_explicit() && !connection.tls.verify => true,
        Scheme::Tls | Scheme::Plain => return let_in(client(connection)?).await,
    };
    connection.address = given.clone().decided(tls_first);
    let first = client(connection)?;
    let answer = ping::ask(&first).await;
    let is_other = answer.as_ref().err().is_some_and(|no_answer| {
        let kind = no_answer.failure.kind;
        kind == FailureKind::WrongScheme || kind == FailureKind::Closed && tls_first && !given.has_port()
    });
    if !is_other {
        return ping::judge(&first, answer).map(|()| over(first));
    }
    connection.address = given.decided(!tls_first);
    let_in(client(connection)?).await
}

fn client(connection: &Connection) -> Result<Client, RequestError> {
    Client::new(connection)
        .map_err(|error| RequestError::new("GET", connection.address.root().as_str(), error.to_string()))
}

async fn let_in(client: Client) -> Result<Daemon, RequestError> {
    ping::ping(&client).await.map(|()| over(client))
}
