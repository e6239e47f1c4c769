//! Which servers hold the keys: one, the master that sentinels name, or the masters of a cluster.

use redis::Value;
use redis::aio::MultiplexedConnection;

use super::dial::{Dial, Login};
use super::settings::{Form, RedisAddress, RedisSettings};
use crate::engine::ports::CacheError;

/// How many hash slots a cluster has.
const SLOTS: u16 = 16384;

/// A server that owns keys.
pub(super) struct Node {
    /// Where it is, for people.
    pub(super) address: String,
    /// The connection; clones share it.
    pub(super) connection: MultiplexedConnection,
    /// The slots it owns, both ends included.
    slots: Vec<(u16, u16)>,
}

/// All servers that own keys.
pub(super) struct Nodes {
    /// At least one.
    pub(super) list: Vec<Node>,
    /// Whether they are a cluster.
    pub(super) clustered: bool,
}

impl Nodes {
    fn one(address: &RedisAddress, connection: MultiplexedConnection) -> Self {
        let node = Node { address: address.to_string(), connection, slots: vec![(0, SLOTS - 1)] };
        Self { list: vec![node], clustered: false }
    }

    /// The node that owns a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Node> {
        self.list.iter().find(|node| node.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot)))
    }

    /// The slot of a key; without a cluster all keys are in one.
    ///
    /// The registry's keys hold no braces, which would choose what is hashed.
    pub(super) fn slot(&self, key: &str) -> u16 {
        if self.clustered { crc16(key.as_bytes()) % SLOTS } else { 0 }
    }
}

/// CRC-16/XMODEM, as the cluster specification says.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// Find and connect them all.
pub(super) async fn discover(dial: &Dial, settings: &RedisSettings) -> Result<Nodes, CacheError> {
    match &settings.form {
        Form::Sentinel(master) => ask_sentinels(dial, settings, master).await,
        Form::Single => {
            let (address, connection) = first_that_answers(dial, settings).await?;
            // One address of a cluster is a common configuration, and half its keys would be missed.
            let section = info(&connection, "cluster").await;
            match section.as_deref().and_then(|text| field(text, "cluster_enabled")) {
                Some("1") => cluster(dial, settings, address, connection).await,
                _ => Ok(Nodes::one(address, connection)),
            }
        }
        Form::Cluster => {
            let (address, connection) = first_that_answers(dial, settings).await?;
            cluster(dial, settings, address, connection).await
        }
    }
}

async fn first_that_answers<'a>(
    dial: &Dial,
    settings: &'a RedisSettings,
) -> Result<(&'a RedisAddress, MultiplexedConnection), CacheError> {
    let login = Login::of_server(settings, settings.database);
    let mut failure = CacheError::Settings("no address is given".into());
    for address in &settings.addresses {
        match dial.connect(address, login).await {
            Ok(connection) => return Ok((address, connection)),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn ask_sentinels(dial: &Dial, settings: &RedisSettings, master: &str) -> Result<Nodes, CacheError> {
    let mut said = Vec::new();
    for sentinel in &settings.addresses {
        match follow_sentinel(dial, settings, sentinel, master).await {
            // A wrong password for the master is wrong whoever names it.
            Err(error @ (CacheError::Unauthenticated { .. } | CacheError::NoSuchDatabase { .. })) => {
                return Err(error);
            }
            Err(error) => said.push(error.to_string()),
            Ok(Some(nodes)) => return Ok(nodes),
            Ok(None) => said.push(format!("`{sentinel}` does not know it")),
        }
    }
    Err(CacheError::NoMaster { location: settings.location(), master: master.into(), why: said.join("; ") })
}

async fn follow_sentinel(
    dial: &Dial,
    settings: &RedisSettings,
    sentinel: &RedisAddress,
    master: &str,
) -> Result<Option<Nodes>, CacheError> {
    let mut connection = dial.connect(sentinel, Login::of_sentinel(settings)).await?;
    let mut command = redis::cmd("SENTINEL");
    command.arg("get-master-addr-by-name").arg(master);
    let found: Result<Option<(String, u16)>, _> = command.query_async(&mut connection).await;
    let found = found.map_err(|error| dial.task(&sentinel.to_string(), "ask the sentinel").fault(error))?;
    let Some((host, port)) = found else { return Ok(None) };
    let address = RedisAddress::Tcp(host, port);
    let connection = dial.connect(&address, Login::of_server(settings, settings.database)).await?;
    let role = info(&connection, "replication").await;
    match role.as_deref().and_then(|text| field(text, "role")) {
        Some("master") | None => Ok(Some(Nodes::one(&address, connection))),
        Some(_) => Err(dial.task(&address.to_string(), "use the master").failed("it is a replica by now")),
    }
}

async fn cluster(
    dial: &Dial,
    settings: &RedisSettings,
    seed: &RedisAddress,
    mut connection: MultiplexedConnection,
) -> Result<Nodes, CacheError> {
    let location = seed.to_string();
    let task = dial.task(&location, "read the cluster's slots");
    let answer: Result<Vec<Value>, _> = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await;
    let ranges: Vec<_> = answer
        .map_err(|error| task.fault(error))?
        .iter()
        .map(|range| read_range(range, seed))
        .collect::<Option<_>>()
        .ok_or_else(|| task.failed("CLUSTER SLOTS answers what we do not understand"))?;
    let mut list: Vec<Node> = Vec::new();
    for (first, last, address) in ranges {
        let name = address.to_string();
        if let Some(node) = list.iter_mut().find(|node| node.address == name) {
            node.slots.push((first, last));
            continue;
        }
        let connection = dial.connect(&address, Login::of_server(settings, 0)).await?;
        list.push(Node { address: name, connection, slots: vec![(first, last)] });
    }
    let nodes = Nodes { list, clustered: true };
    let orphans = (0..SLOTS).filter(|slot| nodes.owner(*slot).is_none()).count();
    if orphans > 0 {
        let why = format!("no master serves {orphans} of its {SLOTS} slots");
        return Err(CacheError::Unreachable { location: settings.location(), why });
    }
    Ok(nodes)
}

/// `[first, last, [host, port, …], replica…]`; an empty host means the one that was asked.
pub(super) fn read_range(range: &Value, seed: &RedisAddress) -> Option<(u16, u16, RedisAddress)> {
    let Value::Array(range) = range else { return None };
    let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = range.as_slice() else {
        return None;
    };
    let [host, Value::Int(port), ..] = master.as_slice() else { return None };
    let named = if let Value::BulkString(name) = host {
        String::from_utf8(name.clone()).ok()?
    } else {
        String::new()
    };
    let host = match seed {
        RedisAddress::Tcp(host, _) if named.is_empty() => host.clone(),
        RedisAddress::Unix(_) if named.is_empty() => return None,
        RedisAddress::Tcp(..) | RedisAddress::Unix(_) => named,
    };
    let address = RedisAddress::Tcp(host, u16::try_from(*port).ok()?);
    Some((u16::try_from(*first).ok()?, u16::try_from(*last).ok()?, address))
}

/// A section of INFO, where the user may read it.
pub(super) async fn info(connection: &MultiplexedConnection, section: &str) -> Option<String> {
    redis::cmd("INFO").arg(section).query_async(&mut connection.clone()).await.ok()
}

/// A field of INFO's text.
pub(super) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(crc16(b"foo") % SLOTS, 12182);
    }

    #[test]
    fn a_cluster_range_without_a_host_is_the_seeds() {
        let seed = RedisAddress::Tcp("h".into(), 1);
        let master = Value::Array(vec![Value::Nil, Value::Int(7)]);
        let range = Value::Array(vec![Value::Int(0), Value::Int(5), master]);
        assert_eq!(read_range(&range, &seed), Some((0, 5, RedisAddress::Tcp("h".into(), 7))));
        assert_eq!(read_range(&Value::Nil, &seed), None);
    }
}
