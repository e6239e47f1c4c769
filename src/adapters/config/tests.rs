//! Forms of configurations that are out there, each with what it means.

use super::*;
use rstest::rstest;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

mod buckets;
mod products;

/// Debian's package and the 2.8 example.
const EXAMPLE_2: &str = "version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
auth:
  htpasswd:
    realm: basic-realm
    path: /etc/registry
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

/// What the 3.x image ships.
const SHIPPED_3: &str = "version: 0.1
log:
  level: debug
  fields:
    service: registry
    environment: development
storage:
    delete:
      enabled: true
    cache:
        blobdescriptor: inmemory
    filesystem:
        rootdirectory: /var/lib/registry
    maintenance:
        uploadpurging:
            enabled: false
    tag:
      concurrencylimit: 8
http:
    addr: :5000
    debug:
        addr: :5001
        prometheus:
            enabled: true
            path: /metrics
    headers:
        X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

/// A file that holds the version, a storage and `rest`.
fn file(rest: &str) -> String {
    format!("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /data\n{rest}")
}

fn with(text: &str, environment: &[(&str, &str)]) -> Result<RegistryConfig, ConfigError> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    RegistryConfig::from_text(Path::new("config.yml"), text, environment)
}

fn plain(text: &str) -> RegistryConfig {
    with(text, &[]).unwrap()
}

fn root(config: &RegistryConfig) -> &str {
    match &config.storage {
        StorageDriver::Filesystem { root } => root.to_str().unwrap(),
        StorageDriver::Bucket(bucket) => &bucket.bucket,
        StorageDriver::Unsupported { name, .. } => name,
    }
}

#[test]
fn the_shipped_files_are_read() {
    let two = plain(EXAMPLE_2);
    assert_eq!((root(&two), two.endpoint.url()), ("/var/lib/registry", Ok("http://127.0.0.1:5000/")));
    assert_eq!((two.delete_enabled, two.cache), (false, CacheKind::InMemory));
    assert!(two.upload_purging.enabled && !two.read_only && two.proxy.is_none() && two.redis.is_none());
    let three = plain(SHIPPED_3);
    assert_eq!((three.delete_enabled, three.upload_purging.enabled), (true, false));
    assert_eq!(three.catalog_max_entries, 1000);
    assert_eq!(three.warnings, Vec::<String>::new());
}

#[test]
fn everything_that_matters_is_read() {
    let config = plain(
        "version: '0.1'
storage:
  filesystem:
  delete: {enabled: yes}
  redirect: {disable: true}
  cache: {layerinfo: redis}
  maintenance:
    readonly: {enabled: on}
    uploadpurging: {enabled: true, age: 1h30m, interval: 5m, dryrun: true}
http:
  addr: 10.1.2.3:443
  prefix: /hub/
  host: https://registry.example.com
  secret: sesame
  tls: {certificate: /c.pem, key: /k.pem}
redis: {addr: 'cache:6379', password: 0123, db: 4}
proxy: {remoteurl: 'https://user:secret@registry.example.com', ttl: 0}
auth: {token: {realm: 'https://auth.example.com/token', service: s, issuer: i}}
catalog: {maxentries: 50}
database: {enabled: prefer}
",
    );
    assert_eq!(
        (root(&config), config.endpoint.url()),
        ("/var/lib/registry", Ok("https://10.1.2.3:443/hub/"))
    );
    assert!(config.delete_enabled && config.read_only);
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let purging = UploadPurging { enabled: true, age: minutes(90), interval: minutes(5), dry_run: true };
    assert_eq!((config.upload_purging, config.cache), (purging, CacheKind::Redis));
    let proxy = Proxy { remote_url: "https://registry.example.com/".into(), ttl: None };
    assert_eq!((config.proxy, config.has_http_secret), (Some(proxy), true));
    assert_eq!((config.catalog_max_entries, config.database_enabled), (50, true));
    let redis = config.redis.unwrap();
    assert_eq!((redis.addresses, redis.database), (vec!["cache:6379".to_owned()], 4));
    assert_eq!(redis.password.unwrap().expose_secret(), "0123");
}

#[rstest]
#[case::two("redis: {addr: 'a:1'}", &["a:1"], RedisTopology::Single, None)]
#[case::three("redis: {addrs: ['a:1'], username: u, password: p}", &["a:1"], RedisTopology::Single, None)]
#[case::cluster("redis: {addrs: ['a:1', 'b:2']}", &["a:1", "b:2"], RedisTopology::Cluster, None)]
#[case::sentinel(
    "redis: {addrs: [a:1, b:2], mastername: m, sentinelpassword: 1e5}", &["a:1", "b:2"],
    RedisTopology::Sentinel("m".into()), None)]
#[case::options("redis: {options: {addrs: ['a:1'], db: 3}}", &["a:1"], RedisTopology::Single, None)]
#[case::tls_of_3_0("redis: {addrs: ['a:1'], tls: {certificate: c, key: k, clientcas: [x, y]}}", &["a:1"],
    RedisTopology::Single, Some((Some("c"), Some("k"), vec!["x", "y"])))]
#[case::tls_of_3_1("redis: {addrs: ['a:1'], tls: {rootcas: x}}", &["a:1"],
    RedisTopology::Single, Some((None, None, vec!["x"])))]
fn redis_is_read_in_every_form(
    #[case] text: &str,
    #[case] addresses: &[&str],
    #[case] topology: RedisTopology,
    #[case] tls: Option<(Option<&str>, Option<&str>, Vec<&str>)>,
) {
    let redis = plain(&file(text)).redis.unwrap();
    assert_eq!(redis.addresses, addresses);
    assert_eq!(redis.topology, topology);
    let tls = tls.map(|(certificate, key, authorities)| RedisTlsConfig {
        certificate: certificate.map(Into::into),
        key: key.map(Into::into),
        authorities: authorities.into_iter().map(Into::into).collect(),
    });
    assert_eq!(redis.tls, tls);
}

#[test]
fn secrets_are_not_shown() {
    let text =
        file("redis: {addr: 'a:1', password: hunter2, sentinelpassword: hunter2}\nhttp: {secret: hunter2}\n");
    assert!(!format!("{:?}", plain(&text)).contains("hunter2"));
    let error = with(&file("redis: {addr: 'a:1', password: [hunter2]}"), &[]).unwrap_err();
    assert_eq!(error.to_string(), "`redis.password` in `config.yml` must be a text, and is a list");
}

#[rstest]
#[case::one_key(&[("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/other")], "/other")]
#[case::a_section_is_replaced(&[("REGISTRY_STORAGE_FILESYSTEM", "{rootdirectory: /other}")], "/other")]
#[case::all_of_it(&[("REGISTRY_STORAGE", "{filesystem: {rootdirectory: /other}}")], "/other")]
#[case::a_name_alone(&[("REGISTRY_STORAGE", "filesystem")], "/var/lib/registry")]
#[case::the_whole_before_its_parts(
    &[("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/part"), ("REGISTRY_STORAGE", "filesystem")], "/part")]
#[case::another_driver(&[("REGISTRY_STORAGE", "{s3: {bucket: b}}")], "b")]
#[case::lower_case_is_no_override(&[("REGISTRY_storage_filesystem_rootdirectory", "/other")], "/data")]
#[case::empty_is_the_default(&[("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "")], "/var/lib/registry")]
#[case::other_variables(&[("REGISTRY_FOO", "{"), ("PATH", "/bin"), ("REGISTRY_", "")], "/data")]
fn the_environment_overrides(#[case] environment: &[(&str, &str)], #[case] wanted: &str) {
    assert_eq!(root(&with(&file(""), environment).unwrap()), wanted);
}

#[test]
fn the_environment_reaches_every_section() {
    let environment = [
        ("REGISTRY_HTTP_ADDR", "127.0.0.1:5005"),
        ("REGISTRY_HTTP_TLS_CERTIFICATE", "/c.pem"),
        ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
        ("REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR", "redis"),
        ("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{\"enabled\": true}"),
        ("REGISTRY_REDIS_ADDR", "cache:6379"),
        ("REGISTRY_REDIS_PASSWORD", "0123"),
        ("REGISTRY_REDIS_DB", "7"),
        ("REGISTRY_PROXY_REMOTEURL", "https://registry.example.com"),
        ("REGISTRY_AUTH", "htpasswd"),
        ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry"),
    ];
    let config = with("version: 0.1\nstorage: filesystem\n", &environment).unwrap();
    assert_eq!(config.endpoint.url(), Ok("https://127.0.0.1:5005/"));
    assert!(config.delete_enabled && config.read_only && config.proxy.is_some());
    assert_eq!(config.cache, CacheKind::Redis);
    let redis = config.redis.unwrap();
    assert_eq!((redis.password.unwrap().expose_secret(), redis.database), ("0123", 7));
    assert_eq!(config.warnings, Vec::<String>::new());
    let lists = [("REGISTRY_REDIS_OPTIONS_ADDRS", "[a:1, b:2]"), ("REGISTRY_REDIS_OPTIONS_DB", "2")];
    let redis = with(&file(""), &lists).unwrap().redis.unwrap();
    assert_eq!((redis.topology, redis.database), (RedisTopology::Cluster, 2));
}

#[test]
fn what_the_daemon_ignores_is_ignored_and_said() {
    let read_only = [("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true")];
    let set = with(&file("  maintenance: {readonly: {enabled: false}}\n"), &read_only).unwrap();
    assert!(!set.read_only);
    assert_eq!(set.warnings.len(), 2);
    let unset = with(&file(""), &read_only).unwrap();
    assert_eq!((unset.read_only, unset.warnings.len()), (true, 1));
    let cache = with(&file("  cache: {blobdescriptor: memcached}\n"), &[]).unwrap();
    assert_eq!((cache.cache, cache.warnings.len()), (CacheKind::None, 1));
}

#[rstest]
#[case::swift("swift: {container: c}", "swift")]
#[case::oss("oss: {bucket: b}", "oss")]
#[case::in_memory("inmemory:", "inmemory")]
#[case::unheard_of("tape: {}", "tape")]
fn drivers_that_cannot_be_looked_at_are_named(#[case] driver: &str, #[case] wanted: &str) {
    let config = plain(&format!("version: 0.1\nstorage:\n  {driver}\n  delete: {{enabled: true}}\n"));
    assert!(matches!(config.storage, StorageDriver::Unsupported { name, .. } if name == wanted));
}

#[rstest]
#[case::empty("", "`config.yml` is empty")]
#[case::comments("# nothing\n---\n", "`config.yml` is empty")]
#[case::a_list(
    "- a\n",
    "`config.yml` is not the configuration of a registry: it holds a list, not keys and values"
)]
#[case::prose(
    "hello there",
    "`config.yml` is not the configuration of a registry: it holds another text, not keys and values"
)]
#[case::no_version(
    "storage: {filesystem: {}}",
    "`config.yml` is not the configuration of a registry: it has no `version: 0.1`"
)]
#[case::version_2(
    "version: 2\n",
    "`config.yml` is not the configuration of a registry: its `version` is not 0.1"
)]
#[case::no_storage("version: 0.1\n", "`storage` in `config.yml` names no storage driver")]
#[case::two_drivers(
    "version: 0.1\nstorage: {filesystem: {}, s3: {}}",
    "`storage` in `config.yml` names several storage drivers: filesystem, s3"
)]
#[case::storage_is_a_list(
    "version: 0.1\nstorage: [a]",
    "`storage` in `config.yml` must be a section, and is a list"
)]
#[case::read_only_is_a_text(
    "version: 0.1\nstorage: {filesystem: {}, maintenance: {readonly: {enabled: maybe}}}",
    "`storage.maintenance.readonly.enabled` in `config.yml` must be true or false, and is another text"
)]
#[case::read_only_is_in_quotes(
    "version: 0.1\nstorage: {filesystem: {}, maintenance: {readonly: {enabled: 'yes'}}}",
    "`storage.maintenance.readonly.enabled` in `config.yml` must be true or false, and is another text"
)]
#[case::age(
    "version: 0.1\nstorage: {filesystem: {}, maintenance: {uploadpurging: {age: 7d}}}",
    "`storage.maintenance.uploadpurging.age` in `config.yml` must be a duration such as 168h, and is another text"
)]
#[case::address_is_a_section(
    "version: 0.1\nstorage: {filesystem: {}}\nhttp: {addr: {a: b}}",
    "`http.addr` in `config.yml` must be a text, and is a section"
)]
fn errors_name_file_and_key(#[case] text: &str, #[case] wanted: &str) {
    assert_eq!(with(text, &[]).unwrap_err().to_string(), wanted);
}

#[test]
fn errors_name_the_variable() {
    let error = with(&file(""), &[("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "perhaps")]).unwrap_err();
    let wanted = "`storage.maintenance.readonly.enabled` in `config.yml` (from `REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED`) \
                  must be true or false, and is another text";
    assert_eq!(error.to_string(), wanted);
    let error = with(&file(""), &[("REGISTRY_STORAGE_DELETE", "{enabled")]).unwrap_err();
    assert!(
        matches!(error, ConfigError::BadOverride { variable, .. } if variable == "REGISTRY_STORAGE_DELETE")
    );
    let error = with(&file(""), &[("REGISTRY_STORAGE_S3_BUCKET", "b")]).unwrap_err();
    assert!(matches!(error, ConfigError::NotOneDriver { found, .. } if found == ["filesystem", "s3"]));
}

#[rstest]
#[case::unclosed("version: {")]
#[case::tabs("version: 0.1\nstorage:\n\tfilesystem: {}\n")]
#[case::an_alias_to_nothing("version: *a")]
#[case::a_bomb(
    "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]\ng: [*f, *f, *f, *f, *f, *f, *f, *f, *f]\n"
)]
fn what_is_no_yaml_is_refused(#[case] text: &str) {
    assert!(matches!(with(text, &[]), Err(ConfigError::NotYaml { .. })), "{:?}", with(text, &[]));
}

#[test]
fn deep_nesting_ends() {
    assert!(with(&"[".repeat(200_000), &[]).is_err());
    assert!(with(&format!("version: 0.1\na: {}{}", "[".repeat(5000), "]".repeat(5000)), &[]).is_err());
}

#[test]
fn merges_and_anchors_work() {
    let text = "version: 0.1\nx: &common {rootdirectory: /merged}\nstorage:\n  filesystem:\n    <<: *common\n    maxthreads: 5\n";
    assert_eq!(root(&plain(text)), "/merged");
}

#[test]
fn where_it_listens_is_read() {
    let socket = plain(&file("http: {net: unix, addr: /run/registry.sock}\n"));
    assert_eq!(socket.endpoint, Endpoint::UnixSocket("/run/registry.sock".into()));
    assert!(socket.endpoint.url().unwrap_err().contains("`/run/registry.sock`"));
    assert!(plain(&file("")).endpoint.url().is_err());
    let encrypted =
        plain(&file("http: {addr: ':443', tls: {letsencrypt: {cachefile: /c, email: a@example.com}}}\n"));
    assert_eq!(encrypted.endpoint.url(), Ok("https://127.0.0.1:443/"));
}

/// Load what `make` puts into a folder.
fn load(make: impl FnOnce(&Path) -> PathBuf) -> Result<RegistryConfig, ConfigError> {
    let folder = TempDir::new().unwrap();
    RegistryConfig::load(&make(folder.path()), std::iter::empty())
}

fn written(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("config.yml");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn files_that_are_no_configuration_are_refused() {
    assert_eq!(root(&load(|folder| written(folder, EXAMPLE_2.as_bytes())).unwrap()), "/var/lib/registry");
    assert!(matches!(load(|folder| folder.join("none")), Err(ConfigError::NoSuchFile { .. })));
    assert!(matches!(load(|folder| written(folder, b"a").join("b")), Err(ConfigError::NoSuchFile { .. })));
    assert!(matches!(load(Path::to_owned), Err(ConfigError::NotAFile { what: "a folder", .. })));
    assert!(matches!(load(|_| "/dev/zero".into()), Err(ConfigError::NotAFile { .. })));
    assert!(matches!(load(|folder| written(folder, b"")), Err(ConfigError::Empty { .. })));
    assert!(matches!(load(|folder| written(folder, &[0; 100])), Err(ConfigError::NotText { .. })));
    assert!(matches!(load(|folder| written(folder, &[0x7f, b'E', 0xff])), Err(ConfigError::NotText { .. })));
    let huge = |folder: &Path| {
        let path = written(folder, b"");
        File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        path
    };
    assert!(matches!(load(huge), Err(ConfigError::TooLarge { .. })));
}

#[test]
fn the_first_place_with_something_is_taken() {
    let folder = TempDir::new().unwrap();
    let there = written(folder.path(), b"");
    let nowhere = folder.path().join("none/config.yml");
    assert_eq!(RegistryConfig::discover([&nowhere, &there]), Ok(there));
    let error = RegistryConfig::discover([&nowhere]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("no registry configuration was found; tried `{}`", nowhere.display())
    );
    assert_eq!(error, NotFound(vec![nowhere]));
}
