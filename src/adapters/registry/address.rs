//! Where a registry is: what users write, and the URLs made of it.

use std::net::IpAddr;

use secrecy::SecretString;
use thiserror::Error;
use url::Url;

use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;

/// Why a text names no registry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no registry address: {why}; write HOST[:PORT][/PREFIX] or an http(s) URL")]
pub struct AddressError {
    text: String,
    why: String,
}

/// How a registry is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP: asked for.
    Plain,
    /// TLS.
    Tls,
    /// No scheme was given for a loopback host: plain HTTP first, then TLS.
    Either,
}

/// A registry's address. A user name and password in it are taken out and kept apart.
#[derive(Debug, Clone)]
pub struct Address {
    scheme: Scheme,
    explicit: bool,
    base: Url,
    /// The host and port that it shows to its clients, where these are known to be others.
    public: Option<(String, Option<u16>)>,
    /// The user name and password that stood in the URL.
    pub user: Option<(String, SecretString)>,
}

/// Whether a host is this machine itself.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Address {
    /// Read what the user wrote: `HOST`, `HOST:PORT/PREFIX`, `[::1]:5000`, `https://HOST/PREFIX`.
    ///
    /// Without a scheme it is TLS, except where `plain_http` is set or the host is a loopback one.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str, plain_http: bool) -> Result<Self, AddressError> {
        let refuse = |why: &str| AddressError { text: without_userinfo(text), why: why.to_owned() };
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::Plain), rest),
            Some(("https", rest)) => (Some(Scheme::Tls), rest),
            Some((other, _)) => return Err(refuse(&format!("`{other}://` is not spoken here"))),
            None if text
                .find(":/")
                .is_some_and(|at| text.get(at + 2..).is_none_or(|rest| !rest.starts_with('/'))) =>
            {
                return Err(refuse("two slashes belong behind the scheme"));
            }
            None => (None, text),
        };
        if rest.split_once('/').is_some_and(|(_, path)| path.contains('@')) {
            return Err(refuse("there is an `@` in its path; a `/` in a password is written %2F"));
        }
        let mut base = Url::parse(&format!("https://{rest}")).map_err(|error| refuse(&error.to_string()))?;
        if base.query().is_some() || base.fragment().is_some() {
            return Err(refuse("it has a query or fragment"));
        }
        let explicit = scheme.is_some();
        let scheme = scheme.unwrap_or_else(|| match base.host_str() {
            _ if plain_http => Scheme::Plain,
            Some(host) if is_loopback(host) => Scheme::Either,
            _ => Scheme::Tls,
        });
        let user = take_user(&mut base);
        let prefix = base.path().trim_end_matches('/').trim_end_matches("/v2").to_owned();
        if prefix.starts_with("/v2/") {
            return Err(refuse(
                "a registry's address ends before `/v2`; one repository is named by --repo NAME",
            ));
        }
        base.set_path(&format!("{prefix}/"));
        // `https://host:80` loses nothing and `http://host:443` must not lose its port.
        let port = port_in(rest);
        let mut address = Self { scheme, explicit, base, public: None, user };
        address.base = address.with_scheme(scheme == Scheme::Tls, port);
        Ok(address)
    }

    /// The same registry, which shows its clients this URL (`http.host`): what it names there is asked for here.
    #[must_use]
    pub fn shown_as(mut self, public: &str) -> Self {
        let url = Url::parse(public).ok();
        self.public = url.and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default())));
        self
    }

    /// Whether a URL is on our host, under its own name or that which it shows.
    fn is_here(&self, url: &Url) -> bool {
        let is_public = |(host, port): &(String, Option<u16>)| {
            url.host_str() == Some(host.as_str()) && url.port_or_known_default() == *port
        };
        url.host_str() == self.base.host_str() || self.public.as_ref().is_some_and(is_public)
    }

    fn with_scheme(&self, tls: bool, port: Option<u16>) -> Url {
        let mut url = self.base.clone();
        // Neither can fail: both schemes are special ones, and the URL has a host.
        let _ = url.set_scheme(if tls { "https" } else { "http" });
        let _ = url.set_port(port);
        url
    }

    /// How it is spoken to.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether the user wrote the scheme.
    pub(super) const fn is_explicit(&self) -> bool {
        self.explicit
    }

    /// Whether the user wrote a port.
    pub(super) fn has_port(&self) -> bool {
        self.base.port().is_some()
    }

    /// The same registry with a scheme that was found out.
    #[must_use]
    pub fn decided(mut self, tls: bool) -> Self {
        let port = self.base.port();
        self.base = self.with_scheme(tls, port);
        self.scheme = if tls { Scheme::Tls } else { Scheme::Plain };
        self
    }

    /// Its URL, with a slash at the end and no secrets.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// The key under which auth files and `certs.d` know it: `HOST[:PORT]`.
    #[must_use]
    pub fn host_and_port(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        url
    }

    /// `/v2/`
    pub(super) fn root(&self) -> Url {
        self.at("v2/")
    }

    /// `/v2/_catalog`
    pub(super) fn catalog(&self) -> Url {
        self.at("v2/_catalog")
    }

    /// `/v2/<name>/tags/list`
    pub(super) fn tags(&self, repository: &RepositoryName) -> Url {
        self.at(&format!("v2/{repository}/tags/list"))
    }

    /// `/v2/<name>/manifests/<reference>`
    pub(super) fn manifest(&self, repository: &RepositoryName, reference: &str) -> Url {
        self.at(&format!("v2/{repository}/manifests/{reference}"))
    }

    /// `/v2/<name>/blobs/<digest>`
    pub(super) fn blob(&self, repository: &RepositoryName, digest: &Digest) -> Url {
        self.at(&format!("v2/{repository}/blobs/{digest}"))
    }

    /// `/v2/<name>/referrers/<digest>`
    pub(super) fn referrers(&self, repository: &RepositoryName, digest: &Digest) -> Url {
        self.at(&format!("v2/{repository}/referrers/{digest}"))
    }

    /// `/v2/<name>/blobs/uploads/`
    pub(super) fn uploads(&self, repository: &RepositoryName) -> Url {
        self.at(&format!("v2/{repository}/blobs/uploads/"))
    }

    /// The URL that the `Location` of an upload or a `Link` names, seen from `from`. A URL on our own host is brought
    /// back to our scheme and port: a daemon behind a proxy often knows neither.
    pub(crate) fn follow(&self, from: &Url, location: &str) -> Option<Url> {
        let mut url = from.join(location).ok()?;
        let _ = url.set_username("");
        let _ = url.set_password(None);
        if self.is_here(&url) {
            let _ = url.set_scheme(self.base.scheme());
            let _ = url.set_host(self.base.host_str());
            let _ = url.set_port(self.base.port());
        }
        Some(url)
    }

    /// Whether a URL belongs to this registry, so that it may be shown our credentials.
    pub(super) fn owns(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }
}

fn take_user(url: &mut Url) -> Option<(String, SecretString)> {
    let decode = |text: &str| {
        url::form_urlencoded::parse(format!("k={}", text.replace('+', "%2B")).as_bytes())
            .next()
            .map_or_else(|| text.to_owned(), |(_, value)| value.into_owned())
    };
    let name = decode(url.username());
    let password = decode(url.password().unwrap_or_default());
    let _ = url.set_username("");
    let _ = url.set_password(None);
    (!name.is_empty()).then(|| (name, password.into()))
}

/// The port as written, also where it is the scheme's default one.
fn port_in(rest: &str) -> Option<u16> {
    let authority = rest.split('/').next().unwrap_or_default();
    let after_user = authority.rsplit('@').next().unwrap_or_default();
    let after_host = after_user.rsplit_once(']').map_or(after_user, |(_, after)| after);
    after_host.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
}

/// A text that may hold `user:password@`, without it.
pub(super) fn without_userinfo(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    // A password may hold a slash that should have been escaped: nothing in front of the last `@` is shown.
    let bare = rest.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() { bare.to_owned() } else { format!("{scheme}://{bare}") }
}

/// A URL for people: no user name, no password, and of a query only what is harmless (signatures of object
/// stores and `_state` are not).
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let harmless = ["n", "last", "digest", "mount", "from"];
    if url.query().is_some() {
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| harmless.contains(&key.as_ref()))
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        let query: Vec<_> = kept.iter().map(|(key, value)| format!("{key}={value}")).collect();
        url.set_query((!query.is_empty()).then(|| query.join("&")).as_deref());
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use secrecy::ExposeSecret as _;

    use super::*;

    #[rstest]
    #[case("registry.example.com", false, Scheme::Tls, "https://registry.example.com/")]
    #[case("registry.example.com", true, Scheme::Plain, "http://registry.example.com/")]
    #[case("registry.example.com:5000/team/", false, Scheme::Tls, "https://registry.example.com:5000/team/")]
    #[case("localhost:5000", false, Scheme::Either, "http://localhost:5000/")]
    #[case("[::1]:5000", false, Scheme::Either, "http://[::1]:5000/")]
    #[case("http://10.0.0.1:443/v2/", false, Scheme::Plain, "http://10.0.0.1:443/")]
    #[case("https://a.example/v2/v2", false, Scheme::Tls, "https://a.example/")]
    #[case("https://a.example/api/v2/images", false, Scheme::Tls, "https://a.example/api/v2/images/")]
    #[case("https://a.example/prefix/v2", false, Scheme::Tls, "https://a.example/prefix/")]
    #[case("https://127.0.0.1:80", false, Scheme::Tls, "https://127.0.0.1:80/")]
    fn addresses_are_read_as_users_write_them(
        #[case] text: &str,
        #[case] plain: bool,
        #[case] scheme: Scheme,
        #[case] base: &str,
    ) {
        let address = Address::parse(text, plain).unwrap();
        assert_eq!((address.scheme(), address.base().as_str()), (scheme, base));
    }

    #[rstest]
    #[case("ftp://a")]
    #[case("")]
    #[case("a b")]
    #[case("https://a/?x=1")]
    #[case("https://a.example/v2/team/app")]
    fn other_texts_are_refused(#[case] text: &str) {
        assert!(Address::parse(text, false).is_err(), "{text}");
    }

    #[test]
    fn the_password_in_a_url_is_kept_apart_and_not_shown() {
        let address = Address::parse("https://bob:p%40ss+x@a.example", false).unwrap();
        let (name, password) = address.user.as_ref().unwrap();
        assert_eq!((name.as_str(), password.expose_secret()), ("bob", "p@ss+x"));
        assert_eq!(address.base().as_str(), "https://a.example/");
        assert!(!format!("{address:?}").contains("p@ss"));
        for text in ["x://bob:secret@a", "https://bob:sec/secret@a?x", "bob:secret@a b"] {
            assert!(!Address::parse(text, false).unwrap_err().to_string().contains("sec"), "{text}");
        }
    }

    #[test]
    fn signatures_and_states_are_not_shown() {
        let url = Url::parse("https://u:p@s3.example/a?X-Amz-Signature=abc&n=5&_state=xyz").unwrap();
        assert_eq!(shown(&url), "https://s3.example/a?n=5");
    }

    #[test]
    fn a_location_on_our_host_comes_back_to_our_scheme_and_port() {
        let address = Address::parse("https://a.example:8443", false).unwrap();
        let from = address.root();
        let follow = |location: &str| address.follow(&from, location).unwrap().to_string();
        assert_eq!(follow("http://a.example/v2/x?_state=1"), "https://a.example:8443/v2/x?_state=1");
        assert_eq!(follow("/v2/x"), "https://a.example:8443/v2/x");
        assert_eq!(follow("https://b.example/y"), "https://b.example/y");
        let address =
            Address::parse("http://10.0.0.7:5000", false).unwrap().shown_as("https://hub.example.com");
        let follow = |location: &str| address.follow(&from, location).unwrap().to_string();
        assert_eq!(follow("https://hub.example.com/v2/x?_state=1"), "http://10.0.0.7:5000/v2/x?_state=1");
        // Another port is another server, and so is another name.
        assert_eq!(follow("https://hub.example.com:8443/v2/x"), "https://hub.example.com:8443/v2/x");
        assert_eq!(
            follow("https://hub.example.com.evil.example/x"),
            "https://hub.example.com.evil.example/x"
        );
    }
}
