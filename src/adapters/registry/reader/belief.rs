//! What a daemon believes of manifests: asked by an index that it must refuse.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::answer::{Question, said};
use crate::adapters::registry::client::{Client, HttpReply, HttpRequest, TokenScope, cure, errors};
use crate::domain::digest::{Algorithm, Digest};
use crate::domain::name::RepositoryName;
use crate::domain::views::served::Belief;
use crate::engine::ports::Hasher;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Ask which of `suspects` the daemon believes to have; the answers are in their order.
pub(super) async fn probe(client: &Client, repository: &RepositoryName, suspects: &[Digest]) -> Vec<Belief> {
    if suspects.is_empty() {
        return Vec::new();
    }
    let never_seen = never_seen();
    let index = index_of(suspects.iter().chain([&never_seen]));
    let digest = Hasher::of(Algorithm::Sha256, &index);
    let url = client.address.manifest(repository, &digest.to_string());
    let scope = TokenScope::Push(repository.to_string());
    let mut request = HttpRequest::new(Method::PUT, url, scope).header(CONTENT_TYPE, INDEX);
    request.body = Bytes::from(index);
    let question =
        Question::new(&request).noting(&format!(" (an index of {} manifests)", suspects.len() + 1));
    let reply = match client.ask(&request).await {
        Ok(reply) => reply,
        Err(no_answer) => return all_unknown(suspects, &no_answer.words()),
    };
    let unknown_to_it = match refused_children(&reply, &never_seen) {
        Ok(digests) => digests,
        Err(why) => return all_unknown(suspects, &why),
    };
    let exchange =
        question.exchange(format!("{}, {} of them unknown to it", said(&reply), unknown_to_it.len()));
    let belief = |suspect: &Digest| {
        if unknown_to_it.contains(suspect) {
            Belief::Unclaimed(exchange.clone())
        } else {
            Belief::Claimed(exchange.clone())
        }
    };
    suspects.iter().map(belief).collect()
}

fn all_unknown(suspects: &[Digest], why: &str) -> Vec<Belief> {
    suspects.iter().map(|_| Belief::Unknown(why.to_owned())).collect()
}

/// A digest that no content has, new each time: what the daemon surely does not know.
pub(super) fn never_seen() -> Digest {
    let noise = RandomState::new();
    let bytes: Vec<u8> = (0..8_u8)
        .flat_map(|at| {
            let mut hasher = noise.build_hasher();
            hasher.write_u8(at);
            hasher.finish().to_le_bytes()
        })
        .collect();
    Hasher::of(Algorithm::Sha256, &bytes)
}

fn index_of<'a>(children: impl Iterator<Item = &'a Digest>) -> Vec<u8> {
    let platform = json!({"architecture": "amd64", "os": "linux"});
    let manifests: Vec<Value> = children
        .map(
            |child| json!({"mediaType": IMAGE, "digest": child.to_string(), "size": 2, "platform": platform}),
        )
        .collect();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string().into_bytes()
}

/// The children that the daemon does not know, if it looked at all.
fn refused_children(reply: &HttpReply, never_seen: &Digest) -> Result<BTreeSet<Digest>, String> {
    let shown = said(reply);
    match reply.status.as_u16() {
        400 => {}
        201 => {
            return Err(format!(
                "{shown}: the daemon takes an index without looking at its manifests, so it cannot be asked this way; the \
                 index that was sent is now in the repository, without a tag"
            ));
        }
        _ => return Err(cure(reply).map_or_else(|| shown.clone(), |cure| format!("{shown}; {cure}"))),
    }
    let errors = errors(&reply.body).unwrap_or_default();
    let named: BTreeSet<Digest> = errors
        .iter()
        .filter(|error| error.code == "MANIFEST_BLOB_UNKNOWN" || error.code == "MANIFEST_UNKNOWN")
        .filter_map(|error| digest_in(&error.detail))
        .collect();
    if named.contains(never_seen) {
        Ok(named)
    } else {
        Err(format!("{shown}: the daemon does not say which manifests it does not know"))
    }
}

/// The digest somewhere in a detail: 2.x gives it as the whole text.
fn digest_in(detail: &Value) -> Option<Digest> {
    let text = detail.as_str().map_or_else(|| detail.to_string(), str::to_owned);
    let from = ["sha256:", "sha384:", "sha512:"].iter().find_map(|name| text.find(name))?;
    let token: String =
        text.get(from..)?.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == ':').collect();
    token.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_found_in_details_of_any_shape() {
        let digest = never_seen();
        for detail in [
            json!(digest.to_string()),
            json!({"Digest": digest.to_string()}),
            json!(format!("unknown blob digest={digest} ")),
        ] {
            assert_eq!(digest_in(&detail), Some(digest), "{detail}");
        }
        assert_eq!(digest_in(&json!(null)), None);
        assert_ne!(never_seen(), digest);
    }
}
