//! A connection to one server: socket, TLS, a first word to see that it is Redis, login, database.

use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::bounded::Bounded;
use super::fault::Task;
use super::settings::{RedisAddress, RedisSettings};
use super::tls;
use crate::engine::ports::CacheError;

/// Any kind of socket.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Who we are to one kind of server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    username: Option<&'a str>,
    password: Option<&'a SecretString>,
    database: u32,
}

impl<'a> Login<'a> {
    /// To the servers that hold the keys.
    pub(super) fn of_server(settings: &'a RedisSettings, database: u32) -> Self {
        Self { username: settings.username.as_deref(), password: settings.password.as_ref(), database }
    }

    /// To the sentinels.
    pub(super) fn of_sentinel(settings: &'a RedisSettings) -> Self {
        let username = settings.sentinel_username.as_deref();
        Self { username, password: settings.sentinel_password.as_ref(), database: 0 }
    }
}

/// How to open connections.
pub(super) struct Dial {
    tls: Option<TlsConnector>,
    connect_timeout: Duration,
    response_timeout: Duration,
}

impl Dial {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, CacheError> {
        let tls = settings.tls.as_ref().map(tls::connector).transpose()?;
        let RedisSettings { connect_timeout, response_timeout, .. } = *settings;
        Ok(Self { tls, connect_timeout, response_timeout })
    }

    pub(super) const fn task<'a>(&self, location: &'a str, doing: &'static str) -> Task<'a> {
        Task { location, doing, keys: 0, patience: self.response_timeout }
    }

    /// Connect, log in and choose the database.
    pub(super) async fn connect(
        &self,
        address: &RedisAddress,
        login: Login<'_>,
    ) -> Result<MultiplexedConnection, CacheError> {
        let location = address.to_string();
        let mut stream = self.open(address).await?;
        let greeting = timeout(self.response_timeout, greet(&mut stream)).await.unwrap_or_else(|_elapsed| {
            let silent = format!("it says nothing in {} s", self.response_timeout.as_secs_f32());
            Err(io::Error::other(silent))
        });
        judge(&location, login, greeting)?;
        let mut connection = self.speak(&location, stream).await?;
        self.log_in(&location, &mut connection, login).await?;
        Ok(connection)
    }

    async fn open(&self, address: &RedisAddress) -> Result<Box<dyn Stream>, CacheError> {
        let unreachable = |error: io::Error| CacheError::Unreachable {
            location: address.to_string(),
            why: error.to_string(),
        };
        let (host, port) = match address {
            RedisAddress::Unix(path) => {
                let stream = timeout(self.connect_timeout, UnixStream::connect(path)).await;
                let stream = stream.unwrap_or_else(|_elapsed| Err(self.no_answer())).map_err(unreachable)?;
                return Ok(Box::new(stream));
            }
            RedisAddress::Tcp(host, port) => (host, *port),
        };
        let stream = timeout(self.connect_timeout, TcpStream::connect((host.as_str(), port))).await;
        let stream = stream.unwrap_or_else(|_elapsed| Err(self.no_answer())).map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let Some(connector) = &self.tls else { return Ok(Box::new(stream)) };
        let refuse = |why: String| CacheError::Tls { location: address.to_string(), why };
        let name = rustls::pki_types::ServerName::try_from(host.clone())
            .map_err(|error| refuse(error.to_string()))?;
        // A server that does not speak TLS waits for the end of what it takes for a command.
        let stream = timeout(self.connect_timeout, connector.connect(name, stream)).await;
        let stream = stream.unwrap_or_else(|_elapsed| Err(io::Error::other("no answer to our hello")));
        let stream = stream.map_err(|error| refuse(error.to_string()))?;
        Ok(Box::new(stream))
    }

    fn no_answer(&self) -> io::Error {
        io::Error::other(format!("no answer in {} s", self.connect_timeout.as_secs_f32()))
    }

    async fn speak(
        &self,
        location: &str,
        stream: Box<dyn Stream>,
    ) -> Result<MultiplexedConnection, CacheError> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(self.response_timeout));
        let info = RedisConnectionInfo::default().set_skip_set_lib_name();
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&info, Bounded::new(stream), config)
                .await
                .map_err(|error| self.task(location, "connect").fault(error))?;
        // It ends when the last clone of the connection is dropped.
        tokio::spawn(driver);
        Ok(connection)
    }

    async fn log_in(
        &self,
        location: &str,
        connection: &mut MultiplexedConnection,
        login: Login<'_>,
    ) -> Result<(), CacheError> {
        if let Some(password) = login.password {
            let mut command = redis::cmd("AUTH");
            command.arg(login.username).arg(password.expose_secret());
            let answer: Result<(), _> = command.query_async(connection).await;
            answer.map_err(|error| refused_login(self.task(location, "log in").fault(error), password))?;
        }
        if login.database != 0 {
            let answer: Result<(), _> =
                redis::cmd("SELECT").arg(login.database).query_async(connection).await;
            answer.map_err(|error| {
                let fault = self.task(location, "select the database").fault(error);
                refused_database(fault, login.database)
            })?;
        }
        Ok(())
    }
}

/// Whatever a server says against AUTH is about the login: old servers have no code of their own for it.
/// Some repeat what they were sent.
fn refused_login(fault: CacheError, password: &SecretString) -> CacheError {
    let (CacheError::Failed { location, why, .. } | CacheError::Unauthenticated { location, why }) = fault
    else {
        return fault;
    };
    let secret = password.expose_secret();
    let why = if secret.is_empty() { why } else { why.replace(secret, "…") };
    CacheError::Unauthenticated { location, why }
}

fn refused_database(fault: CacheError, database: u32) -> CacheError {
    let CacheError::Failed { location, why, .. } = fault else { return fault };
    CacheError::NoSuchDatabase { location, database, why }
}

/// Send PING and read one line: before anything of ours is sent to a server that is not Redis.
async fn greet(stream: &mut Box<dyn Stream>) -> io::Result<Vec<u8>> {
    stream.write_all(b"*1\r\n$4\r\nPING\r\n").await?;
    let mut line = Vec::new();
    while line.len() < 512 && line.last() != Some(&b'\n') {
        match stream.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(line)
}

/// Whether the answer to the first PING is Redis's, and lets us go on.
fn judge(location: &str, login: Login<'_>, greeting: io::Result<Vec<u8>>) -> Result<(), CacheError> {
    let location = location.to_owned();
    let line = match greeting {
        Ok(line) => String::from_utf8_lossy(&line).trim_end().to_owned(),
        Err(error) => {
            return Err(CacheError::NotRedis { location, why: format!("no answer to PING: {error}") });
        }
    };
    let code = line.strip_prefix('-').map(|rest| rest.split(' ').next().unwrap_or(rest));
    match code {
        None if line == "+PONG" => Ok(()),
        None if line.is_empty() => {
            Err(CacheError::NotRedis { location, why: "it closed the connection without a word".into() })
        }
        Some("NOAUTH") if login.password.is_none() => Err(CacheError::Unauthenticated {
            location,
            why: "it wants a password and none was given".into(),
        }),
        Some("DENIED" | "LOADING" | "MASTERDOWN") => Err(CacheError::Unreachable { location, why: line }),
        Some(code) if !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(()),
        Some(_) | None => {
            let shown: String = line.chars().take(80).collect();
            Err(CacheError::NotRedis {
                location,
                why: format!("it answered `{}` to PING", shown.escape_debug()),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_repeats_the_password_is_not_repeated() {
        let why = "ERR invalid password 'hush', hush".to_owned();
        let fault = CacheError::Failed { location: "redis".into(), doing: "log in", why };
        let said = refused_login(fault, &"hush".to_owned().into()).to_string();
        assert_eq!(said, "log in to Redis at `redis`: ERR invalid password '…', …");
    }
}
