//! Where Redis is and how to get in, from a URL or from the registry's own configuration.
//!
//! ```text
//! redis://[user[:password]@]host[:port][/db]              rediss:// for TLS
//! redis+sentinel://[…@]host[:port],host[:port]/master[/db]   rediss+sentinel://
//! redis+cluster://[…@]host[:port],host[:port]             rediss+cluster://
//! redis+unix:///path[?db=1&user=…&password=…]             unix:///path
//! ```
//!
//! `?db=`, `?user=`, `?password=`, `?sentinel_user=` and `?sentinel_password=` work in every form. User and
//! password are percent-encoded.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use crate::engine::ports::CacheError;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RedisAddress {
    /// A host and a port.
    Tcp(String, u16),
    /// A unix socket.
    Unix(PathBuf),
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl RedisAddress {
    /// Read `host`, `host:port`, `[v6]:port` or an absolute path.
    ///
    /// # Errors
    /// When the host is empty or the port is no number.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, CacheError> {
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let refuse = || CacheError::Settings(format!("`{text}` is no `host` or `host:port`"));
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(default_port), str::parse).map_err(|_wrong| refuse())?;
        if host.is_empty() || host.contains(char::is_whitespace) {
            Err(refuse())
        } else {
            Ok(Self::Tcp(host.into(), port))
        }
    }
}

/// How the servers belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Form {
    /// One server (which is asked whether it is a member of a cluster).
    #[default]
    Single,
    /// The addresses are sentinels that know the master of this name.
    Sentinel(String),
    /// The addresses are members of a cluster.
    Cluster,
}

/// How to trust the server, and what to show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisTls {
    /// A file of CA certificates, or the server's own certificate; the system's roots without it.
    pub ca: Option<PathBuf>,
    /// The client's certificate.
    pub certificate: Option<PathBuf>,
    /// The client certificate's key.
    pub key: Option<PathBuf>,
    /// Trust any certificate.
    pub insecure: bool,
}

/// All that is needed to reach Redis.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// How the servers belong together.
    pub form: Form,
    /// The servers, or the sentinels; at least one.
    pub addresses: Vec<RedisAddress>,
    /// The ACL user.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// The sentinels' user.
    pub sentinel_username: Option<String>,
    /// The sentinels' password.
    pub sentinel_password: Option<SecretString>,
    /// The database.
    pub database: u32,
    /// TLS, where it is spoken.
    pub tls: Option<RedisTls>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// Connections that were not used for so long are opened again: servers and firewalls drop idle ones while
    /// storage is walked.
    pub idle: Duration,
}

impl RedisSettings {
    const PORT: u16 = 6379;
    const SENTINEL_PORT: u16 = 26379;

    fn new(form: Form, addresses: Vec<RedisAddress>) -> Self {
        Self {
            form,
            addresses,
            username: None,
            password: None,
            sentinel_username: None,
            sentinel_password: None,
            database: 0,
            tls: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(15),
            idle: Duration::from_secs(20),
        }
    }

    /// The settings that the registry's `redis` section gives: a master's name means sentinels, several
    /// addresses a cluster, as in the registry's own client. 2.x has one address only.
    ///
    /// # Errors
    /// When there is no address, or one is none.
    pub fn of_config(addresses: &[impl AsRef<str>], master: Option<&str>) -> Result<Self, CacheError> {
        let (form, port) = match master.filter(|name| !name.is_empty()) {
            Some(name) => (Form::Sentinel(name.into()), Self::SENTINEL_PORT),
            None if addresses.len() > 1 => (Form::Cluster, Self::PORT),
            None => (Form::Single, Self::PORT),
        };
        let addresses: Result<Vec<_>, _> =
            addresses.iter().map(|address| RedisAddress::parse(address.as_ref(), port)).collect();
        let addresses = addresses?;
        if addresses.is_empty() {
            return Err(CacheError::Settings("the `redis` section gives no address".into()));
        }
        Ok(Self::new(form, addresses))
    }

    /// The URL, without passwords.
    #[must_use]
    pub fn location(&self) -> String {
        let secure = if self.tls.is_some() { "rediss" } else { "redis" };
        let user = self.username.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let hosts: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let hosts = hosts.join(",");
        let database = self.database;
        match (&self.form, self.addresses.first()) {
            (Form::Single, Some(RedisAddress::Unix(path))) => {
                format!("redis+unix://{user}{}?db={database}", path.display())
            }
            (Form::Single, _) => format!("{secure}://{user}{hosts}/{database}"),
            (Form::Sentinel(master), _) => format!("{secure}+sentinel://{user}{hosts}/{master}/{database}"),
            (Form::Cluster, _) => format!("{secure}+cluster://{user}{hosts}"),
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), CacheError> {
        let value =
            decode(value).ok_or_else(|| CacheError::Settings(format!("`{key}` is badly percent-encoded")))?;
        match key {
            "db" => self.database = database(&value)?,
            "user" => self.username = Some(value),
            "password" => self.password = Some(value.into()),
            "sentinel_user" => self.sentinel_username = Some(value),
            "sentinel_password" => self.sentinel_password = Some(value.into()),
            // How other clients keep their connections: Harbor writes such URLs.
            "idle_timeout_seconds"
            | "dial_timeout"
            | "read_timeout"
            | "write_timeout"
            | "pool_size"
            | "protocol" => {}
            _ => {
                let known = "`db`, `user`, `password`, `sentinel_user` and `sentinel_password`";
                return Err(CacheError::Settings(format!("the URL has `{key}=`; known are {known}")));
            }
        }
        Ok(())
    }

    fn set_user(&mut self, info: &str) -> Result<(), CacheError> {
        let (user, password) = info.split_once(':').map_or((info, None), |(user, word)| (user, Some(word)));
        if !user.is_empty() {
            self.set("user", user)?;
        }
        password.filter(|word| !word.is_empty()).map_or(Ok(()), |word| self.set("password", word))
    }
}

fn database(text: &str) -> Result<u32, CacheError> {
    text.parse().map_err(|_wrong| CacheError::Settings(format!("`{text}` is no number of a database")))
}

/// Undo percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

impl FromStr for RedisSettings {
    type Err = CacheError;

    /// Messages never repeat the URL, which may hold a password.
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let refuse = |why: &str| CacheError::Settings(why.to_owned());
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| refuse("the URL has no `redis://` in front"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold anything but `@` and `?` when people forget to encode it.
        let (user, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let mut settings = match scheme {
            "unix" | "redis+unix" => Self::new(Form::Single, vec![RedisAddress::Unix(unix_path(rest)?)]),
            _ => of_hosts(scheme, rest)?,
        };
        if scheme.starts_with("rediss") {
            settings.tls = Some(RedisTls::default());
        }
        settings.set_user(user)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            settings.set(key, value)?;
        }
        Ok(settings)
    }
}

fn unix_path(rest: &str) -> Result<PathBuf, CacheError> {
    let path = decode(rest).filter(|path| path.starts_with('/'));
    path.map(PathBuf::from)
        .ok_or_else(|| CacheError::Settings("a unix socket needs `redis+unix:///PATH`".into()))
}

fn of_hosts(scheme: &str, rest: &str) -> Result<RedisSettings, CacheError> {
    let refuse = |why: String| Err(CacheError::Settings(why));
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut path = path.trim_end_matches('/').split('/').filter(|part| !part.is_empty());
    let (form, port) = match scheme {
        "redis" | "rediss" => (Form::Single, RedisSettings::PORT),
        "redis+cluster" | "rediss+cluster" => (Form::Cluster, RedisSettings::PORT),
        "redis+sentinel" | "rediss+sentinel" => match path.next() {
            Some(master) => (Form::Sentinel(master.into()), RedisSettings::SENTINEL_PORT),
            None => {
                return refuse(
                    "the URL of sentinels needs the master's name: `redis+sentinel://HOST/MASTER`".into(),
                );
            }
        },
        _ => return refuse(format!("`{scheme}://` is no form of Redis URL")),
    };
    let addresses: Result<Vec<_>, _> = hosts.split(',').map(|host| RedisAddress::parse(host, port)).collect();
    let mut settings = RedisSettings::new(form, addresses?);
    if settings.form == Form::Single && settings.addresses.len() > 1 {
        return refuse(
            "several hosts are sentinels or a cluster: use `redis+sentinel://` or `redis+cluster://`".into(),
        );
    }
    if let Some(number) = path.next() {
        settings.database = database(number)?;
    }
    if settings.form == Form::Cluster && settings.database != 0 {
        return refuse("a Redis cluster has database 0 only".into());
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn every_form_is_read_and_shown_without_its_password() {
        for (url, shown) in [
            ("redis://h", "redis://h:6379/0"),
            ("redis://:s3cret@h:1/2", "redis://h:1/2"),
            ("rediss://u:s3cret@[::1]:1", "rediss://u@[::1]:1/0"),
            ("redis+unix:///run/r.sock?db=3&password=s3cret", "redis+unix:///run/r.sock?db=3"),
            ("unix:///run/r.sock", "redis+unix:///run/r.sock?db=0"),
            (
                "redis+sentinel://:s3cret@a,b:2/m/1?sentinel_password=s3cret",
                "redis+sentinel://a:26379,b:2/m/1",
            ),
            ("rediss+cluster://a:1,b:2", "rediss+cluster://a:1,b:2"),
        ] {
            let settings: RedisSettings = url.parse().expect(url);
            assert_eq!(settings.location(), shown);
            assert!(!format!("{settings:?}").contains("s3cret"), "{url}");
        }
    }

    #[test]
    fn a_password_is_decoded() {
        let settings: RedisSettings = "redis://u:p%40%2fx:y@h".parse().expect("a URL");
        assert_eq!(settings.password.map(|word| word.expose_secret().to_owned()).as_deref(), Some("p@/x:y"));
    }

    #[test]
    fn what_cannot_work_is_refused_without_repeating_it() {
        for url in [
            "localhost",
            "http://:s3cret@h",
            "redis://",
            "redis://:s3cret@h:x",
            "redis://h/x",
            "redis://a,b",
            "redis+sentinel://h",
            "redis+cluster://h/3",
            "redis+unix://rel",
            "redis://h?colour=1",
            "redis://u:%zz@h",
        ] {
            let error = url.parse::<RedisSettings>().expect_err(url);
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn the_registrys_section_chooses_as_its_own_client_does() {
        let form = |addresses: &[&str], master| RedisSettings::of_config(addresses, master).map(|it| it.form);
        assert_eq!(form(&["a:1"], None), Ok(Form::Single));
        assert_eq!(form(&["a:1", "b:1"], None), Ok(Form::Cluster));
        assert_eq!(form(&["a:1"], Some("m")), Ok(Form::Sentinel("m".into())));
        assert!(form(&[], None).is_err());
    }
}
