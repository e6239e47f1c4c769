//! A real browser: a headless Chromium, driven over chromedriver as a person at the keyboard would.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Running, find, free_port};

/// A browser with one window.
#[derive(Debug)]
pub struct Browser {
    port: u16,
    session: String,
    _running: Running,
    _profile: TempDir,
}

impl Browser {
    /// Start one; `None` where there is none.
    pub fn start() -> Option<Self> {
        let (chromium, chromedriver) = (find("chromium")?, find("chromedriver")?);
        let (port, profile) = (free_port(), tempfile::tempdir().unwrap());
        let mut command = Command::new(chromedriver);
        command.arg(format!("--port={port}")).env("HOME", profile.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running::listening(&mut command, ("127.0.0.1", port)).expect("chromedriver listens");
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &folder,
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let answer = ask(port, "POST", "/session", &wanted);
        let session = format!("/session/{}", answer["sessionId"].as_str().expect("a session"));
        // Its own page for new tabs asks for much.
        ask(port, "POST", &format!("{session}/url"), &json!({ "url": "about:blank" }));
        Some(Self { port, session, _running: running, _profile: profile })
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        ask(self.port, "POST", &format!("{}{path}", self.session), body)
    }

    /// A command of the browser's own protocol.
    pub fn command(&self, name: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": name, "params": parameters }))
    }

    /// Show a file, and forget what was asked for and written before.
    pub fn open(&self, file: &Path) {
        self.visit(&format!("file://{}", file.display()));
    }

    /// The same with what is at an address.
    pub fn visit(&self, url: &str) {
        self.requests();
        self.console();
        self.post("/url", &json!({ "url": url }));
    }

    /// Give the window a size, and say which colours its user likes.
    pub fn show(&self, width: u32, height: u32, colours: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", &size);
        let feature = json!({ "name": "prefers-color-scheme", "value": colours });
        self.command("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Press keys, one after the other.
    pub fn press(&self, keys: &str) {
        let keys = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
        });
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": keys.collect::<Vec<_>>() });
        self.post("/actions", &json!({ "actions": [keyboard] }));
    }

    /// What is seen of the page, into a file of that name in `target/screenshots`.
    pub fn photograph(&self, name: &str) {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots").join(name);
        let picture = self.command("Page.captureScreenshot", &json!({ "format": "png" }));
        let picture = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, picture).unwrap();
    }

    /// By how much something is wider than the window.
    pub fn overhang(&self) -> Value {
        self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    }

    /// Texts that stand out from what is behind them less than 4.5 to 1, as WCAG counts.
    pub fn faint(&self) -> Value {
        self.run(
        "const light = (colour) => {
           const part = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
           const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
           return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
         };
         const behind = (node) => {
           const colour = getComputedStyle(node).backgroundColor;
           return /, 0\\)$/.test(colour) && node.parentElement ? behind(node.parentElement) : colour;
         };
         const own = (node) => [...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
         const all = [...document.body.querySelectorAll('*')].filter((n) => own(n) && n.checkVisibility() && !n.matches('script'));
         return all.filter((n) => {
           const [a, b] = [light(getComputedStyle(n).color), light(behind(n))].sort((a, b) => b - a);
           return (a + 0.05) / (b + 0.05) < 4.5;
         }).map((n) => n.tagName + '.' + n.className + ' ' + n.textContent.slice(0, 40));",
    )
    }

    /// What was written to the console since it was last asked.
    pub fn console(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        log.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// What was asked for since it was last asked.
    pub fn requests(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "performance" }));
        let lines = log.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap());
        let events = lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].take());
        let sent = events.filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        ask(self.port, "DELETE", &self.session, &json!({}));
    }
}

/// One exchange. A chromedriver keeps its connections open, whatever it is asked for.
fn ask(port: u16, method: &str, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all((head + &body).as_bytes()).unwrap();
    let (mut reader, mut line, mut length) = (BufReader::new(stream), String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        let lower = line.to_ascii_lowercase();
        if let Some(number) = lower.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut answer = vec![0; length];
    reader.read_exact(&mut answer).unwrap();
    let value = serde_json::from_slice::<Value>(&answer).unwrap()["value"].take();
    assert!(value["error"].is_null(), "{method} {path}: {value}");
    value
}
