//! What is said of a bucket that speaks S3.

use std::net::IpAddr;

use secrecy::SecretString;
use url::{Host, Url};

use super::{BucketSettings, BucketUrlError};
use crate::domain::discreet::without_passwords;

/// Where buckets are that say nothing of it.
const REGION: &str = "us-east-1";

/// How S3 is spoken.
#[derive(Debug, Clone, Default)]
pub struct S3Settings {
    /// Its region.
    pub region: Option<String>,
    /// Whether its name goes into the path; unless it is said, what works follows from the endpoint.
    pub path_style: Option<bool>,
    /// What was said of who asks; otherwise the environment tells.
    pub keys: Option<AccessKeys>,
    /// How objects are written, for those that are moved.
    pub written: Written,
    /// How they are copied.
    pub copying: Copying,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct AccessKeys {
    /// `accesskey`
    pub id: String,
    /// `secretkey`
    pub secret: SecretString,
}

/// How the registry writes objects: buckets may deny anything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// `encrypt`
    pub encrypt: bool,
    /// `keyid`
    pub key_id: Option<String>,
    /// `storageclass`
    pub class: Option<String>,
    /// `objectacl`
    pub acl: Option<String>,
}

/// How objects are copied: what is too large for one piece is copied in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copying {
    /// `multipartcopythresholdsize`: no more bytes are copied in one piece. S3 itself copies no more than 5 GiB.
    pub at_once: u64,
    /// `multipartcopychunksize`: so many bytes make a part.
    pub part: u64,
}

impl Default for Copying {
    fn default() -> Self {
        Self { at_once: 5 << 30, part: 256 << 20 }
    }
}

impl S3Settings {
    /// The region that requests are signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or(REGION)
    }

    /// The URL below which the keys of that bucket are.
    ///
    /// # Errors
    /// When its name can be in none.
    pub fn base(&self, bucket: &BucketSettings) -> Result<Url, BucketUrlError> {
        let is_named_in_path =
            self.path_style.unwrap_or_else(|| bucket.endpoint.is_some() || bucket.bucket.contains('.'));
        let bad = |text: &str| BucketUrlError::BadEndpoint(without_passwords(text));
        let suffix = if self.region().starts_with("cn-") { ".cn" } else { "" };
        let at_aws = format!("https://s3.{}.amazonaws.com{suffix}/", self.region());
        let text = bucket.endpoint.as_ref().map_or(&*at_aws, Url::as_str);
        let mut url = Url::parse(text).map_err(|_error| bad(text))?;
        if is_named_in_path || is_address(&url) {
            let path = format!("{}/{}", url.path().trim_end_matches('/'), bucket.bucket);
            url.set_path(&path);
        } else {
            let host = format!("{}.{}", bucket.bucket, url.host_str().unwrap_or_default());
            url.set_host(Some(&host)).map_err(|_error| bad(&host))?;
        }
        Ok(url)
    }
}

/// No bucket's name goes before an address of numbers.
fn is_address(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => true,
        Some(Host::Domain(name)) => name == "localhost" || name.parse::<IpAddr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Vendor;
    use super::*;

    fn base(url: &str) -> String {
        let settings = BucketSettings::of_url(url).unwrap();
        let Vendor::S3(s3) = &settings.vendor else { panic!("{settings:?}") };
        s3.base(&settings).unwrap().to_string()
    }

    #[test]
    fn keys_lie_where_the_store_looks_for_them() {
        assert_eq!(base("s3://b"), "https://b.s3.us-east-1.amazonaws.com/");
        assert_eq!(base("s3://b.c?region=eu-west-1"), "https://s3.eu-west-1.amazonaws.com/b.c");
        assert_eq!(base("s3://b?region=cn-north-1"), "https://b.s3.cn-north-1.amazonaws.com.cn/");
        assert_eq!(base("s3://b?endpoint=minio.example:9000"), "https://minio.example:9000/b");
        assert_eq!(base("s3://b?endpoint=http://h/base/&path-style=false"), "http://b.h/base/");
        assert_eq!(base("s3://b?endpoint=http://127.0.0.1:1&path-style=false"), "http://127.0.0.1:1/b");
    }
}
