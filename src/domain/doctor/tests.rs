use super::*;

fn codes(settings: &Settings) -> Vec<String> {
    diagnose(settings).into_iter().map(|hint| hint.code).collect()
}

#[test]
fn what_is_not_known_gives_no_hint() {
    assert_eq!(codes(&Settings::default()), Vec::<String>::new());
}

#[test]
fn a_cache_is_a_hint_and_deletes_make_it_better() {
    let daemon = DaemonSettings {
        delete: Some(false),
        read_only: Some(false),
        proxy: Some(false),
        cache: CacheKind::InMemory,
        ..DaemonSettings::default()
    };
    let mut settings = Settings { daemon, purges_uploads: Some(true), ..Settings::default() };
    assert_eq!(codes(&settings), ["cache-with-gc", "delete-disabled", "no-read-only-window"]);
    settings.daemon.delete = Some(true);
    settings.daemon.read_only = Some(true);
    assert_eq!(codes(&settings), ["cache-with-gc", "read-only"]);
    settings.daemon.proxy = Some(true);
    assert_eq!(codes(&settings), ["cache-with-gc", "proxy-with-cache", "read-only"]);
}

#[test]
fn redis_must_be_able_to_forget() {
    let info = |maxmemory, policy: &str| CacheInfo {
        maxmemory: Some(maxmemory),
        eviction: Some(policy.into()),
        ..CacheInfo::default()
    };
    for (maxmemory, policy, severity) in [
        (0, "noeviction", Some(Severity::Note)),
        (1, "noeviction", Some(Severity::Warning)),
        (1, "volatile-lru", Some(Severity::Warning)),
        (1, "allkeys-lru", None),
    ] {
        let settings = Settings { redis: Some(info(maxmemory, policy)), ..Settings::default() };
        let hint = diagnose(&settings).into_iter().next();
        assert_eq!(hint.map(|hint| hint.severity), severity, "{policy}");
    }
}

#[test]
fn faults_are_told_of_the_versions_that_have_them() {
    let of = |version| codes(&Settings { version: Some(version), ..Settings::default() });
    assert!(of((2, 8, 3)).contains(&"fault-gc-breaks-indexes".to_owned()));
    assert_eq!(of((3, 1, 0)), ["fault-delete-by-tag", "fault-schema1", "fault-swallowed-manifest"]);
    assert_eq!(of((3, 2, 0)), ["fault-schema1"]);
}

#[test]
fn a_bucket_is_a_hint_where_it_keeps_what_nobody_sees() {
    let of = |bucket| codes(&Settings { bucket, ..Settings::default() });
    let bad = BucketFacts {
        aborts_uploads: Some(false),
        expires: Some(true),
        keeps_versions: Some(true),
        ends_versions: Some(false),
        restores: Some(7),
        hides_sums: Some(true),
    };
    let all = [
        "bucket-expires",
        "bucket-hides-sums",
        "bucket-keeps-uploads",
        "bucket-keeps-versions",
        "bucket-soft-delete",
    ];
    assert_eq!(of(bad.clone()), all);
    let good = BucketFacts {
        aborts_uploads: Some(true),
        expires: Some(false),
        keeps_versions: Some(true),
        ends_versions: Some(true),
        restores: Some(0),
        hides_sums: Some(false),
    };
    assert_eq!(of(good), Vec::<String>::new());
    // Whether versions end is not told: nothing is said of them.
    assert_eq!(of(BucketFacts { ends_versions: None, ..bad }).len(), 4);
    let redirects = |redirects| codes(&Settings { redirects: Some(redirects), ..Settings::default() });
    assert_eq!((redirects(true), redirects(false)), (vec!["bucket-redirects".to_owned()], Vec::new()));
}
