//! Azure Blob Storage: a bucket is a container there, an object a blob.
//!
//! A listing cannot begin after a name, only with a prefix; it goes on where the store said so. Link files have an MD5 where
//! they were written as block blobs, as all versions of the driver do but 3.0.0 to 3.1.1.

use async_trait::async_trait;
use bytes::Bytes;
use object_store::azure::{AzureAuthorizer, AzureCredential, AzureCredentialProvider, MicrosoftAzureBuilder};
use object_store::client::HttpRequest;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;

use super::answers::{ContentMark, KeyPage, ListedKey, Object, WantedPage, second};
use super::ask::{Ask, StoreReply, encoded};
use super::credentials::{Own, is_set, retry, variable};
use super::dialect::{Copied, Dialect, Unauthorized};
use super::facts::{self, Setting};
use super::fault::Refusal;
use super::xml::Element;
use crate::adapters::bucket_settings::{AzureCredentials, AzureSettings, BucketSettings};

/// What say whose containers are looked at, as Azure's own programs know them.
const ACCOUNT: [&str; 2] = ["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"];
/// What else its own programs call the key and the signature.
const KEY: &str = "AZURE_STORAGE_KEY";
const SIGNATURE: &str = "AZURE_STORAGE_SAS_TOKEN";
/// What says so of a container that anybody may read.
const UNSIGNED: &str = "AZURE_SKIP_SIGNATURE";
/// What names the blob that is copied.
const SOURCE: &str = "x-ms-copy-source";
const HINT: &str = "set AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or AZURE_USE_AZURE_CLI=true, or give --config with \
    accountkey or credentials";

#[derive(Debug)]
pub(super) struct Azure {
    account: String,
    /// The URL of the container, of which copies are told.
    container: String,
    /// Nobody's where requests are not signed.
    credentials: Option<AzureCredentialProvider>,
}

impl Azure {
    pub(super) fn account(settings: &BucketSettings, azure: &AzureSettings) -> Result<String, String> {
        let told = || ACCOUNT.into_iter().find_map(variable);
        azure.account(settings).or_else(told).ok_or_else(|| {
            "no storage account is named: write az://CONTAINER?account=NAME, or set AZURE_STORAGE_ACCOUNT"
                .to_owned()
        })
    }

    pub(super) fn new(
        settings: &BucketSettings,
        azure: &AzureSettings,
        account: String,
        http: &reqwest::Client,
    ) -> Result<Self, String> {
        let new = MicrosoftAzureBuilder::new;
        let builder = match &azure.credentials {
            AzureCredentials::Key(key) => Some(new().with_access_key(key.expose_secret())),
            AzureCredentials::Secret { client, tenant, secret } => {
                Some(new().with_client_secret_authorization(client, secret.expose_secret(), tenant))
            }
            AzureCredentials::Ambient if is_set(UNSIGNED) => None,
            AzureCredentials::Ambient => Some(ambient()),
        };
        let credentials = builder.map(|builder| {
            let builder = builder.with_account(&account).with_container_name(&settings.bucket);
            let built = builder.with_retry(retry()).with_http_connector(Own(http.clone())).build();
            built.map(|store| store.credentials().clone()).map_err(|error| error.to_string())
        });
        let base = azure.base(settings, &account).map_err(|error| error.to_string())?;
        Ok(Self { account, container: base.into(), credentials: credentials.transpose()? })
    }
}

/// Whom a signature lets in, it lets read what is copied only where that is asked for with the signature, too.
fn sign_source(request: &mut HttpRequest, signature: &[(String, String)]) -> Result<(), Unauthorized> {
    let Some(source) = request.headers_mut().get_mut(SOURCE) else { return Ok(()) };
    let pair =
        |(name, value): &(String, String)| format!("{}={}", encoded(name, false), encoded(value, false));
    let pairs: Vec<_> = signature.iter().map(pair).collect();
    let signed = [source.as_bytes(), b"?", pairs.join("&").as_bytes()].concat();
    *source = HeaderValue::from_bytes(&signed).map_err(|why| Unauthorized::unsigned(&why))?;
    source.set_sensitive(true);
    Ok(())
}

/// Whoever the environment tells.
fn ambient() -> MicrosoftAzureBuilder {
    let mut builder = MicrosoftAzureBuilder::from_env();
    if let Some(key) = variable(KEY) {
        builder = builder.with_access_key(key);
    }
    if let Some(signature) = variable(SIGNATURE) {
        let pairs = url::form_urlencoded::parse(signature.trim_start_matches('?').as_bytes()).into_owned();
        builder = builder.with_sas_authorization(pairs.collect::<Vec<_>>());
    }
    builder
}

#[async_trait]
impl Dialect for Azure {
    fn begins_anywhere(&self) -> bool {
        false
    }

    fn list(&self, wanted: &WantedPage<'_>) -> Ask {
        let ask =
            Ask::new(Method::GET, "").at(String::new()).query("restype", "container").query("comp", "list");
        ask.query_some("prefix", wanted.prefix)
            .query_some("delimiter", if wanted.is_shallow { "/" } else { "" })
            .query_some("marker", wanted.token)
    }

    fn page(&self, answer: &StoreReply) -> Option<KeyPage> {
        let list = Element::named(&answer.body, "EnumerationResults")?;
        let blobs = list.first("Blobs")?;
        let entries = blobs.all("Blob").map(|blob| {
            let properties = blob.first("Properties")?;
            Some(ListedKey {
                key: blob.text("Name").as_bytes().to_vec(),
                size: properties.text("Content-Length").parse().ok()?,
                modified: second(properties.text("Last-Modified")),
                mark: ContentMark::of_base64(properties.text("Content-MD5")),
                tag: properties.text("Etag").into(),
            })
        });
        let folder = |prefix: &Element| prefix.text("Name").as_bytes().to_vec();
        Some(KeyPage {
            entries: entries.collect::<Option<_>>()?,
            folders: blobs.all("BlobPrefix").map(folder).collect(),
            is_last: list.text("NextMarker").is_empty(),
            next: list.text("NextMarker").to_owned(),
        })
    }

    fn put(&self, key: &str, body: Bytes) -> Ask {
        Ask::new(Method::PUT, key).header("x-ms-blob-type", "BlockBlob").body(body)
    }

    fn delete(&self, key: &str, tag: &str) -> Ask {
        Ask::new(Method::DELETE, key).header_some("if-match", tag)
    }

    fn copy(&self, from: &str, to: &str, object: &Object) -> Ask {
        let source = format!("{}/{}", self.container, encoded(from, true));
        let ask = Ask::new(Method::PUT, to).header(SOURCE, source);
        ask.header("x-ms-source-if-match", &*object.tag)
    }

    /// What is copied in the background is looked at until it is done; whether it came whole, its content tells.
    fn copied(&self, ask: &Ask, answer: &StoreReply) -> Option<Copied> {
        let is_under_way = answer.header("x-ms-copy-status") == Some("pending");
        Some(if is_under_way { Copied::Ask(self.look(&ask.key)) } else { Copied::Whole })
    }

    fn settings(&self) -> Vec<Setting> {
        facts::azure::settings()
    }

    async fn authorize(&self, request: &mut HttpRequest) -> Result<(), Unauthorized> {
        let length = request.body().content_length();
        if length > 0 {
            request.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let told = credentials.get_credential().await;
        let told = told.map_err(|why| Unauthorized::no_credentials(&why.to_string(), HINT))?;
        if let AzureCredential::SASToken(signature) = &*told {
            sign_source(request, signature)?;
        }
        let signed = AzureAuthorizer::new(&told, &self.account).try_authorize(request);
        signed.map_err(|why| Unauthorized::unsigned(&why))
    }

    fn refusal(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Refusal {
        let mut refusal = Refusal::of_xml(status, &Element::read(body).unwrap_or_default(), None);
        if let Some(code) = headers.get("x-ms-error-code").and_then(|code| code.to_str().ok()) {
            code.clone_into(&mut refusal.code);
        }
        refusal.hint = hint(status, &refusal.code).map(str::to_owned);
        refusal
    }
}

/// What to type next.
fn hint(status: u16, code: &str) -> Option<&'static str> {
    Some(match (status, code) {
        (_, "ContainerNotFound" | "InvalidResourceName" | "ResourceNotFound") => {
            "there is no such container in this account: check its name, the account and the endpoint"
        }
        (_, "AuthenticationFailed" | "InvalidAuthenticationInfo" | "NoAuthenticationInformation")
        | (401, _) => {
            "the credentials are not accepted, or have expired: check accountname and accountkey or credentials of the \
             config, or AZURE_STORAGE_KEY and AZURE_STORAGE_SAS_TOKEN, and this machine's clock"
        }
        (403, _) => {
            "a check needs to list and to read blobs (the role Storage Blob Data Reader); a repair to write and to delete \
             them as well (Storage Blob Data Contributor)"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::StaticCredentialProvider;
    use object_store::client::HttpRequestBody;

    use super::super::fault::StoreFault;
    use super::*;

    fn azure() -> Azure {
        Azure {
            account: "a".into(),
            container: "https://a.blob.core.windows.net/c".into(),
            credentials: None,
        }
    }

    #[test]
    fn names_and_marks_are_read_of_a_listing() {
        let xml = "<?xml version=\"1.0\"?><EnumerationResults ContainerName=\"c\"><Prefix/><Blobs><Blob><Name>/a &amp; b</Name>\
            <Properties><Last-Modified>Mon, 30 Nov 2026 11:34:57 GMT</Last-Modified><Etag>0x8D</Etag>\
            <Content-Length>71</Content-Length><Content-MD5>AAECAwQFBgcICQoLDA0ODw==</Content-MD5></Properties></Blob>\
            <BlobPrefix><Name>d/</Name></BlobPrefix></Blobs><NextMarker>2!m</NextMarker></EnumerationResults>";
        let answer = StoreReply { headers: HeaderMap::new(), body: xml.to_owned().into() };
        let page = azure().page(&answer).unwrap();
        let entry = page.entries.first().unwrap();
        assert_eq!((&*entry.key, entry.size, &*entry.tag), (&b"/a & b"[..], 71, "0x8D"));
        assert_eq!(entry.mark, ContentMark::of_hex("000102030405060708090a0b0c0d0e0f"));
        assert_eq!(entry.modified, 1_796_038_497);
        assert_eq!((page.folders, page.is_last, &*page.next), (vec![b"d/".to_vec()], false, "2!m"));
    }

    #[tokio::test]
    async fn a_signature_signs_what_is_copied_too() {
        let pairs = [("sv", "2021-08-06"), ("sig", "a/b=")].map(|(name, value)| (name.into(), value.into()));
        let provider = StaticCredentialProvider::new(AzureCredential::SASToken(pairs.to_vec()));
        let signed = Azure { credentials: Some(Arc::new(provider)), ..azure() };
        let object = Object { size: 1, modified: 0, tag: "0x8D".into() };
        let asked = signed.copy("a b", "c", &object);
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = "https://a.blob.core.windows.net/c/c".parse().unwrap();
        for (name, value) in &asked.headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        signed.authorize(&mut request).await.unwrap();
        let source = request.headers().get(SOURCE).unwrap();
        assert_eq!(source, "https://a.blob.core.windows.net/c/a%20b?sv=2021-08-06&sig=a%2Fb%3D");
        assert!(source.is_sensitive() && request.uri().query().unwrap().contains("sig="));
    }

    #[test]
    fn only_a_blob_that_is_not_there_is_absent() {
        let fault = |status, code: &str| {
            let body = format!("<Error><Code>{code}</Code><Message>words\nRequestId:1</Message></Error>");
            let refusal = azure().refusal(status, &HeaderMap::new(), body.as_bytes());
            StoreFault::of_refusal("GET az://c/k", refusal)
        };
        assert_eq!(fault(404, "BlobNotFound"), StoreFault::Absent);
        for (status, code, wanted) in [
            (404, "ContainerNotFound", "no such container"),
            (403, "AuthenticationFailed", "accountkey"),
            (403, "AuthorizationPermissionMismatch", "Storage Blob Data Reader"),
        ] {
            let StoreFault::Refused { hint: Some(hint), said, .. } = fault(status, code) else {
                panic!("{code}")
            };
            assert!(hint.contains(wanted) && !said.contains("RequestId"), "{hint} {said}");
        }
        assert!(fault(503, "ServerBusy").is_passing());
    }
}
