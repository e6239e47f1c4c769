//! What a container's engine tells about the registry that runs in it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

/// Where the images of distribution keep their config: 2.x, then 3.x.
const CONFIGS: [&str; 2] = ["/etc/docker/registry/config.yml", "/etc/distribution/config.yml"];

/// A container as its engine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
    /// When it was started last.
    pub started: Option<Timestamp>,
    /// The program and arguments that it runs.
    pub argv: Vec<String>,
    /// Its environment.
    pub environment: Environment,
    /// What of the host it sees, and where.
    pub mounts: Vec<Mount>,
    /// Whether it uses the host's network as it is.
    pub on_host_network: bool,
    /// The ports of it that the host forwards.
    pub ports: Vec<Port>,
    /// Its own addresses, reachable from the host.
    pub addresses: Vec<IpAddr>,
}

/// A container's environment. What `{:?}` shows of it is the names, as the values may be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

/// The config file of a container's registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its path in the container.
    pub inside: PathBuf,
    /// Its path on the host, if it is on a mount.
    pub host: Option<PathBuf>,
    /// What it says.
    pub content: Vec<u8>,
}

/// A part of the host that a container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The path on the host.
    pub host: PathBuf,
    /// The path in the container.
    pub inside: PathBuf,
}

/// A port that the host forwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The TCP port in the container.
    pub inside: u16,
    /// The address on the host; nothing means all of them.
    pub address: Option<IpAddr>,
    /// The port on the host.
    pub host: u16,
}

impl Container {
    /// Read the engine's answer to `GET /containers/NAME/json`.
    ///
    /// # Errors
    /// When it is no such answer.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let inspected: Inspected = serde_json::from_slice(json)?;
        Ok(Self {
            name: inspected.name.trim_start_matches('/').to_owned(),
            running: inspected.state.running,
            started: inspected.state.started_at.parse().ok(),
            argv: [inspected.path].into_iter().chain(inspected.args).collect(),
            environment: inspected.config.env.iter().map(|line| pair(line)).collect(),
            on_host_network: inspected.host_config.network_mode == "host",
            ports: inspected.network_settings.forwarded(),
            addresses: inspected.network_settings.addresses(),
            mounts: inspected.mounts.into_iter().filter_map(InspectedMount::read).collect(),
            id: inspected.id,
        })
    }

    /// Where on the host a path of the container lies; nothing if it is not on a mount.
    #[must_use]
    pub fn host_path(&self, inside: &Path) -> Option<PathBuf> {
        let longest = |mount: &&Mount| mount.inside.components().count();
        let mount =
            self.mounts.iter().filter(|mount| inside.starts_with(&mount.inside)).max_by_key(longest)?;
        let below = inside.strip_prefix(&mount.inside).ok()?;
        // Joining an empty path would leave a slash at the end.
        Some(if below.as_os_str().is_empty() { mount.host.clone() } else { mount.host.join(below) })
    }

    /// The paths in the container at which its registry's config can be, best first: the one it was started
    /// with, else those of the known images.
    #[must_use]
    pub fn config_paths(&self) -> Vec<PathBuf> {
        let is_config = |argument: &&String| {
            Path::new(argument).extension().is_some_and(|end| end == "yml" || end == "yaml")
        };
        let argument = self.argv.iter().skip(1).rev().find(is_config);
        let named = argument.or_else(|| self.environment.0.get("REGISTRY_CONFIGURATION_PATH"));
        named.map_or_else(|| CONFIGS.map(PathBuf::from).to_vec(), |path| vec![PathBuf::from(path)])
    }

    /// The `REGISTRY_…` variables, which override what its config says.
    pub fn overrides(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.environment.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(name, _)| name.starts_with("REGISTRY_"))
    }

    /// Where the host reaches what listens on `address` in the container, as `HOST:PORT`. The address is
    /// as in the registry's `http.addr`: `:5000`, `127.0.0.1:5000`, `[::]:5000`.
    #[must_use]
    pub fn reach(&self, address: &str) -> Option<String> {
        let (host, port) = address.rsplit_once(':')?;
        let inside: u16 = port.parse().ok()?;
        if self.on_host_network {
            let host = host.trim_matches(['[', ']']);
            let unspecified = host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
            let host = if host.is_empty() || unspecified { "127.0.0.1" } else { host };
            return Some(authority(host, inside));
        }
        let forwarded = self.ports.iter().find(|port| port.inside == inside).map(|port| {
            let host = port.address.map_or_else(|| "127.0.0.1".to_owned(), |address| address.to_string());
            authority(&host, port.host)
        });
        forwarded.or_else(|| self.addresses.first().map(|own| authority(&own.to_string(), inside)))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn pair(line: &str) -> (String, String) {
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    (name.to_owned(), value.to_owned())
}

/// Engines write `null` where a list or map is empty.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    state: State,
    #[serde(default)]
    path: String,
    #[serde(default, deserialize_with = "nullable")]
    args: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    config: Config,
    #[serde(default, deserialize_with = "nullable")]
    host_config: HostConfig,
    #[serde(default, deserialize_with = "nullable")]
    network_settings: NetworkSettings,
    #[serde(default, deserialize_with = "nullable")]
    mounts: Vec<InspectedMount>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    running: bool,
    started_at: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    #[serde(deserialize_with = "nullable")]
    env: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    network_mode: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedMount {
    source: String,
    destination: String,
}

impl InspectedMount {
    /// A mount that has a place on the host; a tmpfs has none.
    fn read(self) -> Option<Mount> {
        let (host, inside) = (PathBuf::from(self.source), PathBuf::from(self.destination));
        (host.is_absolute() && inside.is_absolute()).then_some(Mount { host, inside })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    #[serde(rename = "IPAddress")]
    ip_address: String,
    #[serde(deserialize_with = "nullable")]
    ports: BTreeMap<String, Option<Vec<Binding>>>,
    #[serde(deserialize_with = "nullable")]
    networks: BTreeMap<String, Network>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Binding {
    host_ip: String,
    host_port: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Network {
    #[serde(rename = "IPAddress")]
    ip_address: String,
}

impl NetworkSettings {
    fn forwarded(&self) -> Vec<Port> {
        let bindings = self
            .ports
            .iter()
            .flat_map(|(inside, bindings)| bindings.iter().flatten().map(move |binding| (inside, binding)));
        bindings.filter_map(|(inside, binding)| binding.read(inside)).collect()
    }

    fn addresses(&self) -> Vec<IpAddr> {
        let networks = self.networks.values().map(|network| &network.ip_address);
        let mut all: Vec<_> = [&self.ip_address]
            .into_iter()
            .chain(networks)
            .filter_map(|address| address.parse().ok())
            .collect();
        all.dedup();
        all
    }
}

impl Binding {
    fn read(&self, inside: &str) -> Option<Port> {
        let inside = inside.strip_suffix("/tcp")?.parse().ok()?;
        let address = self.host_ip.parse().ok().filter(|address: &IpAddr| !address.is_unspecified());
        Some(Port { inside, address, host: self.host_port.parse().ok()? })
    }
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
