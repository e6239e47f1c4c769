//! Where a bucket is and how it is spoken to, as a registry's configuration or a URL says it.

use std::net::IpAddr;

use secrecy::SecretString;
use thiserror::Error;
use url::{Host, Url};

use crate::domain::discreet::without_passwords;
use crate::domain::layout;

/// The scheme of such URLs.
const SCHEME: &str = "s3://";
/// Where buckets are that say nothing of it.
const REGION: &str = "us-east-1";

/// A bucket that speaks S3.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// Its name.
    pub bucket: String,
    /// `rootdirectory`, without slashes at its ends; the tree begins at `docker/registry/v2` below it.
    pub root: String,
    /// Its region.
    pub region: Option<String>,
    /// Where it is, unless at AWS.
    pub endpoint: Option<Url>,
    /// Whether its name goes into the path; unless it is said, what works follows from the endpoint.
    pub path_style: Option<bool>,
    /// Whether any certificate is accepted.
    pub skip_verify: bool,
    /// What was said of who asks; otherwise the environment tells.
    pub keys: Option<AccessKeys>,
    /// How objects are written, for those that are moved.
    pub written: Written,
    /// Whether it may hold nothing yet: a registry's configuration names it.
    pub may_be_empty: bool,
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

/// Why a URL names no bucket.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BucketUrlError {
    /// Nothing stands for the bucket.
    #[error(
        "`{0}` names no bucket; write it like s3://BUCKET, s3://BUCKET/ROOT or s3://BUCKET?endpoint=http://HOST:PORT"
    )]
    NoBucket(String),
    /// The endpoint is no URL.
    #[error("`{0}` is no endpoint: give its URL, such as https://s3.example.org")]
    BadEndpoint(String),
    /// Credentials do not belong in what is shown and logged.
    #[error(
        "a URL of a bucket holds no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give --config"
    )]
    Credentials,
    /// Something unknown behind the question mark.
    #[error("`{0}` is no setting of a bucket's URL; there are endpoint, region, path-style and insecure")]
    Unknown(String),
    /// A setting that holds something else.
    #[error("`{0}` must be true or false")]
    NotBoolean(&'static str),
}

impl BucketSettings {
    /// A bucket of that name, with nothing else said.
    #[must_use]
    pub fn new(bucket: String, root: &str) -> Self {
        Self {
            bucket,
            root: driver_root(root).to_owned(),
            region: None,
            endpoint: None,
            path_style: None,
            skip_verify: false,
            keys: None,
            written: Written::default(),
            may_be_empty: false,
        }
    }

    /// Whether a text is meant to be the URL of a bucket.
    #[must_use]
    pub fn is_url(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The bucket of a URL: `s3://BUCKET[/ROOT][?endpoint=URL&region=NAME&path-style=BOOL&insecure=BOOL]`.
    ///
    /// # Errors
    /// When it names none, or holds what has no meaning there.
    pub fn of_url(text: &str) -> Result<Self, BucketUrlError> {
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        if place.contains('@') {
            return Err(BucketUrlError::Credentials);
        }
        let (bucket, root) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(BucketUrlError::NoBucket(without_passwords(text)));
        }
        let mut settings = Self::new(bucket.to_owned(), root);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "endpoint" => settings.endpoint = Some(endpoint(&value, true)?),
                "region" if !value.is_empty() => settings.region = Some(value.into_owned()),
                "path-style" => settings.path_style = Some(truth("path-style", &value)?),
                "insecure" => settings.skip_verify = truth("insecure", &value)?,
                _ => return Err(BucketUrlError::Unknown(name.into_owned())),
            }
        }
        Ok(settings)
    }

    /// Where it is, for people and to be typed again, without secrets.
    #[must_use]
    pub fn location(&self) -> String {
        let slash = if self.root.is_empty() { "" } else { "/" };
        let endpoint = self
            .endpoint
            .as_ref()
            .map(|endpoint| format!("?endpoint={}", endpoint.as_str().trim_end_matches('/')));
        format!("{SCHEME}{}{slash}{}{}", self.bucket, self.root, endpoint.unwrap_or_default())
    }

    /// The region that requests are signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or(REGION)
    }

    /// The URL below which its keys are.
    ///
    /// # Errors
    /// When its name can be in none.
    pub fn base(&self) -> Result<Url, BucketUrlError> {
        let is_named_in_path =
            self.path_style.unwrap_or_else(|| self.endpoint.is_some() || self.bucket.contains('.'));
        let bad = |text: &str| BucketUrlError::BadEndpoint(without_passwords(text));
        let suffix = if self.region().starts_with("cn-") { ".cn" } else { "" };
        let at_aws = format!("https://s3.{}.amazonaws.com{suffix}/", self.region());
        let text = self.endpoint.as_ref().map_or(&*at_aws, Url::as_str);
        let mut url = Url::parse(text).map_err(|_error| bad(text))?;
        if is_named_in_path || is_address(&url) {
            let path = format!("{}/{}", url.path().trim_end_matches('/'), self.bucket);
            url.set_path(&path);
        } else {
            let host = format!("{}.{}", self.bucket, url.host_str().unwrap_or_default());
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

/// The endpoint of that text, which the daemon takes with a scheme or without.
///
/// # Errors
/// When it is none.
pub fn endpoint(text: &str, is_secure: bool) -> Result<Url, BucketUrlError> {
    let bad = || BucketUrlError::BadEndpoint(without_passwords(text));
    let scheme = if is_secure { "https" } else { "http" };
    let whole = if text.contains("://") { text.to_owned() } else { format!("{scheme}://{text}") };
    let url = Url::parse(&whole).map_err(|_error| bad())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BucketUrlError::Credentials);
    }
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_http.then_some(url).ok_or_else(bad)
}

/// The `rootdirectory` that a path leads into: any folder down to `docker/registry/v2` stands for it.
fn driver_root(path: &str) -> &str {
    let path = path.trim_matches('/');
    let mut tail = Some(layout::ROOT);
    while let Some(level) = tail {
        if let Some(root) = path.strip_suffix(level)
            && (root.is_empty() || root.ends_with('/'))
        {
            return root.trim_end_matches('/');
        }
        tail = level.rsplit_once('/').map(|(above, _)| above);
    }
    path
}

fn truth(name: &'static str, text: &str) -> Result<bool, BucketUrlError> {
    match text {
        "true" | "1" | "yes" | "" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(BucketUrlError::NotBoolean(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> String {
        BucketSettings::of_url(url).unwrap().base().unwrap().to_string()
    }

    #[test]
    fn a_url_names_bucket_root_and_endpoint() {
        let settings =
            BucketSettings::of_url("s3://b/deep/reg/?endpoint=http://127.0.0.1:9000&region=eu").unwrap();
        assert_eq!((&*settings.bucket, &*settings.root, settings.region()), ("b", "deep/reg", "eu"));
        assert_eq!(settings.location(), "s3://b/deep/reg?endpoint=http://127.0.0.1:9000");
        for root in ["", "/", "/docker", "/docker/registry/v2/"] {
            assert_eq!(BucketSettings::of_url(&format!("s3://b{root}")).unwrap().location(), "s3://b");
        }
        assert_eq!(BucketSettings::of_url("s3://b/my-docker").unwrap().root, "my-docker");
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

    #[test]
    fn what_is_no_bucket_is_refused_without_its_secrets() {
        for (url, wanted) in [
            ("s3://", "names no bucket"),
            ("s3://?endpoint=http://h", "names no bucket"),
            ("s3://AK:secret@b", "holds no credentials"),
            ("s3://b?endpoint=http://AK:secret@h", "holds no credentials"),
            ("s3://b?endpoint=ftp://h", "is no endpoint"),
            ("s3://b?endpoint=http://AK:secret@", "is no endpoint"),
            ("s3:///?endpoint=http://AK:secret@h", "names no bucket"),
            ("s3://b?endpont=http://h", "is no setting"),
            ("s3://b?insecure=maybe", "must be true or false"),
        ] {
            let why = BucketSettings::of_url(url).unwrap_err().to_string();
            assert!(why.contains(wanted) && !why.contains("secret@"), "{url}: {why}");
        }
    }
}
