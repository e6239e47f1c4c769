//! The alert rules that are shipped: in promtool, and in a Prometheus that scrapes an exporter that reads our file.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{check, damaged};
use crate::support::generated::in_tree;
use crate::support::program::{Running, find, free_port, output, until};
use crate::support::raw::Raw;
use crate::support::regfsck::run;
use crate::support::tree::Tree;

const RULES: &str = "deploy/prometheus/regfsck.rules.yml";

#[test]
fn promtool_tests_the_alert_rules_that_are_shipped() {
    let tests = in_tree("deploy/prometheus/regfsck.rules.test.yml");
    for arguments in [["check", "rules", RULES], ["test", "rules", tests.to_str().unwrap()]] {
        let arguments =
            arguments.map(|word| if word == RULES { in_tree(RULES).into_os_string() } else { word.into() });
        let Some(said) = output("promtool", arguments) else { return };
        assert!(said.status.success(), "{said:?}");
    }
    // Each alert has a case.
    let rules = fs::read_to_string(in_tree(RULES)).unwrap();
    let tests = fs::read_to_string(tests).unwrap();
    for line in rules.lines() {
        if let Some(alert) = line.trim().strip_prefix("- alert: ") {
            assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert} has no test");
        }
    }
}

fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// An exporter that reads the files in a folder, and a Prometheus that scrapes it and has our rules.
fn start(folder: &Path) -> Option<(Running, Running, Raw, Raw)> {
    let (exporter, prometheus) = (find("prometheus-node-exporter")?, find("prometheus")?);
    let ports = [free_port(), free_port()];
    let [exported, served] = ports.map(|port| format!("127.0.0.1:{port}"));
    let mut command = quiet(&exporter);
    command.args(["--collector.disable-defaults", "--collector.textfile"]);
    command.arg(format!("--collector.textfile.directory={}", folder.join("textfiles").display()));
    command.arg(format!("--web.listen-address={exported}"));
    let exporter = Running::listening(&mut command, ("127.0.0.1", ports[0])).expect("it listens");
    let config = folder.join("prometheus.yml");
    let settings = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\n\
         scrape_configs: [{{job_name: node, static_configs: [{{targets: ['{exported}']}}]}}]\n",
        in_tree(RULES).display()
    );
    fs::write(&config, settings).unwrap();
    let mut command = quiet(&prometheus);
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
    command.arg(format!("--web.listen-address={served}"));
    let prometheus = Running::listening(&mut command, ("127.0.0.1", ports[1])).expect("it listens");
    let client = |host: &str| Raw::new(&format!("http://{host}"));
    Some((exporter, prometheus, client(&exported), client(&served)))
}

/// The alerts that fire, each with what it is about.
fn firing(prometheus: &Raw) -> Vec<String> {
    let answer = prometheus.send("GET", "/api/v1/alerts", &[], b"").json();
    let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
    let fires = alerts.iter().filter(|alert| alert["state"] == "firing");
    let word = |labels: &serde_json::Value, name: &str| labels[name].as_str().unwrap_or_default().to_owned();
    let mut named: Vec<_> = fires
        .map(|alert| format!("{} {}", word(&alert["labels"], "alertname"), word(&alert["labels"], "code")))
        .collect();
    named.sort();
    named
}

#[test]
fn a_real_prometheus_fires_on_damage_and_stops_when_it_is_gone() {
    let (root, folder) = (damaged(), tempfile::tempdir().unwrap());
    let fine = tempfile::tempdir().unwrap();
    Tree::new(fine.path()).image("team/app", Some("1.0"), "a");
    let textfiles = folder.path().join("textfiles");
    fs::create_dir(&textfiles).unwrap();
    let output = format!("prometheus={}", textfiles.join("regfsck.prom").display());
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), output.clone()]));
    assert_eq!(ended.status, 1, "{ended:?}");
    let Some((_exporter, _prometheus, exported, served)) = start(folder.path()) else { return };
    let metrics = exported.send("GET", "/metrics", &[], b"");
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("\nnode_textfile_scrape_error 0\n"), "{metrics}");
    assert!(metrics.contains("regfsck_findings{code=\"missing-blob\",severity=\"error\""), "{metrics}");
    let expected =
        ["RegistryImagesBroken ", "RegistryIncoherent missing-blob", "RegistryWillBreak stray-file"];
    until("the alerts fire", || firing(&served) == expected);
    // The same target by its label, so that the series goes on.
    let file = textfiles.join("regfsck.prom");
    let ended = run(check(fine.path()).into_iter().chain(["-o".into(), output]));
    let told = fs::read_to_string(&file).unwrap();
    fs::write(&file, told.replace(&*fine.path().to_string_lossy(), &root.path().to_string_lossy())).unwrap();
    assert_eq!(ended.status, 0, "{ended:?}");
    until("no alert fires", || firing(&served).is_empty());
}
