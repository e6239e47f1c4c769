//! Whole reports as an admin sees them: on narrow and wide terminals, where only ASCII is drawn, after a repair, and
//! where all is well.

use std::process::{Command, Stdio};
use std::time::Duration;

use regfsck::adapters::sandbox::Flavour;
use regfsck::adapters::sandbox::image::Image;

use super::{REPOSITORY, Scene};
use crate::support::daemon::{Kind, Settings};
use crate::support::damage::Damage;
use crate::support::regfsck::{Ended, command};

const CHECK: [&str; 3] = ["check", "--config", "config.yml"];

/// A layer is gone, another file was cut, and a stranger lies about.
fn damaged() -> Scene {
    let scene = Scene::sandbox();
    scene.daemon.raw().pull(REPOSITORY, "1", &scene.image).unwrap();
    scene.damage(Damage::BlobDataRemoved);
    std::fs::write(scene.daemon.root().join("docker/registry/v2/blobs/sha256/junk"), "x").unwrap();
    scene
}

pub(super) fn at(scene: &Scene, columns: &str, language: &str, words: &[&str]) -> String {
    let mut command = scene.command(words);
    command.env("COLUMNS", columns).env("LANG", language);
    scene.names().play(&mut command).0
}

/// Lines that are wider, but for what cannot be broken: commands to copy, places, addresses.
pub(super) fn too_wide(told: &str, columns: usize) -> Vec<&str> {
    let is_whole = |line: &&str| {
        let content = line.trim_start();
        ["regfsck ", "mv ", "$ "].iter().any(|start| content.starts_with(start))
            || content.split_whitespace().count() <= 2
    };
    let printed = told.split("--- stderr").next().unwrap_or_default();
    printed.lines().filter(|line| line.chars().count() > columns && !is_whole(line)).collect()
}

#[test]
fn a_report_is_read_at_forty_eighty_and_a_hundred_and_fifty_columns() {
    let scene = damaged();
    for columns in [40, 80, 150] {
        let told = at(&scene, &columns.to_string(), "C.UTF-8", &CHECK);
        assert_eq!(too_wide(&told, columns), Vec::<&str>::new(), "{told}");
        insta::assert_snapshot!(format!("a_report_at_{columns}_columns"), told);
        let plan = at(
            &scene,
            &columns.to_string(),
            "C.UTF-8",
            &[&CHECK[..], &["--plan", "p", "--source", "docker://MIRROR"]].concat(),
        );
        assert_eq!(too_wide(&plan, columns), Vec::<&str>::new(), "{plan}");
    }
}

#[test]
fn ascii_is_drawn_where_the_locale_takes_no_more() {
    let scene = damaged();
    let words = [&CHECK[..], &["-v"]].concat();
    let (plain, rich) = (at(&scene, "80", "C", &words), at(&scene, "80", "C.UTF-8", &words));
    assert!(plain.is_ascii(), "{plain}");
    assert!(rich.contains('…') && plain.contains("..."), "{rich}");
}

#[test]
fn a_repair_says_each_thing_once_and_in_words() {
    let scene = damaged();
    let fix = ["--fix", "--yes", "--source", "docker://MIRROR", "--fail-on", "note"];
    let told = scene.told(&[&CHECK[..], &fix].concat());
    insta::assert_snapshot!(told);
    for code in ["phantom-blob", "missing-blob"] {
        assert!(!told.contains(&format!("{code}:")), "an internal id: {told}");
    }
}

#[test]
fn where_all_is_well_a_report_is_short() {
    let scene = Scene::sandbox();
    let told = scene.told(&CHECK);
    insta::assert_snapshot!(told);
    let said = told.lines().take_while(|line| !line.starts_with("---")).skip(1);
    let limits = said.skip_while(|line| !line.starts_with("not seen")).count();
    assert_eq!(limits, 1, "{told}");
}

/// Where nobody watches a line comes every ten seconds, and none unless it was asked for.
#[test]
fn progress_is_a_line_now_and_then_where_nobody_watches() {
    let daemon = Kind::Sandbox(Flavour::V2).start(&Settings::default());
    for number in 0..6 {
        let image = Image::two_layers(&format!("image {number}")).unwrap();
        daemon.raw().push_image("team/app", &number.to_string(), &image);
    }
    let config = daemon.config_path();
    let run = |when: &str| {
        let words = ["check", "--probe", "all", "--rate", "3", "--progress", when, "--config"];
        command(words).arg(&config).stdout(Stdio::null()).spawn().unwrap()
    };
    let started = std::time::Instant::now();
    let ended = ["always", "auto"].map(run).map(|child| Ended::from(child.wait_with_output().unwrap()));
    assert!(started.elapsed() > Duration::from_secs(10), "{:?}", started.elapsed());
    let lines: Vec<_> = ended[0].stderr.lines().collect();
    assert!(!lines.is_empty(), "nothing was said");
    for line in &lines {
        let shape: String = line.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let shape =
            shape.replace(",0", "0").replace("00", "0").replace("00", "0").replace(" a minute", " a second");
        let pace = shape.split_once(": ").map(|(_, pace)| pace);
        let known = ["0 of 0 (0%), 0 a second, 0 s left", "0 of 0 (0%), 0 a second, done in 0 s"];
        assert!(pace.is_some_and(|pace| known.contains(&pace)), "{line}");
    }
    assert_eq!(ended[1].stderr, "");
}

/// In a shell whose stdout is a pipe to nobody: no output is no error.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let scene = damaged();
    let line = format!(
        "{} check --config config.yml --no-trunc | head -c 1 >/dev/null",
        env!("CARGO_BIN_EXE_regfsck")
    );
    let ended = Command::new("sh").args(["-c", &line]).current_dir(scene.home.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}
