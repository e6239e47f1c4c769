//! The gate for CI: its steps are run as the forges run them.

use std::process::Command;

use regfsck::adapters::sandbox::image::Image;

use crate::support::generated::in_tree;
use crate::support::raw::Raw;
use crate::support::real_registry::RealRegistry;
use crate::support::settings::Settings;
use crate::support::tree::lose;

/// The script below a key of YAML, with its indentation taken away.
fn script(file: &str, key: &str) -> String {
    let text = std::fs::read_to_string(in_tree(file)).unwrap();
    let mut lines = text.lines().skip_while(|line| line.trim_start() != key);
    let depth = lines.next().map(|line| line.len() - line.trim_start().len()).unwrap();
    let below = lines.take_while(|line| line.is_empty() || line.len() - line.trim_start().len() > depth);
    below.map(|line| line.trim_start().trim_start_matches("- ").to_owned() + "\n").collect()
}

/// Run a forge's script with these variables; its status, and the report that it wrote.
fn run(shell: &str, script: &str, variables: &[(&str, &str)], report: &str) -> (i32, serde_json::Value) {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_regfsck"), bin.join("regfsck")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new(shell)
        .args(["-e", "-c", script])
        .current_dir(folder.path())
        .env_clear()
        .envs(variables.iter().copied())
        .env("PATH", path)
        .env("RUNNER_TEMP", folder.path())
        .env("GITHUB_OUTPUT", folder.path().join("output"))
        .output()
        .unwrap();
    let text = std::fs::read_to_string(folder.path().join(report));
    let text = text.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().unwrap(), serde_json::from_str(&text).unwrap())
}

#[test]
fn gates_of_the_forges_pass_what_can_be_pulled_and_stop_what_cannot() {
    let Some(registry) = RealRegistry::start(&Settings::default()) else {
        return crate::support::missing("docker-registry", "gates of the forges");
    };
    let image = Image::two_layers("app").unwrap();
    Raw::new(&registry.url()).push_image("team/app", "1", &image);
    let name = format!("{}/team/app:1", registry.host());
    let gates = || {
        let images = format!("{name}\n{name}");
        let github = [
            ("IMAGES", images.as_str()),
            ("PROGRAM", "regfsck"),
            ("REGFSCK_WAIT", "0s"),
            ("REGFSCK_CONTENT", "false"),
        ];
        let gitlab = [("VERIFY", name.as_str()), ("REGFSCK_WAIT", "0s")];
        [
            run("bash", &script("action.yml", "run: |"), &github, "regfsck-verify.json"),
            run(
                "sh",
                &script("deploy/gitlab/regfsck.gitlab-ci.yml", "script:"),
                &gitlab,
                "reports/regfsck.json",
            ),
        ]
        .map(|(status, report)| (status, report["exit_status"].as_i64()))
    };
    assert_eq!(gates(), [(0, Some(0)), (0, Some(0))]);
    lose(registry.root(), &image.layers[0].digest);
    assert_eq!(gates(), [(1, Some(1)), (1, Some(1))]);
}
