//! The names of Google on this machine: a proxy that leads every name to one store, and answers whoever asks for a token.
//!
//! ```text
//! daemon, regfsck ── CONNECT storage.googleapis.com:443 ──► proxy ── TLS, from a CA of its own ──► store
//! daemon ── POST /token ──► proxy
//! ```

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use super::certificates::{Pair, signed_by_ca};
use super::program::output;

/// The names that programs of registries ask.
const NAMES: &str =
    "DNS:storage.googleapis.com,DNS:*.googleapis.com,DNS:*.storage.googleapis.com,DNS:accounts.google.com";

/// A store's certificate for these names, and a key to sign with; `None` where `openssl` is missing.
#[derive(Debug)]
pub struct Names {
    authority: PathBuf,
    pub pair: Pair,
    private_key: String,
}

impl Names {
    pub fn made_in(folder: &Path) -> Option<Self> {
        let made = output("openssl", ["genrsa", "2048"])?;
        assert!(made.status.success(), "{made:?}");
        let (authority, pair) = signed_by_ca(folder, "google", NAMES)?;
        Some(Self { authority, pair, private_key: String::from_utf8(made.stdout).unwrap() })
    }

    /// A service account that asks this proxy for its tokens.
    pub fn key_file(&self, proxy: &Proxy) -> String {
        serde_json::json!({
            "type": "service_account",
            "project_id": "test",
            "private_key_id": "1",
            "private_key": self.private_key,
            "client_email": "registry@test.example",
            "client_id": "1",
            "token_uri": format!("http://127.0.0.1:{}/token", proxy.port),
        })
        .to_string()
    }

    /// What leads a program there.
    pub fn environment(&self, proxy: &Proxy) -> Vec<(&'static str, String)> {
        vec![
            ("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port)),
            ("SSL_CERT_FILE", self.authority.display().to_string()),
        ]
    }
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
}

impl Proxy {
    /// Lead everybody to that port.
    pub fn to(store: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                std::thread::spawn(move || serve(client, store));
            }
        });
        Self { port }
    }
}

/// One connection, as far as it comes: whoever hangs up is not waited for.
fn serve(mut client: TcpStream, store: u16) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        (client.read(&mut byte).ok()? == 1).then(|| head.push(byte[0]))?;
    }
    if !head.starts_with(b"CONNECT ") {
        return answer(client, &head);
    }
    let server = TcpStream::connect(("127.0.0.1", store)).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut asking, mut asked) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || pass(&mut asking, &mut asked));
    pass(&mut { server }, &mut client);
    Some(())
}

fn pass(from: &mut TcpStream, to: &mut TcpStream) {
    let _ = std::io::copy(from, to);
    let _ = to.shutdown(Shutdown::Write);
}

fn answer(mut client: TcpStream, head: &[u8]) -> Option<()> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    client.read_exact(&mut vec![0; length.unwrap_or_default()]).ok()?;
    let body = r#"{"access_token":"test","token_type":"Bearer","expires_in":3600}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length:";
    client.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).ok()
}
