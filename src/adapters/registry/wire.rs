//! What registries put on the wire, read leniently: unknown codes, null lists and details of any shape.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::views::served::Denial;

/// One entry of an error body.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct WireError {
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub detail: Value,
}

#[derive(Deserialize)]
struct WireErrors {
    errors: Option<Vec<WireError>>,
}

/// The errors in a body, if it is an error body at all.
pub(super) fn errors(body: &[u8]) -> Option<Vec<WireError>> {
    serde_json::from_slice::<WireErrors>(body).ok()?.errors
}

/// A page of `_catalog`.
#[derive(Deserialize)]
pub(super) struct Catalog {
    pub repositories: Option<Vec<String>>,
}

/// A page of `tags/list`.
#[derive(Deserialize)]
pub(super) struct Tags {
    pub tags: Option<Vec<String>>,
}

impl WireError {
    /// What this error of a 404 denies.
    pub(super) fn denial(&self) -> Denial {
        match self.code.as_str() {
            "BLOB_UNKNOWN" => Denial::Blob,
            "NAME_UNKNOWN" => Denial::Repository,
            "MANIFEST_UNKNOWN" => self.manifest_denial(),
            _ => Denial::Unspecified,
        }
    }

    /// 2.x details are objects, `{"Tag"}` or `{"Name","Revision"}`; 3.x details are texts.
    fn manifest_denial(&self) -> Denial {
        let text = self.detail.as_str().unwrap_or_default();
        if self.detail.get("Tag").is_some() || text.starts_with("unknown tag") {
            Denial::Tag
        } else if self.detail.get("Revision").is_some() || text.starts_with("unknown manifest") {
            Denial::Manifest
        } else {
            Denial::Unspecified
        }
    }

    /// Whether the manifest is there, and only our `Accept` was not to the daemon's liking.
    pub(super) fn is_about_accept(&self) -> bool {
        self.message.contains("accept header")
    }

    /// What went wrong below a daemon that says no more than `UNKNOWN`. 2.8 tells it in a text, or in the fields of a Go
    /// error, as when not even the first file of an upload session finds room.
    pub(super) fn trouble(&self) -> Option<String> {
        let (text, inner) = (self.detail.as_str(), self.detail.get("Enclosed"));
        let field = |name: &str| inner?.get(name)?.as_str();
        let told = match text {
            Some(text) => text.to_owned(),
            None => format!("{} {}: errno {}", field("Op")?, field("Path")?, self.errno()?),
        };
        (self.code == "UNKNOWN" && !told.is_empty()).then(|| printable(&told, 400))
    }

    fn errno(&self) -> Option<u64> {
        self.detail.get("Enclosed")?.get("Err")?.as_u64()
    }

    /// Whether it is that the disk is full, or a quota or the largest size of a file is reached.
    pub(super) fn is_for_want_of_room(&self) -> bool {
        let text = self.detail.as_str().unwrap_or_default();
        let said = ["no space left on device", "disk quota exceeded", "file too large"];
        matches!(self.errno(), Some(28 | 122 | 27)) || said.iter().any(|said| text.ends_with(said))
    }

    /// Code and message in one short line.
    pub(super) fn line(&self) -> String {
        match (self.code.is_empty(), self.message.is_empty()) {
            (false, false) => format!("{}: {}", printable(&self.code, 60), printable(&self.message, 120)),
            (false, true) => printable(&self.code, 60),
            _ => printable(&self.message, 120),
        }
    }
}

/// The start of a text from outside, without control characters.
pub(super) fn printable(text: &str, longest: usize) -> String {
    let flat: String = text.chars().take(longest * 4).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = flat.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() > longest {
        format!("{}…", words.chars().take(longest).collect::<String>())
    } else {
        words
    }
}

/// The target of `rel="next"` in `Link` header values.
pub(super) fn next_page<'a>(links: impl Iterator<Item = &'a str>) -> Option<String> {
    let is_next = |parameters: &str| {
        parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(key, value)| {
            key.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        })
    };
    for link in links {
        for part in link.split('<').skip(1) {
            let Some((target, parameters)) = part.split_once('>') else { continue };
            if is_next(parameters.trim_end().trim_end_matches(',')) {
                return Some(target.to_owned());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"m","detail":{"Tag":"t"}}]}"#, Denial::Tag)]
    #[case(
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","detail":{"Name":"a","Revision":"sha256:0"}}]}"#,
        Denial::Manifest
    )]
    #[case(r#"{"errors":[{"code":"MANIFEST_UNKNOWN","detail":"unknown tag=t"}]}"#, Denial::Tag)]
    #[case(
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","detail":"unknown manifest name=a revision=b"}]}"#,
        Denial::Manifest
    )]
    #[case(r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#, Denial::Unspecified)]
    #[case(r#"{"errors":[{"code":"BLOB_UNKNOWN","detail":"sha256:0"}]}"#, Denial::Blob)]
    #[case(r#"{"errors":[{"code":"NAME_UNKNOWN","detail":{"name":"foo"}}]}"#, Denial::Repository)]
    #[case(r#"{"errors":[{"code":"SOMETHING_NEW","detail":[1],"extra":2}]}"#, Denial::Unspecified)]
    fn a_denial_is_read_from_code_and_detail(#[case] body: &str, #[case] denial: Denial) {
        assert_eq!(errors(body.as_bytes()).unwrap()[0].denial(), denial);
    }

    #[test]
    fn null_lists_and_web_pages_are_survived() {
        assert!(errors(br#"{"errors":null}"#).is_none());
        assert!(errors(b"<html>").is_none());
        assert!(serde_json::from_str::<Tags>(r#"{"name":"a","tags":null}"#).unwrap().tags.is_none());
        assert!(serde_json::from_str::<Catalog>(r#"{"repositories":null}"#).unwrap().repositories.is_none());
    }

    #[rstest]
    #[case(&[r#"</v2/_catalog?last=a&n=1>; rel="next""#], Some("/v2/_catalog?last=a&n=1"))]
    #[case(&[r#"<a>; rel="prev", <b>; rel=next"#], Some("b"))]
    #[case(&["<a>; rel=prev", "<c>; Rel=\"NEXT\""], Some("c"))]
    #[case(&["<a>; rel=\"last\""], None)]
    #[case(&["a; rel=next", "<"], None)]
    fn the_next_page_is_found_in_link_headers(#[case] links: &[&str], #[case] next: Option<&str>) {
        assert_eq!(next_page(links.iter().copied()).as_deref(), next);
    }
}
