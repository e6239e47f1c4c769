//! A store that speaks as Azure's does: Azurite, from its folder in `target` or from `REGFSCK_TEST_AZURITE`, its script.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regfsck::adapters::bucket_settings::{AzureCredentials, BucketSettings, Vendor};

use super::program::{Running, find, free_port};
use super::raw::{Answer, Raw};
use super::store::{BUCKET, Store, escaped};

/// The account and the key that every Azurite knows.
pub const ACCOUNT: &str = "devstoreaccount1";
pub const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// What that key signed for whoever holds this: all rights until 2099.
pub const SIGNED: &str = "sv=2021-08-06&ss=b&srt=sco&sp=rwdlac&se=2099-01-01T00%3A00%3A00Z&sig=96c2EygB3PgwPw%2FPybbUy3WlHCPrp0h%2FIdLehWe2UEU%3D";

/// A running store with one empty container; it is killed when dropped.
#[derive(Debug)]
pub struct Azurite {
    port: u16,
    _running: Running,
}

fn script() -> Option<PathBuf> {
    let named = std::env::var_os("REGFSCK_TEST_AZURITE").map(PathBuf::from);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/azurite");
    let own = folder.join("node_modules/azurite/dist/src/blob/main.js");
    named.into_iter().chain([own]).find(|path| path.is_file())
}

impl Azurite {
    /// `None` where there is no such program.
    pub fn start() -> Option<Self> {
        let Some(script) = script() else {
            super::program::missing("azurite", "a test of object stores");
            return None;
        };
        let node = find("node")?;
        for _ in 0..5 {
            let port = free_port();
            let mut command = Command::new(&node);
            command.arg(&script).args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
            command.args([
                "--inMemoryPersistence",
                "--disableTelemetry",
                "--skipApiVersionCheck",
                "--silent",
            ]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if let Some(running) = Running::listening(&mut command, ("127.0.0.1", port)) {
                let store = Self { port, _running: running };
                // Somebody else may have taken the port in between.
                if store.send("PUT", "?restype=container&", b"").status == 201 {
                    return Some(store);
                }
            }
        }
        panic!("azurite does not start")
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    fn send(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        self.send_to(method, &format!("/{BUCKET}{target}"), body)
    }

    /// The same below the account.
    fn send_to(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        let kind = [("x-ms-blob-type", "BlockBlob"), ("x-ms-version", "2021-08-06")];
        let target = format!("/{ACCOUNT}{target}{SIGNED}");
        Raw::new(&format!("http://127.0.0.1:{}", self.port)).send(method, &target, &kind, body)
    }

    /// Let what is deleted be had back for so many days.
    pub fn keep_deleted(&self, days: u32) {
        let policy = format!(
            "<StorageServiceProperties><DeleteRetentionPolicy><Enabled>true</Enabled><Days>{days}</Days></DeleteRetentionPolicy>\
             </StorageServiceProperties>"
        );
        let set = self.send_to("PUT", "/?restype=service&comp=properties&", policy.as_bytes());
        assert_eq!(set.status, 202, "{set:?}");
    }

    fn path(key: &str) -> String {
        format!("/{}?", escaped(key, true))
    }
}

impl Store for Azurite {
    fn storage(&self, root: &str) -> String {
        let slash = if root.is_empty() { "" } else { "/" };
        format!("az://{BUCKET}{slash}{root}?endpoint={}", self.url())
    }

    fn settings(&self, root: &str) -> BucketSettings {
        let mut settings = BucketSettings::of_url(&self.storage(root)).unwrap();
        let Vendor::Azure(azure) = &mut settings.vendor else { panic!("{settings:?}") };
        azure.credentials = AzureCredentials::Key(KEY.to_owned().into());
        settings
    }

    fn variables(&self) -> Vec<(&'static str, &'static str)> {
        vec![("AZURE_STORAGE_KEY", KEY)]
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        assert_eq!(self.send("PUT", &Self::path(key), bytes).status, 201, "{key}");
    }

    fn get(&self, key: &str) -> Option<Vec<u8>> {
        let Answer { status, body, .. } = self.send("GET", &Self::path(key), b"");
        (status == 200).then_some(body)
    }

    fn delete(&self, key: &str) {
        assert_eq!(self.send("DELETE", &Self::path(key), b"").status, 202, "{key}");
    }

    fn driver(&self, root: &str, has_redirect: bool) -> String {
        format!(
            "  azure:\n    accountname: {ACCOUNT}\n    accountkey: {KEY}\n    container: {BUCKET}\n    rootdirectory: /{root}\n    \
             serviceurl: {}\n    credentials:\n      type: shared_key\n  redirect:\n    disable: {}\n",
            self.url(),
            !has_redirect
        )
    }
}
