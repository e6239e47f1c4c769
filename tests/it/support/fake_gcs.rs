//! A store that speaks as Google's does: fake-gcs-server, from its folder in `target`, from `REGFSCK_TEST_FAKE_GCS` or from
//! PATH.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regfsck::adapters::bucket_settings::BucketSettings;
use tempfile::TempDir;

use super::google::{Names, Proxy};
use super::program::{Running, find, free_port};
use super::raw::{Answer, Raw};
use super::store::{BUCKET, Store, escaped};

/// Where Google has it.
const HOST: &str = "storage.googleapis.com";

/// A running store with one empty bucket; it is killed when dropped.
#[derive(Debug)]
pub struct FakeGcs {
    port: u16,
    /// Where it answers to Google's names, too.
    google: Option<Google>,
    _running: Running,
}

/// What leads Google's names to a store.
#[derive(Debug)]
struct Google {
    folder: TempDir,
    names: Names,
    proxy: Proxy,
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
            if let Some(store) = Self::with_bucket(&mut command, port, None) {
                return Some(store);
            }
        }
        panic!("fake-gcs-server does not start")
    }

    /// The same under Google's own names, for the registry's driver, which knows no others. `None` where `openssl` is missing, too.
    pub fn as_google() -> Option<Self> {
        let program = program()?;
        let folder = TempDir::new().unwrap();
        let names = Names::made_in(folder.path())?;
        let (port, secure) = (free_port(), free_port());
        let google = Google { proxy: Proxy::to(secure), names, folder };
        std::fs::write(google.key_file(), google.names.key_file(&google.proxy)).unwrap();
        let mut command = Command::new(&program);
        command.args(["-scheme", "both", "-host", "127.0.0.1", "-backend", "memory"]);
        command.args(["-port", &secure.to_string(), "-port-http", &port.to_string()]);
        command.args(["-public-host", HOST, "-external-url", &format!("https://{HOST}")]);
        command.arg("-cert-location").arg(&google.names.pair.certificate);
        command.arg("-private-key-location").arg(&google.names.pair.key);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let store = Self::with_bucket(&mut command, port, Some(google));
        Some(store.expect("fake-gcs-server does not start"))
    }

    /// Somebody else may have taken the port in between: nothing then.
    fn with_bucket(command: &mut Command, port: u16, google: Option<Google>) -> Option<Self> {
        let running = Running::listening(command, ("127.0.0.1", port))?;
        let store = Self { port, google, _running: running };
        let bucket = format!(r#"{{"name":"{BUCKET}"}}"#);
        let made = store.send("POST", "/storage/v1/b?project=test", bucket.as_bytes());
        (made.status == 200).then_some(store)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn send(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        Raw::new(&self.url()).send(method, target, &[("Content-Type", "application/json")], body)
    }

    fn path(key: &str) -> String {
        format!("/storage/v1/b/{BUCKET}/o/{}", escaped(key, false))
    }
}

impl Google {
    fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.json")
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
        let google = self.google.as_ref().expect("the driver knows no names but Google's");
        format!(
            "  gcs:\n    bucket: {BUCKET}\n    rootdirectory: /{root}\n    keyfile: {}\n  redirect:\n    disable: {}\n",
            google.key_file().display(),
            !has_redirect
        )
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        self.google.as_ref().map(|google| google.names.environment(&google.proxy)).unwrap_or_default()
    }

    /// The store does not check who signed it.
    fn follow(&self, url: &str) -> Option<Vec<u8>> {
        let place = url.strip_prefix(&format!("https://{HOST}/{BUCKET}/"))?;
        let key = place.split('?').next()?.replace("%2F", "/").replace("%3A", ":");
        self.get(&key)
    }
}
