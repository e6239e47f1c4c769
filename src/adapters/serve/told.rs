//! Reading what registries send: distribution's notifications (2.x and 3.x) and Harbor's webhooks.
//!
//! A registry sends an envelope again until it is taken, and nothing that comes after it before. So one event in it that
//! makes no sense is passed over, and only what is no envelope at all is refused.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::manifest::MANIFEST_MEDIA_TYPES;
use crate::domain::name::RepositoryName;
use crate::domain::watch::{Deletion, PushedImage, Removed, Told};

/// The media types that they come as: 2.x, 3.x, Harbor in either of its forms.
pub(super) const TAKEN: [&str; 4] = [
    "application/vnd.docker.distribution.events.v2+json",
    "application/vnd.docker.distribution.events.v1+json",
    "application/json",
    "application/cloudevents+json",
];

/// Either form.
#[derive(Deserialize)]
struct Envelope {
    events: Option<Vec<Value>>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(alias = "data")]
    event_data: Option<Value>,
}

#[derive(Deserialize)]
struct Event {
    action: String,
    target: Target,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    repository: String,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    url: String,
    digest: Option<String>,
    tag: Option<String>,
}

#[derive(Deserialize)]
struct Webhook {
    repository: Repository,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Repository {
    repo_full_name: String,
}

#[derive(Deserialize)]
struct Resource {
    digest: Option<String>,
    tag: Option<String>,
}

/// What an envelope tells.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Told>, String> {
    let envelope: Envelope = serde_json::from_slice(bytes)
        .map_err(|error| format!("this is no notification of a registry: {error}"))?;
    match envelope {
        Envelope { events: Some(events), .. } => Ok(events.into_iter().filter_map(event).collect()),
        Envelope { kind: Some(kind), event_data: Some(data), .. } => Ok(webhook(&kind, data)),
        Envelope { .. } => Err(
            "this is no notification of a registry: it has neither `events` nor, as Harbor's, `type` and `event_data`"
                .to_owned(),
        ),
    }
}

/// What one event tells, if it is about a manifest and makes sense.
fn event(value: Value) -> Option<Told> {
    let Event { action, target } = serde_json::from_value(value).ok()?;
    let repository = target.repository.parse().ok()?;
    let (digest, tag) = (target.digest.as_deref(), target.tag.as_deref());
    match &*action {
        "push" => {
            let is_manifest =
                MANIFEST_MEDIA_TYPES.contains(&&*target.media_type) || target.url.contains("/manifests/");
            is_manifest.then(|| pushed(repository, digest, tag))?
        }
        "delete" => removed(repository, digest, tag),
        _ => None,
    }
}

fn webhook(kind: &str, data: Value) -> Vec<Told> {
    let Ok(Webhook { repository, resources }) = serde_json::from_value(data) else { return Vec::new() };
    let Ok(name) = repository.repo_full_name.parse::<RepositoryName>() else { return Vec::new() };
    let told = resources.into_iter().filter_map(|Resource { digest, tag }| match kind {
        "PUSH_ARTIFACT" | "pushImage" | "harbor.artifact.pushed" => {
            pushed(name.clone(), digest.as_deref(), tag.as_deref())
        }
        // Harbor deletes an artifact with all its tags.
        "DELETE_ARTIFACT" | "deleteImage" | "harbor.artifact.deleted" => {
            removed(name.clone(), digest.as_deref(), None).filter(|_| digest.is_some())
        }
        _ => None,
    });
    told.collect()
}

fn pushed(repository: RepositoryName, digest: Option<&str>, tag: Option<&str>) -> Option<Told> {
    let digest = digest?.parse().ok()?;
    // Harbor says the digest again where there is no tag.
    let tag = tag.and_then(|tag| tag.parse().ok());
    Some(Told::Pushed(PushedImage { repository, digest, tag }))
}

fn removed(repository: RepositoryName, digest: Option<&str>, tag: Option<&str>) -> Option<Told> {
    let some = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let what = match (some(tag), some(digest)) {
        (Some(tag), _) => Removed::Tag(tag.parse().ok()?),
        (None, Some(digest)) => Removed::Content(digest.parse().ok()?),
        (None, None) => Removed::Everything,
    };
    Some(Told::Removed(Deletion { repository, what }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(n: u8) -> String {
        crate::domain::digest::Digest::sha256([n; 32]).to_string()
    }

    fn told(value: &Value) -> Vec<String> {
        let told = read(value.to_string().as_bytes()).unwrap();
        let said = told.into_iter().map(|told| match told {
            Told::Pushed(image) => format!("push {} {}", image.name(), image.digest.short()),
            Told::Removed(Deletion { repository, what }) => format!("delete {repository} {what:?}"),
        });
        said.collect()
    }

    #[test]
    fn of_a_registry_manifests_are_told_and_layers_are_not() {
        let manifest = "application/vnd.oci.image.manifest.v1+json";
        let event = |action: &str, target: Value| json!({"id": "1", "action": action, "target": target});
        let envelope = json!({"events": [
            event("push", json!({"mediaType": "application/octet-stream", "digest": digest(1), "repository": "a",
                "url": "http://h/v2/a/blobs/x"})),
            event("push", json!({"mediaType": manifest, "digest": digest(2), "repository": "a/b", "tag": "1"})),
            event("push", json!({"mediaType": "application/vnd.new+json", "digest": digest(3), "repository": "a",
                "url": "http://h/v2/a/manifests/sha256:x"})),
            event("pull", json!({"mediaType": manifest, "digest": digest(2), "repository": "a"})),
            event("delete", json!({"repository": "a", "tag": "1"})),
            event("delete", json!({"repository": "a"})),
            event("push", json!({"mediaType": manifest, "digest": "sha256:1", "repository": "a"})),
            event("push", json!({"mediaType": manifest, "digest": digest(4), "repository": "../../etc"})),
            event("push", json!(null)),
            json!("no event"),
        ]});
        let short = |n| crate::domain::digest::Digest::sha256([n; 32]).short();
        let expected = [
            format!("push a/b:1 {}", short(2)),
            format!("push a@{} {}", digest(3), short(3)),
            "delete a Tag(Tag(\"1\"))".to_owned(),
            "delete a Everything".to_owned(),
        ];
        assert_eq!(told(&envelope), expected);
    }

    #[test]
    fn of_harbor_artifacts_are_told_in_either_form() {
        let data = json!({"resources": [{"digest": digest(1), "tag": "latest", "resource_url": "h/library/a:latest"}],
            "repository": {"name": "a", "namespace": "library", "repo_full_name": "library/a", "repo_type": "public"}});
        let short = crate::domain::digest::Digest::sha256([1; 32]).short();
        let push = format!("push library/a:latest {short}");
        assert_eq!(
            told(&json!({"type": "PUSH_ARTIFACT", "occur_at": 1, "event_data": data})),
            std::slice::from_ref(&push)
        );
        let cloud = json!({"specversion": "1.0", "type": "harbor.artifact.pushed", "data": data});
        assert_eq!(told(&cloud), [push]);
        assert_eq!(told(&json!({"type": "DELETE_ARTIFACT", "event_data": data})).len(), 1);
        assert_eq!(told(&json!({"type": "SCANNING_COMPLETED", "event_data": data})), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_envelope_is_refused_with_a_sentence() {
        for bytes in
            ["", "[", "[]", "{}", "null", "\"events\"", r#"{"events":{}}"#, "\u{0}", &"[".repeat(1000)]
        {
            let why = read(bytes.as_bytes()).unwrap_err();
            assert!(why.starts_with("this is no notification of a registry: "), "{bytes}: {why}");
        }
        assert_eq!(read(br#"{"events":[]}"#), Ok(Vec::new()));
    }
}
