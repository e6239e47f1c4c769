//! `-o sarif`, as its own schema sees it.

use std::process::Command;

use jsonschema::Validator;
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use regfsck::domain::report::Report;
use regfsck::report::format::Format;
use serde_json::Value;

use super::hostile;
use super::{check, damaged, written};
use crate::support::generated::in_tree;
use crate::support::regfsck::run;

/// The schema of SARIF 2.1.0, from the source of the crate that carries it.
fn schema() -> Validator {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(in_tree("Cargo.toml"));
    let metadata: Value = serde_json::from_slice(&cargo.output().unwrap().stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let manifest = std::path::Path::new(package["manifest_path"].as_str().unwrap());
    let schema = std::fs::read_to_string(manifest.with_file_name("src").join("schema.json")).unwrap();
    // Two of its patterns, for languages, are no regular expressions.
    let schema = schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
    jsonschema::draft7::new(&serde_json::from_str(&schema).unwrap()).unwrap()
}

fn read(sarif: &str) -> (Value, serde_sarif::sarif::Sarif) {
    let value: Value = serde_json::from_str(sarif).unwrap();
    let typed = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {sarif}"));
    (value, typed)
}

#[test]
fn a_finding_is_a_result_with_its_file() {
    let root = damaged();
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), "sarif".into()]));
    assert_eq!(ended.status, 1, "{ended:?}");
    let (value, typed) = read(&ended.stdout);
    let run = &typed.runs[0];
    assert_eq!(typed.version, Value::from("2.1.0"));
    let results = run.results.as_ref().unwrap();
    let lost = results.iter().find(|result| result.rule_id.as_deref() == Some("missing-blob")).unwrap();
    let text = lost.message.text.as_deref().unwrap();
    assert!(text.ends_with("; breaks team/app:1.0"), "{text}");
    let place = &value["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    let uri = place["uri"].as_str().unwrap();
    assert!(uri.starts_with("blobs/sha256/") && uri.ends_with("/data"), "{uri}");
    let base = value["runs"][0]["originalUriBaseIds"]["STORAGE"]["uri"].as_str().unwrap();
    assert!(base.starts_with("file:///") && base.ends_with("/docker/registry/v2/"), "{base}");
    assert_eq!(value["runs"][0]["invocations"][0]["exitCode"], 1);
    let errors: Vec<_> = schema().iter_errors(&value).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
}

fn holds(report: &Report, schema: &Validator) -> Result<(), proptest::test_runner::TestCaseError> {
    let (value, typed) = read(&written(Format::Sarif, report));
    let errors: Vec<_> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
    prop_assert!(errors.is_empty(), "{errors:?}");
    let run = &typed.runs[0];
    prop_assert_eq!(run.results.as_ref().map(Vec::len), Some(report.findings.len()));
    for result in run.results.iter().flatten() {
        let text = result.message.text.as_deref().unwrap();
        prop_assert!(hostile::is_plain(text) && !text.contains("](") || text.contains(r"\]("), "{text}");
    }
    for (result, finding) in value["runs"][0]["results"].as_array().unwrap().iter().zip(&report.findings) {
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        let path = finding.subject.place.as_ref().unwrap().to_string();
        // Whoever decodes it has the very path.
        let decoded = url::form_urlencoded::parse(format!("a={}", uri.replace('+', "%2B")).as_bytes())
            .next()
            .unwrap()
            .1
            .into_owned();
        prop_assert_eq!(decoded, path);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1))]

    #[test]
    fn sarif_is_what_its_schema_allows_whatever_the_texts(reports in proptest::collection::vec(hostile::report(), 150)) {
        let schema = schema();
        for report in &reports {
            holds(report, &schema)?;
        }
    }
}

/// The contract that we published, judged by what we did not write.
#[test]
fn json_is_what_its_published_schema_allows() {
    let schema: Value =
        serde_json::from_slice(&std::fs::read(in_tree("docs/report.schema.json")).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let root = damaged();
    let report = run(check(root.path()).into_iter().chain(["-o".into(), "json".into()])).json();
    let errors: Vec<_> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
}
