//! `storage.s3` or, the same driver by another name, `storage.s3aws`.

use super::error::ConfigError;
use super::tree::ConfigTree;
use crate::adapters::bucket_settings::{AccessKeys, BucketSettings, Written, endpoint};

/// The settings of that section.
pub(super) fn read(tree: &ConfigTree, driver: &str) -> Result<BucketSettings, ConfigError> {
    let key = |key: &str| format!("storage.{driver}.{key}");
    let refuse =
        |name: &str, why: String| ConfigError::BadBucket { path: tree.path.clone(), key: key(name), why };
    tree.keys(&format!("storage.{driver}"))?;
    let text = |name: &str| tree.text(&key(name));
    let bucket = text("bucket")?.ok_or_else(|| refuse("bucket", "it names no bucket".to_owned()))?;
    let mut settings = BucketSettings::new(bucket, "");
    // The daemon takes it whole, also one that ends like its own folders.
    let root = text("rootdirectory")?.unwrap_or_default();
    settings.root = root.trim_matches('/').into();
    settings.region = text("region")?;
    let is_secure = tree.flag(&key("secure"))?.unwrap_or(true);
    let given = text("regionendpoint")?.map(|text| endpoint(&text, is_secure)).transpose();
    settings.endpoint = given.map_err(|error| refuse("regionendpoint", error.to_string()))?;
    settings.path_style = tree.flag(&key("forcepathstyle"))?;
    settings.skip_verify = tree.flag(&key("skipverify"))?.unwrap_or(false);
    if tree.flag(&key("v4auth"))? == Some(false) {
        let why = "signatures of version 2 are not spoken here; use `--registry` alone".to_owned();
        return Err(refuse("v4auth", why));
    }
    // Where one of them is missing the daemon looks into its environment.
    settings.keys = text("accesskey")?
        .zip(text("secretkey")?)
        .map(|(id, secret)| AccessKeys { id, secret: secret.into() });
    settings.written = Written {
        encrypt: tree.flag(&key("encrypt"))?.unwrap_or(false),
        key_id: text("keyid")?.filter(|_| tree.flag(&key("encrypt")).ok().flatten().unwrap_or(false)),
        class: text("storageclass")?.filter(|class| class != "NONE"),
        acl: text("objectacl")?,
    };
    settings.may_be_empty = true;
    Ok(settings)
}
