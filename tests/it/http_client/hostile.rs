//! Against a registry that means ill: it never comes to an end, or it sends us elsewhere.

use std::time::{Duration, Instant};

use regfsck::adapters::registry::{Connection, Credential, Tls};
use regfsck::domain::views::served::Answer;
use rstest::rstest;
use tempfile::TempDir;

use super::{client, connection, digest, name, registry};
use crate::support::certificates::self_signed;
use crate::support::missing;
use crate::support::program::free_port;
use crate::support::proxy::Nginx;
use crate::support::stub::{Act, Stub};

/// Settings whose patience is short.
fn hasty(url: &str) -> Connection {
    let mut settings = connection(url);
    settings.timeout = Duration::from_millis(500);
    settings.retry_times = 1;
    settings
}

fn unknown<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Answer::Unknown(why) => why,
        other => panic!("{other:?}"),
    }
}

/// A body that is always about to end.
fn trickle(headers: &str) -> Act {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}\r\n");
    Act::Trickle(head, Duration::from_millis(100))
}

#[tokio::test]
async fn an_answer_that_trickles_for_ever_is_given_up() {
    for headers in ["Content-Length: 1000000\r\n", ""] {
        let stub = Stub::playing(vec![trickle(headers)]).await;
        let daemon = client(&hasty(&stub.url()));
        let began = Instant::now();
        let whys = [
            unknown(daemon.reader.catalog().await.answer),
            unknown(daemon.reader.tags(&name("a")).await.answer),
            unknown(daemon.reader.manifest(&name("a"), &digest(b"x")).await.answer),
            daemon.reader.ping().await.unwrap_err().why.into(),
            daemon.writer.start_upload(&name("a")).await.unwrap_err().why.into(),
        ];
        for why in whys {
            assert_eq!(why.split("; ").next(), Some("its answer did not end within 2s"));
        }
        let mut sink = tokio::io::sink();
        let error = daemon.reader.fetch_blob(&name("a"), &digest(b"x"), &mut sink).await.unwrap_err();
        assert_eq!(
            error.why.split(" bytes in").next().map(|why| why.trim_end_matches(char::is_numeric)),
            Some("it came to no end: ")
        );
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_list_of_ever_new_pages_ends() {
    let page = |at: usize, _: &str| {
        let link = format!("Link: </v2/_catalog?last={at}>; rel=\"next\"\r\n");
        Act::answer("200 OK", &link, &format!(r#"{{"repositories":["a{at}"]}}"#))
    };
    let stub = Stub::start(page).await;
    let why = unknown(registry(&stub.url()).catalog().await.answer);
    assert_eq!(why.split("; ").next(), Some("the list does not end: 5000 names in 5000 pages"));
}

#[tokio::test]
async fn millions_of_tags_in_one_page_are_too_many() {
    let tags: Vec<String> = (0..2_100_000).map(|at| format!("\"t{at}\"")).collect();
    let body = format!("{{\"tags\":[{}]}}", tags.join(","));
    let stub = Stub::playing(vec![Act::json("200 OK", &body)]).await;
    let mut settings = connection(&stub.url());
    settings.timeout = Duration::from_secs(60);
    assert_eq!(
        unknown(client(&settings).reader.tags(&name("a")).await.answer),
        "it lists more than 2000000 names"
    );
}

/// A registry behind TLS that answers as the stub does.
struct Behind {
    _nginx: Nginx,
    _dir: TempDir,
    settings: Connection,
}

impl Behind {
    fn tls(stub: &Stub) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let Some(pair) = self_signed(dir.path(), "server", "IP:127.0.0.1", 30) else {
            missing("openssl", "a registry behind TLS");
            return None;
        };
        let port = free_port();
        let (certificate, key) = (pair.certificate.display(), pair.key.display());
        let server = format!(
            "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};\n\
             location / {{ proxy_pass {}; }} }}",
            stub.url()
        );
        let nginx = Nginx::serving(&server, ("127.0.0.1", port))?;
        let mut settings = connection(&format!("https://127.0.0.1:{port}"));
        settings.tls = Tls { ca_files: vec![pair.certificate], certs_d: Vec::new(), ..Tls::default() };
        settings.credentials =
            Credential::Basic { name: "bob".into(), password: "hush".to_owned().into() }.into();
        Some(Self { _nginx: nginx, _dir: dir, settings })
    }
}

#[rstest]
#[case("HTTP://auth.test/t")]
#[case(" http://auth.test/t")]
#[case("http:\\\\auth.test/t")]
#[case("ht\ttp://auth.test/t")]
#[case("http:auth.test/t")]
#[case("hTTp:///bob@auth.test/t")]
#[tokio::test]
async fn a_token_server_without_tls_is_known_by_its_parsed_address(#[case] realm: &str) {
    let challenge = format!("WWW-Authenticate: Bearer realm=\"{}\"\r\n", realm.replace('\\', "\\\\"));
    let stub = Stub::playing(vec![Act::answer("401 Unauthorized", &challenge, "")]).await;
    let Some(registry) = Behind::tls(&stub) else { return };
    let error = client(&registry.settings).reader.ping().await.unwrap_err();
    let why = "its token server speaks plain HTTP (http://auth.test/t): it is not shown our credentials";
    assert_eq!(&*error.why, why);
}

#[tokio::test]
async fn a_redirect_from_tls_to_none_is_not_followed() {
    let store = Stub::playing(vec![Act::answer("206 Partial Content", "", "x")]).await;
    for (target, shown) in [
        (format!("{}/key", store.url()), format!("{}/key", store.url())),
        (format!(" HTTP:\\\\{}/key", &store.url()[7..]), format!("{}/key", store.url())),
    ] {
        let to = format!("Location: {target}\r\n");
        let front = Stub::playing(vec![Act::answer("307 Temporary Redirect", &to, "")]).await;
        let Some(registry) = Behind::tls(&front) else { return };
        let daemon = client(&registry.settings);
        let why = format!("it redirects from TLS to plain HTTP ({shown}): not followed");
        let byte = unknown(daemon.reader.byte(&name("a"), &digest(b"x"), 0).await.answer);
        assert_eq!(byte.split("; ").next(), Some(&*why));
        let hashed = unknown(daemon.reader.hash_blob(&name("a"), &digest(b"x")).await.answer);
        assert_eq!(hashed.split("; ").next(), Some(&*why));
    }
    assert_eq!(store.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_without_tls_that_was_named_is_followed_and_shown_nothing_of_ours() {
    let store = Stub::playing(vec![Act::answer("200 OK", "", "x")]).await;
    let to = format!("Location: {}/key?signed=1\r\n", store.url());
    let front = Stub::playing(vec![Act::answer("307 Temporary Redirect", &to, "")]).await;
    let Some(mut registry) = Behind::tls(&front) else { return };
    registry.settings.plain_stores = vec!["other.test:9000".parse().unwrap()];
    let why = unknown(client(&registry.settings).reader.hash_blob(&name("a"), &digest(b"x")).await.answer);
    let port = store.url().rsplit(':').next().unwrap().to_owned();
    let hint = format!("give --plain-http-store 127.0.0.1:{port}; ");
    assert!(why.contains(&hint), "{why}");
    assert_eq!(store.seen(), Vec::<String>::new());
    registry.settings.plain_stores.push(format!("127.0.0.1:{port}").parse().unwrap());
    let answer = client(&registry.settings).reader.hash_blob(&name("a"), &digest(b"x")).await.answer;
    assert!(matches!(answer, Answer::Yes(_)), "{answer:?}");
    let asked = store.seen().join("").to_ascii_lowercase();
    assert!(asked.starts_with("get /key?signed=1 ") && !asked.contains("authorization"), "{asked}");
}

#[rstest]
#[case("http://169.254.169.254/latest/meta-data/", "`169.254.169.254` is this machine's own link")]
#[case("http://[::ffff:169.254.169.254]/", "`[::ffff:a9fe:a9fe]` is this machine's own link")]
#[case("http://[fd00:ec2::254]/", "`[fd00:ec2::254]` is a cloud's metadata service")]
#[case("https://100.100.100.200/", "`100.100.100.200` is a cloud's metadata service")]
#[tokio::test]
async fn nobody_is_led_where_only_this_machine_can_go(#[case] target: &str, #[case] place: &str) {
    let why = format!("{place}, and the registry is not: it is not followed there");
    let to = format!("Location: {target}\r\n");
    let stub = Stub::playing(vec![Act::answer("307 Temporary Redirect", &to, "")]).await;
    let daemon = client(&connection(&stub.url()));
    assert_eq!(unknown(daemon.reader.byte(&name("a"), &digest(b"x"), 0).await.answer), why);
    assert_eq!(unknown(daemon.reader.hash_blob(&name("a"), &digest(b"x")).await.answer), why);
    let challenge = format!("WWW-Authenticate: Bearer realm=\"{target}\"\r\n");
    let stub = Stub::playing(vec![Act::answer("401 Unauthorized", &challenge, "")]).await;
    assert_eq!(&*registry(&stub.url()).ping().await.unwrap_err().why, why);
}

#[tokio::test]
async fn an_upload_goes_only_to_the_host_that_was_named() {
    let other = Stub::playing(vec![Act::answer("201 Created", "", "")]).await;
    let host = other.url().replace("127.0.0.1", "localhost");
    let posted = Act::answer("202 Accepted", &format!("Location: {host}/v2/a/blobs/uploads/1\r\n"), "");
    let stub = Stub::playing(vec![posted]).await;
    let mut settings = connection(&stub.url().replace("://", "://bob:hush@"));
    settings.retry_times = 1;
    let writer = client(&settings).writer;
    let error = writer.upload_blob(&name("a"), &digest(b"x"), &b"x".to_vec()).await.unwrap_err();
    assert_eq!(&*error.why, "202 Accepted, but its Location is on another host (`localhost`)");
    let error = writer.start_upload(&name("a")).await.unwrap_err();
    assert_eq!(error.hint.as_deref().map(|hint| hint.starts_with("nothing is sent to a host")), Some(true));
    assert_eq!(other.seen(), Vec::<String>::new());
}
