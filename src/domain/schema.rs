//! The JSON Schema of the report, `docs/report.schema.json`: made here, in tests only, so that the
//! program does not carry what makes it.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::digest::Digest;
use super::name::{Image, RepositoryName, Tag};
use super::report::Report;

/// distribution's grammar of repository names.
macro_rules! repository {
    () => {
        "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*"
    };
}

macro_rules! tag {
    () => {
        "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
    };
}

macro_rules! digest {
    () => {
        "(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})"
    };
}

/// A moment, as RFC 3339 writes it.
pub(super) struct Time;

/// A type that is a text of a certain form in JSON.
macro_rules! text {
    ($name:ty, $title:literal, $description:literal, $key:literal: $value:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $title.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": $description, "type": "string", $key: $value })
            }
        }
    };
}

text!(Time, "Time", "A moment in UTC, as in RFC 3339.", "format": "date-time");
text!(Digest, "Digest", "A content digest.", "pattern": concat!("^", digest!(), "$"));
text!(RepositoryName, "RepositoryName", "A repository's name.", "pattern": concat!("^", repository!(), "$"));
text!(Tag, "Tag", "A tag.", "pattern": concat!("^", tag!(), "$"));
text!(
    Image,
    "Image",
    "An image in this registry: `repository:tag` or `repository@digest`.",
    "pattern": concat!("^", repository!(), "(?::", tag!(), "|@", digest!(), ")$")
);

/// The schema as the file holds it.
fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Report>();
    schema.insert("title".into(), "The report of regfsck, version 1".into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap();
    text.push('\n');
    text
}

#[test]
fn the_schema_in_the_tree_is_that_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");
    let wanted = schema();
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/report.schema.json is out of date; run with UPDATE_GENERATED=1 to write it anew"
    );
}
