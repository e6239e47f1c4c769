use rstest::rstest;

use super::*;

fn digest(fill: &str) -> String {
    format!("sha256:{}", fill.repeat(32))
}

fn needs(manifest: &Manifest) -> Vec<(String, Option<u64>)> {
    manifest.needs.iter().map(|need| (need.digest.to_string(), need.size())).collect()
}

#[test]
fn an_index_has_children_and_schema_1_has_layers_without_sizes() {
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{}","size":7}}]}}"#, digest("aa"));
    let index = parse(index.as_bytes()).unwrap();
    assert_eq!((index.kind, index.children.len()), (Kind::Index, 1));
    let old = format!(r#"{{"schemaVersion":1,"fsLayers":[{{"blobSum":"{}"}}]}}"#, digest("bb"));
    let old = parse(old.as_bytes()).unwrap();
    assert_eq!((old.kind, needs(&old)), (Kind::Schema1, vec![(digest("bb"), None)]));
}

#[test]
fn what_is_no_manifest_says_why() {
    assert_eq!(parse(b""), Err(ManifestError::Empty));
    assert_eq!(parse(b"{}"), Err(ManifestError::Version(0)));
    assert_eq!(parse(br#"{"schemaVersion":3}"#), Err(ManifestError::Version(3)));
    assert_eq!(parse(br#"{"schemaVersion":2"#), Err(ManifestError::NotJson(SyntaxError { at: 18 })));
    let typed = br#"{"schemaVersion":2,"mediaType":"text/plain"}"#;
    assert_eq!(parse(typed), Err(ManifestError::MediaType("text/plain".into())));
    let wrong = br#"{"schemaVersion":2,"layers":[{},{"size":1.5}]}"#;
    assert_eq!(parse(wrong), Err(ManifestError::WrongType("layers[1].size".into())));
    let flawed = parse(br#"{"schemaVersion":2,"config":{"digest":"sha256:x"},"layers":[]}"#).unwrap();
    assert!(flawed.flaw.unwrap().starts_with("its config has a bad digest"));
}

/// `BuildKit`'s cache: an index of layers and a config beside, perhaps, manifests.
#[test]
fn what_an_index_lists_of_other_types_is_a_blob() {
    let listed = |media_type: &str, fill: &str| {
        format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":1}}"#, digest(fill))
    };
    let text = format!(
        r#"{{"schemaVersion":2,"manifests":[{},{},{},{}]}}"#,
        listed("application/vnd.oci.image.layer.v1.tar+gzip", "aa"),
        listed("application/vnd.buildkit.cacheconfig.v0", "bb"),
        listed("application/vnd.oci.image.manifest.v1+json", "cc"),
        listed("", "dd"),
    );
    let index = parse(text.as_bytes()).unwrap();
    assert_eq!(needs(&index), [(digest("aa"), Some(1)), (digest("bb"), Some(1))]);
    let children: Vec<_> = index.children.iter().map(|child| child.digest.to_string()).collect();
    assert_eq!((children, index.platforms.len()), (vec![digest("cc"), digest("dd")], 2));
}

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

#[rstest]
#[case(DOCKER, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "[]", Some(false))]
#[case(DOCKER, "application/vnd.docker.image.rootfs.diff.tar.gzip", r#"["https://e.org"]"#, None)]
#[case(DOCKER, "application/vnd.oci.image.layer.nondistributable.v1.tar", r#"["https://e.org"]"#, None)]
#[case(OCI, "application/vnd.oci.image.layer.nondistributable.v1.tar", r#"["https://e.org"]"#, Some(false))]
#[case(OCI, "application/vnd.oci.image.layer.nondistributable.v1.tar", "[]", None)]
#[case(OCI, "application/vnd.oci.image.layer.nondistributable.v1.tar", "null", None)]
#[case(OCI, "application/vnd.oci.image.layer.v1.tar+gzip", r#"["https://e.org"]"#, Some(true))]
#[case(OCI, "application/vnd.oci.image.layer.v1.tar+zstd", r#"["https://e.org"]"#, None)]
fn which_layers_need_not_be_stored_is_the_daemons_rule(
    #[case] manifest: &str,
    #[case] layer: &str,
    #[case] urls: &str,
    #[case] is_plain: Option<bool>,
) {
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{manifest}","config":{{"digest":"{}"}},
            "layers":[{{"mediaType":"{layer}","digest":"{}","size":5,"urls":{urls}}}]}}"#,
        digest("aa"),
        digest("bb"),
    );
    let read = parse(text.as_bytes()).unwrap();
    assert_eq!(read.foreign.iter().map(|layer| layer.is_plain).next(), is_plain);
    assert_eq!(read.needs.len(), if is_plain.is_some() { 1 } else { 2 });
}

#[test]
fn the_second_of_two_keys_is_laid_over_the_first() {
    let text = format!(
        r#"{{"SCHEMAVERSION":1,"schemaversion":2,"config":{{"digest":"{}","size":3}},"Config":{{"size":4}},
            "layers":[{{"digest":"{}","size":1}},{{"digest":"{}"}}],"layers":[{{"size":9}}]}}"#,
        digest("aa"),
        digest("bb"),
        digest("cc"),
    );
    let read = parse(text.as_bytes()).unwrap();
    assert_eq!(needs(&read), [(digest("aa"), Some(4)), (digest("bb"), Some(9))]);
}
