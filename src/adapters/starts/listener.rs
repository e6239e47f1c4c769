//! The process that listens on the daemon's port, where that is a port of this machine.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;

use super::StartWitness;
use crate::adapters::registry::Connection;
use crate::adapters::service::registry_start;
use crate::domain::start::{Start, Witness};

/// The state of a socket that listens, in the kernel's tables.
const LISTENING: &str = "0A";

/// What listens where a daemon is asked.
#[derive(Debug, Clone)]
pub struct Listener(pub Connection);

#[async_trait]
impl StartWitness for Listener {
    async fn start(&self) -> Result<Start, String> {
        let addresses = self.0.addresses().await.map_err(|error| error.to_string())?;
        let port = self.0.port();
        let looked = tokio::task::spawn_blocking(move || look(&addresses, port));
        looked.await.map_err(|error| error.to_string())?
    }
}

/// The oldest process that listens there.
fn look(addresses: &[IpAddr], port: u16) -> Result<Start, String> {
    if let Some(foreign) = addresses.iter().find(|address| !is_ours(**address)) {
        return Err(format!("{foreign} is no address of this machine"));
    }
    let inodes = listening(addresses, port)?;
    if inodes.is_empty() {
        return Err(format!("no process of this machine is seen to listen on port {port}"));
    }
    let mut oldest: Option<(Timestamp, u32)> = None;
    for (inode, pids) in holders(&inodes) {
        if pids.is_empty() {
            return Err(format!(
                "who listens on port {port} is hidden from this user (socket {inode}); root sees it"
            ));
        }
        for pid in pids {
            let at = registry_start(pid)?;
            oldest = Some(oldest.map_or((at, pid), |oldest| oldest.min((at, pid))));
        }
    }
    let (at, pid) = oldest.ok_or("nobody listens")?;
    Ok(Start { at, witness: Witness::Process(pid) })
}

/// Only an address of this machine can be bound to.
fn is_ours(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

/// The sockets that listen on the port at one of these addresses, or at all.
fn listening(addresses: &[IpAddr], port: u16) -> Result<BTreeSet<u64>, String> {
    let mut inodes = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match fs::read_to_string(table) {
            Ok(text) => inodes.extend(text.lines().filter_map(|line| socket(line, addresses, port))),
            // A machine may be without IPv6.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && table.ends_with('6') => {}
            Err(error) => return Err(format!("`{table}` cannot be read: {error}")),
        }
    }
    Ok(inodes)
}

/// The socket of a line, if it listens there.
fn socket(line: &str, addresses: &[IpAddr], port: u16) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (address, own_port) = local.split_once(':')?;
    if *state != LISTENING || u16::from_str_radix(own_port, 16) != Ok(port) {
        return None;
    }
    let address = address_of(address)?;
    (address.is_unspecified() || addresses.contains(&address)).then(|| inode.parse().ok())?
}

/// The kernel writes an address as words in the machine's own order.
fn address_of(text: &str) -> Option<IpAddr> {
    let words = text.as_bytes().chunks(8).map(|word| std::str::from_utf8(word).ok());
    let words: Option<Vec<u32>> = words.map(|word| u32::from_str_radix(word?, 16).ok()).collect();
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_ne_bytes).collect();
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(IpAddr::from(bytes));
    }
    let bytes = <[u8; 16]>::try_from(bytes.as_slice()).ok()?;
    Some(Ipv6Addr::from(bytes).to_canonical())
}

/// The processes that hold each of these sockets, as far as this user sees them.
fn holders(inodes: &BTreeSet<u64>) -> Vec<(u64, BTreeSet<u32>)> {
    let mut held: Vec<(u64, BTreeSet<u32>)> = inodes.iter().map(|inode| (*inode, BTreeSet::new())).collect();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        for inode in sockets(&process.path()) {
            for (known, pids) in &mut held {
                if *known == inode {
                    pids.insert(pid);
                }
            }
        }
    }
    held
}

/// The sockets that a process has open.
fn sockets(process: &Path) -> impl Iterator<Item = u64> + use<> {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    files.filter_map(|file| {
        let target = fs::read_link(file.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_that_listen_there_are_found() {
        let v4 = "   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1";
        let all = "   0: 00000000000000000000000000000000:1388 0:0 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1";
        let mapped = "   0: 0000000000000000FFFF00000100007F:1388 0:0 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1";
        let talking = v4.replace(" 0A ", " 01 ");
        let here = [IpAddr::from([127, 0, 0, 1])];
        for (line, port, found) in [
            (v4, 5000, Some(4711)),
            (v4, 5001, None),
            (all, 5000, Some(4712)),
            (mapped, 5000, Some(4713)),
            (talking.as_str(), 5000, None),
            ("  sl  local_address rem_address   st", 5000, None),
        ] {
            assert_eq!(socket(line, &here, port), found, "{line}");
        }
        assert_eq!(socket(v4, &[IpAddr::from([10, 0, 0, 1])], 5000), None);
    }

    #[test]
    fn who_listens_is_seen_and_what_is_no_registry_tells_nothing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let here = [IpAddr::from([127, 0, 0, 1])];
        let why = look(&here, port).unwrap_err();
        assert!(why.starts_with(&format!("process {} (", std::process::id())), "{why}");
        assert!(why.ends_with("is not seen to be a registry"), "{why}");
        drop(listener);
        assert!(look(&here, port).is_err());
        assert!(
            look(&[IpAddr::from([192, 0, 2, 7])], port).unwrap_err().contains("no address of this machine")
        );
    }
}
