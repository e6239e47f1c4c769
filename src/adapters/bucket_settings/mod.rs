//! Where a bucket is and how it is spoken to, as a registry's configuration or a URL says it.

mod azure;
mod gcs;
mod s3;

use thiserror::Error;
use url::Url;

use crate::domain::discreet::without_passwords;
use crate::domain::layout;

pub use self::azure::{AzureCredentials, AzureSettings};
pub use self::gcs::GcsCredentials;
pub use self::s3::{AccessKeys, Copying, S3Settings, Written};

/// A bucket: of S3, of Google Cloud Storage, or a container of Azure.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// Its name.
    pub bucket: String,
    /// `rootdirectory`, without slashes at its ends; the tree begins at `docker/registry/v2` below it.
    pub root: String,
    /// Where it is, unless where the vendor has it.
    pub endpoint: Option<Url>,
    /// Whether any certificate is accepted.
    pub skip_verify: bool,
    /// Whether it may hold nothing yet: a registry's configuration names it.
    pub may_be_empty: bool,
    /// What it speaks.
    pub vendor: Vendor,
}

/// What a bucket speaks, and what only that has.
#[derive(Debug, Clone)]
pub enum Vendor {
    /// S3, AWS's or another's.
    S3(S3Settings),
    /// Google Cloud Storage.
    Gcs(GcsCredentials),
    /// Azure Blob Storage, where a bucket is called a container.
    Azure(AzureSettings),
}

impl Vendor {
    /// The scheme of URLs that name such buckets.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        match self {
            Self::S3(_) => "s3",
            Self::Gcs(_) => "gs",
            Self::Azure(_) => "az",
        }
    }

    /// What a URL may say of such a bucket.
    const fn parameters(&self) -> &'static str {
        match self {
            Self::S3(_) => "endpoint, region, path-style and insecure",
            Self::Gcs(_) => "endpoint and insecure",
            Self::Azure(_) => "account, endpoint, legacy and insecure",
        }
    }
}

/// Why a URL names no bucket.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BucketUrlError {
    /// Nothing stands for the bucket.
    #[error(
        "`{0}` names no bucket; write it like s3://BUCKET, gs://BUCKET/ROOT, az://CONTAINER?account=NAME or s3://BUCKET?endpoint=http://HOST:PORT"
    )]
    NoBucket(String),
    /// The endpoint is no URL.
    #[error("`{0}` is no endpoint: give its URL, such as https://s3.example.org")]
    BadEndpoint(String),
    /// Credentials do not belong in what is shown and logged.
    #[error(
        "a URL of a bucket holds no credentials: set the vendor's variables, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give --config"
    )]
    Credentials,
    /// Something unknown behind the question mark.
    #[error("`{0}` is no setting of such a bucket's URL; there are {1}")]
    Unknown(String, &'static str),
    /// A setting that holds something else.
    #[error("`{0}` must be true or false")]
    NotBoolean(&'static str),
}

impl BucketSettings {
    /// A bucket of that name, with nothing else said.
    #[must_use]
    pub fn new(vendor: Vendor, bucket: String, root: &str) -> Self {
        let root = driver_root(root).to_owned();
        Self { bucket, root, endpoint: None, skip_verify: false, may_be_empty: false, vendor }
    }

    /// Whether a text is meant to be the URL of a bucket.
    #[must_use]
    pub fn is_url(text: &str) -> bool {
        vendor(text).is_some()
    }

    /// The bucket of a URL: `s3://BUCKET[/ROOT][?endpoint=URL&region=NAME&path-style=BOOL&insecure=BOOL]`,
    /// `gs://BUCKET[/ROOT][?endpoint=URL]` or `az://CONTAINER[/ROOT][?account=NAME&endpoint=URL]`.
    ///
    /// # Errors
    /// When it names none, or holds what has no meaning there.
    pub fn of_url(text: &str) -> Result<Self, BucketUrlError> {
        let no_bucket = || BucketUrlError::NoBucket(without_passwords(text));
        let (vendor, rest) = vendor(text).ok_or_else(no_bucket)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        if place.contains('@') {
            return Err(BucketUrlError::Credentials);
        }
        let (bucket, root) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(no_bucket());
        }
        let mut settings = Self::new(vendor, bucket.to_owned(), root);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            settings.set(&name, &value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), BucketUrlError> {
        let parameters = self.vendor.parameters();
        match (name, &mut self.vendor) {
            ("endpoint", _) => self.endpoint = Some(endpoint(value, true)?),
            ("insecure", _) => self.skip_verify = truth("insecure", value)?,
            ("region", Vendor::S3(s3)) if !value.is_empty() => s3.region = Some(value.to_owned()),
            ("path-style", Vendor::S3(s3)) => s3.path_style = Some(truth("path-style", value)?),
            ("account", Vendor::Azure(azure)) if !value.is_empty() => azure.account = Some(value.to_owned()),
            ("legacy", Vendor::Azure(azure)) => azure.is_legacy = truth("legacy", value)?,
            // A shared access signature is a credential: its parts are shown nowhere.
            ("sig" | "sv" | "se" | "sp", _) => return Err(BucketUrlError::Credentials),
            (_, Vendor::S3(_) | Vendor::Gcs(_) | Vendor::Azure(_)) => {
                return Err(BucketUrlError::Unknown(name.to_owned(), parameters));
            }
        }
        Ok(())
    }

    /// Where it is, for people and to be typed again, without secrets.
    #[must_use]
    pub fn location(&self) -> String {
        let slash = if self.root.is_empty() { "" } else { "/" };
        let mut location = format!("{}://{}{slash}{}", self.vendor.scheme(), self.bucket, self.root);
        let mut said = Vec::new();
        if let Vendor::Azure(azure) = &self.vendor {
            said.extend(azure.account.as_ref().map(|account| format!("account={account}")));
            said.extend(azure.is_legacy.then(|| "legacy=true".to_owned()));
        }
        let endpoint = self.endpoint.as_ref().map(|endpoint| endpoint.as_str().trim_end_matches('/'));
        said.extend(endpoint.map(|endpoint| format!("endpoint={endpoint}")));
        if !said.is_empty() {
            location = format!("{location}?{}", said.join("&"));
        }
        location
    }

    /// What stands before every key of the registry, with a slash at its end.
    #[must_use]
    pub fn prefix(&self) -> String {
        let slash = if self.root.is_empty() && !self.is_legacy() { "" } else { "/" };
        format!("{}{slash}{}/", self.root, layout::ROOT)
    }

    /// Whether names begin with a slash, as the Azure driver of 2.x wrote them.
    #[must_use]
    pub const fn is_legacy(&self) -> bool {
        matches!(&self.vendor, Vendor::Azure(azure) if azure.is_legacy)
    }
}

/// What the scheme of a URL stands for, and the rest.
fn vendor(text: &str) -> Option<(Vendor, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let vendor = match scheme {
        "s3" => Vendor::S3(S3Settings::default()),
        "gs" => Vendor::Gcs(GcsCredentials::default()),
        "az" => Vendor::Azure(AzureSettings::default()),
        _ => return None,
    };
    Some((vendor, rest))
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

    #[test]
    fn a_url_names_bucket_root_and_endpoint() {
        let settings =
            BucketSettings::of_url("s3://b/deep/reg/?endpoint=http://127.0.0.1:9000&region=eu").unwrap();
        let Vendor::S3(s3) = &settings.vendor else { panic!("{settings:?}") };
        assert_eq!((&*settings.bucket, &*settings.root, s3.region()), ("b", "deep/reg", "eu"));
        assert_eq!(settings.location(), "s3://b/deep/reg?endpoint=http://127.0.0.1:9000");
        for root in ["", "/", "/docker", "/docker/registry/v2/"] {
            assert_eq!(BucketSettings::of_url(&format!("s3://b{root}")).unwrap().location(), "s3://b");
        }
        assert_eq!(BucketSettings::of_url("s3://b/my-docker").unwrap().root, "my-docker");
        for url in [
            "gs://b/reg?endpoint=http://127.0.0.1:1",
            "az://c/reg?account=a",
            "az://c?account=a&legacy=true&endpoint=http://127.0.0.1:1/a",
        ] {
            assert_eq!(BucketSettings::of_url(url).unwrap().location(), url);
        }
    }

    #[test]
    fn only_the_old_azure_driver_begins_names_with_a_slash() {
        let prefix = |url| BucketSettings::of_url(url).unwrap().prefix();
        assert_eq!((prefix("gs://b"), prefix("az://c/reg")), (prefix("s3://b"), prefix("gs://b/reg")));
        assert_eq!(prefix("az://c?legacy=true"), format!("/{}/", layout::ROOT));
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
            ("gs://b?region=eu", "there are endpoint and insecure"),
            ("az://c?path-style=true", "there are account"),
            ("az://c?sv=2023&sig=secret@", "holds no credentials"),
            ("s3://b?insecure=maybe", "must be true or false"),
        ] {
            let why = BucketSettings::of_url(url).unwrap_err().to_string();
            assert!(why.contains(wanted) && !why.contains("secret@"), "{url}: {why}");
        }
    }
}
