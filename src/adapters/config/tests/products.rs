//! What products write, and what a daemon makes of what people write.

use rstest::rstest;

use super::*;

#[test]
fn what_is_in_quotes_is_no_truth() {
    for (spelling, is_on, warnings) in [
        ("true", true, 0),
        ("yes", true, 0),
        ("On", true, 0),
        ("no", false, 0),
        ("'true'", false, 1),
        ("\"yes\"", false, 1),
        ("1", false, 1),
        ("maybe", false, 1),
    ] {
        let config = plain(&file(&format!("  delete:\n    enabled: {spelling}\n")));
        assert_eq!((config.delete_enabled, config.warnings.len()), (is_on, warnings), "{spelling}");
    }
    let set = with(&file(""), &[("REGISTRY_STORAGE_DELETE_ENABLED", "true")]).unwrap();
    assert!(set.delete_enabled && set.warnings.is_empty());
}

#[test]
fn what_no_registry_knows_is_named() {
    let config = plain(&file("  delete: {enable: true}\nhttp: {addr: ':5000', hosts: x}\nproxies: {}\n"));
    let named: Vec<_> = config.unknown.iter().filter_map(|text| text.split('`').nth(1)).collect();
    assert_eq!(named, ["proxies", "storage.delete.enable", "http.hosts"]);
    assert_eq!(plain(SHIPPED_3).unknown, Vec::<String>::new());
}

#[rstest]
#[case::disabled("validation: {disabled: true}", IndexChildren::None)]
#[case::enabled_wins("validation: {disabled: true, enabled: true}", IndexChildren::All)]
#[case::nothing("validation: {enabled: false}", IndexChildren::All)]
#[case::none("validation: {manifests: {indexes: {platforms: none}}}", IndexChildren::None)]
#[case::all("validation: {manifests: {indexes: {platforms: all}}}", IndexChildren::All)]
#[case::other("validation: {manifests: {indexes: {platforms: None}}}", IndexChildren::All)]
#[case::empty_list("validation: {manifests: {indexes: {platforms: list}}}", IndexChildren::All)]
#[case::list(
    "validation: {manifests: {indexes: {platforms: list, platformlist: [{architecture: arm64, os: linux}]}}}",
    IndexChildren::Of(vec!["linux/arm64".into()])
)]
fn which_manifests_an_index_needs_is_read(#[case] text: &str, #[case] wanted: IndexChildren) {
    assert_eq!(plain(&file(text)).children, wanted);
}

/// After the template of Harbor's installer, which gives the registry such a file.
const HARBOR: &str = r"version: 0.1
log:
  level: info
  fields:
    service: registry
storage:
  cache:
    layerinfo: redis
  filesystem:
    rootdirectory: /storage
  maintenance:
    uploadpurging:
      enabled: true
      age: 168h
      interval: 24h
      dryrun: false
  delete:
    enabled: true
redis:
  addr: sentinel-1:26379,sentinel-2:26379
  sentinelMasterSet: mymaster
  readtimeout: 10s
  writetimeout: 10s
  dialtimeout: 10s
  enableTLS: false
  password: a-password
  db: 1
  pool:
    maxidle: 100
    maxactive: 500
    idletimeout: 60s
http:
  addr: :5000
  secret: placeholder
  debug:
    addr: localhost:5001
auth:
  htpasswd:
    realm: harbor-registry-basic-realm
    path: /etc/registry/passwd
validation:
  disabled: true
compatibility:
  schema1:
    enabled: true
";

/// After what GitLab's package writes to /var/opt/gitlab/registry/config.yml.
const GITLAB: &str = r#"version: 0.1
log:
  level: info
  formatter: text
  fields:
    service: registry
    environment: production
storage: {"filesystem":{"rootdirectory":"/var/opt/gitlab/gitlab-rails/shared/registry"},"cache":{"blobdescriptor":"inmemory"},"delete":{"enabled":true}}
http:
  addr: "127.0.0.1:5000"
  secret: "c2VjcmV0"
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
auth:
  token:
    realm: https://gitlab.example.com/jwt/auth
    service: container_registry
    issuer: omnibus-gitlab-issuer
    rootcertbundle: /var/opt/gitlab/registry/gitlab-registry.crt
    autoredirect: false
validation:
  disabled: false
  manifests:
    referencelimit: 0
    payloadsizelimit: 0
    urls:
      allow: []
      deny: []
"#;

/// After the config map of the chart docker-registry.
const CHART: &str = "version: 0.1
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
http:
  addr: :5000
  headers:
    X-Content-Type-Options:
    - nosniff
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
";

#[test]
fn configurations_of_products_are_read() {
    let harbor = plain(HARBOR);
    assert_eq!((root(&harbor), harbor.cache, harbor.delete_enabled), ("/storage", CacheKind::Redis, true));
    assert_eq!(harbor.children, IndexChildren::None);
    let redis = harbor.redis.unwrap();
    assert_eq!(redis.topology, RedisTopology::Sentinel("mymaster".into()));
    assert_eq!((redis.addresses.len(), redis.database), (2, 1));
    let gitlab = plain(GITLAB);
    assert_eq!(root(&gitlab), "/var/opt/gitlab/gitlab-rails/shared/registry");
    assert_eq!((gitlab.delete_enabled, &gitlab.children), (true, &IndexChildren::All));
    let variables = [
        ("REGISTRY_AUTH", "htpasswd"),
        ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
        ("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/var/lib/registry"),
        ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
        ("REGISTRY_HTTP_SECRET", "haSharedSecret"),
    ];
    let chart = with(CHART, &variables).unwrap();
    assert_eq!((root(&chart), chart.delete_enabled), ("/var/lib/registry", true));
    for config in [&gitlab, &chart] {
        assert_eq!((config.warnings.len(), &config.unknown), (0, &Vec::new()));
    }
}
