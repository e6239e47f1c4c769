//! Being let in.

use std::time::{Duration, Instant};

use regfsck::adapters::credentials::Places;
use regfsck::adapters::registry::{Connection, Credential};
use regfsck::domain::views::served::Answer;
use rstest::rstest;
use tempfile::TempDir;

use super::{client, connection, digest, name};
use crate::support::missing;
use crate::support::program;
use crate::support::real_registry::{RealRegistry, on_every_registry_async};
use crate::support::settings::Settings;
use crate::support::stub::{Act, Stub};
use crate::support::token_server::{Rules, TokenServer};

const NAME: &str = "bob";
const PASSWORD: &str = "correct-horse";

fn as_bob(password: &str) -> Credential {
    Credential::Basic { name: NAME.into(), password: password.to_owned().into() }
}

fn with(url: &str, credential: Credential) -> Connection {
    let mut settings = connection(url);
    settings.credentials = credential.into();
    settings
}

/// A daemon that wants a user name and a password.
fn htpasswd_daemon(dir: &TempDir) -> Option<RealRegistry> {
    RealRegistry::start(&Settings::with_password(dir.path(), NAME, PASSWORD)?)
}

#[test]
fn a_user_name_and_a_password() {
    on_every_registry_async(|| async {
        let dir = TempDir::new().unwrap();
        let Some(daemon) = htpasswd_daemon(&dir) else { return };
        let settings = with(&daemon.url(), as_bob(PASSWORD));
        let writer = client(&settings).writer;
        writer.upload_blob(&name("a"), &digest(b"x"), &b"x".to_vec()).await.unwrap();
        let registry = client(&settings).reader;
        registry.ping().await.unwrap();
        assert!(registry.head_blob(&name("a"), &digest(b"x")).await.answer.yes().is_some());
        // The challenge costs one request; after it, each question is one.
        assert_eq!(registry.requests(), 3);
        for credential in [Credential::Anonymous, as_bob("wrong")] {
            let registry = client(&with(&daemon.url(), credential)).reader;
            let error = registry.ping().await.unwrap_err();
            let url = daemon.url();
            assert_eq!(
                error.to_string(),
                format!("GET {url}/v2/: 401 Unauthorized, UNAUTHORIZED: authentication required")
            );
            let head = registry.head_blob(&name("a"), &digest(b"x")).await;
            assert!(matches!(&head.answer, Answer::Unknown(why) if why.contains("give --creds")), "{head:?}");
        }
    });
}

async fn token_daemon(test: &str, rules: Rules) -> Option<(TokenServer, RealRegistry)> {
    let Some(server) = TokenServer::start(rules).await else {
        missing("openssl", test);
        return None;
    };
    let daemon = RealRegistry::start(&Settings { top: server.section(), ..Settings::default() })?;
    Some((server, daemon))
}

#[rstest]
#[case::anonymous(Rules { basic: None, refresh: None, life: 300 }, Credential::Anonymous)]
#[case::password(Rules { basic: Some((NAME, PASSWORD)), refresh: None, life: 300 }, as_bob(PASSWORD))]
#[case::identity(
    Rules { basic: Some((NAME, PASSWORD)), refresh: Some("identity"), life: 300 },
    Credential::IdentityToken("identity".to_owned().into())
)]
#[test]
fn tokens_are_fetched_once_a_scope(#[case] rules: Rules, #[case] credential: Credential) {
    on_every_registry_async(|| async {
        let token_daemon = token_daemon("tokens_are_fetched_once_a_scope", rules.clone()).await;
        let Some((server, daemon)) = token_daemon else { return };
        let settings = with(&daemon.url(), credential.clone());
        let writer = client(&settings).writer;
        for repository in ["a", "b", "c"] {
            writer.upload_blob(&name(repository), &digest(b"x"), &b"x".to_vec()).await.unwrap();
        }
        writer.delete_blob(&name("c"), &digest(b"x")).await.unwrap();
        assert_eq!(server.stub.seen().len(), 4);
        let registry = client(&settings).reader;
        registry.ping().await.unwrap();
        // Since 3.0 a repository is one that has manifests.
        let listed = if daemon.flavour().is_3() { 0 } else { 3 };
        assert_eq!(registry.catalog().await.answer.yes().map(Vec::len), Some(listed));
        for _ in 0..3 {
            assert!(registry.head_blob(&name("a"), &digest(b"x")).await.answer.yes().is_some());
        }
        // `/v2/`, the catalog and the repository.
        assert_eq!(server.stub.seen().len(), 7);
        assert_eq!(registry.requests(), 6);
        let seen = server.stub.seen().join("");
        assert!(!daemon.log().contains(PASSWORD) && !seen.contains(PASSWORD));
    });
}

#[test]
fn wrong_credentials_at_the_token_server_are_said_to_be_wrong() {
    on_every_registry_async(|| async {
        let rules = Rules { basic: Some((NAME, PASSWORD)), refresh: None, life: 300 };
        let Some((server, daemon)) = token_daemon("wrong_credentials…", rules).await else { return };
        let registry = client(&with(&daemon.url(), as_bob("wrong"))).reader;
        let error = registry.ping().await.unwrap_err();
        let message = "the token server 127.0.0.1 answered 401 Unauthorized: `who are you?`";
        assert_eq!(error.to_string(), format!("GET {}/v2/: {message}", daemon.url()));
        let hint = "it does not accept these credentials: check user name and password, or log in again";
        assert_eq!(error.hint.as_deref(), Some(hint));
        for repository in ["a", "b", "c"] {
            let head = registry.head_blob(&name(repository), &digest(b"x")).await;
            assert!(matches!(head.answer, Answer::Unknown(_)));
        }
        // Asked once: too many failures may lock the account.
        assert_eq!(server.stub.seen().len(), 1);
    });
}

#[test]
fn tokens_that_live_shortly_are_renewed_before_they_end() {
    on_every_registry_async(|| async {
        let Some((server, daemon)) =
            token_daemon("tokens_that_live_shortly…", Rules { basic: None, refresh: None, life: 2 }).await
        else {
            return;
        };
        let settings = with(&daemon.url(), Credential::Anonymous);
        client(&settings).writer.upload_blob(&name("a"), &digest(b"x"), &b"x".to_vec()).await.unwrap();
        let registry = client(&settings).reader;
        let (start, mut asked) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(6) {
            let claim = registry.head_blob(&name("a"), &digest(b"x")).await;
            assert!(claim.answer.yes().is_some(), "{claim:?}");
            asked += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let renewed = server.stub.seen().len() - 1;
        assert!((3..=6).contains(&renewed), "{renewed} tokens");
        // One challenge; never again a 401.
        assert_eq!(registry.requests(), asked + 1);
    });
}

#[test]
fn an_upload_that_waits_for_its_turn_shows_a_token_that_lives() {
    on_every_registry_async(|| async {
        let rules = Rules { basic: None, refresh: None, life: 2 };
        let Some((_server, daemon)) = token_daemon("an_upload_that_waits…", rules).await else { return };
        let mut settings = with(&daemon.url(), Credential::Anonymous);
        (settings.rate, settings.jobs) = (Some(3), 1);
        let writer = client(&settings).writer;
        let app = name("a");
        writer.upload_blob(&app, &digest(b"x"), &b"x".to_vec()).await.unwrap();
        let blobs: Vec<Vec<u8>> = (0..8).map(|at| vec![at; 10]).collect();
        let uploads = blobs.iter().map(|blob| async { writer.upload_blob(&app, &digest(blob), blob).await });
        for uploaded in futures_util::future::join_all(uploads).await {
            uploaded.unwrap();
        }
        // The first challenge, and no other.
        assert_eq!(daemon.log().lines().filter(|line| line.contains("HTTP/1.1\" 401 ")).count(), 1);
    });
}

#[tokio::test]
async fn a_token_refused_in_mid_run_is_renewed_once() {
    let tokens =
        Stub::start(|at, _| Act::json("200 OK", &format!(r#"{{"token":"t{at}","expires_in":300}}"#))).await;
    let realm = format!("WWW-Authenticate: Bearer realm=\"{}/token\",service=\"s\"\r\n", tokens.url());
    let front = Stub::start(move |at, request| {
        let good = if at < 4 { "Bearer t0" } else { "Bearer t1" };
        if request.contains(good) && at < 10 {
            Act::answer("200 OK", "", "x")
        } else {
            Act::answer("401 Unauthorized", &realm, "")
        }
    })
    .await;
    let registry = client(&with(&front.url(), Credential::Anonymous)).reader;
    for _ in 0..6 {
        assert!(registry.head_blob(&name("a"), &digest(b"x")).await.answer.yes().is_some());
    }
    assert_eq!(tokens.seen().len(), 2);
    while front.seen().len() < 10 {
        registry.head_blob(&name("a"), &digest(b"x")).await;
    }
    // From now on every token is refused: one renewal a question, and no more.
    let before = (front.seen().len(), tokens.seen().len());
    assert!(matches!(registry.head_blob(&name("a"), &digest(b"x")).await.answer, Answer::Unknown(_)));
    assert_eq!((front.seen().len() - before.0, tokens.seen().len() - before.1), (2, 1));
}

#[tokio::test]
async fn a_registry_token_is_shown_as_it_is_and_nothing_prints_it() {
    let front = Stub::playing(vec![Act::answer("403 Forbidden", "", "")]).await;
    let settings = with(&front.url(), Credential::RegistryToken("hush-hush".to_owned().into()));
    let registry = client(&settings).reader;
    let head = registry.head_blob(&name("a"), &digest(b"x")).await;
    assert!(front.seen()[0].contains("authorization: Bearer hush-hush"));
    assert!(!format!("{head:?}{settings:?}").contains("hush"));
}

#[test]
fn what_skopeo_login_writes_lets_us_in() {
    on_every_registry_async(|| async {
        let dir = TempDir::new().unwrap();
        let Some(daemon) = htpasswd_daemon(&dir) else { return };
        let file = dir.path().join("auth.json");
        for key in [daemon.host(), format!("{}/team", daemon.host())] {
            let login = ["login", "--tls-verify=false", "-u", NAME, "-p", PASSWORD, "--authfile"];
            let words = login.into_iter().chain([file.to_str().unwrap(), &key]);
            let Some(output) = program::output("skopeo", words) else { return };
            assert!(output.status.success(), "{output:?}");
            let places = Places { authfile: Some(file.clone()), ..Places::default() };
            let mut settings = connection(&daemon.url());
            let found = places.find(&settings.address.host_and_port()).await.unwrap();
            assert_eq!(found.origin, Some(file.display().to_string()));
            settings.credentials = found.credentials;
            let writer = client(&settings).writer;
            writer.upload_blob(&name("team/app"), &digest(b"x"), &b"x".to_vec()).await.unwrap();
            std::fs::write(&file, "{}").unwrap();
        }
    });
}

#[test]
fn a_credential_helper_lets_us_in() {
    on_every_registry_async(|| async {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = TempDir::new().unwrap();
        let Some(daemon) = htpasswd_daemon(&dir) else { return };
        let helper = dir.path().join("docker-credential-test");
        let script = format!(
            "#!/bin/sh\nread -r server\n[ \"$server\" = '{}' ] || {{ echo 'credentials not found in native keychain'; exit 1; }}\n\
         echo '{{\"Username\":\"{NAME}\",\"Secret\":\"{PASSWORD}\"}}'\n",
            daemon.host()
        );
        std::fs::write(&helper, script).unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(dir.path().join("config.json"), r#"{"credsStore":"test"}"#).unwrap();
        let places = Places {
            docker_config: Some(dir.path().to_owned()),
            path: Some(dir.path().as_os_str().to_owned()),
            ..Places::default()
        };
        let mut settings = connection(&daemon.url());
        settings.credentials = places.find(&settings.address.host_and_port()).await.unwrap().credentials;
        client(&settings).reader.ping().await.unwrap();
        assert!(places.find("other.test").await.unwrap().origin.is_none());
    });
}

#[tokio::test]
async fn a_right_that_the_token_lacks_is_said_to_be_lacking() {
    let tokens = Stub::playing(vec![Act::json("200 OK", r#"{"token":"t"}"#)]).await;
    let challenge =
        format!("Bearer realm=\"{}/token\",service=\"s\",error=\"insufficient_scope\"", tokens.url());
    let front = Stub::playing(vec![Act::answer(
        "401 Unauthorized",
        &format!("WWW-Authenticate: {challenge}\r\n"),
        "",
    )])
    .await;
    let writer = client(&with(&front.url(), Credential::Anonymous)).writer;
    let error = writer.delete_blob(&name("a"), &digest(b"x")).await.unwrap_err();
    assert_eq!(&*error.why, "401 Unauthorized, the account lacks the right to do this");
    assert!(tokens.seen()[0].contains("scope=repository%3Aa%3Adelete"), "{:?}", tokens.seen());
}
