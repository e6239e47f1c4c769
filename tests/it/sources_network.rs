//! Registries as sources that lie, break off, refuse or are slow of mind.

use std::io::Write as _;

use regfsck::adapters::registry::{Address, Connection, Credential};
use regfsck::adapters::source::{OpenOptions, SourceSpec};
use regfsck::engine::ports::{SourceError, Supply, Wanted};

use crate::sources_damage::{drain, peak};
use crate::support::source_stub::{Stub, say};
use crate::support::sources_fixture::{list, noise, open, options, sha256, whole};

const SIZE: usize = 10_000;

fn blob() -> Vec<u8> {
    noise(5, SIZE)
}

fn wanted() -> Wanted {
    Wanted::blob(sha256(&blob()), Some(SIZE as u64)).in_repository("team/app".parse().unwrap())
}

/// Fetch from the stub alone.
async fn fetch(stub: &Stub, wanted: &Wanted) -> Result<Vec<u8>, SourceError> {
    let supply = list(&[format!("docker://{}", stub.authority)]);
    match supply.fetch(wanted).await {
        Ok(bytes) => Ok(whole(&bytes).await),
        Err(mut shortage) => Err(shortage.tried.remove(0).1),
    }
}

fn froms(stub: &Stub) -> Vec<Option<usize>> {
    stub.requests().iter().map(|request| request.from).collect()
}

#[tokio::test]
async fn wrong_bytes_are_not_taken() {
    let stub = Stub::giving(|_, _| (noise(6, SIZE), SIZE));
    assert!(matches!(fetch(&stub, &wanted()).await, Err(SourceError::WrongBytes { .. })));
    assert_eq!(froms(&stub), [None]);
}

#[tokio::test]
async fn a_body_that_is_honestly_too_short_is_not_taken() {
    let stub = Stub::giving(|_, from| (blob()[from..SIZE - 10].to_vec(), SIZE));
    let error = fetch(&stub, &wanted()).await.unwrap_err();
    assert!(matches!(error, SourceError::WrongSize { got: 9990, wanted: 10_000, .. }), "{error}");
}

#[tokio::test]
async fn a_body_that_is_cut_for_ever_is_not_taken() {
    let stub = Stub::giving(|_, from| (blob()[from..].to_vec(), (SIZE - 10).saturating_sub(from)));
    let error = fetch(&stub, &wanted()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(froms(&stub), [None, Some(9990), Some(9990)]);
    // Nor where no size is known: the server's own Content-Length is not kept.
    let error = fetch(&stub, &Wanted { size: None, ..wanted() }).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_phantom_of_the_source_is_not_taken() {
    let stub = Stub::giving(|_, _| (blob(), 0));
    let error = fetch(&stub, &wanted()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    let said = format!(
        "GET http://{}/v2/team/app/blobs/{} broke off: after 0 of 10000 bytes: ",
        stub.authority,
        wanted().digest
    );
    assert!(error.to_string().starts_with(&said), "{error}");
}

#[tokio::test]
async fn a_body_without_end_is_left_in_time() {
    let stub = Stub::start(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[0; 4096]).is_ok() {}
    });
    let error = fetch(&stub, &wanted()).await.unwrap_err();
    assert!(matches!(error, SourceError::WrongSize { wanted: 10_000, .. }), "{error}");
    assert_eq!(stub.requests().len(), 1);
    let manifest = Wanted { is_manifest: true, size: None, ..wanted() };
    let error = fetch(&stub, &manifest).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused { said, .. } if said.contains("4 MiB")), "{error}");
}

#[tokio::test]
async fn a_broken_transfer_is_taken_up_where_it_broke() {
    let stub = Stub::giving(|_, from| (blob()[from..].to_vec(), 3000));
    assert_eq!(fetch(&stub, &wanted()).await.unwrap(), blob());
    assert_eq!(froms(&stub), [None, Some(3000), Some(6000), Some(9000)]);
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_is_read_from_the_start_again() {
    let stub = Stub::start(|before, _, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&blob()[..if before == 0 { 3000 } else { SIZE }]);
    });
    assert_eq!(fetch(&stub, &wanted()).await.unwrap(), blob());
    assert_eq!(froms(&stub), [None, Some(3000)]);
}

#[tokio::test]
async fn parts_that_do_not_fit_are_fetched_anew() {
    let stub = Stub::giving(|before, from| match before {
        0 => (noise(6, SIZE), 3000),
        _ => (blob()[from..].to_vec(), SIZE),
    });
    assert_eq!(fetch(&stub, &wanted()).await.unwrap(), blob());
    assert_eq!(froms(&stub), [None, Some(3000), None]);
}

#[tokio::test]
async fn a_range_that_begins_too_late_is_refused() {
    let stub = Stub::start(|before, _, stream| {
        let head = if before == 0 {
            "200 OK"
        } else {
            "206 Partial Content\r\nContent-Range: bytes 5000-9999/10000"
        };
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: {SIZE}\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&blob()[..3000]);
    });
    let error = fetch(&stub, &wanted()).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused { said, .. } if said.contains("byte 5000")), "{error}");
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_one_that_refuses_is_not() {
    let stub = Stub::start(|before, _, stream| match before {
        0 => say(stream, "503 Service Unavailable", b"<html>busy</html>"),
        1 => say(stream, "429 Too Many Requests", b""),
        _ => say(stream, "200 OK", &blob()),
    });
    assert_eq!(fetch(&stub, &wanted()).await.unwrap(), blob());

    let stub = Stub::start(|_, _, stream| say(stream, "503 Service Unavailable", b"<html>\nbusy\n</html>"));
    let error = fetch(&stub, &wanted()).await.unwrap_err();
    assert!(
        error.to_string().ends_with("broke off: after 0 of 10000 bytes: 503 Service Unavailable"),
        "{error}"
    );
    assert_eq!(stub.requests().len(), 3);

    let stub = Stub::start(|_, _, stream| say(stream, "401 Unauthorized", b"{\"errors\":[]}"));
    let error = fetch(&stub, &wanted()).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused { said, .. } if said.starts_with("401")), "{error}");
    assert_eq!(stub.requests().len(), 1);

    let stub = Stub::start(|_, _, stream| say(stream, "404 Not Found", b""));
    assert!(matches!(fetch(&stub, &wanted()).await, Err(SourceError::Absent { .. })));
}

#[tokio::test]
async fn a_server_that_is_away_is_not_one_that_lacks_it() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let supply = list(&[format!("docker://{gone}")]);
    let shortage = supply.fetch(&wanted()).await.unwrap_err();
    assert!(shortage.tried[0].1.is_transient(), "{shortage}");
    let error = supply.find(&wanted()).await.unwrap_err();
    assert!(error.tried[0].1.is_transient() && error.to_string().contains("connection refused"), "{error}");
}

#[tokio::test]
async fn redirects_are_followed() {
    let stub = Stub::start(|_, request, stream| {
        if request.path.starts_with("/v2/") {
            say(stream, "307 Temporary Redirect\r\nLocation: /store?signature=x", b"");
        } else {
            say(stream, "200 OK", &blob());
        }
    });
    assert_eq!(fetch(&stub, &wanted()).await.unwrap(), blob());
}

#[tokio::test]
async fn a_user_and_a_password_are_sent_and_never_shown() {
    let stub = Stub::start(|_, request, stream| {
        if request.authorization.as_deref() == Some("Basic dXNlcjpodW50ZXIy") {
            say(stream, "403 Forbidden", b"not you");
        } else {
            let challenge =
                "WWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\nConnection: close\r\n";
            let _ = stream.write_all(format!("HTTP/1.1 401 Unauthorized\r\n{challenge}\r\n").as_bytes());
        }
    });
    let mut docker = Connection::new(Address::parse(&format!("http://{}", stub.authority), false).unwrap());
    docker.credentials =
        Credential::Basic { name: "user".into(), password: "hunter2".to_owned().into() }.into();
    let options = OpenOptions { docker: Some(docker), ..options() };
    let spec: SourceSpec = format!("docker://{}", stub.authority).parse().unwrap();
    let error = spec.open(&options).unwrap().find(&wanted()).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused { said, .. } if said.starts_with("403")), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_manifest_that_is_another_is_not_taken() {
    let stub = Stub::start(|_, _, stream| say(stream, "200 OK", b"{\"schemaVersion\":2}"));
    let source = open(&format!("docker://{}", stub.authority)).unwrap();
    let manifest = Wanted { is_manifest: true, size: None, ..wanted() };
    assert!(matches!(source.manifest(&manifest).await, Err(SourceError::WrongBytes { .. })));
    assert!(matches!(source.open(&manifest, 0).await.err(), Some(SourceError::WrongBytes { .. })));
    let sized = Wanted { size: Some(3), ..manifest };
    assert!(matches!(source.manifest(&sized).await, Err(SourceError::WrongSize { .. })));
}

#[tokio::test]
async fn a_big_blob_is_spooled_not_held() {
    let size = 128_u64 << 20;
    let stub = Stub::start(move |_, _, stream| {
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").as_bytes());
        let piece = vec![0; 1 << 20];
        while stream.write_all(&piece).is_ok() {}
    });
    let digest = "sha256:254bcc3fc4f27172636df4bf32de9f107f620d559b20d760197e452b97453917".parse().unwrap();
    let wanted = Wanted::blob(digest, Some(size)).in_repository("team/app".parse().unwrap());
    let supply = list(&[format!("docker://{}", stub.authority)]);
    let before = peak();
    let bytes = supply.fetch(&wanted).await.unwrap();
    assert_eq!(drain(&bytes).await, size);
    let grown = peak() - before;
    assert!(grown < 32 << 20, "grew by {grown} bytes");
}
