//! Why no response came: the causes that users can do something about, told apart.

use std::error::Error as StdError;
use std::io;

use rustls::CertificateError;

use super::reach::Forbidden;
use super::wire::printable;
use crate::adapters::tls::is_ca_as_server;

/// How to show one.
const CLIENT_CERTIFICATE: &str =
    "give one with --cert-file and --key-file, or in /etc/docker/certs.d/HOST:PORT/client.{cert,key}";

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Nobody listens there, or no way leads there.
    Closed,
    /// The name has no address.
    Unresolved,
    /// The two sides cannot agree on TLS.
    Tls,
    /// Plain HTTP where TLS is spoken, or the reverse.
    WrongScheme,
    /// Nothing came for too long.
    Timeout,
    /// Something came all the time, and too little of it.
    Slow,
    /// The connection broke.
    Reset,
    /// We no longer ask, because it failed too often.
    Tripped,
    /// The token server does not accept who we are.
    Credentials,
    /// The token server gives no token for this.
    Denied,
    /// Anything else.
    Other,
}

/// A failure without a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub kind: FailureKind,
    pub why: String,
    pub hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, where the environment names a proxy by this variable: it may be the proxy that cannot be reached.
    pub(super) fn behind(mut self, variable: Option<&str>) -> Self {
        if let (Some(variable), true) = (variable, self.is_unreachable()) {
            let hint = self.hint.map(|hint| format!("{hint}; ")).unwrap_or_default();
            let proxy =
                format!("{variable} names a proxy, unless NO_PROXY names this host: see whether that is up");
            self.hint = Some(hint + &proxy);
        }
        self
    }

    /// In one line, the cure included.
    pub(crate) fn words(&self) -> String {
        format!("{}{}", self.why, self.then())
    }

    /// What to do next, as the rest of a sentence.
    pub(super) fn then(&self) -> String {
        self.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default()
    }

    /// Whether trying again may help.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::Closed | FailureKind::Timeout | FailureKind::Reset | FailureKind::Unresolved
        )
    }

    /// Whether nobody could be reached at all, so that a first contact need not insist.
    pub(crate) const fn is_unreachable(&self) -> bool {
        matches!(self.kind, FailureKind::Closed | FailureKind::Unresolved)
    }

    /// Tell what an error of the HTTP client means. `tls` is how we spoke.
    pub(super) fn diagnose(error: &reqwest::Error, tls: bool) -> Self {
        let chain = Chain::of(error);
        if let Some(forbidden) = chain.forbidden {
            return forbidden.into();
        }
        if let Some(tls_error) = chain.tls {
            return tls_failure(tls_error);
        }
        if error.is_timeout() || chain.io == Some(io::ErrorKind::TimedOut) {
            return Self::new(
                FailureKind::Timeout,
                if error.is_connect() {
                    "no connection within the time limit"
                } else {
                    "no answer within the time limit"
                },
            )
            .with_hint("raise --timeout, or look whether the registry is overloaded");
        }
        if error.is_connect() {
            return connect_failure(&chain, error.is_dns());
        }
        // In TLS 1.3 the client is done before the server has looked at its certificate: whether its alert or the end of
        // the connection is met first is a matter of luck.
        if chain.text.contains("operation was canceled") && tls {
            return Self::new(FailureKind::Reset, "the connection was closed right after the TLS handshake")
                .with_hint(format!(
                    "a registry that wants a client certificate does that: {CLIENT_CERTIFICATE}"
                ));
        }
        if chain.text.contains("invalid HTTP version") && !tls {
            return plain_to_tls();
        }
        match chain.io {
            Some(
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted,
            ) => Self::new(FailureKind::Reset, "the connection was reset"),
            _ if error.is_request() || error.is_body() || error.is_decode() => Self::new(
                FailureKind::Reset,
                format!("the connection broke: {}", printable(&chain.text, 160)),
            ),
            _ => Self::new(FailureKind::Other, printable(&chain.text, 200)),
        }
    }
}

impl From<&Forbidden> for Failure {
    fn from(forbidden: &Forbidden) -> Self {
        Self::new(FailureKind::Other, forbidden.to_string())
    }
}

/// We spoke plain HTTP, and the other side speaks TLS.
pub(crate) fn plain_to_tls() -> Failure {
    Failure::new(FailureKind::WrongScheme, "this port speaks TLS, and it was asked in plain HTTP")
        .with_hint("write https:// in front of the host, in place of http:// or --plain-http")
}

/// Whether a broken body ended early, in an orderly way: the mark of a daemon that had nothing to send.
pub(super) fn is_cut(error: &reqwest::Error) -> bool {
    !error.is_timeout() && Chain::of(error).io == Some(io::ErrorKind::UnexpectedEof)
}

/// An error and its causes: their texts, and the two kinds that say most.
struct Chain<'a> {
    io: Option<io::ErrorKind>,
    forbidden: Option<&'a Forbidden>,
    tls: Option<&'a rustls::Error>,
    text: String,
}

impl<'a> Chain<'a> {
    fn of(error: &'a reqwest::Error) -> Self {
        let mut chain = Self { io: None, forbidden: None, tls: None, text: String::new() };
        let mut next: Option<&(dyn StdError + 'static)> = error.source();
        while let Some(cause) = next {
            chain.note(cause);
            next = cause.source();
        }
        if chain.text.is_empty() {
            chain.text = error.to_string();
        }
        chain
    }

    fn note(&mut self, cause: &'a (dyn StdError + 'static)) {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            self.tls = Some(tls);
        }
        self.forbidden = self.forbidden.or(cause.downcast_ref::<Forbidden>());
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            self.io = Some(io.kind());
            // An io::Error hides what it wraps from `source()`.
            if let Some(inner) = io.get_ref() {
                self.note(inner);
            }
        }
        let said = cause.to_string();
        if !self.text.contains(&said) {
            self.text = if self.text.is_empty() { said } else { format!("{}: {said}", self.text) };
        }
    }
}

fn connect_failure(chain: &Chain<'_>, dns: bool) -> Failure {
    match chain.io {
        Some(io::ErrorKind::ConnectionRefused) => {
            Failure::new(FailureKind::Closed, "connection refused: nothing listens on this port")
                .with_hint("check host and port, and that the registry is running")
        }
        _ if dns => Failure::new(FailureKind::Unresolved, "the host name has no address")
            .with_hint("check the host name, or give its address with --resolve HOST:PORT:ADDR"),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => {
            Failure::new(FailureKind::Reset, "the connection was closed while it was being set up")
        }
        _ => Failure::new(FailureKind::Closed, format!("no connection: {}", printable(&chain.text, 160))),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's, and grows")]
fn tls_failure(error: &rustls::Error) -> Failure {
    let (why, hint) = match error {
        rustls::Error::InvalidMessage(_) => {
            return Failure::new(
                FailureKind::WrongScheme,
                "this port does not speak TLS; it may speak plain HTTP",
            )
            .with_hint("give --plain-http, or write http:// in front of the host");
        }
        rustls::Error::InvalidCertificate(error) => certificate_words(error),
        rustls::Error::AlertReceived(alert) => alert_words(*alert),
        other => (format!("TLS failed: {}", printable(&other.to_string(), 160)), None),
    };
    Failure { kind: FailureKind::Tls, why, hint }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's, and grows")]
fn certificate_words(error: &CertificateError) -> (String, Option<String>) {
    let with = |why: &str, hint: &str| (why.to_owned(), Some(hint.to_owned()));
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            with("the registry's certificate has expired", "renew it; check this machine's clock")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            with("the registry's certificate is not valid yet", "check the clocks of both machines")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            format!("the registry's certificate is not for this host name: {}", printable(&error.to_string(), 200)),
            Some("use a name that it has, or --resolve HOST:PORT:ADDR to reach it under that name; certificates \
                  without subjectAltName are not accepted"
                .to_owned()),
        ),
        CertificateError::UnknownIssuer => with(
            "the registry's certificate is signed by nobody whom this machine trusts",
            "give its CA with --ca-file, or put it into /etc/docker/certs.d/HOST:PORT/ca.crt",
        ),
        CertificateError::BadSignature => with(
            "the registry's certificate is signed by a CA of the same name as one that this machine trusts, but of another key",
            "give the CA that signed it with --ca-file, or put it into /etc/docker/certs.d/HOST:PORT/ca.crt",
        ),
        other if is_ca_as_server(other) => with(
            "the registry's certificate is self-signed, and this machine does not know it",
            "give that very certificate with --ca-file, or put it into /etc/docker/certs.d/HOST:PORT/ca.crt",
        ),
        other => (format!("the registry's certificate is not accepted: {}", printable(&other.to_string(), 160)), None),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's, and grows")]
fn alert_words(alert: rustls::AlertDescription) -> (String, Option<String>) {
    use rustls::AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA | Alert::CertificateUnknown => {
            (
                "the registry does not accept us without a client certificate that it trusts".to_owned(),
                Some(CLIENT_CERTIFICATE.to_owned()),
            )
        }
        Alert::ProtocolVersion => ("the registry speaks only TLS versions before 1.2".to_owned(), None),
        Alert::UnrecognisedName => ("no registry of this name lives there (TLS alert)".to_owned(), None),
        other => (format!("the registry ended the TLS handshake ({other:?})"), None),
    }
}
