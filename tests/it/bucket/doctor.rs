//! What the doctor says of a bucket.

use regfsck::domain::bucket_setting::BucketSetting;
use regfsck::domain::doctor::Diagnosis;
use regfsck::domain::limit::Limit;
use rstest::rstest;

use super::Kind;
use crate::support::azurite::Azurite;
use crate::support::fake_gcs::FakeGcs;
use crate::support::moto::Moto;
use crate::support::regfsck::{Ended, command};
use crate::support::store::{BUCKET, Store};

fn diagnosis(store: &dyn Store, has_redirect: bool) -> Diagnosis {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.yml");
    let text = format!(
        "version: 0.1\nstorage:\n{}  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:1\n  secret: x\n",
        store.driver("reg", has_redirect)
    );
    std::fs::write(&config, text).unwrap();
    let words = ["doctor", "--config", config.to_str().unwrap(), "-o", "json"];
    let ended: Ended = command(words).envs(store.environment()).output().unwrap().into();
    ended.read()
}

fn hints(store: &dyn Store) -> Vec<String> {
    let said = diagnosis(store, false);
    said.hints.into_iter().map(|hint| hint.code).filter(|code| code.starts_with("bucket")).collect()
}

/// What its store does not tell of a bucket, and the right that it takes.
fn untold(said: Diagnosis) -> Vec<(BucketSetting, Option<String>)> {
    let of = |limit| match limit {
        Limit::BucketUntold { setting, right } => Some((setting, right)),
        _ => None,
    };
    said.limits.0.into_iter().filter_map(of).collect()
}

#[test]
fn the_doctor_says_what_is_set_of_a_bucket() {
    let Some(moto) = Moto::start() else { return };
    assert_eq!(hints(&moto), ["bucket-keeps-uploads"]);
    let set = |setting: &str, xml: &str| {
        assert_eq!(
            moto.send("PUT", &format!("/{BUCKET}?{setting}"), xml.as_bytes()).status,
            200,
            "{setting}"
        );
    };
    set(
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>a</ID><Prefix></Prefix><Status>Enabled</Status><AbortIncompleteMultipartUpload>\
         <DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>",
    );
    set("versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
    set(
        "encryption",
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
         </ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
    );
    assert_eq!(hints(&moto), ["bucket-hides-sums", "bucket-keeps-versions"]);
    set(
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>a</ID><Filter><Prefix>reg/</Prefix></Filter><Status>Enabled</Status><Expiration>\
         <Days>30</Days></Expiration></Rule></LifecycleConfiguration>",
    );
    let all = ["bucket-expires", "bucket-hides-sums", "bucket-keeps-uploads", "bucket-keeps-versions"];
    assert_eq!(hints(&moto), all);
    assert_eq!(untold(diagnosis(&moto, false)), []);
}

#[test]
fn the_doctor_says_what_google_tells_of_a_bucket() {
    let Some(store) = FakeGcs::as_google() else { return };
    assert_eq!(hints(&store), Vec::<String>::new());
    let versions = r#"{"versioning":{"enabled":true}}"#;
    assert_eq!(store.send("PATCH", &format!("/storage/v1/b/{BUCKET}"), versions.as_bytes()).status, 200);
    assert_eq!(hints(&store), ["bucket-keeps-versions"]);
    assert_eq!(untold(diagnosis(&store, false)), []);
}

#[test]
fn the_doctor_says_what_azure_tells_and_what_it_does_not() {
    let Some(store) = Azurite::start() else { return };
    assert_eq!(hints(&store), Vec::<String>::new());
    store.keep_deleted(14);
    assert_eq!(hints(&store), ["bucket-soft-delete"]);
    let said = untold(diagnosis(&store, false));
    assert_eq!(said, [(BucketSetting::Lifecycle, None), (BucketSetting::Versioning, None)]);
}

#[rstest]
fn the_doctor_says_what_redirects_mean(#[values(Kind::S3, Kind::Gcs, Kind::Azure)] kind: Kind) {
    let store = if kind == Kind::Gcs {
        FakeGcs::as_google().map(|store| Box::new(store) as Box<dyn Store>)
    } else {
        kind.start()
    };
    let Some(store) = store else { return };
    for has_redirect in [true, false] {
        let said = diagnosis(&*store, has_redirect);
        assert_eq!(said.hints.iter().any(|hint| hint.code == "bucket-redirects"), has_redirect);
    }
}
