//! What is said of a container of Azure Blob Storage.

use secrecy::SecretString;
use url::Url;

use super::{BucketSettings, BucketUrlError};

/// Where accounts are that say nothing of it.
const REALM: &str = "core.windows.net";

/// Whose container it is.
#[derive(Debug, Clone, Default)]
pub struct AzureSettings {
    /// `accountname`; otherwise the endpoint or the environment tells.
    pub account: Option<String>,
    /// `realm`
    pub realm: Option<String>,
    /// Who asks.
    pub credentials: AzureCredentials,
    /// Whether names begin with a slash: the driver of 2.x wrote them so, and that of 3.x does not see them.
    pub is_legacy: bool,
}

/// Who asks.
#[derive(Debug, Clone, Default)]
pub enum AzureCredentials {
    /// Whoever the environment tells.
    #[default]
    Ambient,
    /// `accountkey`
    Key(SecretString),
    /// `credentials.type: client_secret`
    Secret {
        /// `clientid`
        client: String,
        /// `tenantid`
        tenant: String,
        /// `secret`
        secret: SecretString,
    },
}

impl AzureSettings {
    /// Whose the container is: as it is said, or as its endpoint is called.
    #[must_use]
    pub fn account(&self, bucket: &BucketSettings) -> Option<String> {
        let endpoint = bucket.endpoint.as_ref();
        let host = endpoint.and_then(Url::domain).and_then(|host| host.split_once(".blob."));
        let of_host = host.map(|(account, _)| account.to_owned());
        let path = endpoint.and_then(Url::path_segments).and_then(|mut path| path.next());
        let of_path = path.filter(|name| !name.is_empty()).map(str::to_owned);
        self.account.clone().or(of_host).or(of_path)
    }

    /// The URL below which the container's names are.
    ///
    /// # Errors
    /// When its account can be in none.
    pub fn base(&self, bucket: &BucketSettings, account: &str) -> Result<Url, BucketUrlError> {
        let realm = self.realm.as_deref().unwrap_or(REALM);
        let usual = format!("https://{account}.blob.{realm}/");
        let text = bucket.endpoint.as_ref().map_or(&*usual, Url::as_str);
        let mut url = Url::parse(text).map_err(|_error| BucketUrlError::BadEndpoint(text.to_owned()))?;
        let path = format!("{}/{}", url.path().trim_end_matches('/'), bucket.bucket);
        url.set_path(&path);
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Vendor;
    use super::*;

    #[test]
    fn an_account_is_told_by_whoever_names_it() {
        for (url, account, base) in [
            ("az://c?account=a", "a", "https://a.blob.core.windows.net/c"),
            (
                "az://c?endpoint=https://b.blob.core.chinacloudapi.cn",
                "b",
                "https://b.blob.core.chinacloudapi.cn/c",
            ),
            ("az://c?endpoint=http://127.0.0.1:1/dev", "dev", "http://127.0.0.1:1/dev/c"),
            ("az://c?account=a&endpoint=http://127.0.0.1:1/dev", "a", "http://127.0.0.1:1/dev/c"),
        ] {
            let settings = BucketSettings::of_url(url).unwrap();
            let Vendor::Azure(azure) = &settings.vendor else { panic!("{settings:?}") };
            assert_eq!(azure.account(&settings).as_deref(), Some(account), "{url}");
            assert_eq!(azure.base(&settings, account).unwrap().as_str(), base, "{url}");
        }
    }
}
