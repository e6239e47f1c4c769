//! A server that answers as it is told: what no well-behaved one does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What to do with a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Send these bytes and keep the connection.
    Send(String),
    /// Send these bytes, then close the connection.
    Cut(String),
    /// Close with a reset, having sent these bytes.
    Reset(String),
    /// Send nothing for so long, then close.
    Sleep(Duration),
    /// Send these bytes, and then one byte each time that so long has passed, for ever.
    Trickle(String, Duration),
}

impl Act {
    /// A whole answer.
    pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Self {
        Self::Send(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// An answer as a registry gives it.
    pub(crate) fn json(status: &str, body: &str) -> Self {
        Self::answer(
            status,
            "Content-Type: application/json\r\nDocker-Distribution-Api-Version: registry/2.0\r\n",
            body,
        )
    }
}

/// A running stub.
pub(crate) struct Stub {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Serve what `script` says for the request head (its number from 0, its text).
    pub(crate) async fn start(script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let heads = seen.clone();
        let script = Arc::new(script);
        let number = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, heads, number) = (script.clone(), heads.clone(), number.clone());
                tokio::spawn(async move { serve(stream, &*script, &heads, &number).await });
            }
        });
        Self { port, seen }
    }

    /// Answer the first requests with `acts`, and all later ones with the last of them.
    pub(crate) async fn playing(acts: Vec<Act>) -> Self {
        Self::start(move |at, _| acts[at.min(acts.len() - 1)].clone()).await
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The heads of the requests that came.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: &(impl Fn(usize, &str) -> Act + Send + Sync),
    heads: &Mutex<Vec<String>>,
    number: &AtomicUsize,
) {
    while let Some(head) = read_request(&mut stream).await {
        let act = script(number.fetch_add(1, Ordering::SeqCst), &head);
        heads.lock().unwrap().push(head);
        match act {
            Act::Send(bytes) => {
                if stream.write_all(bytes.as_bytes()).await.is_err() {
                    return;
                }
            }
            Act::Cut(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                let _ = stream.shutdown().await;
                return;
            }
            Act::Reset(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
                let _ = stream.set_zero_linger();
                return;
            }
            Act::Trickle(bytes, pause) => {
                let mut sent = stream.write_all(bytes.as_bytes()).await;
                while sent.is_ok() {
                    tokio::time::sleep(pause).await;
                    sent = stream.write_all(b" ").await;
                }
                return;
            }
            Act::Sleep(time) => {
                tokio::time::sleep(time).await;
                return;
            }
        }
    }
}

/// Read a head and the body that its `Content-Length` announces; of a body, the start is kept behind the head.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
    };
    let mut head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap_or(0));
    let mut rest = length - (bytes.len() - end).min(length);
    while rest > 0 {
        let mut piece = vec![0; rest.min(65536)];
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        rest -= count;
    }
    let body = &bytes[end..bytes.len().min(end + 4096)];
    head.push_str(&String::from_utf8_lossy(body));
    Some(head)
}
