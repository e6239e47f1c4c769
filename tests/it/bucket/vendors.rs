//! What only Google's stores have, or Azure's: who asks, and names that begin with a slash.

use rstest::rstest;

use super::{Kind, run};
use crate::support::azurite::{Azurite, SIGNED};
use crate::support::program::output;
use crate::support::regfsck::{Ended, command};
use crate::support::store::{BUCKET, Store};
use crate::support::tree::{Tree, data};

#[rstest]
fn a_bucket_that_is_not_there_or_no_registrys_is_said_so(#[values(Kind::Gcs, Kind::Azure)] kind: Kind) {
    let Some(store) = kind.start() else { return };
    let ended = run(&*store, ["check", "--storage", &store.storage("")]);
    assert_eq!(ended.status, 2, "{ended:?}");
    assert!(ended.stderr.contains("is not the storage root of a registry"), "{}", ended.stderr);
    let another = store.storage("").replace(BUCKET, "another");
    let ended = run(&*store, ["check", "--storage", &another]);
    assert_eq!(ended.status, 2, "{ended:?}");
    assert!(ended.stderr.contains("there is no such"), "{}", ended.stderr);
}

/// A registry with one image whose layer is lost.
fn damaged(store: &dyn Store, prefix: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut tree = Tree::new(dir.path());
    let image = tree.image("team/app", Some("1"), "a");
    store.upload(dir.path(), prefix);
    store.delete(&format!("{prefix}{}/{}", regfsck::domain::layout::ROOT, data(&image.layers[0].digest)));
    image.layers[0].digest.to_string()
}

fn check(storage: &str, variables: &[(&str, &str)]) -> Ended {
    command(["check", "--storage", storage, "-o", "json"])
        .envs(variables.iter().copied())
        .output()
        .unwrap()
        .into()
}

#[test]
fn azure_is_asked_with_a_key_or_a_signature_and_neither_shows() {
    let Some(store) = Azurite::start() else { return };
    let lost = damaged(&store, "");
    let wrong = "d3Jvbmc=";
    for (variables, status) in [
        (vec![("AZURE_STORAGE_SAS_TOKEN", SIGNED)], 1),
        (vec![("AZURE_STORAGE_KEY", wrong)], 2),
        (vec![("AZURE_STORAGE_SAS_TOKEN", "sv=2021-08-06&sp=rl&sig=wrong%3D")], 2),
    ] {
        let ended = check(&store.storage(""), &variables);
        assert_eq!(ended.status, status, "{variables:?}: {ended:?}");
        let shown = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(shown.contains(&lost), status == 1, "{shown}");
        assert!(!shown.contains("sig=") && !shown.contains(wrong), "{shown}");
    }
}

#[test]
fn names_that_begin_with_a_slash_are_told_and_looked_at_where_that_is_said() {
    let Some(store) = Azurite::start() else { return };
    let lost = damaged(&store, "/");
    let variables = store.variables();
    let blind = check(&store.storage(""), &variables);
    assert_eq!((blind.status, blind.stdout.as_str()), (2, ""), "{blind:?}");
    let said = ["a registry 2.x wrote them", "legacy=true"];
    assert!(said.iter().all(|words| blind.stderr.contains(words)), "{}", blind.stderr);
    let old = format!("{}&legacy=true", store.storage(""));
    let seen = check(&old, &variables);
    assert!(seen.status == 1 && seen.stdout.contains(&lost), "{seen:?}");
    // Both trees: each registry sees its own.
    damaged(&store, "");
    let own = check(&store.storage(""), &variables);
    assert!(own.status == 1 && own.stderr.contains("a registry 2.x wrote them"), "{own:?}");
}

#[test]
fn a_key_file_signs_what_google_is_asked_and_does_not_show() {
    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("key.pem");
    let Some(made) = output("openssl", ["genrsa", "-out", pem.to_str().unwrap(), "2048"]) else { return };
    assert!(made.status.success(), "{made:?}");
    let key = std::fs::read_to_string(&pem).unwrap();
    let account = serde_json::json!({
        "type": "service_account", "private_key": key, "private_key_id": "1", "client_email": "a@b.example",
    });
    let file = dir.path().join("key.json");
    std::fs::write(&file, account.to_string()).unwrap();
    let asked = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = asked.local_addr().unwrap().port();
    let listening = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut client, _) = asked.accept().unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        let _ = client.write_all(b"HTTP/1.1 401 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        String::from_utf8(head).unwrap().to_ascii_lowercase()
    });
    let storage = format!("gs://b?endpoint=http://127.0.0.1:{port}");
    let ended = check(&storage, &[("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())]);
    let head = listening.join().unwrap();
    assert!(head.contains("\r\nauthorization: bearer ey"), "{head}");
    assert!(ended.status == 2 && ended.stderr.contains("not accepted"), "{ended:?}");
    assert!(!ended.stderr.contains("PRIVATE KEY") && !ended.stderr.contains("Bearer"), "{ended:?}");
}
