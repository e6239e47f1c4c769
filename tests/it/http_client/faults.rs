//! Against a server that misbehaves.

use std::time::{Duration, Instant};

use regfsck::domain::name::Reference;
use regfsck::domain::views::served::{Answer, Claim, Delivery};
use rstest::rstest;

use super::{client, connection, digest, name, registry, tag, writer};
use crate::support::stub::{Act, Stub};

fn is_unknown<T: std::fmt::Debug>(answer: &Answer<T>) -> &str {
    match answer {
        Answer::Unknown(why) => why,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case("502 Bad Gateway")]
#[case("503 Service Unavailable")]
#[case("504 Gateway Timeout")]
#[case("429 Too Many Requests")]
#[tokio::test]
async fn what_passes_is_asked_again(#[case] status: &str) {
    let stub = Stub::playing(vec![Act::answer(status, "", ""), Act::answer("200 OK", "", "{}")]).await;
    let claim = registry(&stub.url()).head_blob(&name("a"), &digest(b"x")).await;
    assert_eq!(claim.answer, Answer::Yes(Claim { size: Some(2), redirected: false }));
    assert_eq!(claim.exchange.said, "200 OK, after 2 attempts, Content-Length 2");
    assert_eq!(stub.seen().len(), 2);
}

#[tokio::test]
async fn a_broken_connection_is_made_again() {
    for fault in [Act::Reset(String::new()), Act::Cut(String::new())] {
        let stub = Stub::playing(vec![fault, Act::answer("200 OK", "", "{}")]).await;
        let claim = registry(&stub.url()).head_blob(&name("a"), &digest(b"x")).await;
        assert!(claim.answer.yes().is_some(), "{claim:?}");
    }
}

#[rstest]
#[case("400 Bad Request")]
#[case("401 Unauthorized")]
#[case("403 Forbidden")]
#[case("405 Method Not Allowed")]
#[case("418 I'm a teapot")]
#[tokio::test]
async fn other_refusals_are_unknown_at_once(#[case] status: &str) {
    let stub = Stub::playing(vec![Act::answer(status, "", "")]).await;
    let byte = registry(&stub.url()).byte(&name("a"), &digest(b"x"), 0).await;
    is_unknown(&byte.answer);
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn a_500_is_about_the_thing_itself() {
    let body = r#"{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{}}]}"#;
    let stub = Stub::playing(vec![Act::json("500 Internal Server Error", body)]).await;
    let byte = registry(&stub.url()).byte(&name("a"), &digest(b"x"), 0).await;
    assert_eq!(byte.answer, Answer::Broken("500 Internal Server Error, UNKNOWN: unknown error".into()));
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn retry_after_is_obeyed_and_has_its_limit() {
    let throttled =
        |seconds: &str| Act::answer("429 Too Many Requests", &format!("Retry-After: {seconds}\r\n"), "");
    let stub = Stub::playing(vec![throttled("1"), Act::answer("200 OK", "", "{}")]).await;
    let start = Instant::now();
    let claim = registry(&stub.url()).head_blob(&name("a"), &digest(b"x")).await;
    assert!(claim.answer.yes().is_some() && start.elapsed() >= Duration::from_secs(1));
    let stub = Stub::playing(vec![throttled("3600")]).await;
    let start = Instant::now();
    let claim = registry(&stub.url()).head_blob(&name("a"), &digest(b"x")).await;
    assert_eq!(
        is_unknown(&claim.answer),
        "429 Too Many Requests; the registry throttles us: lower --rate or --jobs"
    );
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_registry_that_is_down_is_soon_left_alone() {
    let stub = Stub::playing(vec![Act::answer("503 Service Unavailable", "", "")]).await;
    let mut settings = connection(&stub.url());
    settings.retry_times = 1;
    let registry = client(&settings).reader;
    for _ in 0..20 {
        is_unknown(&registry.head_blob(&name("a"), &digest(b"x")).await.answer);
    }
    assert_eq!(stub.seen().len(), 6);
}

#[rstest]
#[case(Act::Cut("HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\n".into()), Some(Delivery::Nothing))]
#[case(Act::Cut("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".into()), Some(Delivery::Nothing))]
#[case(Act::Cut("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".into()), Some(Delivery::Byte(None)))]
#[case(Act::Cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".into()), Some(Delivery::Nothing))]
#[case(Act::answer("200 OK", "", ""), Some(Delivery::Short(Some(0))))]
#[case(Act::answer("416 Requested Range Not Satisfiable", "", ""), Some(Delivery::Short(None)))]
#[case(
    Act::answer("206 Partial Content", "Content-Range: bytes 0-0/7\r\n", "x"),
    Some(Delivery::Byte(Some(7)))
)]
#[case(Act::answer("200 OK", "Content-Type: text/html\r\n", "<html>"), None)]
#[case(Act::Reset("HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\n".into()), None)]
#[case(Act::Sleep(Duration::from_secs(20)), None)]
#[tokio::test]
async fn the_byte_is_seen_or_not(#[case] act: Act, #[case] delivery: Option<Delivery>) {
    let stub = Stub::playing(vec![act]).await;
    let mut settings = connection(&stub.url());
    settings.timeout = Duration::from_secs(1);
    let registry = client(&settings).reader;
    let byte = registry.byte(&name("a"), &digest(b"x"), 0).await;
    assert_eq!(byte.answer.yes().copied(), delivery, "{byte:?}");
}

#[tokio::test]
async fn an_object_store_tells_the_truth_and_is_not_shown_our_credentials() {
    for (act, expected) in [
        (Act::answer("206 Partial Content", "", "x"), Some(Delivery::Byte(None))),
        (Act::answer("404 Not Found", "", "<Code>NoSuchKey</Code>"), Some(Delivery::Nothing)),
        (Act::answer("404 Not Found", "", "<Code>NoSuchBucket</Code>"), None),
        (Act::answer("403 Forbidden", "", "<Code>AccessDenied</Code>"), None),
        (Act::answer("403 Forbidden", "", "<Code>RequestTimeTooSkewed</Code>"), None),
    ] {
        let store = Stub::playing(vec![act]).await;
        let target = format!("Location: {}/bucket/key?X-Amz-Signature=hush\r\n", store.url());
        let challenge = Act::answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
        let front = Stub::playing(vec![challenge, Act::answer("307 Temporary Redirect", &target, "")]).await;
        let registry = registry(&front.url().replace("://", "://bob:hush@"));
        let claim = registry.head_blob(&name("a"), &digest(b"x")).await;
        assert_eq!(claim.answer, Answer::Yes(Claim { size: None, redirected: true }));
        let byte = registry.byte(&name("a"), &digest(b"x"), 0).await;
        assert_eq!(byte.answer.yes().copied(), expected, "{byte:?}");
        assert!(front.seen()[1].contains("authorization: Basic"));
        assert!(!store.seen()[0].contains("authorization"), "{:?}", store.seen());
        assert!(!format!("{claim:?}{byte:?}").contains("hush"), "{byte:?}");
    }
}

#[tokio::test]
async fn pages_in_circles_null_lists_and_web_pages() {
    let link = "Content-Type: application/json\r\nLink: </v2/_catalog?last=a&n=1>; rel=\"next\"\r\n";
    let stub =
        Stub::playing(vec![Act::answer("200 OK", link, r#"{"repositories":["a","Not A Name"]}"#)]).await;
    let catalog = registry(&stub.url()).catalog().await;
    assert!(is_unknown(&catalog.answer).starts_with("the list's pages go in circles"), "{catalog:?}");
    assert_eq!(stub.seen().len(), 2);

    let stub = Stub::playing(vec![Act::json("200 OK", r#"{"name":"a","tags":null}"#)]).await;
    assert_eq!(registry(&stub.url()).tags(&name("a")).await.answer, Answer::Yes(vec![]));

    let page = Act::answer("200 OK", "Content-Type: text/html; charset=utf-8\r\n", "<html>log in</html>");
    let stub = Stub::playing(vec![page]).await;
    let registry = registry(&stub.url());
    let catalog = registry.catalog().await.answer;
    let why = "200 OK, a web page: this is not the registry's API; name repositories with --repo, or give --storage";
    assert_eq!(is_unknown(&catalog), why);
    is_unknown(&registry.resolve(&name("a"), &tag("t")).await.answer);
    is_unknown(&registry.head_blob(&name("a"), &digest(b"x")).await.answer);
    let error = registry.ping().await.unwrap_err();
    assert!(error.why.ends_with("this is no registry: the API version 2 is not there"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_lacks_the_page_denies_nothing() {
    let page = Act::answer("404 Not Found", "Content-Type: text/html\r\n", "<html>nginx</html>");
    let stub = Stub::playing(vec![page]).await;
    let registry = registry(&stub.url());
    is_unknown(&registry.byte(&name("a"), &digest(b"x"), 0).await.answer);
    is_unknown(&registry.head_blob(&name("a"), &digest(b"x")).await.answer);
    is_unknown(&registry.manifest(&name("a"), &digest(b"x")).await.answer);
}

#[tokio::test]
async fn a_manifest_without_end_is_not_read_to_its_end() {
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n".to_owned() + &" ".repeat(5 << 20);
    let stub = Stub::playing(vec![Act::Send(endless)]).await;
    let served = registry(&stub.url()).manifest(&name("a"), &digest(b"x")).await;
    assert_eq!(is_unknown(&served.answer), "200 OK, more than the 4 MiB that a manifest may have");
}

#[tokio::test]
async fn a_body_that_is_cut_is_asked_for_again() {
    let cut = Act::Cut("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"tags\":[".into());
    let stub = Stub::playing(vec![cut.clone(), Act::json("200 OK", r#"{"tags":["t"]}"#)]).await;
    assert_eq!(registry(&stub.url()).tags(&name("a")).await.answer, Answer::Yes(vec![tag("t")]));
    let mut settings = connection(&Stub::playing(vec![cut]).await.url());
    settings.retry_times = 1;
    let registry = client(&settings).reader;
    let served = registry.manifest(&name("a"), &digest(b"x")).await;
    assert_eq!(is_unknown(&served.answer), "200 OK came, but its body ended after 9 bytes (2 attempts)");
}

#[tokio::test]
async fn a_manifest_that_is_there_but_not_acceptable_is_not_missing() {
    let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI index found, but accept header does not support OCI indexes"}]}"#;
    let stub = Stub::playing(vec![Act::json("404 Not Found", body)]).await;
    let served = registry(&stub.url()).manifest(&name("a"), &digest(b"x")).await;
    is_unknown(&served.answer);
}

#[tokio::test]
async fn an_index_that_is_taken_unlooked_teaches_nothing() {
    let stub = Stub::playing(vec![Act::answer("201 Created", "", "")]).await;
    let beliefs = registry(&stub.url()).probe_manifests(&name("a"), &[digest(b"x")]).await;
    assert!(format!("{beliefs:?}").contains("takes an index without looking"), "{beliefs:?}");
}

#[tokio::test]
async fn an_address_that_only_redirects_says_where_to() {
    let moved = Act::answer("301 Moved Permanently", "Location: https://u:hush@r.test/v2/?sig=hush\r\n", "");
    let stub = Stub::playing(vec![moved]).await;
    let error = registry(&stub.url()).ping().await.unwrap_err();
    assert!(error.why.ends_with("301 Moved Permanently, a redirect, not followed"), "{error}");
    assert_eq!(error.hint.as_deref(), Some("it redirects to https://r.test/v2/: give that address"));
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let port = crate::support::program::free_port();
    let start = Instant::now();
    let error = registry(&format!("http://127.0.0.1:{port}")).ping().await.unwrap_err();
    let message =
        format!("GET http://127.0.0.1:{port}/v2/: connection refused: nothing listens on this port");
    assert_eq!(error.to_string(), message);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_download_that_breaks_is_taken_up_where_it_broke() {
    let stub = Stub::playing(vec![
        Act::Cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234".into()),
        Act::answer("206 Partial Content", "Content-Range: bytes 5-9/10\r\n", "56789"),
    ])
    .await;
    let mut fetched = Vec::new();
    let got =
        registry(&stub.url()).fetch_blob(&name("a"), &digest(b"0123456789"), &mut fetched).await.unwrap();
    assert_eq!((got.digest, got.size, &*fetched), (digest(b"0123456789"), 10, &b"0123456789"[..]));
    assert!(stub.seen()[1].contains("range: bytes=5-"));
}

#[tokio::test]
async fn an_upload_begins_anew_when_its_session_is_lost() {
    let opened = |n: u32| {
        Act::answer("202 Accepted", &format!("Location: /v2/a/blobs/uploads/{n}?_state=s{n}\r\n"), "")
    };
    let lost = Act::json("404 Not Found", r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#);
    let stub = Stub::playing(vec![
        opened(1),
        lost.clone(),
        lost,
        opened(2),
        Act::answer("503 Service Unavailable", "", ""),
        Act::answer("204 No Content", "", ""),
        opened(3),
        Act::answer("201 Created", "", ""),
    ])
    .await;
    writer(&stub.url()).upload_blob(&name("a"), &digest(b"x"), &b"x".to_vec()).await.unwrap();
    let lines: Vec<_> = stub.seen().iter().map(|head| head.lines().next().unwrap().to_owned()).collect();
    let digest = digest(b"x").to_string().replace(':', "%3A");
    let put = |n: u32| format!("PUT /v2/a/blobs/uploads/{n}?_state=s{n}&digest={digest} HTTP/1.1");
    let drop = |n: u32| format!("DELETE /v2/a/blobs/uploads/{n}?_state=s{n} HTTP/1.1");
    let post = "POST /v2/a/blobs/uploads/ HTTP/1.1".to_owned();
    assert_eq!(lines, [post.clone(), put(1), drop(1), post.clone(), put(2), drop(2), post, put(3)]);
}

#[tokio::test]
async fn a_broken_piece_goes_on_where_the_daemon_is() {
    let at =
        |status: &str, range: &str| Act::answer(status, &format!("Location: /u/1\r\nRange: {range}\r\n"), "");
    let bytes = super::noise((2 << 20) + 5, 9);
    let stub = Stub::playing(vec![
        Act::answer("202 Accepted", "Location: /u/1\r\n", ""),
        Act::Cut(String::new()),
        at("204 No Content", "0-99"),
        at("202 Accepted", "0-1048675"),
        at("202 Accepted", "0-2097156"),
        Act::answer("201 Created", "", ""),
    ])
    .await;
    let mut settings = connection(&stub.url());
    settings.chunk = 1 << 20;
    let writer = client(&settings).writer;
    writer.upload_blob(&name("a"), &digest(&bytes), &bytes).await.unwrap();
    let ranges: Vec<_> = stub
        .seen()
        .iter()
        .filter_map(|head| {
            head.lines().find_map(|line| line.strip_prefix("content-range: ").map(str::to_owned))
        })
        .collect();
    assert_eq!(ranges, ["0-1048575", "100-1048675", "1048676-2097156"]);
}

#[tokio::test]
async fn what_a_write_error_says() {
    let body = r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#;
    let stub = Stub::playing(vec![Act::json("403 Forbidden", body)]).await;
    let error = writer(&stub.url())
        .put_manifest(&name("a"), &Reference::Tag(tag("t")), "application/json", b"{}")
        .await
        .unwrap_err();
    let url = stub.url();
    assert_eq!(
        error.to_string(),
        format!(
            "PUT {url}/v2/a/manifests/t: 403 Forbidden, DENIED: requested access to the resource is denied"
        )
    );
    assert_eq!(
        error.hint.as_deref(),
        Some("these credentials may not do this: use an account with more rights")
    );
}

/// The lines of the requests that came, without their queries.
fn asked(stub: &Stub) -> Vec<String> {
    let line = |head: &String| head.split(['?', ' ']).take(2).collect::<Vec<_>>().join(" ");
    stub.seen().iter().map(line).collect()
}

#[rstest]
#[case::throttled("429 Too Many Requests", "Retry-After: 1\r\n", 1)]
#[case::overloaded("503 Service Unavailable", "Retry-After: 1\r\n", 1)]
#[case::broken("500 Internal Server Error", "", 0)]
#[tokio::test]
async fn an_upload_waits_as_long_as_it_is_asked_to(
    #[case] status: &str,
    #[case] header: &str,
    #[case] seconds: u64,
) {
    let no = || Act::answer(status, header, "");
    let opened = || Act::answer("202 Accepted", "Location: /u/1\r\nRange: 0-0\r\n", "");
    let came = |last: u32| Act::answer("202 Accepted", &format!("Location: /u/1\r\nRange: 0-{last}\r\n"), "");
    let done = || Act::answer("201 Created", "", "");
    // POST, PUT.
    let stub =
        Stub::playing(vec![no(), opened(), no(), Act::answer("204 No Content", "", ""), opened(), done()])
            .await;
    let start = Instant::now();
    writer(&stub.url()).upload_blob(&name("a"), &digest(b"x"), &b"x".to_vec()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(2 * seconds), "{:?}", start.elapsed());
    let post = "POST /v2/a/blobs/uploads/";
    assert_eq!(asked(&stub), [post, post, "PUT /u/1", "DELETE /u/1", post, "PUT /u/1"]);
    // PATCH: it goes on where the daemon is.
    let bytes = super::noise((1 << 20) + 5, 9);
    let stub = Stub::playing(vec![opened(), no(), opened(), came(1_048_575), came(1_048_580), done()]).await;
    let mut settings = connection(&stub.url());
    settings.chunk = 1 << 20;
    let start = Instant::now();
    let writer = client(&settings).writer;
    writer.upload_blob(&name("a"), &digest(&bytes), &bytes).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(seconds), "{:?}", start.elapsed());
    assert_eq!(asked(&stub), [post, "PATCH /u/1", "GET /u/1", "PATCH /u/1", "PATCH /u/1", "PUT /u/1"]);
}

#[tokio::test]
async fn an_upload_does_not_wait_for_ever() {
    let no = Act::answer("429 Too Many Requests", "Retry-After: 3600\r\n", "");
    let stub = Stub::playing(vec![Act::answer("202 Accepted", "Location: /u/1\r\n", ""), no]).await;
    let start = Instant::now();
    let error = writer(&stub.url()).upload_blob(&name("a"), &digest(b"x"), &b"x".to_vec()).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!((error.status, error.attempts), (Some(429), 1));
    assert_eq!(asked(&stub), ["POST /v2/a/blobs/uploads/", "PUT /u/1", "DELETE /u/1"]);
}
