//! Manifests of schema 1 as they are served: signed anew at every read (2.x), so that the bytes never come twice.
//!
//! The digest is that of the payload, which is what is stored: the text without its `signatures`. Each signature tells
//! in its protected header how many bytes of the text that is, and how it ends.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize)]
struct Signed {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protected {
    format_length: usize,
    format_tail: String,
}

/// What was signed; `None` where nothing was.
#[must_use]
pub fn payload(text: &[u8]) -> Option<Vec<u8>> {
    let signed: Signed = serde_json::from_slice(text).ok()?;
    let protected = ENGINE.decode(&signed.signatures.first()?.protected).ok()?;
    let protected: Protected = serde_json::from_slice(&protected).ok()?;
    let tail = ENGINE.decode(&protected.format_tail).ok()?;
    let mut payload = text.get(..protected.format_length)?.to_vec();
    payload.extend(tail);
    Some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_what_was_there_before_the_signature() {
        let payload_of = |protected: &str| {
            let protected = ENGINE.encode(protected);
            let text =
                format!("{{\n   \"a\": 1,\n   \"signatures\": [{{\"protected\": \"{protected}\"}}]\n}}");
            payload(text.as_bytes())
        };
        let tail = ENGINE.encode("\n}");
        let whole = payload_of(&format!("{{\"formatLength\":11,\"formatTail\":\"{tail}\"}}"));
        assert_eq!(whole.as_deref(), Some(&b"{\n   \"a\": 1\n}"[..]));
        assert_eq!(payload_of(&format!("{{\"formatLength\":9999,\"formatTail\":\"{tail}\"}}")), None);
        assert_eq!(payload_of("{}"), None);
        assert_eq!(payload(b"{\"signatures\":[]}"), None);
    }
}
