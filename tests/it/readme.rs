//! What the documents show is what the program does: the README's session is played, and every command is understood.

use std::path::Path;

use regfsck::adapters::sandbox::client::{DockerLike, Pushed};
use regfsck::adapters::sandbox::image::Image;
use regfsck::cli::command;

use crate::repair::Mirror;
use crate::support::generated::{check, in_tree};
use crate::support::raw::manifest_path;
use crate::support::real_registry::{RealRegistry, programs};
use crate::support::regfsck::{self as program, Ended};
use crate::support::settings::Settings;

const BEGIN: &str = "<!-- session: played on a real registry, written by UPDATE_GENERATED=1 -->";
const END: &str = "<!-- end of session -->";
const INCIDENT: &str = "<!-- incident: played on a real registry, written by UPDATE_GENERATED=1 -->";
const END_INCIDENT: &str = "<!-- end of incident -->";
/// Where the session's registry says to be.
const CONFIG: &str = "/etc/docker/registry/config.yml";
const ROOT: &str = "/var/lib/docker-registry";
/// The release that the session is of.
const RELEASE: &str = "2.8.2";

/// The lines of a text that stand in fenced blocks.
fn fenced(text: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_inside ^= is_fence;
        is_inside && !is_fence
    })
}

/// Every command line of the program in a document.
fn commands(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap().replace("\\\n", " ");
    let lines = fenced(&text).map(|line| line.trim().trim_start_matches("$ "));
    let lines = lines.filter(|line| line.starts_with("regfsck ") && !line.contains('…'));
    lines.map(|line| line.split(" #").next().unwrap_or(line).trim().to_owned()).collect()
}

#[test]
fn every_command_of_the_documents_is_understood() {
    let mut seen = 0;
    for folder in [".", "docs", "src/domain/explain"] {
        for entry in in_tree(folder).read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            for line in commands(&path) {
                // What a report leaves to be filled in.
                let line = line.replace(" TIME", " 2026-01-02T03:04:05Z");
                let words = line.split_whitespace().map(|word| word.trim_matches(['\'', '"']));
                let parsed = command().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{}: `{line}`: {}", path.display(), parsed.unwrap_err());
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen} commands");
}

#[test]
fn every_file_that_the_documents_name_is_there() {
    let mut seen = 0;
    for document in ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/registry-behaviour.md"] {
        let text = std::fs::read_to_string(in_tree(document)).unwrap();
        let quoted = text.split('`').skip(1).step_by(2);
        for path in quoted.filter(|path| ["src/", "tests/", "docs/"].iter().any(|top| path.starts_with(top)))
        {
            // A recipe names what is still to be made.
            assert!(in_tree(path).exists() || path.contains("odd-blob"), "{document}: `{path}`");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} files");
}

/// A command with what it prints, as a reader would see it.
fn play(registry: &RealRegistry, mirror: &Mirror, arguments: &str) -> String {
    let (config, state) = (registry.config_path(), tempfile::tempdir().unwrap());
    let real = arguments.replace(CONFIG, config.to_str().unwrap());
    let real = real.replace("docker://mirror.example", &mirror.source());
    let ended = program::command(real.split(' ')).env("XDG_STATE_HOME", state.path()).output().unwrap();
    let ended = Ended::from(ended);
    let said = ended.stdout.replace(config.to_str().unwrap(), CONFIG);
    let said = said.replace(registry.root().to_str().unwrap(), ROOT);
    let said = said
        .replace(&registry.url(), "http://127.0.0.1:5000")
        .replace(&mirror.source(), "docker://mirror.example");
    format!("$ regfsck {arguments}\n{said}")
}

/// What docker says of a push and of a pull, from what really comes of them.
fn docker(registry: &RealRegistry, image: &Image) -> [String; 2] {
    let client = DockerLike::new(&registry.url()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pushed = runtime.block_on(client.push("app", "1", image)).unwrap();
    let layers = pushed.iter().filter(|(digest, _)| *digest != image.config.digest);
    let layers = layers.map(|(digest, pushed)| {
        let short = digest.short();
        let said = if *pushed == Pushed::AlreadyExists { "Layer already exists" } else { "Pushed" };
        format!("{}: {said}\n", short.trim_start_matches("sha256:"))
    });
    let push = format!("$ docker push registry.example/app:1\n{}", layers.collect::<String>());
    let pulled = match runtime.block_on(client.pull("app", "1")) {
        Ok(pulled) => format!("Status: Downloaded and verified {} bytes", pulled.bytes),
        Err(error) => format!("Error response from daemon: {error}"),
    };
    [push, format!("$ docker pull registry.example/app:1\n{pulled}\n")]
}

/// What was seen, and the session: an image is deleted, collected under the running daemon and pushed again.
fn session() -> Option<[String; 2]> {
    let program = programs().into_iter().find(|program| program.version.contains(RELEASE))?;
    let registry = RealRegistry::start_with(program, &Settings::default());
    let raw = crate::support::raw::Raw::new(&registry.url());
    let (image, other) = (Image::two_layers("app").unwrap(), Image::two_layers("other").unwrap());
    let mirror = Mirror::with(&[("app", "1", &image)]);
    raw.push_image("other", "1", &other);
    raw.push_image("app", "1", &image);
    assert_eq!(raw.pull("app", "1", &image), Ok(()));
    let deleted = raw.delete(&manifest_path("app", &image.manifest.digest.to_string()));
    assert_eq!((deleted.status, registry.garbage_collect(false, false).status), (202, 0));
    let [pushed, refused] = docker(&registry, &image);
    let checked = play(&registry, &mirror, &format!("check --config {CONFIG}"));
    let fixed = play(
        &registry,
        &mirror,
        &format!("check --config {CONFIG} --fix --yes --source docker://mirror.example"),
    );
    // The daemon claims as much afterwards as it holds: what the repair did is told in one line.
    let fixed: String = fixed.lines().take(2).flat_map(|line| [line, "\n"]).collect();
    let [_, pulled] = docker(&registry, &image);
    assert!(pulled.contains("verified"), "{pulled}");
    let incident = format!("{pushed}{refused}{fixed}…\n{pulled}");
    Some([incident, format!("{}\n{fixed}…\n$ docker pull registry.example/app:1\n", checked.trim_end())])
}

/// The text with something else between these markers.
fn between(text: &str, begin: &str, end: &str, block: &str) -> String {
    let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("the marker `{begin}`"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("the marker `{end}`"));
    format!("{before}{begin}{block}{end}{after}")
}

#[test]
fn generated_session_in_the_readme() {
    let Some([incident, session]) = session() else {
        return crate::support::missing(&format!("docker-registry {RELEASE}"), "the README's session");
    };
    let readme = std::fs::read_to_string(in_tree("README.md")).unwrap();
    let told = "A registry after garbage collection, on Debian's `docker-registry` 2.8.2; the image `app:1` was deleted, \
                collected and pushed\nagain.";
    let after_it = "The daemon was not restarted, and it need not allow deletes.";
    let block = format!("\n\n{told}\n\n```text\n{session}```\n\n{after_it}\n\n");
    let readme = between(&readme, INCIDENT, END_INCIDENT, &format!("\n\n```text\n{incident}```\n\n"));
    check("README.md", &between(&readme, BEGIN, END, &block));
}
