//! Buckets as the drivers `s3` (by another name `s3aws`), `gcs` and `azure` are told of them.

use super::error::ConfigError;
use super::tree::ConfigTree;
use crate::adapters::bucket_settings::{
    AccessKeys, AzureCredentials, AzureSettings, BucketSettings, BucketUrlError, Copying, GcsCredentials,
    S3Settings, Vendor, Written, endpoint,
};

/// The account of the emulators, which the driver of 2.x looks for on this machine.
const EMULATED: (&str, &str) = ("devstoreaccount1", "https://127.0.0.1:10000/devstoreaccount1");

/// One driver's section.
struct Section<'a> {
    tree: &'a ConfigTree,
    name: String,
}

/// The settings of that driver's section; nothing if it is none of a bucket.
pub(super) fn read(tree: &ConfigTree, driver: &str) -> Result<Option<BucketSettings>, ConfigError> {
    let section = Section { tree, name: format!("storage.{driver}") };
    let mut settings = match driver {
        "s3" | "s3aws" => section.s3()?,
        "gcs" => section.gcs()?,
        "azure" => section.azure()?,
        _ => return Ok(None),
    };
    tree.keys(&section.name)?;
    // The daemon takes it whole, also one that ends like its own folders.
    if !settings.is_legacy() {
        let root = section.text("rootdirectory")?.unwrap_or_default();
        settings.root = root.trim_matches('/').into();
    }
    settings.may_be_empty = true;
    Ok(Some(settings))
}

impl Section<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }

    fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        self.tree.text(&self.key(name))
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, ConfigError> {
        self.tree.flag(&self.key(name))
    }

    fn count(&self, name: &str) -> Result<Option<u64>, ConfigError> {
        self.tree.count(&self.key(name))
    }

    fn refuse(&self, name: &str, why: impl Into<String>) -> ConfigError {
        ConfigError::BadBucket { path: self.tree.path.clone(), key: self.key(name), why: why.into() }
    }

    fn needed(&self, name: &str, why: &str) -> Result<String, ConfigError> {
        self.text(name)?.ok_or_else(|| self.refuse(name, why))
    }

    fn bucket(&self, name: &str, vendor: Vendor) -> Result<BucketSettings, ConfigError> {
        let what = if name == "container" { "it names no container" } else { "it names no bucket" };
        let mut settings = BucketSettings::new(vendor, self.needed(name, what)?, "");
        settings.skip_verify = self.flag("skipverify")?.unwrap_or(false);
        Ok(settings)
    }

    fn s3(&self) -> Result<BucketSettings, ConfigError> {
        if self.flag("v4auth")? == Some(false) {
            let why = "signatures of version 2 are not spoken here; use `--registry` alone";
            return Err(self.refuse("v4auth", why));
        }
        let is_encrypted = self.flag("encrypt")?.unwrap_or(false);
        let written = Written {
            encrypt: is_encrypted,
            key_id: self.text("keyid")?.filter(|_| is_encrypted),
            class: self.text("storageclass")?.filter(|class| class != "NONE"),
            acl: self.text("objectacl")?,
        };
        let usual = Copying::default();
        let copying = Copying {
            at_once: self.count("multipartcopythresholdsize")?.unwrap_or(usual.at_once),
            part: self.count("multipartcopychunksize")?.unwrap_or(usual.part),
        };
        // Where one of them is missing the daemon looks into its environment.
        let keys = self.text("accesskey")?.zip(self.text("secretkey")?);
        let vendor = Vendor::S3(S3Settings {
            region: self.text("region")?,
            path_style: self.flag("forcepathstyle")?,
            keys: keys.map(|(id, secret)| AccessKeys { id, secret: secret.into() }),
            written,
            copying,
        });
        let mut settings = self.bucket("bucket", vendor)?;
        let is_secure = self.flag("secure")?.unwrap_or(true);
        let given = self.text("regionendpoint")?.map(|text| endpoint(&text, is_secure)).transpose();
        settings.endpoint = given.map_err(|error| self.refuse("regionendpoint", error.to_string()))?;
        Ok(settings)
    }

    fn gcs(&self) -> Result<BucketSettings, ConfigError> {
        let credentials = match (self.text("keyfile")?, self.tree.json(&self.key("credentials"))?) {
            (Some(path), _) => GcsCredentials::File(path.into()),
            (None, Some(text)) => GcsCredentials::Text(text.into()),
            (None, None) => GcsCredentials::Ambient,
        };
        self.bucket("bucket", Vendor::Gcs(credentials))
    }

    /// As 3.x reads it, which refuses a section without `credentials.type`; such a one is read as 2.x does it.
    fn azure(&self) -> Result<BucketSettings, ConfigError> {
        let account = self.needed("accountname", "it names no account")?;
        let kind = self.text("credentials.type")?;
        let is_emulated = kind.is_none() && account == EMULATED.0;
        let credentials = match kind.as_deref() {
            None | Some("shared_key") => {
                let key = self.needed("accountkey", "there is no key to sign with")?;
                AzureCredentials::Key(key.into())
            }
            Some("client_secret") => AzureCredentials::Secret {
                client: self.needed("credentials.clientid", "it names no client")?,
                tenant: self.needed("credentials.tenantid", "it names no tenant")?,
                secret: self.needed("credentials.secret", "there is no secret")?.into(),
            },
            Some("default_credentials") => AzureCredentials::Ambient,
            Some(_) => {
                let why = "it is none of shared_key, client_secret and default_credentials";
                return Err(self.refuse("credentials.type", why));
            }
        };
        let vendor = Vendor::Azure(AzureSettings {
            account: Some(account),
            realm: self.text("realm")?,
            credentials,
            is_legacy: kind.is_none(),
        });
        let mut settings = self.bucket("container", vendor)?;
        let given = self.text("serviceurl")?.or_else(|| is_emulated.then(|| EMULATED.1.to_owned()));
        let given = given.map(|text| endpoint(&text, true)).transpose();
        settings.endpoint =
            given.map_err(|error: BucketUrlError| self.refuse("serviceurl", error.to_string()))?;
        Ok(settings)
    }
}
