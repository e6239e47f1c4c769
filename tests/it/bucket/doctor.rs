//! What the doctor says of a bucket.

use regfsck::domain::doctor::Diagnosis;

use crate::support::moto::Moto;
use crate::support::regfsck::{Ended, command};
use crate::support::store::{BUCKET, Store as _};

fn hints(moto: &Moto) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.yml");
    let text = format!(
        "version: 0.1\nstorage:\n{}  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:1\n  secret: x\n",
        moto.driver("reg", true)
    );
    std::fs::write(&config, text).unwrap();
    let ended: Ended =
        command(["doctor", "--config", config.to_str().unwrap(), "-o", "json"]).output().unwrap().into();
    let said: Diagnosis = ended.read();
    said.hints.into_iter().map(|hint| hint.code).filter(|code| code.starts_with("bucket")).collect()
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
}
