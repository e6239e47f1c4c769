//! What Go takes for JSON, and what it makes of it.

use super::*;

fn is_json(text: &[u8]) -> bool {
    let mut reader = JsonReader::new(text);
    reader.skip().and_then(|()| reader.end()).is_ok()
}

#[test]
fn what_both_take_for_json_both_take() {
    for text in [
        "{}",
        "[]",
        " [1, 2 ,{\"a\":[]}] ",
        "0",
        "-0",
        "01",
        "1.",
        ".5",
        "1e5",
        "1E+",
        "-",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u0041\"",
        "nul",
        "null",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "[1 2]",
        "1 2",
        "\"\t\"",
        "",
        "\u{feff}{}",
        "truex",
        "[[[]],{}]",
        "{\"a\":{}}",
        "\"\\ud800\"",
    ] {
        let other = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        assert_eq!(is_json(text.as_bytes()), other, "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    for (text, wanted) in [
        (&b"\"\\ud83d\\ude00\\n\""[..], "\u{1f600}\n"),
        (b"\"\\ud83dx\\ude00\"", "\u{fffd}x\u{fffd}"),
        (b"\"\\ud83d\\u0041\"", "\u{fffd}A"),
        (b"\"a\xffb\"", "a\u{fffd}b"),
        (b"\"\\/\\u002f\xc3\xa4\"", "//ä"),
    ] {
        assert_eq!(JsonReader::new(text).string(), Ok(Value::Of(wanted.into())), "{text:?}");
    }
}

#[test]
fn values_nest_as_deep_as_go_lets_them() {
    let nested = |depth| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    assert!(is_json(&nested(DEEPEST)));
    assert!(!is_json(&nested(DEEPEST + 1)));
}

#[test]
fn keys_mean_fields_in_any_case() {
    for key in ["mediaType", "MEDIATYPE", "mediatype"] {
        assert!(means(key, "mediaType"));
    }
    assert!(means("dige\u{17f}t", "digest"));
    assert!(!means("mediaTypes", "mediaType") && !means("mediaTyp", "mediaType") && !means("ä", "a"));
}
