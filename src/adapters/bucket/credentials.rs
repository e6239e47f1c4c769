//! Who asks S3: what the configuration says, else what the environment tells.
//!
//! ```text
//! config ─► AWS_ACCESS_KEY_ID ─► web identity, ECS, EKS ─► profile ─► the machine's own role
//! ```

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AwsCredential, AwsCredentialProvider};
use object_store::client::{ClientOptions, HttpClient, HttpConnector};
use object_store::{RetryConfig, StaticCredentialProvider};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::adapters::bucket_settings::{BucketSettings, S3Settings};
use crate::adapters::children::keep_to_ourselves;
use crate::adapters::files::read_any;

/// What to do where there are none.
pub(super) const HINT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give --config with accesskey \
    and secretkey";
/// More than anybody's profiles take.
const LARGEST: u64 = 1 << 20;
/// What says so of a bucket that anybody may read.
const UNSIGNED: &str = "AWS_SKIP_SIGNATURE";

/// What requests are signed with.
#[derive(Debug)]
pub(super) enum BucketCredentials {
    Of(AwsCredentialProvider),
    /// Nobody's: requests are not signed.
    Nobody,
}

impl BucketCredentials {
    pub(super) async fn get(&self) -> Result<Option<Arc<AwsCredential>>, String> {
        match self {
            Self::Of(provider) => {
                provider.get_credential().await.map(Some).map_err(|error| error.to_string())
            }
            Self::Nobody => Ok(None),
        }
    }

    fn fixed(credential: AwsCredential) -> Self {
        Self::Of(Arc::new(StaticCredentialProvider::new(credential)))
    }
}

/// Those for this bucket; `http` asks for those of the machine.
pub(super) fn of(
    settings: &BucketSettings,
    s3: &S3Settings,
    http: &reqwest::Client,
) -> Result<BucketCredentials, String> {
    if let Some(keys) = &s3.keys {
        return Ok(BucketCredentials::fixed(AwsCredential {
            key_id: keys.id.clone(),
            secret_key: keys.secret.expose_secret().to_owned(),
            token: None,
        }));
    }
    if is_set(UNSIGNED) {
        return Ok(BucketCredentials::Nobody);
    }
    let told = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
    let is_told = told.iter().any(|name| variable(name).is_some())
        || variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some();
    if !is_told && let Some(credential) = of_profile()? {
        return Ok(BucketCredentials::fixed(credential));
    }
    let builder = AmazonS3Builder::from_env()
        .with_bucket_name(&settings.bucket)
        .with_region(s3.region())
        .with_retry(retry())
        .with_http_connector(Own(http.clone()));
    let store = builder.build().map_err(|error| error.to_string())?;
    Ok(BucketCredentials::Of(Arc::clone(store.credentials())))
}

/// Our own client, for whoever tells credentials.
#[derive(Debug)]
pub(super) struct Own(pub(super) reqwest::Client);

impl HttpConnector for Own {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// How often who tells credentials is asked: nobody waits long for a machine that has none.
pub(super) fn retry() -> RetryConfig {
    RetryConfig { max_retries: 2, retry_timeout: Duration::from_secs(10), ..RetryConfig::default() }
}

pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a variable says so.
pub(super) fn is_set(name: &str) -> bool {
    variable(name).is_some_and(|value| value != "false" && value != "0")
}

/// Those of `AWS_PROFILE`, or of the default profile where there is one.
fn of_profile() -> Result<Option<AwsCredential>, String> {
    let named = variable("AWS_PROFILE");
    let profile = named.as_deref().unwrap_or("default");
    let path = variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
    let path = path.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".aws/credentials")));
    let text = path.and_then(|path| read_any(&path, LARGEST).ok()).unwrap_or_default();
    let text = String::from_utf8(text).unwrap_or_default();
    match (fixed(&text, profile), named) {
        (Some(credential), _) => Ok(Some(credential)),
        (None, Some(profile)) => exported(&profile).map(Some),
        (None, None) => Ok(None),
    }
}

/// The keys of a profile in the text of a file, where it has keys.
fn fixed(text: &str, profile: &str) -> Option<AwsCredential> {
    let header = format!("[{profile}]");
    let section = text.lines().map(str::trim).skip_while(|line| *line != header).skip(1);
    let lines: Vec<_> = section.take_while(|line| !line.starts_with('[')).collect();
    let value = |wanted: &str| {
        let pairs = lines.iter().filter_map(|line| line.split_once('='));
        let mut found = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| value.trim().to_owned())
    };
    Some(AwsCredential {
        key_id: value("aws_access_key_id")?,
        secret_key: value("aws_secret_access_key")?,
        token: value("aws_session_token"),
    })
}

/// What the AWS command line makes of a profile that is none of fixed keys: one of SSO, of a role, of a process.
fn exported(profile: &str) -> Result<AwsCredential, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Exported {
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
    }
    let mut command = Command::new("aws");
    command.args(["configure", "export-credentials", "--format", "process", "--profile", profile]);
    let failed = |why: String| {
        format!(
            "the profile `{profile}` has no keys of its own, and `aws configure export-credentials` gave none: {why}"
        )
    };
    keep_to_ourselves(&mut command);
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().chars().take(200).collect()));
    }
    let exported: Exported = serde_json::from_slice(&output.stdout)
        .map_err(|_error| failed("it is no JSON of keys".to_owned()))?;
    Ok(AwsCredential {
        key_id: exported.access_key_id,
        secret_key: exported.secret_access_key,
        token: exported.session_token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_profile() {
        let text = "[a]\naws_access_key_id = A\naws_secret_access_key=s=\n\n[b]\naws_access_key_id = B\n\
            aws_secret_access_key = t\naws_session_token = u\n[c]\nrole_arn = r\n";
        let told = |profile| fixed(text, profile).map(|found| (found.key_id, found.secret_key, found.token));
        assert_eq!(told("a"), Some(("A".into(), "s=".into(), None)));
        assert_eq!(told("b"), Some(("B".into(), "t".into(), Some("u".into()))));
        assert_eq!((told("c"), told("d")), (None, None));
    }
}
