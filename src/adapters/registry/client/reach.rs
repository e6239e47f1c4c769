//! Where a registry may send us.
//!
//! A registry names other servers: the one that gives out tokens, and the object store that has a blob. What it names must not
//! open doors that only we can go through: this machine itself, its link, the service that tells a cloud machine its
//! keys. Where the registry is one of these itself, so may be what it names.
//!
//! ```text
//! host is an address     ─► looked at before anything is sent
//! host is a name         ─► looked at when it is resolved, so that no second answer of a name server counts
//! through an HTTP proxy  ─► the proxy resolves it: what it may reach is the proxy's affair
//! ```

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::adapters::registry::address::is_loopback;
use crate::adapters::registry::connection::Connection;

/// A place that others cannot reach as we can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nearby {
    ThisMachine,
    Link,
    /// What tells a machine of a cloud its keys.
    Metadata,
}

/// A name or an address leads where the registry may not send us.
#[derive(Debug)]
pub(super) struct Forbidden {
    host: String,
    to: Nearby,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.to {
            Nearby::ThisMachine => "this machine itself",
            Nearby::Link => "this machine's own link",
            Nearby::Metadata => "a cloud's metadata service",
        };
        write!(f, "`{}` is {place}, and the registry is not: it is not followed there", self.host)
    }
}

impl Error for Forbidden {}

/// The services that tell a cloud machine its keys and are not link-local: of Alibaba, Oracle and Azure; and of AWS in IPv6.
const METADATA: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn nearby(address: IpAddr) -> Option<Nearby> {
    let IpAddr::V6(long) = address else { return nearby_v4(address) };
    if let Some(inner) = inner_v4(long) {
        return nearby_v4(inner.into());
    }
    if long.is_loopback() || long.is_unspecified() {
        Some(Nearby::ThisMachine)
    } else if long.is_unicast_link_local() {
        Some(Nearby::Link)
    } else {
        (long == METADATA_V6).then_some(Nearby::Metadata)
    }
}

fn nearby_v4(address: IpAddr) -> Option<Nearby> {
    let IpAddr::V4(short) = address else { return None };
    // Linux takes all of 0.0.0.0/8 that it takes at all for itself.
    if short.is_loopback() || short.octets().first() == Some(&0) {
        Some(Nearby::ThisMachine)
    } else if short.is_link_local() {
        Some(Nearby::Link)
    } else {
        METADATA.contains(&short).then_some(Nearby::Metadata)
    }
}

/// The IPv4 address inside one of IPv6: mapped, compatible, behind NAT64 or of 6to4.
fn inner_v4(long: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match long.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(from(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(from(high, low)),
        _ => None,
    }
}

/// Where the registry is, as far as that decides where it may send us.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    host: String,
    /// The addresses that were given for it.
    given: Vec<IpAddr>,
    /// The proxies of the environment: to them we go ourselves.
    proxies: Vec<String>,
}

impl Reach {
    pub(super) fn of(connection: &Connection) -> Self {
        let host = bare(connection.address.base());
        let given = connection.resolve.iter().filter(|over| over.host == host).map(|over| over.to).collect();
        Self { host, given, proxies: proxies() }
    }

    /// Whether we may be sent to `url`, as far as its host is written as an address.
    pub(super) async fn check(&self, url: &Url) -> Result<(), Forbidden> {
        let to = match url.host() {
            Some(Host::Ipv4(address)) => nearby(address.into()),
            Some(Host::Ipv6(address)) => nearby(address.into()),
            Some(Host::Domain(name)) => {
                is_loopback(name.trim_end_matches('.')).then_some(Nearby::ThisMachine)
            }
            None => None,
        };
        let Some(to) = to else { return Ok(()) };
        if bare(url) == self.host || self.is_at(to).await {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        Err(Forbidden { host, to })
    }

    /// Whether the registry itself is there.
    async fn is_at(&self, place: Nearby) -> bool {
        let literal: Vec<IpAddr> = self.host.parse().into_iter().collect();
        let known = if self.given.is_empty() { literal } else { self.given.clone() };
        if !known.is_empty() {
            return known.into_iter().any(|address| nearby(address) == Some(place));
        }
        let found = tokio::net::lookup_host((self.host.as_str(), 0)).await;
        found.into_iter().flatten().any(|address| nearby(address.ip()) == Some(place))
    }

    /// The addresses of a name that we may be sent to.
    async fn resolve(self, name: String) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
        if name.eq_ignore_ascii_case(&self.host) || self.proxies.contains(&name.to_ascii_lowercase()) {
            return Ok(Box::new(found.into_iter()));
        }
        let (mut open, mut refused) = (Vec::new(), None);
        for address in found {
            match nearby(address.ip()) {
                Some(place) if !self.is_at(place).await => refused = Some(place),
                _ => open.push(address),
            }
        }
        match refused.filter(|_| open.is_empty()) {
            Some(to) => Err(Box::new(Forbidden { host: name, to })),
            None => Ok(Box::new(open.into_iter())),
        }
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(Self::resolve(self.clone(), name.as_str().to_owned()))
    }
}

fn bare(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

fn proxies() -> Vec<String> {
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let given = names.into_iter().filter_map(|name| std::env::var(name).ok());
    let with_scheme = |text: String| if text.contains("://") { text } else { format!("http://{text}") };
    given.filter_map(|text| Url::parse(&with_scheme(text)).ok()).map(|url| bare(&url)).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::adapters::registry::{Address, Override};

    #[rstest]
    #[case("127.0.0.1", Some(Nearby::ThisMachine))]
    #[case("127.8.8.8", Some(Nearby::ThisMachine))]
    #[case("0.0.0.0", Some(Nearby::ThisMachine))]
    #[case("::", Some(Nearby::ThisMachine))]
    #[case("::1", Some(Nearby::ThisMachine))]
    #[case("::ffff:127.0.0.1", Some(Nearby::ThisMachine))]
    #[case("::127.0.0.1", Some(Nearby::ThisMachine))]
    #[case("64:ff9b::7f00:1", Some(Nearby::ThisMachine))]
    #[case("2002:7f00:1::", Some(Nearby::ThisMachine))]
    #[case("169.254.169.254", Some(Nearby::Link))]
    #[case("::ffff:169.254.169.254", Some(Nearby::Link))]
    #[case("fe80::1", Some(Nearby::Link))]
    #[case("100.100.100.200", Some(Nearby::Metadata))]
    #[case("fd00:ec2::254", Some(Nearby::Metadata))]
    #[case("10.0.0.1", None)]
    #[case("192.168.1.9", None)]
    #[case("2001:db8::1", None)]
    #[case("fd00::1", None)]
    fn addresses_that_others_cannot_reach_as_we_can(
        #[case] address: IpAddr,
        #[case] expected: Option<Nearby>,
    ) {
        assert_eq!(nearby(address), expected);
    }

    #[rstest]
    #[case("https://registry.test", "192.0.2.1", "https://127.0.0.1/", false)]
    #[case("https://registry.test", "192.0.2.1", "https://2130706433/", false)]
    #[case("https://registry.test", "192.0.2.1", "https://0x7f.1/", false)]
    #[case("https://registry.test", "192.0.2.1", "https://localhost./", false)]
    #[case("https://registry.test", "192.0.2.1", "https://[::ffff:169.254.169.254]/", false)]
    #[case("https://registry.test", "192.0.2.1", "https://10.0.0.9/", true)]
    #[case("https://registry.test", "127.0.0.1", "https://127.0.0.1/", true)]
    #[case("https://registry.test", "127.0.0.1", "https://169.254.169.254/", false)]
    #[case("http://127.0.0.1:5000", "", "http://localhost:9000/", true)]
    #[case("http://127.0.0.1:5000", "", "http://[fe80::1]/", false)]
    #[case("http://169.254.7.7", "", "http://169.254.7.8/", true)]
    #[tokio::test]
    async fn who_is_near_may_name_what_is_near(
        #[case] registry: &str,
        #[case] at: &str,
        #[case] url: &str,
        #[case] is_open: bool,
    ) {
        let mut connection = Connection::new(Address::parse(registry, false).unwrap());
        let to = at.parse().into_iter();
        connection.resolve = to.map(|to| Override { host: "registry.test".into(), port: 443, to }).collect();
        let reach = Reach::of(&connection);
        assert_eq!(reach.check(&Url::parse(url).unwrap()).await.is_ok(), is_open);
    }

    #[tokio::test]
    async fn a_name_that_leads_here_is_not_resolved() {
        let mut connection = Connection::new(Address::parse("https://registry.test", false).unwrap());
        connection.resolve =
            vec![Override { host: "registry.test".into(), port: 443, to: "192.0.2.1".parse().unwrap() }];
        let far = Reach::of(&connection);
        let refused = Reach::resolve(far, "localhost".into()).await.err().unwrap();
        assert!(refused.downcast_ref::<Forbidden>().is_some(), "{refused}");
        let near = Reach::of(&Connection::new(Address::parse("http://127.0.0.1:5000", false).unwrap()));
        assert!(Reach::resolve(near, "localhost".into()).await.is_ok());
    }
}
