//! nginx in front of daemons.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::program::{Running, find, free_port};

/// A running nginx that balances over its upstreams. It is stopped when dropped.
pub(crate) struct Nginx {
    _dir: TempDir,
    port: u16,
    _running: Running,
}

impl Nginx {
    /// Start it in front of `upstreams` (`HOST:PORT`), with more directives for the server; `None` where it is missing.
    pub(crate) fn start(upstreams: &[String], directives: &str) -> Option<Self> {
        let port = free_port();
        let servers = format!("server {};", upstreams.join("; server "));
        let size = if directives.contains("client_max_body_size") { "" } else { "client_max_body_size 0;" };
        let servers = format!(
            "upstream daemons {{ {servers} }}\n\
             server {{ listen 127.0.0.1:{port}; {size} {directives}\n\
             location / {{ proxy_pass http://daemons; proxy_set_header Host $http_host; }} }}\n"
        );
        Self::serving(&servers, ("127.0.0.1", port))
    }

    /// Start it with these `server` and `upstream` blocks, one of which listens there.
    pub(crate) fn serving(servers: &str, listens: (&str, u16)) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let root = dir.path().display();
        let config = format!(
            "daemon off; master_process off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;\n\
             fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
             {servers} }}\n"
        );
        let file = dir.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(find("nginx")?);
        command.args(["-e", "stderr", "-p"]).arg(dir.path()).arg("-c").arg(&file);
        let running = Running::listening(command.stdin(Stdio::null()).stderr(Stdio::null()), listens);
        Some(Self { _dir: dir, port: listens.1, _running: running.expect("nginx ended at once") })
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
