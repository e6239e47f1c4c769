//! Proxies that the environment names, as every client of registries obeys them.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use regfsck::adapters::sandbox::image::Image;
use tempfile::TempDir;

use crate::support::certificates::self_signed;
use crate::support::missing;
use crate::support::program::free_port;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::{Ended, command, end};
use crate::support::settings::Settings;
use crate::support::tree::plant;

/// A proxy that leads everybody to one daemon and notes what it was asked for.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(daemon: &RealRegistry) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, host) = (listener.local_addr().unwrap().port(), daemon.host());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = asked.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (host, notes) = (host.clone(), notes.clone());
                thread::spawn(move || lead(client, &host, &notes));
            }
        });
        Self { port, asked }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked for first on each connection, each once.
    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked.dedup();
        asked
    }
}

fn lead(mut client: TcpStream, host: &str, notes: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if client.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&head).lines().next().unwrap().to_owned();
    let mut daemon = TcpStream::connect(host).unwrap();
    if line.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    } else {
        daemon.write_all(&head).unwrap();
    }
    notes.lock().unwrap().push(line);
    let (mut from, mut to) = (client.try_clone().unwrap(), daemon.try_clone().unwrap());
    let up = thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut daemon, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = up.join();
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = command(arguments);
    command.envs(variables.iter().copied());
    end(command.spawn().unwrap())
}

#[test]
fn plain_http_goes_through_the_proxy_unless_no_proxy_names_the_host() {
    on_every_registry(|| {
        let root = TempDir::new().unwrap();
        plant(root.path(), "team/app", "1", &Image::two_layers("a").unwrap());
        let setup = Settings { root: Some(root.path().to_owned()), ..Settings::default() };
        let Some(daemon) = RealRegistry::start(&setup) else { return };
        let check =
            ["check", "--registry", "http://registry.invalid:5000", "--plain-http", "--repo", "team/app"];
        let check = [&check[..], &["--jobs", "1", "--retry-times", "0"]].concat();
        for variable in ["HTTP_PROXY", "http_proxy"] {
            let proxy = Proxy::to(&daemon);
            let ended = run(&check, &[(variable, &proxy.url())]);
            assert_eq!(ended.status, 0, "{}", ended.stdout);
            assert_eq!(proxy.asked()[0], "GET http://registry.invalid:5000/v2/ HTTP/1.1", "{variable}");
        }
        let proxy = Proxy::to(&daemon);
        let ended = run(&check, &[("HTTP_PROXY", &proxy.url()), ("NO_PROXY", "registry.invalid")]);
        assert_eq!((ended.status, proxy.asked()), (3, vec![]), "{}", ended.stdout);
        // No proxy leads to this machine itself.
        let url = daemon.url();
        let ended =
            run(&["check", "--registry", &url, "--repo", "team/app"], &[("HTTP_PROXY", &proxy.url())]);
        assert_eq!((ended.status, proxy.asked()), (0, vec![]), "{}", ended.stdout);
    });
}

#[test]
fn tls_goes_through_a_tunnel_and_a_proxy_that_is_down_is_named() {
    on_every_registry(|| {
        let test = "a tunnel";
        let (dir, root) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        plant(root.path(), "team/app", "1", &Image::two_layers("a").unwrap());
        let Some(pair) = self_signed(dir.path(), "own", "DNS:registry.test", 30) else {
            return missing("openssl", test);
        };
        let (certificate, key) = (pair.certificate.display(), pair.key.display());
        let http = format!("  tls:\n    certificate: {certificate}\n    key: {key}\n");
        let setup = Settings { http, root: Some(root.path().to_owned()), ..Settings::default() };
        let Some(daemon) = RealRegistry::start(&setup) else { return };
        let url = format!("https://registry.test:{}", daemon.port());
        let ca = certificate.to_string();
        let check =
            ["check", "--registry", &url, "--ca-file", &ca, "--repo", "team/app", "--retry-times", "0"];
        let proxy = Proxy::to(&daemon);
        let ended = run(&check, &[("HTTPS_PROXY", &proxy.url())]);
        assert_eq!(ended.status, 0, "{}", ended.stdout);
        let tunnel = format!("CONNECT registry.test:{} HTTP/1.1", daemon.port());
        assert_eq!(proxy.asked(), [tunnel]);
        let (asked, resolve) = (proxy.asked(), format!("registry.test:{}:127.0.0.1", daemon.port()));
        let variables = [("HTTPS_PROXY", proxy.url()), ("NO_PROXY", ".test".to_owned())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let ended = run(&[&check[..], &["--resolve", &resolve]].concat(), &variables);
        assert_eq!((ended.status, proxy.asked()), (0, asked), "{}", ended.stdout);
        let down = format!("http://127.0.0.1:{}", free_port());
        let ended = run(&check, &[("HTTPS_PROXY", &down)]);
        assert_eq!(ended.status, 3);
        let text = format!("{}{}", ended.stdout, ended.stderr);
        insta::assert_snapshot!(
            "tls_goes_through_a_tunnel_and_a_proxy_that_is_down_is_named",
            text.replace(&daemon.port().to_string(), "PORT").replace(&down, "PROXY")
        );
    });
}
