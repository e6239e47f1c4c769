//! `redis-server`, `redis-sentinel` and clusters of the former.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regfsck::domain::digest::Digest;
use sha2::Digest as _;
use tempfile::TempDir;

use super::program::{Running, find, free_port, until};

/// A Redis of its own, without persistence.
pub(crate) struct RedisServer {
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    password: Option<String>,
    running: Running,
}

impl RedisServer {
    /// A server without password.
    pub(crate) fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// A server with more arguments; `{dir}` in them is its folder.
    pub(crate) fn with(arguments: &[&str]) -> Option<Self> {
        let program = find("redis-server")?;
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let path = folder.path().display().to_string();
        let log = File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir", &path]);
        command.args(arguments.iter().map(|argument| argument.replace("{dir}", &path)));
        command.stdout(log).stdin(Stdio::null());
        let at = arguments.iter().position(|argument| *argument == "--requirepass");
        let password = at.and_then(|at| arguments.get(at + 1)).map(|word| (*word).to_owned());
        let server = Self { port, folder, password, running: Running::start(&mut command) };
        server.wait();
        Some(server)
    }

    /// A server that also speaks TLS, on the second port, with the certificate of that name that
    /// [`make_certificates`] made in `folder`; `clients` is whether it wants one from clients: `yes` or `no`.
    pub(crate) fn with_tls(folder: &Path, name: &str, clients: &str) -> Option<(Self, u16)> {
        let port = free_port();
        let file = |name: String| folder.join(name).display().to_string();
        let arguments = [
            "--tls-port".to_owned(),
            port.to_string(),
            "--tls-cert-file".to_owned(),
            file(format!("{name}.pem")),
            "--tls-key-file".to_owned(),
            file(format!("{name}.key")),
            "--tls-ca-cert-file".to_owned(),
            file("ca.pem".to_owned()),
            "--tls-auth-clients".to_owned(),
            clients.to_owned(),
        ];
        Some((Self::with(&arguments.each_ref().map(String::as_str))?, port))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self) -> String {
        let user = self.password.as_ref().map(|word| format!(":{word}@")).unwrap_or_default();
        format!("redis://{user}127.0.0.1:{}", self.port)
    }

    /// Kill it, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.running.kill();
    }

    /// Forgets everything.
    pub(crate) fn flush(&self) {
        redis::cmd("FLUSHALL").exec(&mut self.client(0)).expect("flush");
    }

    /// The keys that a registry writes, with what matters in them, sorted.
    pub(crate) fn registry_keys(&self) -> Vec<String> {
        let mut connection = self.client(0);
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).expect("keys");
        let mut told = Vec::new();
        for key in keys {
            if key.starts_with("blobs::") {
                let fields: (String, u64) = redis::cmd("HMGET")
                    .arg(&[&key, "digest", "size"])
                    .query(&mut connection)
                    .expect("an entry");
                told.push(format!("{key} is {} of {} bytes", fields.0, fields.1));
            } else if key.ends_with("::blobs") {
                let members: Vec<String> =
                    redis::cmd("SMEMBERS").arg(&key).query(&mut connection).expect("a set");
                told.extend(members.iter().map(|member| format!("{key} has {member}")));
            } else {
                told.push(key);
            }
        }
        told.sort_unstable();
        told
    }

    /// A plain connection for what tests prepare and compare.
    pub(crate) fn client(&self, database: u32) -> redis::Connection {
        let url = format!("{}/{database}", self.url());
        redis::Client::open(url)
            .and_then(|client| client.get_connection())
            .expect("connect to our own server")
    }

    fn wait(&self) {
        let url = self.url();
        until("redis-server comes up", || {
            let client = redis::Client::open(url.as_str()).expect("a URL");
            client.get_connection().is_ok_and(|mut it| redis::cmd("PING").query::<String>(&mut it).is_ok())
        });
    }
}

/// Sentinels' only one, watching a server under the name `main`.
pub(crate) struct Sentinel {
    pub(crate) port: u16,
    _folder: TempDir,
    _running: Running,
}

impl Sentinel {
    pub(crate) fn watching(server: &RedisServer, more: &str) -> Option<Self> {
        let program = find("redis-sentinel")?;
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor main 127.0.0.1 {} 1\n{more}\n",
            folder.path().display(),
            server.port,
        );
        std::fs::write(&file, text).expect("write sentinel.conf");
        let running =
            Running::start(Command::new(program).arg(&file).stdout(Stdio::null()).stdin(Stdio::null()));
        until("redis-sentinel comes up", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { port, _folder: folder, _running: running })
    }
}

/// Three masters that share the slots.
pub(crate) struct RedisCluster {
    pub(crate) servers: Vec<RedisServer>,
}

impl RedisCluster {
    pub(crate) fn start() -> Option<Self> {
        let tool = find("redis-cli")?;
        let start = || {
            // The bus would listen at the port + 10000, which may be no port at all.
            let bus = free_port().to_string();
            RedisServer::with(&["--cluster-enabled", "yes", "--cluster-port", &bus])
        };
        let servers: Vec<RedisServer> = (0..3).map(|_| start()).collect::<Option<_>>()?;
        let addresses = servers.iter().map(|server| format!("127.0.0.1:{}", server.port));
        let made = Command::new(tool)
            .args(["--cluster", "create"])
            .args(addresses)
            .arg("--cluster-yes")
            .output()
            .expect("run redis-cli");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        until("the cluster comes up", || servers.iter().all(|server| is_joined(&mut server.client(0))));
        Some(Self { servers })
    }

    /// A connection that follows keys to their nodes.
    pub(crate) fn set(&self, key: &str, command: &redis::Cmd) {
        let set = |server: &RedisServer| command.query::<redis::Value>(&mut server.client(0)).is_ok();
        assert!(self.servers.iter().any(set), "no node takes `{key}`");
    }

    /// Every node's keys.
    pub(crate) fn dump(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.servers.iter().flat_map(|server| dump(&mut server.client(0))).collect()
    }
}

fn is_joined(connection: &mut redis::Connection) -> bool {
    let info: Result<String, _> = redis::cmd("CLUSTER").arg("INFO").query(connection);
    info.is_ok_and(|text| text.contains("cluster_state:ok") && text.contains("cluster_known_nodes:3"))
}

/// Every key with its content as bytes.
pub(crate) fn dump(connection: &mut redis::Connection) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(connection).expect("KEYS");
    let content = |key: &Vec<u8>| redis::cmd("DUMP").arg(key).query(&mut *connection).expect("DUMP");
    let contents: Vec<Vec<u8>> = keys.iter().map(content).collect();
    keys.into_iter().zip(contents).collect()
}

/// A digest that only this number has.
pub(crate) fn digest(n: usize) -> Digest {
    Digest::sha256(sha2::Sha256::digest(n.to_string().as_bytes()).into())
}

/// The commands by which the daemon caches a blob in a repository, key first.
pub(crate) fn cached(repository: &str, digest: &Digest, size: u64) -> [(String, redis::Cmd); 3] {
    let (entry, set) = (format!("blobs::{digest}"), format!("repository::{repository}::blobs"));
    let hash = format!("{set}::{digest}");
    let kind = "application/octet-stream";
    let mut commands = [redis::cmd("HSET"), redis::cmd("SADD"), redis::cmd("HSET")];
    commands[0]
        .arg(&entry)
        .arg("digest")
        .arg(digest.to_string())
        .arg("size")
        .arg(size)
        .arg("mediatype")
        .arg(kind);
    commands[1].arg(&set).arg(digest.to_string());
    commands[2].arg(&hash).arg("mediatype").arg(kind);
    let [first, second, third] = commands;
    [(entry, first), (set, second), (hash, third)]
}

/// Cache a blob as the daemon does.
pub(crate) fn remember(connection: &mut redis::Connection, repository: &str, digest: &Digest, size: u64) {
    for (_, command) in cached(repository, digest, size) {
        command.query::<redis::Value>(connection).expect("write to our own server");
    }
}

/// Make a CA, and a certificate for 127.0.0.1 signed by it: `ca.pem`, `server.pem`, `server.key`; and one of its own,
/// as `openssl req -x509` makes them: `own.pem`, `own.key`.
pub(crate) fn make_certificates(folder: &Path) -> Option<()> {
    let program = find("openssl")?;
    let run = |line: &str| {
        let output =
            Command::new(&program).args(line.split(' ')).current_dir(folder).output().expect("run openssl");
        assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey rsa:2048 -nodes";
    let name = "-addext subjectAltName=IP:127.0.0.1";
    run(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca"));
    run(&format!("req -x509 {key} -keyout own.key -out own.pem -days 2 -subj /CN=own {name}"));
    run(&format!("req {key} -keyout server.key -out server.csr -subj /CN=server"));
    std::fs::write(folder.join("ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .expect("write ext");
    run(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.pem",
    );
    Some(())
}
