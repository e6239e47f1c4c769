//! What registries say of errors, read leniently: unknown codes, null lists and details of any shape.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::views::served::Denial;

/// One entry of an error body.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct WireError {
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
pub(crate) fn errors(body: &[u8]) -> Option<Vec<WireError>> {
    serde_json::from_slice::<WireErrors>(body).ok()?.errors
}

impl WireError {
    /// What this error of a 404 denies.
    pub(crate) fn denial(&self) -> Denial {
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
    pub(crate) fn is_about_accept(&self) -> bool {
        self.message.contains("accept header")
    }

    /// What went wrong below a daemon that says no more than `UNKNOWN`. 2.8 tells it in a text, or in the fields of a Go
    /// error, as when not even the first file of an upload session finds room.
    pub(crate) fn trouble(&self) -> Option<String> {
        let (text, inner) = (self.detail.as_str(), self.detail.get("Enclosed"));
        let field = |name: &str| inner?.get(name)?.as_str();
        let trouble = match text {
            Some(text) => text.to_owned(),
            None => format!("{} {}: errno {}", field("Op")?, field("Path")?, self.errno()?),
        };
        (self.code == "UNKNOWN" && !trouble.is_empty()).then(|| printable(&trouble, 400))
    }

    fn errno(&self) -> Option<u64> {
        self.detail.get("Enclosed")?.get("Err")?.as_u64()
    }

    /// Whether it is that the disk is full, or a quota or the largest size of a file is reached.
    pub(crate) fn is_for_want_of_room(&self) -> bool {
        let text = self.detail.as_str().unwrap_or_default();
        let said = ["no space left on device", "disk quota exceeded", "file too large"];
        matches!(self.errno(), Some(28 | 122 | 27)) || said.iter().any(|said| text.ends_with(said))
    }

    /// Code and message in one short line.
    pub(crate) fn line(&self) -> String {
        match (self.code.is_empty(), self.message.is_empty()) {
            (false, false) => format!("{}: {}", printable(&self.code, 60), printable(&self.message, 120)),
            (false, true) => printable(&self.code, 60),
            _ => printable(&self.message, 120),
        }
    }
}

/// The start of a text from outside, without control characters.
pub(crate) fn printable(text: &str, longest: usize) -> String {
    let flat: String = text.chars().take(longest * 4).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = flat.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() > longest {
        format!("{}…", words.chars().take(longest).collect::<String>())
    } else {
        words
    }
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
    }
}
