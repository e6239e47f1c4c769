//! A store that speaks as Google's does: fake-gcs-server, from its folder in `target`, from `REGFSCK_TEST_FAKE_GCS` or from
//! PATH.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regfsck::adapters::bucket_settings::BucketSettings;

use super::program::{Running, find, free_port};
use super::raw::{Answer, Raw};
use super::store::{BUCKET, Store, escaped};

/// A running store with one empty bucket; it is killed when dropped.
#[derive(Debug)]
pub struct FakeGcs {
    port: u16,
    _running: Running,
}

fn program() -> Option<PathBuf> {
    let named = std::env::var_os("REGFSCK_TEST_FAKE_GCS").map(PathBuf::from);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fake-gcs-server");
    named.into_iter().chain([own]).find(|path| path.is_file()).or_else(|| find("fake-gcs-server"))
}

impl FakeGcs {
    /// `None` where there is no such program.
    pub fn start() -> Option<Self> {
        let program = program()?;
        for _ in 0..5 {
            let port = free_port();
            let mut command = Command::new(&program);
            command.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port.to_string()]);
            command.args(["-backend", "memory", "-public-host", &format!("127.0.0.1:{port}")]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if let Some(running) = Running::listening(&mut command, ("127.0.0.1", port)) {
                let store = Self { port, _running: running };
                let bucket = format!(r#"{{"name":"{BUCKET}"}}"#);
                // Somebody else may have taken the port in between.
                if store.send("POST", "/storage/v1/b?project=test", bucket.as_bytes()).status == 200 {
                    return Some(store);
                }
            }
        }
        panic!("fake-gcs-server does not start")
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn send(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        Raw::new(&self.url()).send(method, target, &[("Content-Type", "application/json")], body)
    }

    fn path(key: &str) -> String {
        format!("/storage/v1/b/{BUCKET}/o/{}", escaped(key, false))
    }
}

impl Store for FakeGcs {
    fn storage(&self, root: &str) -> String {
        let slash = if root.is_empty() { "" } else { "/" };
        format!("gs://{BUCKET}{slash}{root}?endpoint={}", self.url())
    }

    /// It asks nobody who they are, but a key without a token says so.
    fn settings(&self, root: &str) -> BucketSettings {
        use regfsck::adapters::bucket_settings::{GcsCredentials, Vendor};
        let key =
            r#"{"private_key":"none","private_key_id":"none","client_email":"none","disable_oauth":true}"#;
        let mut settings = BucketSettings::of_url(&self.storage(root)).unwrap();
        settings.vendor = Vendor::Gcs(GcsCredentials::Text(key.to_owned().into()));
        settings
    }

    fn variables(&self) -> Vec<(&'static str, &'static str)> {
        vec![("GOOGLE_SKIP_SIGNATURE", "true")]
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        let target = format!("/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={}", escaped(key, false));
        assert_eq!(self.send("POST", &target, bytes).status, 200, "{key}");
    }

    fn get(&self, key: &str) -> Option<Vec<u8>> {
        let Answer { status, body, .. } = self.send("GET", &format!("{}?alt=media", Self::path(key)), b"");
        (status == 200).then_some(body)
    }

    fn delete(&self, key: &str) {
        assert_eq!(self.send("DELETE", &Self::path(key), b"").status, 200, "{key}");
    }

    fn driver(&self, root: &str, has_redirect: bool) -> String {
        format!(
            "  gcs:\n    bucket: {BUCKET}\n    rootdirectory: /{root}\n  redirect:\n    disable: {}\n",
            !has_redirect
        )
    }
}
