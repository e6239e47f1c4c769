//! What lines of every kind name.

use super::*;

proptest::proptest! {
    #[test]
    fn no_line_is_a_crash(before in ".{0,40}", after in ".{0,40}", mark in "/v2/|@|: layer link eligible for deletion: |manifest eligible for deletion: \\{|HTTP/1.1\" |blobs::|digest=sha256%3A") {
        read(&format!("{before}{mark}{after}"));
    }
}

fn read(text: &str) -> Suspects {
    let mut reader = SuspectText::default();
    text.lines().for_each(|line| reader.line(line));
    reader.finish()
}

fn hex(fill: &str) -> String {
    fill.repeat(32)
}

/// What one line names: `repository@fill`, where `fill` is the digest's first two digits.
fn named(line: &str) -> Vec<String> {
    let found = read(line);
    let show = |Suspect { repository, digest, kind }: &Suspect| {
        let repository = repository.as_ref().map_or("*", RepositoryName::as_str);
        let kind = match kind {
            SuspectKind::Content => "",
            SuspectKind::Layer => " layer",
            SuspectKind::Manifest => " manifest",
        };
        format!("{repository}@{}{kind}", &digest.hex()[..2])
    };
    let mut named: Vec<_> = found.pairs.iter().map(show).collect();
    if found.not_understood > 0 {
        named.push("?".into());
    }
    named
}

#[test]
fn lists_are_read() {
    let a = hex("aa");
    for (line, expected) in [
        (format!("team/app@sha256:{a}"), "team/app@aa"),
        (format!("  team/app:1.0@sha256:{a} "), "team/app@aa"),
        (format!("127.0.0.1:5000/team/app@sha256:{a}"), "team/app@aa"),
        (format!("127.0.0.1:5000/team/app:1.0@sha256:{a}"), "team/app@aa"),
        (format!("sha256:{a}"), "*@aa"),
        (format!("sha512:{a}{a}"), "*@aa"),
        (a.clone(), "*@aa"),
        (format!("blobs::sha256:{a}"), "*@aa"),
        (format!("repository::team/app::blobs::sha256:{a}"), "team/app@aa"),
    ] {
        assert_eq!(named(&line), [expected], "{line}");
    }
    for line in ["", "# a comment"] {
        assert_eq!(named(line), [""; 0], "{line}");
    }
    for line in ["word", "sha256:abc", "a@b", "repository::team/app::blobs", "Ünsinn"] {
        assert_eq!(named(line), ["?"], "{line}");
    }
    assert_eq!(named(&format!("UPPER@sha256:{a}")), ["?"]);
}

#[test]
fn garbage_collection_of_every_version_is_read() {
    let (a, b) = (hex("aa"), hex("bb"));
    for (line, expected) in [
        (format!("blob eligible for deletion: sha256:{a}"), "*@aa"),
        (format!("2026-01-02T03:04:05Z stdout F blob eligible for deletion: sha256:{a}"), "*@aa"),
        (format!("manifest eligible for deletion: {{team/app sha256:{a} [1 2]}}"), "team/app@aa manifest"),
        (format!("manifest eligible for deletion: team/app@sha256:{a}"), "team/app@aa manifest"),
        (format!("team/app: layer link eligible for deletion: sha256:{a}"), "team/app@aa layer"),
        (
            format!(
                r#"time="…" level=info msg="Deleting blob: /docker/registry/v2/blobs/sha256/aa/{a}" go.version=go1"#
            ),
            "*@aa",
        ),
        (
            format!(
                r#"level=info msg="Deleting layer link path: /docker/registry/v2/repositories/team/app/_layers/sha256/{a}/link""#
            ),
            "team/app@aa layer",
        ),
        (
            format!(
                r#"{{"level":"info","msg":"deleting manifest: /docker/registry/v2/repositories/team/app/_manifests/revisions/sha256/{a}","time":"…"}}"#
            ),
            "team/app@aa manifest",
        ),
        (
            format!(
                r#"level=info msg="deleting manifest tag reference: /docker/registry/v2/repositories/team/app/_manifests/tags/1/index/sha256/{a}""#
            ),
            "team/app@aa manifest",
        ),
    ] {
        assert_eq!(named(&line), [expected], "{line}");
    }
    let text = format!(
        "other\nteam/app\nteam/app: marking manifest sha256:{b} \nmanifest eligible for deletion: sha256:{a}\n\n\
         3 blobs marked, 6 blobs and 1 manifests eligible for deletion"
    );
    assert_eq!(named(&text), ["team/app@aa manifest"]);
    assert_eq!(named("blob eligible for deletion: sha256:aa"), ["?"]);
}

#[test]
fn access_logs_are_read() {
    let a = hex("aa");
    let combined = |request: &str, status: u16| {
        format!(
            r#"127.0.0.1 - - [23/Nov/2026:03:19:55 +0000] "{request} HTTP/1.1" {status} 157 "" "skopeo/1.9.3""#
        )
    };
    for (line, expected) in [
        (combined(&format!("HEAD /v2/team/app/blobs/sha256:{a}"), 200), "team/app@aa layer"),
        (combined(&format!("GET /v2/team/app/manifests/sha256:{a}"), 404), "team/app@aa manifest"),
        (
            combined(
                &format!("PUT /prefix/v2/team/app/blobs/uploads/89b9?_state=x&digest=sha256%3A{a}"),
                201,
            ),
            "team/app@aa layer",
        ),
        (
            combined(&format!("POST /v2/team/app/blobs/uploads/?mount=sha256:{a}&from=other"), 201),
            "team/app@aa layer",
        ),
        (
            format!(
                r#"level=info msg="response completed" http.request.uri="/v2/team/app/blobs/sha256:{a}" http.response.status=206"#
            ),
            "team/app@aa layer",
        ),
        (
            format!(
                r#"{{"http.request.uri":"/v2/a/blobs/uploads/1?_state=x\u0026digest=sha256%3A{a}","http.response.status":201,"level":"info","msg":"response completed"}}"#
            ),
            "a@aa layer",
        ),
        (
            format!(
                r#"level=error msg="unknown error" err.detail="filesystem: Path not found: /docker/registry/v2/blobs/sha256/aa/{a}/data" http.request.uri="/v2/a/blobs/sha256:{a}" http.response.status=200"#
            ),
            "a@aa layer",
        ),
    ] {
        assert_eq!(named(&line), [expected], "{line}");
    }
    for line in [
        combined(&format!("HEAD /v2/team/app/blobs/sha256:{a}"), 404),
        combined(&format!("GET /v2/team/app/manifests/sha256:{a}"), 401),
        combined("PUT /v2/team/app/manifests/1", 201),
        combined("GET /v2/", 200),
        r#"time="…" level=info msg="listening on 127.0.0.1:5000""#.to_owned(),
    ] {
        assert_eq!(named(&line), [""; 0], "{line}");
    }
}
