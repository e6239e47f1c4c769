//! From the tree of values to what matters of it.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::error::ConfigError;
use super::known;
use super::tree::ConfigTree;
use super::{
    CacheKind, IndexChildren, Proxy, RegistryConfig, StorageDriver, UploadPurging, bucket, endpoint, redis,
};

const HOUR: Duration = Duration::from_secs(3600);

/// Keys of `storage` that are no drivers; `tag` since 3.0.
const NO_DRIVERS: &[&str] = &["maintenance", "cache", "delete", "redirect", "tag"];

pub(super) fn read(tree: &ConfigTree, mut warnings: Vec<String>) -> Result<RegistryConfig, ConfigError> {
    check_version(tree)?;
    let storage = storage(tree)?;
    let cache = cache(tree, &mut warnings)?;
    let redis = redis::read(tree)?;
    if cache == CacheKind::Redis && redis.is_none() {
        warnings.push(
            "`storage.cache` names redis, but `redis` names no server: the daemon will not start".into(),
        );
    }
    let delete_enabled = delete(tree, &mut warnings)?;
    Ok(RegistryConfig {
        path: tree.path.clone(),
        storage,
        endpoint: endpoint::read(tree)?,
        public_url: tree.text("http.host")?,
        metrics: endpoint::metrics(tree)?,
        delete_enabled,
        redirect_disabled: tree.flag("storage.redirect.disable")?.unwrap_or(false),
        unknown: known::unknown(&tree.root),
        read_only: tree.flag("storage.maintenance.readonly.enabled")?.unwrap_or(false),
        upload_purging: upload_purging(tree)?,
        cache,
        redis,
        proxy: proxy(tree)?,
        children: children(tree)?,
        has_http_secret: tree.has_text("http.secret")?,
        notifies: tree.has_items("notifications.endpoints"),
        catalog_max_entries: tree.count("catalog.maxentries")?.unwrap_or(1000),
        database_enabled: database(tree)?,
        warnings,
    })
}

/// The daemon reads nothing without a version, and every version so far is 0.1.
fn check_version(tree: &ConfigTree) -> Result<(), ConfigError> {
    let why = match tree.text("version")?.as_deref() {
        Some("0.1") => return Ok(()),
        Some(_) => "its `version` is not 0.1",
        None => "it has no `version: 0.1`",
    };
    Err(ConfigError::NotARegistry { path: tree.path.clone(), why: why.into() })
}

fn storage(tree: &ConfigTree) -> Result<StorageDriver, ConfigError> {
    let keys = tree.keys("storage")?;
    let drivers: Vec<&str> = keys.into_iter().filter(|key| !NO_DRIVERS.contains(key)).collect();
    match drivers.as_slice() {
        ["filesystem"] => {
            tree.keys("storage.filesystem")?;
            let root = tree.text("storage.filesystem.rootdirectory")?;
            Ok(StorageDriver::Filesystem { root: root.unwrap_or_else(|| "/var/lib/registry".into()).into() })
        }
        [name] => Ok(match bucket::read(tree, name)? {
            Some(bucket) => StorageDriver::Bucket(bucket.into()),
            None => StorageDriver::Unsupported { name: (*name).to_owned(), why: unsupported(name) },
        }),
        several => Err(ConfigError::NotOneDriver {
            path: tree.path.clone(),
            found: several.iter().map(|name| (*name).to_owned()).collect(),
        }),
    }
}

pub(super) fn unsupported(name: &str) -> String {
    let what = match name {
        "inmemory" => {
            return "the registry keeps its data in its own memory; use `--registry` alone".into();
        }
        "swift" => "in OpenStack Swift",
        "oss" => "in Alibaba Cloud OSS",
        _ => return format!("regfsck knows no storage driver `{name}`; use `--registry` alone"),
    };
    format!(
        "the registry keeps its data {what}, where regfsck cannot look yet; use `--registry` alone, or `--storage` with a copy on disk"
    )
}

/// What is neither true nor false, such as `"true"` in quotes, the daemon takes for false without a word.
fn delete(tree: &ConfigTree, warnings: &mut Vec<String>) -> Result<bool, ConfigError> {
    tree.keys("storage.delete")?;
    let key = "storage.delete.enabled";
    Ok(tree.flag(key).map_or_else(
        |_| {
            let what = "is neither true nor false (without quotes)";
            warnings.push(format!("`{key}` {what}, and the daemon takes it for false: it refuses deletes"));
            false
        },
        |flag| flag.unwrap_or(false),
    ))
}

/// `layerinfo` is the old name, read only where the new one is absent.
fn cache(tree: &ConfigTree, warnings: &mut Vec<String>) -> Result<CacheKind, ConfigError> {
    let keys = tree.keys("storage.cache")?;
    let key = ["blobdescriptor", "layerinfo"].into_iter().find(|key| keys.contains(key));
    let Some(key) = key.map(|key| format!("storage.cache.{key}")) else { return Ok(CacheKind::None) };
    Ok(match tree.text(&key)?.as_deref() {
        Some("inmemory") => CacheKind::InMemory,
        Some("redis") => CacheKind::Redis,
        Some(other) => {
            warnings.push(format!("`{key}` is `{other}`, which the daemon does not know: it caches nothing"));
            CacheKind::None
        }
        None => CacheKind::None,
    })
}

fn upload_purging(tree: &ConfigTree) -> Result<UploadPurging, ConfigError> {
    let key = |key: &str| format!("storage.maintenance.uploadpurging.{key}");
    Ok(UploadPurging {
        enabled: tree.flag(&key("enabled"))?.unwrap_or(true),
        age: tree.duration(&key("age"))?.unwrap_or(168 * HOUR),
        interval: tree.duration(&key("interval"))?.unwrap_or(24 * HOUR),
        dry_run: tree.flag(&key("dryrun"))?.unwrap_or(false),
    })
}

fn proxy(tree: &ConfigTree) -> Result<Option<Proxy>, ConfigError> {
    tree.keys("proxy")?;
    let Some(remote) = tree.text("proxy.remoteurl")? else { return Ok(None) };
    let ttl = tree.duration("proxy.ttl")?.unwrap_or(168 * HOUR);
    Ok(Some(Proxy { remote_url: without_secrets(&remote), ttl: (!ttl.is_zero()).then_some(ttl) }))
}

fn without_secrets(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.rsplit('@').next().unwrap_or_default().to_owned() };
    // Both refuse only URLs that cannot hold a user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// As 3.x does it: `enabled` wins over `disabled`, and of a list that is empty every platform is wanted.
fn children(tree: &ConfigTree) -> Result<IndexChildren, ConfigError> {
    let is_off = tree.flag("validation.disabled")?.unwrap_or(false);
    let is_on = tree.flag("validation.enabled")?.unwrap_or(false);
    if is_off && !is_on {
        return Ok(IndexChildren::None);
    }
    let key = "validation.manifests.indexes";
    Ok(match tree.text(&format!("{key}.platforms"))?.as_deref() {
        Some("none") => IndexChildren::None,
        Some("list") => {
            let platforms = tree.sections(&format!("{key}.platformlist"))?;
            let text = |section: &Map<String, Value>, key| {
                section.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let name = |it: &&Map<String, Value>| format!("{}/{}", text(it, "os"), text(it, "architecture"));
            let platforms: Vec<String> = platforms.iter().map(name).collect();
            if platforms.is_empty() { IndexChildren::All } else { IndexChildren::Of(platforms) }
        }
        _ => IndexChildren::All,
    })
}

/// GitLab's registry 4 takes `prefer` beside true and false: the database wherever there is one.
fn database(tree: &ConfigTree) -> Result<bool, ConfigError> {
    let key = "database.enabled";
    Ok(match tree.text(key)?.as_deref() {
        Some("prefer") => true,
        _ => tree.flag(key)?.unwrap_or(false),
    })
}
