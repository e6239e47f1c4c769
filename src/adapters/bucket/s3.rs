//! S3, AWS's and that of others.

use async_trait::async_trait;
use bytes::Bytes;
use object_store::aws::AwsAuthorizer;
use object_store::client::HttpRequest;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::answers::{ContentMark, KeyPage, ListedKey, Object, WantedPage, seconds};
use super::ask::{Ask, StoreReply, encoded};
use super::credentials::{self, BucketCredentials};
use super::dialect::{Copied, Dialect, PartCopy, Unauthorized};
use super::facts::{self, Setting};
use super::fault::{NO_BUCKET, Refusal};
use super::xml::Element;
use crate::adapters::bucket_settings::{BucketSettings, Copying, S3Settings, Written};

#[derive(Debug)]
pub(super) struct S3 {
    bucket: String,
    region: String,
    credentials: BucketCredentials,
    written: Written,
    copying: Copying,
}

impl S3 {
    pub(super) fn new(
        settings: &BucketSettings,
        s3: &S3Settings,
        http: &reqwest::Client,
    ) -> Result<Self, String> {
        Ok(Self {
            bucket: settings.bucket.clone(),
            region: s3.region().to_owned(),
            credentials: credentials::of(settings, s3, http)?,
            written: s3.written.clone(),
            copying: s3.copying,
        })
    }

    /// To write what another object holds, which is still the one that was looked at.
    fn of_source(&self, to: &str, from: &str, object: &Object) -> Ask {
        let source = format!("/{}/{}", self.bucket, encoded(from, true));
        let ask = Ask::new(Method::PUT, to).header("x-amz-copy-source", source);
        ask.header("x-amz-copy-source-if-match", &*object.tag)
    }

    /// With what the registry says of every object that it writes.
    fn written(&self, mut ask: Ask) -> Ask {
        let written = &self.written;
        if let Some(key) = &written.key_id {
            ask = ask.header("x-amz-server-side-encryption", "aws:kms");
            ask = ask.header("x-amz-server-side-encryption-aws-kms-key-id", key);
        } else if written.encrypt {
            ask = ask.header("x-amz-server-side-encryption", "AES256");
        }
        if let Some(class) = &written.class {
            ask = ask.header("x-amz-storage-class", class);
        }
        if let Some(acl) = &written.acl {
            ask = ask.header("x-amz-acl", acl);
        }
        ask
    }
}

#[async_trait]
impl Dialect for S3 {
    fn hides_uploads(&self) -> bool {
        true
    }

    fn list(&self, wanted: &WantedPage<'_>) -> Ask {
        let mut ask = Ask::new(Method::GET, "").query("list-type", "2").query("encoding-type", "url");
        ask = ask.query("prefix", wanted.prefix);
        if wanted.is_shallow {
            ask = ask.query("delimiter", "/");
        }
        if wanted.token.is_empty() {
            ask.query_some("start-after", wanted.after)
        } else {
            ask.query("continuation-token", wanted.token)
        }
    }

    fn page(&self, answer: &StoreReply) -> Option<KeyPage> {
        let list = Element::named(&answer.body, "ListBucketResult")?;
        let is_encoded = list.text("EncodingType") == "url";
        let entries = list.all("Contents").map(|entry| ListedKey {
            key: decoded(entry.text("Key"), is_encoded),
            size: entry.text("Size").parse().unwrap_or_default(),
            modified: seconds(entry.text("LastModified")),
            mark: ContentMark::of_hex(entry.text("ETag")),
            tag: entry.text("ETag").into(),
        });
        let folder = |entry: &Element| decoded(entry.text("Prefix"), is_encoded);
        Some(KeyPage {
            entries: entries.collect(),
            folders: list.all("CommonPrefixes").map(folder).collect(),
            is_last: list.text("IsTruncated") != "true",
            next: list.text("NextContinuationToken").to_owned(),
        })
    }

    fn put(&self, key: &str, body: Bytes) -> Ask {
        self.written(Ask::new(Method::PUT, key).body(body))
    }

    /// Few stores compare a tag here.
    fn delete(&self, key: &str, _tag: &str) -> Ask {
        Ask::new(Method::DELETE, key)
    }

    fn copy(&self, from: &str, to: &str, object: &Object) -> Ask {
        self.written(self.of_source(to, from, object))
    }

    fn copy_in_parts(&self, from: &str, to: &str, object: &Object) -> Option<PartCopy> {
        let begin = Ask::new(Method::POST, to).query("uploads", "");
        let begin = self.written(begin.header("content-type", "application/octet-stream"));
        let (part, size, length) = (self.of_source(to, from, object), object.size, self.copying.part);
        (size > self.copying.at_once).then_some(PartCopy { begin, part, size, length })
    }

    fn copied(&self, _ask: &Ask, answer: &StoreReply) -> Option<Copied> {
        Element::named(&answer.body, "CopyObjectResult").map(|_| Copied::Whole)
    }

    fn settings(&self) -> Vec<Setting> {
        facts::s3::settings()
    }

    async fn authorize(&self, request: &mut HttpRequest) -> Result<(), Unauthorized> {
        let credential = self.credentials.get().await;
        let credential = credential.map_err(|why| Unauthorized::no_credentials(&why, credentials::HINT))?;
        let Some(credential) = credential else { return Ok(()) };
        let signed = AwsAuthorizer::new(&credential, "s3", &self.region).try_authorize(request, None);
        signed.map_err(|why| Unauthorized::unsigned(&why))
    }

    fn refusal(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Refusal {
        let error = Element::read(body).unwrap_or_default();
        let told = headers.get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
        let told = told.filter(|region| *region != self.region).unwrap_or_else(|| error.text("Region"));
        let hint = hint(status, error.text("Code"), Some(told).filter(|region| !region.is_empty()));
        Refusal::of_xml(status, &error, hint)
    }
}

/// What to type next.
fn hint(status: u16, code: &str, region: Option<&str>) -> Option<String> {
    if let (301 | 307 | 400 | 403, Some(region)) = (status, region) {
        return Some(format!(
            "the bucket is in the region `{region}`: give that, as `region` of the config or with ?region={region}"
        ));
    }
    let words = match (status, code) {
        (_, "NoSuchBucket" | "InvalidBucketName") => NO_BUCKET,
        (301 | 307, _)
        | (_, "PermanentRedirect" | "IllegalLocationConstraintException" | "AuthorizationHeaderMalformed") => {
            "the bucket is elsewhere: check region and endpoint"
        }
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken") => {
            "the credentials are not accepted: check accesskey and secretkey of the config, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY"
        }
        (_, "ExpiredToken" | "TokenRefreshRequired") => {
            "the credentials have expired: renew them, and AWS_SESSION_TOKEN with them"
        }
        (_, "RequestTimeTooSkewed") => "the clocks of this machine and of the store differ: set this one's",
        (_, "AccessDenied") | (403, _) => {
            "a check needs s3:ListBucket on the bucket and s3:GetObject on what is in it; a repair s3:PutObject and \
             s3:DeleteObject as well"
        }
        _ => return None,
    };
    Some(words.to_owned())
}

/// A key as it is.
fn decoded(text: &str, is_encoded: bool) -> Vec<u8> {
    if !is_encoded {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::fault::StoreFault;
    use super::*;

    #[test]
    fn keys_are_read_back_whatever_is_in_them() {
        assert_eq!(decoded("a/b%20c+d%2Be%00%FF", true), b"a/b c d+e\0\xff");
        assert_eq!(decoded("a%20+", false), b"a%20+");
    }

    #[test]
    fn another_region_is_named() {
        let body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        let hint = hint(400, "AuthorizationHeaderMalformed", Some("eu-west-1"));
        let refusal = Refusal::of_xml(400, &Element::read(body).unwrap(), hint);
        let StoreFault::Refused { hint: Some(hint), .. } = StoreFault::of_refusal("GET s3://b", refusal)
        else {
            panic!("it is refused")
        };
        assert!(hint.contains("?region=eu-west-1"), "{hint}");
    }
}
