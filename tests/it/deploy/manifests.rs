//! Files for compose, Kubernetes and GitLab, judged by Docker's own compose and by published schemas.

use std::path::Path;
use std::process::Command;

use super::{accepts, files, tools, understood};
use crate::support::generated::in_tree;

#[test]
fn compose_takes_the_compose_file_and_wants_the_image_named() {
    let Some(tools) = tools("the compose file") else { return };
    let compose = |image: &[(&str, &str)]| {
        let mut command = Command::new(tools.join("python/bin/docker-compose"));
        command.env_clear().env("HOME", "/nonexistent").envs(image.iter().copied());
        command.arg("-f").arg(in_tree("deploy/compose/compose.yml")).args([
            "--profile",
            "check",
            "config",
            "--format",
            "json",
        ]);
        command.output().unwrap()
    };
    let taken = compose(&[("REGFSCK_IMAGE", "localhost/regfsck")]);
    assert!(taken.status.success(), "{taken:?}");
    let config: serde_json::Value = serde_json::from_slice(&taken.stdout).unwrap();
    let check = &config["services"]["check"];
    assert_eq!(check["volumes"][0]["read_only"], true, "{check}");
    assert_eq!(check["read_only"], true, "{check}");
    let refused = compose(&[]);
    assert!(!refused.status.success(), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("name the image of regfsck"), "{refused:?}");
}

/// The items of a list under a key of YAML, in the order of the file: enough for the flat lists of our manifests.
fn list_under(text: &str, key: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| line.trim() != key);
    lines.next();
    let items = lines.map_while(|line| line.trim().strip_prefix("- "));
    items.map(|item| item.trim_matches('"').to_owned()).collect()
}

#[test]
fn kubernetes_schemas_take_the_manifests() {
    let Some(tools) = tools("the manifests of Kubernetes") else { return };
    let mut seen = 0;
    for file in files("deploy/kubernetes") {
        let is_manifest = file.extension().is_some_and(|extension| extension == "yaml");
        if !is_manifest || file.ends_with("kustomization.yaml") {
            continue;
        }
        // The oldest release that is still maintained by somebody, and the newest that there is a schema of.
        for release in ["1.33", "1.37"] {
            let mut validate = Command::new(tools.join("python/bin/kubernetes-validate"));
            validate.env("PYTHONPATH", tools.join("python"));
            accepts(validate.args(["--strict", "-k", release]).arg(&file));
        }
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn arguments_in_the_manifests_of_kubernetes_are_understood() {
    for name in ["check.yaml", "content.yaml", "parts.yaml", "watch.yaml"] {
        let file = in_tree("deploy/kubernetes").join(name);
        // The index of a pod comes from its environment.
        let text = std::fs::read_to_string(&file).unwrap().replace("auto/", "0/");
        let arguments = list_under(&text, "args:");
        assert!(arguments.len() > 2, "{arguments:?}");
        understood(&file, arguments.iter().map(String::as_str));
    }
}

fn schema(tools: &Path, url: &str, file: &str) {
    accepts(Command::new(in_tree(".ci/schema")).arg(tools).arg(url).arg(in_tree(file)));
}

#[test]
fn published_schemas_take_the_files_of_the_forges() {
    let Some(tools) = tools("schemas of the forges") else { return };
    let gitlab =
        "https://gitlab.com/gitlab-org/gitlab/-/raw/master/app/assets/javascripts/editor/schema/ci.json";
    schema(&tools, gitlab, "deploy/gitlab/regfsck.gitlab-ci.yml");
    schema(&tools, "https://json.schemastore.org/github-action.json", "action.yml");
    let refused = Command::new(in_tree(".ci/schema"))
        .args([tools.as_os_str(), "https://json.schemastore.org/github-action.json".as_ref()])
        .arg(in_tree("deploy/gitlab/regfsck.gitlab-ci.yml"))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1), "a schema that takes everything proves nothing: {refused:?}");
}
