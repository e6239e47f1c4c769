//! Buckets of all vendors.

use super::*;
use crate::adapters::bucket_settings::Vendor;

#[test]
fn a_bucket_is_read_as_the_driver_reads_it() {
    let bucket = |text: &str, variables: &[(&str, &str)]| {
        let config = with(&format!("version: 0.1\nstorage: {text}\n"), variables).unwrap();
        let StorageDriver::Bucket(bucket) = config.storage else { panic!("a bucket: {text}") };
        bucket
    };
    let plain = bucket("{s3aws: {bucket: b, region: eu-west-1, rootdirectory: /a/docker/}}", &[]);
    let s3 = |bucket: &BucketSettings| match &bucket.vendor {
        Vendor::S3(s3) => s3.clone(),
        other @ (Vendor::Gcs(_) | Vendor::Azure(_)) => panic!("S3: {other:?}"),
    };
    assert_eq!((&*plain.root, s3(&plain).region(), &plain.endpoint), ("a/docker", "eu-west-1", &None));
    assert!(s3(&plain).keys.is_none() && plain.may_be_empty);
    let text = "{s3: {bucket: b, regionendpoint: \"h:9000\", secure: false, accesskey: AK, encrypt: true, storageclass: NONE}}";
    let half = bucket(text, &[]);
    assert_eq!(half.location(), "s3://b?endpoint=http://h:9000");
    let parts = bucket(
        "{s3: {bucket: b, multipartcopythresholdsize: 33554432, multipartcopychunksize: 16777216}}",
        &[],
    );
    assert_eq!((s3(&parts).copying.at_once, s3(&parts).copying.part), (32 << 20, 16 << 20));
    assert_eq!(s3(&half).copying.at_once, 5 << 30);
    let written = &s3(&half).written;
    assert!(s3(&half).keys.is_none() && written.encrypt && written.class.is_none(), "{half:?}");
    let whole =
        bucket(text, &[("REGISTRY_STORAGE_S3_SECRETKEY", "0123"), ("REGISTRY_STORAGE_S3_BUCKET", "c")]);
    assert_eq!((&*whole.bucket, s3(&whole).keys.as_ref().map(|keys| &*keys.id)), ("c", Some("AK")));
    assert!(!format!("{whole:?}").contains("0123"), "a secret shows");
}

#[rstest]
#[case::gcs("{gcs: {bucket: b, rootdirectory: /reg/}}", "gs://b/reg", "Ambient")]
#[case::key_file("{gcs: {bucket: b, keyfile: /k.json}}", "gs://b", "File(\"/k.json\")")]
#[case::key("{gcs: {bucket: b, credentials: {private_key: s3cret}}}", "gs://b", "Text(")]
#[case::azure_2(
    "{azure: {accountname: a, accountkey: s3cret, container: c}}",
    "az://c?account=a&legacy=true",
    "Key("
)]
#[case::emulated(
    "{azure: {accountname: devstoreaccount1, accountkey: s3cret, container: c}}",
    "az://c?account=devstoreaccount1&legacy=true&endpoint=https://127.0.0.1:10000/devstoreaccount1",
    "Key("
)]
#[case::azure_3(
    "{azure: {accountname: a, accountkey: s3cret, container: c, rootdirectory: r, serviceurl: \"http://h/a\", \
     credentials: {type: shared_key}}}",
    "az://c/r?account=a&endpoint=http://h/a",
    "Key("
)]
#[case::client(
    "{azure: {accountname: a, container: c, credentials: {type: client_secret, clientid: i, tenantid: t, secret: s3cret}}}",
    "az://c?account=a",
    "Secret { client: \"i\", tenant: \"t\""
)]
#[case::ambient(
    "{azure: {accountname: a, container: c, credentials: {type: default_credentials}}}",
    "az://c?account=a",
    "Ambient"
)]
fn buckets_of_other_vendors_are_read(#[case] storage: &str, #[case] location: &str, #[case] asks: &str) {
    let config = plain(&format!("version: 0.1\nstorage: {storage}\n"));
    let StorageDriver::Bucket(bucket) = config.storage else { panic!("a bucket: {storage}") };
    let shown = format!("{:?}", bucket.vendor);
    assert_eq!(bucket.location(), location);
    assert!(shown.contains(asks) && !shown.contains("s3cret") && bucket.may_be_empty, "{shown}");
}

#[rstest]
#[case::no_bucket("{s3: {region: eu}}", "storage.s3.bucket")]
#[case::old_signatures("{s3: {bucket: b, v4auth: false}}", "storage.s3.v4auth")]
#[case::no_endpoint("{s3: {bucket: b, regionendpoint: \"ftp://h\"}}", "storage.s3.regionendpoint")]
#[case::no_gcs_bucket("{gcs: {rootdirectory: r}}", "storage.gcs.bucket")]
#[case::no_account("{azure: {container: c}}", "storage.azure.accountname")]
#[case::no_key("{azure: {accountname: a, container: c}}", "storage.azure.accountkey")]
#[case::no_container("{azure: {accountname: a, accountkey: k}}", "storage.azure.container")]
#[case::no_type("{azure: {accountname: a, credentials: {type: magic}}}", "storage.azure.credentials.type")]
fn what_is_said_of_a_bucket_and_has_no_meaning_is_named(#[case] storage: &str, #[case] wanted: &str) {
    let error = with(&format!("version: 0.1\nstorage: {storage}\n"), &[]).unwrap_err();
    assert!(matches!(&error, ConfigError::BadBucket { key, .. } if key == wanted), "{error}");
}
