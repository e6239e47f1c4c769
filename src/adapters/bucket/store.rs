//! One bucket, request by request: signed, tried again where that may help, and bounded.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};
use object_store::aws::AwsAuthorizer;
use object_store::client::{HttpRequest, HttpRequestBody};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode, redirect};
use url::Url;

use super::credentials::{self, BucketCredentials};
use super::fault::StoreFault;
use super::xml::Element;
use crate::adapters::bucket_settings::{BucketSettings, Written};
use crate::adapters::tls::{self, Trust};

/// How often a request is made that may succeed another time, and how long is waited at first.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);
/// How long a store may be silent, and how long one request may take.
const SILENCE: Duration = Duration::from_secs(30);
const WHOLE: Duration = Duration::from_secs(300);
/// More than a page of a thousand keys of the greatest length takes.
const ANSWER: u64 = 16 << 20;

/// A bucket that can be asked.
#[derive(Debug)]
pub(super) struct ObjectStore {
    http: reqwest::Client,
    base: Url,
    pub(super) bucket: String,
    region: String,
    credentials: BucketCredentials,
    written: Written,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    method: Method,
    key: String,
    query: Vec<(&'static str, Vec<u8>)>,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Ask {
    pub(super) fn new(method: Method, key: &str) -> Self {
        let key = key.to_owned();
        Self { method, key, query: Vec::new(), headers: Vec::new(), body: Bytes::new() }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(self, body: Bytes) -> Self {
        Self { body, ..self }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct StoreReply {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl StoreReply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl ObjectStore {
    pub(super) fn new(settings: &BucketSettings) -> Result<Self, String> {
        let base = settings.base().map_err(|error| error.to_string())?;
        let http = client(settings, &base)?;
        let credentials = credentials::of(settings, &http)?;
        Ok(Self {
            http,
            base,
            bucket: settings.bucket.clone(),
            region: settings.region().to_owned(),
            credentials,
            written: settings.written.clone(),
        })
    }

    /// The answer to a request, which is made again while that may help.
    pub(super) async fn ask(&self, ask: &Ask, limit: u64) -> Result<StoreReply, StoreFault> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match self.once(ask, limit).await {
                Err(fault) if fault.is_passing() => tracing::debug!(%fault, "asking the store again"),
                settled => return settled,
            }
            tokio::time::sleep(pause).await;
            pause *= 3;
        }
        self.once(ask, limit).await
    }

    /// The same for an answer in XML, one that is cut off being none.
    pub(super) async fn ask_xml(&self, ask: &Ask, root: &str) -> Result<Element, StoreFault> {
        let mut pause = PAUSE;
        for attempt in 1..=ATTEMPTS {
            let answer = self.ask(ask, ANSWER).await?;
            match Element::read(&answer.body) {
                Some(element) if element.name() == root => return Ok(element),
                Some(element) if element.name() == "Error" => {
                    // A copy may fail after the store said 200.
                    return Err(StoreFault::of_answer(&self.asked(ask), 200, None, &answer.body));
                }
                Some(_) | None if attempt < ATTEMPTS => {}
                Some(_) | None => break,
            }
            tokio::time::sleep(pause).await;
            pause *= 3;
        }
        let said = format!("the answer is no `{root}`, or was cut off: is this endpoint an S3 store's?");
        Err(StoreFault::Passing { asked: self.asked(ask), said })
    }

    async fn once(&self, ask: &Ask, limit: u64) -> Result<StoreReply, StoreFault> {
        let response = self.send(ask).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let is_error = !status.is_success();
        let body = body(response, if is_error { 1 << 16 } else { limit });
        let body = body.await.map_err(|said| StoreFault::Passing { asked: self.asked(ask), said })?;
        if is_error {
            return Err(self.refused(ask, status, &headers, &body).await);
        }
        Ok(StoreReply { headers, body })
    }

    async fn refused(&self, ask: &Ask, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> StoreFault {
        let region = headers.get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
        let region = region.filter(|region| *region != self.region);
        // HEAD has no body, so that a bucket that is gone looks like a key that is not there: a byte of it tells.
        if ask.method == Method::HEAD && matches!(status.as_u16(), 400..=404) {
            let byte = Ask::new(Method::GET, &ask.key).header("range", "bytes=0-0");
            return match Box::pin(self.once(&byte, 1 << 16)).await {
                Err(fault) => fault,
                Ok(_) => StoreFault::Changed,
            };
        }
        StoreFault::of_answer(&self.asked(ask), status.as_u16(), region, body)
    }

    /// Method and place, as they are shown.
    fn asked(&self, ask: &Ask) -> String {
        let host = self.base.host_str().unwrap_or_default();
        let slash = if ask.key.is_empty() { "" } else { "/" };
        format!("{} s3://{}{slash}{} at {host}", ask.method, self.bucket, ask.key)
    }

    async fn send(&self, ask: &Ask) -> Result<Response, StoreFault> {
        let url = self.url(ask)?;
        let mut request = HttpRequest::new(HttpRequestBody::from(ask.body.clone()));
        let failed = |said: String| StoreFault::Refused { asked: self.asked(ask), said, hint: None };
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = url.as_str().parse().map_err(|_error| failed("it is no URL".to_owned()))?;
        for (name, value) in &ask.headers {
            let value = HeaderValue::from_str(value).map_err(|error| failed(error.to_string()))?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let credential = self.credentials.get().await.map_err(|said| StoreFault::Refused {
            asked: self.asked(ask),
            said: format!("there are no credentials: {said}"),
            hint: Some(credentials::HINT.to_owned()),
        })?;
        if let Some(credential) = credential {
            let signed =
                AwsAuthorizer::new(&credential, "s3", &self.region).try_authorize(&mut request, None);
            signed.map_err(|error| failed(error.to_string()))?;
        }
        let (parts, _) = request.into_parts();
        let sent = self.http.request(ask.method.clone(), url).headers(parts.headers).body(ask.body.clone());
        sent.send().await.map_err(|error| StoreFault::Passing { asked: self.asked(ask), said: words(&error) })
    }

    fn url(&self, ask: &Ask) -> Result<Url, StoreFault> {
        let mut url = self.base.clone();
        let mut path = url.path().trim_end_matches('/').to_owned();
        if ask.key.split('/').any(|name| name == "." || name == "..") {
            let said = "a key with `.` or `..` between slashes cannot be written as a URL".to_owned();
            return Err(StoreFault::Refused { asked: self.asked(ask), said, hint: None });
        }
        path.push('/');
        encode(&mut path, ask.key.as_bytes(), true);
        url.set_path(&path);
        let mut query = String::new();
        for (name, value) in &ask.query {
            query.push_str(if query.is_empty() { "" } else { "&" });
            query.push_str(name);
            query.push('=');
            encode(&mut query, value, false);
        }
        url.set_query(Some(&*query).filter(|query| !query.is_empty()));
        Ok(url)
    }

    /// A key of this bucket, as the source of a copy.
    pub(super) fn copy_source(&self, key: &str) -> String {
        let mut source = format!("/{}/", self.bucket);
        encode(&mut source, key.as_bytes(), true);
        source
    }

    /// With what the registry says of every object that it writes.
    pub(super) fn written(&self, mut ask: Ask) -> Ask {
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

/// The MD5 of some bytes, as a store gives it as an `ETag`.
pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// Everything but what needs no escaping in any part of a URL.
fn encode(into: &mut String, text: &[u8], is_path: bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (is_path && byte == b'/') {
            into.push(byte.into());
        } else {
            into.push('%');
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or_default();
            into.extend([digit(byte >> 4), digit(byte & 15)].map(char::from));
        }
    }
}

fn client(settings: &BucketSettings, base: &Url) -> Result<reqwest::Client, String> {
    tls::install_crypto();
    let given = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty());
    let given = given.map(|path| tls::certificates(path.as_ref())).transpose();
    let given = given.map_err(|error| format!("AWS_CA_BUNDLE: {error}"))?.unwrap_or_default();
    let trust = if settings.skip_verify { Trust::Anybody } else { Trust::System(given) };
    let config = tls::client(trust, None).map_err(|error| error.to_string())?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("regfsck/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(config)
        .redirect(redirect::Policy::none())
        .http1_only()
        .referer(false)
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(20))
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(SILENCE)
        .timeout(WHOLE);
    let host = base.host_str().unwrap_or_default();
    if matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| words(&error))
}

/// The body, which is as long as was said.
async fn body(mut response: Response, limit: u64) -> Result<Bytes, String> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| words(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > limit {
            return Err(format!("the answer is longer than {limit} bytes"));
        }
    }
    Ok(bytes.freeze())
}

/// An error of the HTTP client without its URL, down to its cause.
fn words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if error.is_timeout() { "it did not answer in time".to_owned() } else { cause.to_string() }
}
