//! A store that speaks S3: moto, from its folder in `target`, from `REGFSCK_TEST_MOTO` or from PATH.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regfsck::adapters::bucket_settings::{AccessKeys, BucketSettings, Vendor};

use super::program::{Running, free_port};
use super::raw::{Answer, Raw};
use super::store::{BUCKET, Store, escaped};

/// Its credentials, which moto does not check.
pub const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test-secret")];

/// A running store with one empty bucket; it is killed when dropped.
#[derive(Debug)]
pub struct Moto {
    port: u16,
    _running: Running,
}

fn program() -> Option<PathBuf> {
    let named = std::env::var_os("REGFSCK_TEST_MOTO").map(PathBuf::from);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/moto/bin/moto_server");
    let found = named.into_iter().chain([own]).find(|path| path.is_file());
    found.or_else(|| super::program::find("moto_server"))
}

impl Moto {
    /// `None` where there is no such program.
    pub fn start() -> Option<Self> {
        let program = program()?;
        for _ in 0..5 {
            let port = free_port();
            let mut command = Command::new(&program);
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env_remove("AWS_CA_BUNDLE");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if let Some(running) = Running::listening(&mut command, ("127.0.0.1", port)) {
                let moto = Self { port, _running: running };
                // Somebody else may have taken the port in between.
                if moto.send("PUT", &format!("/{BUCKET}"), b"").status == 200 {
                    return Some(moto);
                }
            }
        }
        panic!("moto does not start")
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn raw(&self) -> Raw {
        Raw::new(&self.url())
    }

    /// Ask as somebody, whose signature is not checked.
    pub fn send(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        let signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        self.raw().send(method, target, &[("Authorization", signed)], body)
    }

    fn path(key: &str) -> String {
        format!("/{BUCKET}/{}", escaped(key, true))
    }
}

impl Store for Moto {
    fn storage(&self, root: &str) -> String {
        let slash = if root.is_empty() { "" } else { "/" };
        format!("s3://{BUCKET}{slash}{root}?endpoint={}", self.url())
    }

    fn settings(&self, root: &str) -> BucketSettings {
        let mut settings = BucketSettings::of_url(&self.storage(root)).unwrap();
        let Vendor::S3(s3) = &mut settings.vendor else { panic!("{settings:?}") };
        s3.keys = Some(AccessKeys { id: "test".into(), secret: "test-secret".to_owned().into() });
        settings
    }

    fn variables(&self) -> Vec<(&'static str, &'static str)> {
        KEYS.to_vec()
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        assert_eq!(self.send("PUT", &Self::path(key), bytes).status, 200, "{key}");
    }

    fn get(&self, key: &str) -> Option<Vec<u8>> {
        let Answer { status, body, .. } = self.send("GET", &Self::path(key), b"");
        (status == 200).then_some(body)
    }

    fn delete(&self, key: &str) {
        assert_eq!(self.send("DELETE", &Self::path(key), b"").status, 204, "{key}");
    }

    /// The driver's section of a registry's configuration, indented by two.
    fn driver(&self, root: &str, has_redirect: bool) -> String {
        format!(
            "  s3:\n    region: us-east-1\n    regionendpoint: {}\n    bucket: {BUCKET}\n    rootdirectory: /{root}\n    \
             accesskey: test\n    secretkey: test-secret\n    secure: false\n    forcepathstyle: true\n  redirect:\n    \
             disable: {}\n",
            self.url(),
            !has_redirect
        )
    }
}
