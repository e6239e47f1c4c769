//! Google Cloud Storage, by its JSON API: its listings tell the MD5 of all that was not composed, whoever holds the key to it.

use async_trait::async_trait;
use bytes::Bytes;
use object_store::client::HttpRequest;
use object_store::gcp::{GcpCredentialProvider, GoogleCloudStorageBuilder};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use url::Url;

use super::answers::{ContentMark, KeyPage, ListedKey, Object, WantedPage, seconds};
use super::ask::{Ask, StoreReply, encoded};
use super::credentials::{Own, is_set, retry};
use super::dialect::{Copied, Dialect, Unauthorized};
use super::facts::{self, Setting};
use super::fault::{NO_BUCKET, Refusal};
use crate::adapters::bucket_settings::{BucketSettings, GcsCredentials};

/// Where it is.
const GOOGLE: &str = "https://storage.googleapis.com/";
/// What says so of a bucket that anybody may read.
const UNSIGNED: &str = "GOOGLE_SKIP_SIGNATURE";
/// What is asked of each object.
const FIELDS: &str = "name,size,md5Hash,updated,generation";
const HINT: &str = "set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account, run `gcloud auth \
    application-default login`, or give --config with keyfile or credentials";

#[derive(Debug)]
pub(super) struct Gcs {
    bucket: String,
    /// Nobody's where requests are not signed.
    credentials: Option<GcpCredentialProvider>,
}

/// One object, as the API tells of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    name: String,
    size: String,
    md5_hash: Option<String>,
    updated: Option<String>,
    generation: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    prefixes: Vec<String>,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rewritten {
    done: bool,
    #[serde(default)]
    rewrite_token: String,
}

impl Gcs {
    pub(super) fn base(settings: &BucketSettings) -> Result<Url, String> {
        let text = settings.endpoint.as_ref().map_or(GOOGLE, Url::as_str);
        Url::parse(text).map_err(|error| error.to_string())
    }

    pub(super) fn new(
        settings: &BucketSettings,
        asks: &GcsCredentials,
        http: &reqwest::Client,
    ) -> Result<Self, String> {
        let new = GoogleCloudStorageBuilder::new;
        let builder = match asks {
            GcsCredentials::File(path) => Some(new().with_service_account_path(path.display().to_string())),
            GcsCredentials::Text(key) => Some(new().with_service_account_key(key.expose_secret())),
            GcsCredentials::Ambient if is_set(UNSIGNED) => None,
            GcsCredentials::Ambient => Some(GoogleCloudStorageBuilder::from_env()),
        };
        let credentials = builder.map(|builder| {
            let builder = builder.with_bucket_name(&settings.bucket).with_retry(retry());
            let built = builder.with_http_connector(Own(http.clone())).build();
            built.map(|store| store.credentials().clone()).map_err(|error| error.to_string())
        });
        Ok(Self { bucket: settings.bucket.clone(), credentials: credentials.transpose()? })
    }

    fn object_path(&self, key: &str) -> String {
        format!("storage/v1/b/{}/o/{}", encoded(&self.bucket, false), encoded(key, false))
    }

    fn of_key(&self, method: Method, key: &str) -> Ask {
        Ask::new(method, key).at(self.object_path(key))
    }
}

#[async_trait]
impl Dialect for Gcs {
    fn list(&self, wanted: &WantedPage<'_>) -> Ask {
        let ask = Ask::new(Method::GET, "").at(format!("storage/v1/b/{}/o", encoded(&self.bucket, false)));
        let ask = ask.query("fields", format!("nextPageToken,prefixes,items({FIELDS})"));
        ask.query("prefix", wanted.prefix)
            .query_some("delimiter", if wanted.is_shallow { "/" } else { "" })
            .query_some("startOffset", wanted.after)
            .query_some("pageToken", wanted.token)
    }

    fn page(&self, answer: &StoreReply) -> Option<KeyPage> {
        let list: List = serde_json::from_slice(&answer.body).ok()?;
        let entry = |item: Item| {
            Some(ListedKey {
                size: item.size.parse().ok()?,
                modified: seconds(&item.updated.unwrap_or_default()),
                mark: ContentMark::of_base64(&item.md5_hash.unwrap_or_default()),
                tag: item.generation.into(),
                key: item.name.into_bytes(),
            })
        };
        Some(KeyPage {
            entries: list.items.into_iter().map(entry).collect::<Option<_>>()?,
            folders: list.prefixes.into_iter().map(String::into_bytes).collect(),
            is_last: list.next_page_token.is_empty(),
            next: list.next_page_token,
        })
    }

    fn look(&self, key: &str) -> Ask {
        self.of_key(Method::GET, key).query("fields", FIELDS)
    }

    fn object(&self, answer: &StoreReply) -> Option<Object> {
        let item: Item = serde_json::from_slice(&answer.body).ok()?;
        let modified = seconds(&item.updated.unwrap_or_default());
        Some(Object { size: item.size.parse().ok()?, modified, tag: item.generation })
    }

    fn get(&self, key: &str, bytes: (u64, u64), tag: &str) -> Ask {
        let ask = self.of_key(Method::GET, key).query("alt", "media").query_some("ifGenerationMatch", tag);
        ask.range(bytes)
    }

    fn put(&self, key: &str, body: Bytes) -> Ask {
        let path = format!("upload/storage/v1/b/{}/o", encoded(&self.bucket, false));
        let ask = Ask::new(Method::POST, key).at(path).query("uploadType", "media").query("name", key);
        ask.header("content-type", "application/octet-stream").body(body)
    }

    fn delete(&self, key: &str, tag: &str) -> Ask {
        self.of_key(Method::DELETE, key).query_some("ifGenerationMatch", tag)
    }

    fn copy(&self, from: &str, to: &str, object: &Object) -> Ask {
        let bucket = encoded(&self.bucket, false);
        let path = format!("{}/rewriteTo/b/{bucket}/o/{}", self.object_path(from), encoded(to, false));
        let ask = Ask::new(Method::POST, to).at(path).query("fields", "done,rewriteToken");
        ask.query("ifSourceGenerationMatch", &*object.tag).query("ifGenerationMatch", "0")
    }

    /// Large objects are copied in several answers.
    fn copied(&self, ask: &Ask, answer: &StoreReply) -> Option<Copied> {
        let rewritten: Rewritten = serde_json::from_slice(&answer.body).ok()?;
        if rewritten.done {
            return Some(Copied::Whole);
        }
        let mut next = ask.clone();
        next.query.retain(|(name, _)| *name != "rewriteToken");
        Some(Copied::Ask(next.query("rewriteToken", rewritten.rewrite_token)))
    }

    fn settings(&self) -> Vec<Setting> {
        facts::gcs::settings(format!("storage/v1/b/{}", encoded(&self.bucket, false)))
    }

    async fn authorize(&self, request: &mut HttpRequest) -> Result<(), Unauthorized> {
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let told = credentials.get_credential().await;
        let told = told.map_err(|why| Unauthorized::no_credentials(&why.to_string(), HINT))?;
        if told.bearer.is_empty() {
            return Ok(());
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {}", told.bearer))
            .map_err(|_error| Unauthorized::unsigned(&"the token is none that can be sent"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }

    fn refusal(&self, status: u16, _headers: &HeaderMap, body: &[u8]) -> Refusal {
        let (reason, message) = said(body);
        let code = match (status, &*message) {
            (404, message) if message.contains("bucket does not exist") => "NoSuchBucket".to_owned(),
            // What is not there.
            (404, _) => String::new(),
            _ => reason,
        };
        let hint = match (status, &*code) {
            (404, "NoSuchBucket") => NO_BUCKET,
            (401, _) => {
                "the credentials are not accepted, or have expired: check keyfile or credentials of the config, or \
                 GOOGLE_APPLICATION_CREDENTIALS"
            }
            (403, _) => {
                "a check needs storage.objects.list and storage.objects.get on the bucket; a repair storage.objects.create \
                 and storage.objects.delete as well"
            }
            _ => "",
        };
        let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
        Refusal { status, code, message, hint }
    }
}

/// Why something was refused, in one word and in a sentence.
fn said(body: &[u8]) -> (String, String) {
    #[derive(Deserialize)]
    struct Answer {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        #[serde(default)]
        message: String,
        #[serde(default)]
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        #[serde(default)]
        reason: String,
    }
    match serde_json::from_slice::<Answer>(body) {
        Ok(Answer { error: Said { message, errors } }) => {
            (errors.into_iter().next().map(|one| one.reason).unwrap_or_default(), message)
        }
        // Where bytes were asked for, it is plain text.
        Err(_) => (String::new(), String::from_utf8_lossy(body).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::StoreFault;
    use super::*;

    fn fault(status: u16, body: &str) -> StoreFault {
        let gcs = Gcs { bucket: "b".into(), credentials: None };
        StoreFault::of_refusal("GET gs://b/k", gcs.refusal(status, &HeaderMap::new(), body.as_bytes()))
    }

    #[test]
    fn only_an_object_that_is_not_there_is_absent() {
        assert_eq!(fault(404, "No such object: b/k"), StoreFault::Absent);
        let refused = [
            (404, "The specified bucket does not exist.", "no such bucket"),
            (
                404,
                r#"{"error":{"message":"The specified bucket does not exist.","errors":[{"reason":"notFound"}]}}"#,
                "no such bucket",
            ),
            (
                401,
                r#"{"error":{"message":"Invalid Credentials","errors":[{"reason":"authError"}]}}"#,
                "expired",
            ),
            (
                403,
                r#"{"error":{"message":"denied","errors":[{"reason":"forbidden"}]}}"#,
                "storage.objects.list",
            ),
        ];
        for (status, body, wanted) in refused {
            let StoreFault::Refused { hint: Some(hint), .. } = fault(status, body) else { panic!("{body}") };
            assert!(hint.contains(wanted), "{hint}");
        }
        assert!(fault(503, "later").is_passing());
        assert_eq!(fault(412, ""), StoreFault::Changed);
    }

    #[test]
    fn a_large_copy_goes_on_until_it_is_done() {
        let gcs = Gcs { bucket: "b".into(), credentials: None };
        let object = Object { size: 1, modified: 0, tag: "7".into() };
        let ask = gcs.copy("a/b", "c", &object);
        assert_eq!(ask.path.as_deref(), Some("storage/v1/b/b/o/a%2Fb/rewriteTo/b/b/o/c"));
        let answer = |text: &str| StoreReply { headers: HeaderMap::new(), body: text.to_owned().into() };
        let mut next = ask;
        for token in ["one", "two"] {
            let text = format!(r#"{{"done":false,"rewriteToken":"{token}"}}"#);
            let Some(Copied::Ask(more)) = gcs.copied(&next, &answer(&text)) else { panic!("{text}") };
            next = more;
            let tokens: Vec<_> = next.query.iter().filter(|(name, _)| *name == "rewriteToken").collect();
            assert_eq!(tokens, [&("rewriteToken", token.as_bytes().to_vec())]);
        }
        assert!(matches!(gcs.copied(&next, &answer(r#"{"done":true}"#)), Some(Copied::Whole)));
        assert!(gcs.copied(&next, &answer("{\"don")).is_none());
    }
}
