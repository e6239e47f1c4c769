//! Hints about the bucket that a registry's data is in.

use super::{Doctor, Settings};
use crate::domain::code::Severity;
use crate::domain::counted::counted;

/// What is set of the bucket that the registry's data is in; `None` where that is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketFacts {
    /// Whether uploads that are not ended are aborted after some days.
    pub aborts_uploads: Option<bool>,
    /// Whether objects of the registry are deleted by their age.
    pub expires: Option<bool>,
    /// Whether what is deleted stays as a version.
    pub keeps_versions: Option<bool>,
    /// Whether versions are deleted by their age.
    pub ends_versions: Option<bool>,
    /// For so many days what is deleted can be had back.
    pub restores: Option<u64>,
    /// Whether objects are encrypted under a key service, so that listings tell no MD5 sums.
    pub hides_sums: Option<bool>,
}

impl BucketFacts {
    /// Enter what else is known.
    pub fn learn(&mut self, more: &Self) {
        *self = Self {
            aborts_uploads: more.aborts_uploads.or(self.aborts_uploads),
            expires: more.expires.or(self.expires),
            keeps_versions: more.keeps_versions.or(self.keeps_versions),
            ends_versions: more.ends_versions.or(self.ends_versions),
            restores: more.restores.or(self.restores),
            hides_sums: more.hides_sums.or(self.hides_sums),
        };
    }
}

impl Doctor {
    pub(super) fn bucket(&mut self, settings: &Settings) {
        let bucket = &settings.bucket;
        if bucket.expires == Some(true) {
            self.say(
                "bucket-expires",
                Severity::Warning,
                "",
                "a lifecycle rule deletes objects by their age, and the registry does not know of it: layers and links of images in use go",
                "take the rule away, or let it be on other keys than the registry's: what no image needs is for garbage collection",
            );
        }
        if bucket.aborts_uploads == Some(false) {
            self.note_of_bucket(
                "bucket-keeps-uploads",
                "uploads that were never ended stay in the bucket: they are in no listing, the registry does not see them, and they are paid for",
                "add a lifecycle rule `AbortIncompleteMultipartUpload` of some days to the bucket",
            );
        }
        if bucket.hides_sums == Some(true) {
            self.note_of_bucket(
                "bucket-hides-sums",
                "objects are encrypted under a key service, so that listings tell no MD5 sums: a check reads each link by a request of its own",
                "nothing, if that is cheap enough; else give --max-requests N, or encrypt with the bucket's own keys (SSE-S3)",
            );
        }
        self.what_was_deleted(bucket);
        if settings.redirects == Some(true) {
            self.say(
                "bucket-redirects",
                Severity::Note,
                "storage.redirect.disable",
                "whoever asks for a blob is sent on to the bucket: what the daemon claims tells no size, so a check asks the store as well, by one more request for each blob; where the store does not let it, it is not known what a client gets",
                "let regfsck run where it reaches the store as clients do, or set `storage.redirect.disable: true`; all bytes pass through the daemon then",
            );
        }
    }

    fn what_was_deleted(&mut self, bucket: &BucketFacts) {
        if bucket.keeps_versions == Some(true) && bucket.ends_versions == Some(false) {
            self.note_of_bucket(
                "bucket-keeps-versions",
                "the bucket keeps a version of all that is deleted: what was collected can be had back, and garbage collection frees nothing",
                "add a lifecycle rule that deletes old versions after as many days as you want to be able to go back (`NoncurrentVersionExpiration` on S3, `daysSinceNoncurrentTime` with Google)",
            );
        }
        if let Some(days) = bucket.restores.filter(|days| *days > 0) {
            let days = counted(days, "day");
            let why = format!(
                "what is deleted can be had back for {days}, and is paid for as long: garbage collection frees nothing before"
            );
            let change = "nothing, if that is meant; what should not have gone is restored by the store's own tools, and then seen by a check";
            self.note_of_bucket("bucket-soft-delete", why, change);
        }
    }

    fn note_of_bucket(&mut self, code: &str, why: impl Into<String>, change: &str) {
        self.say(code, Severity::Note, "", why, change);
    }
}
