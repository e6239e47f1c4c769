//! One bucket, request by request: signed, tried again where that may help, and bounded.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};
use object_store::client::{HttpRequest, HttpRequestBody};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, redirect};
use url::Url;

use super::ask::{Ask, StoreReply, encode};
use super::azure::Azure;
use super::dialect::Dialect;
use super::fault::{NO_BUCKET, Refusal, StoreFault};
use super::gcs::Gcs;
use super::s3::S3;
use super::xml::Element;
use crate::adapters::bucket_settings::{BucketSettings, Vendor};
use crate::adapters::tls::{self, Trust};

/// How often a request is made that may succeed another time, and how long is waited at first.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);
/// How long a store may be silent, and how long one request may take.
const SILENCE: Duration = Duration::from_secs(30);
const WHOLE: Duration = Duration::from_secs(300);
/// More than a page of keys of the greatest length takes.
const ANSWER: u64 = 64 << 20;

/// A bucket that can be asked.
#[derive(Debug)]
pub(super) struct ObjectStore {
    http: reqwest::Client,
    base: Url,
    /// `s3://BUCKET`
    pub(super) name: String,
    pub(super) dialect: Box<dyn Dialect>,
}

impl ObjectStore {
    pub(super) fn new(settings: &BucketSettings) -> Result<Self, String> {
        let http = client(settings)?;
        let (base, dialect): (Url, Box<dyn Dialect>) = match &settings.vendor {
            Vendor::S3(s3) => {
                let base = s3.base(settings).map_err(|error| error.to_string())?;
                (base, Box::new(S3::new(settings, s3, &http)?))
            }
            Vendor::Gcs(asks) => (Gcs::base(settings)?, Box::new(Gcs::new(settings, asks, &http)?)),
            Vendor::Azure(azure) => {
                let account = Azure::account(settings, azure)?;
                let base = azure.base(settings, &account).map_err(|error| error.to_string())?;
                (base, Box::new(Azure::new(settings, azure, account, &http)?))
            }
        };
        let name = format!("{}://{}", settings.vendor.scheme(), settings.bucket);
        Ok(Self { http, base, name, dialect })
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

    /// The same for an answer that says something, one that is cut off saying nothing.
    pub(super) async fn ask_for<T>(
        &self,
        ask: &Ask,
        read: impl Fn(&StoreReply) -> Option<T>,
    ) -> Result<T, StoreFault> {
        let mut pause = PAUSE;
        for attempt in 1..=ATTEMPTS {
            let answer = self.ask(ask, ANSWER).await?;
            if let Some(said) = read(&answer) {
                return Ok(said);
            }
            // A copy may fail after the store said 200.
            if Element::read(&answer.body).is_some_and(|element| element.name() == "Error") {
                let refusal = self.dialect.refusal(200, &answer.headers, &answer.body);
                return Err(StoreFault::of_refusal(&self.asked(ask), refusal));
            }
            if attempt < ATTEMPTS {
                tokio::time::sleep(pause).await;
                pause *= 3;
            }
        }
        let said = "the answer is none of such a store, or was cut off: is this endpoint one?".to_owned();
        Err(StoreFault::Passing { asked: self.asked(ask), said })
    }

    /// The same for one in XML.
    pub(super) async fn ask_xml(&self, ask: &Ask, root: &str) -> Result<Element, StoreFault> {
        self.ask_for(ask, |answer| Element::named(&answer.body, root)).await
    }

    async fn once(&self, ask: &Ask, limit: u64) -> Result<StoreReply, StoreFault> {
        let response = self.send(ask).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let is_error = !status.is_success();
        let body = body(response, if is_error { 1 << 16 } else { limit });
        let body = body.await.map_err(|said| StoreFault::Passing { asked: self.asked(ask), said })?;
        if is_error {
            return Err(self.refused(ask, status.as_u16(), &headers, &body).await);
        }
        Ok(StoreReply { headers, body })
    }

    async fn refused(&self, ask: &Ask, status: u16, headers: &HeaderMap, body: &[u8]) -> StoreFault {
        // HEAD has no body, so that a bucket that is gone looks like a key that is not there: a byte of it tells.
        if ask.method == Method::HEAD && matches!(status, 400..=404) {
            let byte = self.dialect.get(&ask.key, (0, 0), "");
            return match Box::pin(self.once(&byte, 1 << 16)).await {
                Err(fault) => fault,
                Ok(_) => StoreFault::Changed,
            };
        }
        let mut refusal = self.dialect.refusal(status, headers, body);
        if status == 404 && ask.key.is_empty() && refusal.code.is_empty() {
            refusal =
                Refusal { code: "NoSuchBucket".to_owned(), hint: Some(NO_BUCKET.to_owned()), ..refusal };
        }
        StoreFault::of_refusal(&self.asked(ask), refusal)
    }

    /// Method and place, as they are shown.
    pub(super) fn asked(&self, ask: &Ask) -> String {
        let host = self.base.host_str().unwrap_or_default();
        let slash = if ask.key.is_empty() { "" } else { "/" };
        format!("{} {}{slash}{} at {host}", ask.method, self.name, ask.key)
    }

    async fn send(&self, ask: &Ask) -> Result<Response, StoreFault> {
        let url = self.url(ask)?;
        let mut request = HttpRequest::new(HttpRequestBody::from(ask.body.clone()));
        let failed = |said: String| StoreFault::Refused { asked: self.asked(ask), said, hint: None };
        let no_url = || failed("it is no URL".to_owned());
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = url.as_str().parse().map_err(|_error| no_url())?;
        for (name, value) in &ask.headers {
            let value = HeaderValue::from_str(value).map_err(|error| failed(error.to_string()))?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let signed = self.dialect.authorize(&mut request).await;
        signed.map_err(|why| StoreFault::Refused {
            asked: self.asked(ask),
            said: why.said,
            hint: why.hint.map(str::to_owned),
        })?;
        let (parts, _) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|_error| no_url())?;
        let sent = self.http.request(ask.method.clone(), url).headers(parts.headers).body(ask.body.clone());
        sent.send().await.map_err(|error| StoreFault::Passing { asked: self.asked(ask), said: words(&error) })
    }

    fn url(&self, ask: &Ask) -> Result<Url, StoreFault> {
        let mut url = self.base.clone();
        let mut path = url.path().trim_end_matches('/').to_owned();
        if ask.path.is_none() && ask.key.split('/').any(|name| name == "." || name == "..") {
            let said = "a key with `.` or `..` between slashes cannot be written as a URL".to_owned();
            return Err(StoreFault::Refused { asked: self.asked(ask), said, hint: None });
        }
        match ask.path.as_deref() {
            // The bucket itself: some take a slash behind it for the start of a key.
            Some("") => {}
            Some(elsewhere) => path.extend(["/", elsewhere]),
            None => {
                path.push('/');
                encode(&mut path, ask.key.as_bytes(), true);
            }
        }
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
}

/// The MD5 of some bytes, as a store gives it as an `ETag`.
pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

fn client(settings: &BucketSettings) -> Result<reqwest::Client, String> {
    tls::install_crypto();
    let is_s3 = matches!(settings.vendor, Vendor::S3(_));
    let given = std::env::var_os("AWS_CA_BUNDLE").filter(|path| is_s3 && !path.is_empty());
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
    let host = settings.endpoint.as_ref().and_then(Url::host_str).unwrap_or_default();
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
