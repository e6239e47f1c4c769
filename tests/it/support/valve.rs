//! A TCP proxy with a valve: of what a client sends on a connection, so much passes; the rest waits until it is
//! opened. What is done meanwhile is done in the middle of a transfer, whatever the machine's speed.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A running proxy in front of one server.
pub struct Valve {
    port: u16,
    limit: Arc<AtomicU64>,
}

impl Valve {
    /// Listen in front of `HOST:PORT`, and let `limit` bytes of each connection pass.
    pub fn before(server: &str, limit: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let limit = Arc::new(AtomicU64::new(limit));
        let (server, shared) = (server.to_owned(), Arc::clone(&limit));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Without a server the connection is closed again, as one to a dead server is.
                if let Ok(server) = TcpStream::connect(&server) {
                    join(client, server, &shared);
                }
            }
        });
        Self { port, limit }
    }

    /// Let everything pass.
    pub fn open(&self) {
        self.limit.store(u64::MAX, Ordering::SeqCst);
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn join(client: TcpStream, server: TcpStream, limit: &Arc<AtomicU64>) {
    let ended = Arc::new(AtomicBool::new(false));
    let (mut answers, mut asking) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let (over, limit) = (Arc::clone(&ended), Arc::clone(limit));
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut asking);
        over.store(true, Ordering::SeqCst);
        let _ = asking.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        pass(&client, &server, &limit, &ended);
        let _ = server.shutdown(Shutdown::Write);
    });
}

/// Hand on what the client sends, as far as the valve is open.
fn pass(mut client: &TcpStream, mut server: &TcpStream, limit: &AtomicU64, ended: &AtomicBool) {
    let (mut passed, mut piece) = (0, [0; 16 << 10]);
    while !ended.load(Ordering::SeqCst) {
        let left = limit.load(Ordering::SeqCst).saturating_sub(passed);
        if left == 0 {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        }
        let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let Ok(count @ 1..) = client.read(&mut piece[..most]) else { return };
        if server.write_all(&piece[..count]).is_err() {
            return;
        }
        passed += count as u64;
    }
}
