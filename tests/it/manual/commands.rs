//! Every command of the manual is run on a real registry, page by page and in the order of the page; or the page says why
//! not.
//!
//! ````text
//! <!-- registry: incident -->          what the page's commands find
//! <!-- played -->                      or: <!-- not played: WHY -->
//! ```console
//! regfsck check …  # status 1          without a word it is 0
//! ```
//! ````

use std::path::Path;
use std::process::Command;

use regfsck::adapters::sandbox::image::Image;
use tempfile::TempDir;

use super::{pages, read};
use crate::repair::Mirror;
use crate::support::generated::in_tree;
use crate::support::missing;
use crate::support::raw::{Raw, manifest_path};
use crate::support::real_registry::{RealRegistry, programs};
use crate::support::settings::Settings;

/// The release that the pages are played on.
const RELEASE: &str = "2.8.2";

/// A block of commands, and what the page says of them.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    told: Told,
    commands: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Played,
    Not(String),
    Nothing,
}

fn comment(line: &str) -> Option<&str> {
    line.trim().strip_prefix("<!-- ")?.strip_suffix(" -->")
}

fn blocks(text: &str) -> Vec<Block> {
    let text = text.replace("\\\n", " ");
    let mut blocks = Vec::new();
    let mut told = Told::Nothing;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(said) = comment(line) {
            told = match said.strip_prefix("not played: ") {
                Some(why) => Told::Not(why.to_owned()),
                None if said == "played" => Told::Played,
                None => Told::Nothing,
            };
        } else if line.starts_with("```console") || line.starts_with("```sh") {
            let commands = lines.by_ref().take_while(|line| !line.starts_with("```"));
            let commands = commands.filter(|line| !line.is_empty()).map(str::to_owned).collect();
            blocks.push(Block { told: std::mem::replace(&mut told, Told::Nothing), commands });
        } else if !line.is_empty() {
            told = Told::Nothing;
        }
    }
    blocks
}

#[test]
fn blocks_are_told_apart_by_the_comment_right_above_them() {
    let page = "<!-- played -->\n\n```console\na \\\n  b\nc\n```\ntext\n<!-- not played: no -->\n```console\nd\n```\n<!-- \
                played -->\nbetween\n```console\ne\n```\n```text\nf\n```\n";
    let block = |told, commands: &[&str]| Block {
        told,
        commands: commands.iter().map(|&command| command.to_owned()).collect(),
    };
    let expected = [
        block(Told::Played, &["a    b", "c"]),
        block(Told::Not("no".into()), &["d"]),
        block(Told::Nothing, &["e"]),
    ];
    assert_eq!(blocks(page), expected);
}

/// A command and the status that the page promises; `None` is any.
fn promised(line: &str) -> (&str, Option<i32>) {
    match line.split_once("  # ") {
        Some((command, "any status")) => (command, None),
        Some((command, note)) => {
            let status = note.strip_prefix("status ").and_then(|number| number.parse().ok());
            (command, Some(status.unwrap_or_else(|| panic!("`{line}`: what is `# {note}`?"))))
        }
        None => (line, Some(0)),
    }
}

/// What a page's commands find: a registry, a mirror of its images, and a folder to be in.
struct Place {
    registry: Option<(RealRegistry, Mirror)>,
    home: TempDir,
}

impl Place {
    fn of(page: &str) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_regfsck"), bin.join("regfsck")).unwrap();
        let state = page.lines().find_map(|line| comment(line)?.strip_prefix("registry: "));
        let Some(state) = state else { return Some(Self { registry: None, home }) };
        let program = programs().into_iter().find(|program| program.version.contains(RELEASE))?;
        std::os::unix::fs::symlink(&program.path, bin.join("docker-registry")).unwrap();
        let registry = RealRegistry::start_with(program, &Settings::default());
        let raw = Raw::new(&registry.url());
        let (image, other) = (Image::two_layers("app").unwrap(), Image::two_layers("other").unwrap());
        let mirror = Mirror::with(&[("app", "1", &image)]);
        raw.push_image("other", "1", &other);
        raw.push_image("app", "1", &image);
        if state != "healthy" {
            assert_eq!(raw.pull("app", "1", &image), Ok(()));
            assert_eq!(raw.delete(&manifest_path("app", &image.manifest.digest.to_string())).status, 202);
        }
        match state {
            "healthy" | "deleted" => {}
            "incident" => {
                assert_eq!(registry.garbage_collect(false, false).status, 0);
                raw.push_image("app", "1", &image);
            }
            state => panic!("what is a registry that is `{state}`?"),
        }
        Some(Self { registry: Some((registry, mirror)), home })
    }

    /// The command as it is for this registry.
    fn real(&self, command: &str) -> String {
        let Some((registry, mirror)) = &self.registry else { return command.to_owned() };
        command
            .replace("/etc/docker/registry/config.yml", registry.config_path().to_str().unwrap())
            .replace("/var/lib/registry", registry.root().to_str().unwrap())
            .replace("docker://mirror.example", &mirror.source())
            .replace("http://127.0.0.1:5000", &registry.url())
            .replace("127.0.0.1:5000", &registry.host())
    }

    #[track_caller]
    fn play(&self, page: &Path, line: &str) {
        let (command, status) = promised(line);
        let path = format!("{}:{}", self.home.path().join("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new("bash")
            .args(["-o", "pipefail", "-c", &self.real(command)])
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home.path())
            .output()
            .unwrap();
        let ended = output.status.code();
        assert!(status.is_none() || ended == status, "{}: `{command}`: {output:?}", page.display());
    }
}

fn play(name: &str) -> usize {
    let page = in_tree("docs").join(name);
    let text = read(&page);
    let Some(place) = Place::of(&text) else {
        missing(&format!("docker-registry {RELEASE}"), name);
        return 0;
    };
    let mut seen = 0;
    for block in blocks(&text) {
        match block.told {
            Told::Played => {
                for line in &block.commands {
                    place.play(&page, line);
                    seen += 1;
                }
            }
            Told::Not(why) => assert!(why.len() > 10, "{name}: why not? {why}"),
            Told::Nothing => panic!("{name}: is this played, or why not? {:?}", block.commands),
        }
    }
    seen
}

#[test]
fn commands_of_the_runbooks_do_what_they_say() {
    for (page, least) in [("first-incident.md", 7), ("nightly-gc.md", 2), ("ci-gate.md", 3)] {
        let seen = play(page);
        assert!(seen == 0 || seen >= least, "{page}: {seen}");
    }
}

#[test]
fn commands_of_the_other_pages_do_what_they_say() {
    let runbooks = ["first-incident.md", "nightly-gc.md", "ci-gate.md"];
    for page in pages() {
        let name = page.file_name().unwrap().to_str().unwrap();
        if !runbooks.contains(&name) {
            play(name);
        }
    }
}
