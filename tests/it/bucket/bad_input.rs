//! What users type wrong about buckets.

use super::run_s3 as run;
use crate::support::moto::Moto;
use crate::support::regfsck::command;
use crate::support::store::{BUCKET, Store as _};

#[test]
fn a_bucket_that_cannot_be_is_refused_with_what_to_type() {
    for (storage, wanted) in [
        ("s3://", "s3://BUCKET"),
        ("s3://b?endpoint=nonsense://x", "is no endpoint"),
        ("s3://AKIA:hidden@b", "AWS_SECRET_ACCESS_KEY"),
        ("s3://b?region", "there are endpoint"),
        ("s3://b?endpoint=http://AKIA:hidden@", "is no endpoint"),
        ("gs://", "gs://BUCKET"),
        ("gs://b?region=eu", "there are endpoint"),
        ("gcs://b", "gs://BUCKET"),
        ("az://container", "account=NAME"),
        ("az://container?sig=hidden", "holds no credentials"),
        ("azure://container", "az://CONTAINER"),
        ("swift://b", "in OpenStack Swift"),
        ("oss://b", "in Alibaba Cloud OSS"),
        ("https://me:hidden@h", "--registry URL"),
        ("file:///srv", "without `file://`"),
        ("ftp://h/x", "--storage s3://BUCKET"),
    ] {
        let ended = run(["check", "--storage", storage]);
        let is_said = ended.stderr.contains(wanted);
        assert!(ended.status == 2 && is_said && !ended.stderr.contains("hidden"), "{storage}: {ended:?}");
    }
}

#[test]
fn a_bucket_that_is_not_there_or_no_registrys_is_said_so() {
    let Some(moto) = Moto::start() else { return };
    let ended = run(["check", "--storage", &moto.storage("")]);
    assert_eq!(ended.status, 2, "{ended:?}");
    assert!(ended.stderr.contains("is not the storage root of a registry"), "{}", ended.stderr);
    let ended = run(["check", "--storage", &moto.storage("").replace(BUCKET, "another")]);
    assert_eq!(ended.status, 2, "{ended:?}");
    assert!(ended.stderr.contains("NoSuchBucket"), "{}", ended.stderr);
}

#[test]
fn a_store_that_is_not_there_is_incomplete() {
    let ended = run(["check", "--storage", "s3://b?endpoint=http://127.0.0.1:1", "-o", "json"]);
    assert_eq!(ended.status, 3, "{ended:?}");
    let unknown = &ended.report().coverage.unknown;
    assert_eq!(unknown.len(), 1, "{unknown:?}");
}

#[test]
fn without_credentials_it_is_said_where_they_come_from() {
    let storage = "s3://b?endpoint=http://127.0.0.1:1";
    let mut checked = command(["check", "--storage", storage]);
    let output = checked
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
        .output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(said.contains("AWS_PROFILE"), "{said}");
}
