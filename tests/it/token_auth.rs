//! Tokens through the program: a long check with short tokens, and tokens that are given as they are.

use std::time::{Duration, Instant};

use regfsck::adapters::sandbox::image::Image;
use tempfile::TempDir;

use crate::support::missing;
use crate::support::real_registry::{RealRegistry, on_every_registry_async};
use crate::support::regfsck::{Ended, command, end};
use crate::support::settings::Settings;
use crate::support::token_server::{Rules, TokenServer};
use crate::support::tree::plant;

/// A daemon that wants tokens, on this storage.
async fn daemon(test: &str, root: &TempDir, rules: Rules) -> Option<(TokenServer, RealRegistry)> {
    let Some(server) = TokenServer::start(rules).await else {
        missing("openssl", test);
        return None;
    };
    let setup = Settings { top: server.section(), root: Some(root.path().to_owned()), ..Settings::default() };
    let daemon = RealRegistry::start(&setup)?;
    Some((server, daemon))
}

/// Run it beside the token server, which needs this thread.
async fn run_as(arguments: &[&str], variable: (&str, &str)) -> Ended {
    let mut command = command(arguments);
    command.env(variable.0, variable.1);
    tokio::task::spawn_blocking(move || end(command.spawn().unwrap())).await.unwrap()
}

fn answers(daemon: &RealRegistry, status: u16) -> usize {
    let wanted = format!("\" {status} ");
    daemon.log().lines().filter(|line| line.contains(" /v2/") && line.contains(&wanted)).count()
}

#[test]
fn a_minute_of_five_second_tokens_is_a_minute_without_a_failed_request() {
    on_every_registry_async(|| async {
        let root = TempDir::new().unwrap();
        for at in 0..60 {
            plant(root.path(), "team/app", &at.to_string(), &Image::two_layers(&format!("t{at}")).unwrap());
        }
        let rules = Rules { basic: Some(("bob", "correct-horse")), refresh: None, life: 5 };
        let Some((server, daemon)) = daemon("a minute of tokens", &root, rules).await else { return };
        let url = daemon.url();
        let started = Instant::now();
        let check = ["check", "--registry", &url, "--repo", "team/app", "--rate", "4", "-o", "json"];
        let ended = run_as(&check, ("REGFSCK_CREDS", "bob:correct-horse")).await;
        let took = started.elapsed();
        assert_eq!((ended.status, ended.findings()), (0, vec![]), "{}", ended.stdout);
        assert_eq!(ended.report().coverage.unknown, []);
        assert!(took >= Duration::from_secs(60), "{took:?}");
        // The challenge of the first contact, and never again.
        assert_eq!(answers(&daemon, 401), 1, "{}", daemon.log());
        let renewed = server.asked("repository:team/app:pull");
        // They are given up after four of their five seconds, and not before.
        let most = usize::try_from(took.as_secs() / 4 + 1).unwrap();
        assert!((most * 4 / 5..=most).contains(&renewed), "{renewed} tokens in {took:?}");
    });
}

#[test]
fn a_token_that_is_given_opens_what_it_is_for_and_nothing_else() {
    on_every_registry_async(|| async {
        let root = TempDir::new().unwrap();
        for name in ["team/app", "team/other"] {
            plant(root.path(), name, "1", &Image::two_layers(name).unwrap());
        }
        let rules = Rules { basic: Some(("nobody", "at all")), refresh: None, life: 300 };
        let Some((server, daemon)) = daemon("a token that is given", &root, rules).await else { return };
        let app = "repository:team/app:pull";
        let catalog = "registry:catalog:*";
        let forged = format!("{}x", server.token(&[app, catalog], 300));
        let mut all = Vec::new();
        for (what, token, more) in [
            ("right", server.token(&[app], 300), "--repo=team/app"),
            (
                "for the catalog too",
                server.token(&[app, "repository:team/other:pull", catalog], 300),
                "--probe=all",
            ),
            ("without the catalog", server.token(&[app], 300), "--probe=all"),
            ("for another repository", server.token(&[app], 300), "--repo=team/other"),
            ("expired", server.token(&[app], -5), "--repo=team/app"),
            ("forged", forged, "--repo=team/app"),
            ("no token", "open-sesame".to_owned(), "--repo=team/app"),
        ] {
            let url = daemon.url();
            let ended =
                run_as(&["check", "--registry", &url, more], ("REGFSCK_REGISTRY_TOKEN", &token)).await;
            for text in [&ended.stdout, &ended.stderr] {
                assert!(!text.contains(&token), "{what} is shown: {text}");
            }
            let shown = format!("## {what}: status {}\n{}{}", ended.status, ended.stdout, ended.stderr);
            all.push(shown.replace(&daemon.host(), "HOST").replace(&server.stub.url(), "TOKENS"));
        }
        // It is shown as it is: nobody is asked for another one.
        assert_eq!(server.stub.seen(), Vec::<String>::new());
        insta::assert_snapshot!(
            "a_token_that_is_given_opens_what_it_is_for_and_nothing_else",
            all.join("\n")
        );
    });
}
