//! A server of one's own lines, for what no honest server does: short bodies, lies, cut connections.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Where the range begins that was asked for.
    pub from: Option<usize>,
    pub authorization: Option<String>,
}

/// What it did, from the first request on.
pub struct Stub {
    pub authority: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Stub {
    /// Answer each request by `answer`, told how many came before, and close the connection after it.
    /// The thread ends with the test's process.
    pub fn start(answer: impl Fn(usize, &Request, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else { continue };
                let before = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(request.clone());
                    seen.len() - 1
                };
                answer(before, &request, &mut stream);
            }
        });
        Self { authority, requests }
    }

    /// A registry with one blob or manifest, that gives whatever `body` says for each request: the bytes it
    /// announces from the range's start on, and how many of them it sends.
    pub fn giving(body: impl Fn(usize, usize) -> (Vec<u8>, usize) + Send + 'static) -> Self {
        Self::start(move |before, request, stream| {
            let from = request.from.unwrap_or(0);
            let (bytes, sent) = body(before, from);
            let total = from + bytes.len();
            let status = match request.from {
                Some(from) => {
                    format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}", total.max(1) - 1)
                }
                None => "200 OK".to_owned(),
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&bytes[..sent.min(bytes.len())]);
        })
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut request = Request { method, path, from: None, authorization: None };
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "range" => request.from = value.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok(),
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(request)
}

/// Answer with this status and body.
pub fn say(stream: &mut TcpStream, status: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}
