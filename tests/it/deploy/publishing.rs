//! A release without a forge: archives, checksums, the install script, the formula, the version.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::accepts;
use crate::support::generated::in_tree;
use crate::support::program;
use crate::support::source_stub::{Stub, say};

const URL: &str = "https://forge.example/team/regfsck/releases/download/v9.8.7";

fn run(script: &str, arguments: &[&str]) -> Output {
    Command::new(in_tree("packaging").join(script)).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// What a release publishes below `url`, made of the program that is tested.
fn publish(folder: &Path, url: &str) {
    let at = folder.to_str().unwrap();
    let packed = run("archive", &[&target(), env!("CARGO_BIN_EXE_regfsck"), at]);
    assert!(packed.status.success(), "{packed:?}");
    let done = run("publish", &[at, "9.8.7", url]);
    assert!(done.status.success(), "{done:?}");
}

/// A release that nobody fetches anything of.
fn published() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), URL);
    folder
}

/// A release that is published on this machine: its files, and what serves them.
fn served() -> (tempfile::TempDir, Stub) {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().to_owned();
    let server = Stub::start(move |_, request, stream| {
        match std::fs::read(files.join(request.path.trim_start_matches('/'))) {
            Ok(bytes) => say(stream, "200 OK", &bytes),
            Err(_) => say(stream, "404 Not Found", b"no such file"),
        }
    });
    publish(folder.path(), &format!("http://{}", server.authority));
    (folder, server)
}

/// What the install script may run, with one of the programs that fetch.
fn programs_with(fetcher: &str) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let needed = ["uname", "mktemp", "tar", "gzip", "sha256sum", "mkdir", "cp", "mv", "rm", fetcher];
    for name in needed {
        std::os::unix::fs::symlink(program::find(name)?, folder.path().join(name)).unwrap();
    }
    Some(folder)
}

struct Installed {
    output: Output,
    prefix: tempfile::TempDir,
}

impl Installed {
    fn with(script: &Path, programs: &Path, variables: &[(&str, &str)]) -> Self {
        let prefix = tempfile::tempdir().unwrap();
        let mut shell = Command::new("/bin/sh");
        shell.arg(script).arg(prefix.path()).env_clear().env("PATH", programs);
        let output = shell.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap();
        Self { output, prefix }
    }

    fn files(&self) -> Vec<PathBuf> {
        let all =
            walkdir::WalkDir::new(self.prefix.path()).sort_by_file_name().into_iter().map(Result::unwrap);
        let files = all.filter(|entry| entry.file_type().is_file());
        files.map(|entry| entry.path().strip_prefix(self.prefix.path()).unwrap().to_owned()).collect()
    }

    /// It failed, said `why`, and left nothing.
    #[track_caller]
    fn is_refused(&self, why: &str) {
        let said = String::from_utf8_lossy(&self.output.stderr).into_owned();
        assert_eq!((self.output.status.code(), self.files()), (Some(1), Vec::new()), "{said}");
        assert!(said.contains(why), "{said}");
    }

    /// It said its version last, and what belongs to it is there.
    #[track_caller]
    fn is_complete(&self) {
        let version = format!("regfsck {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8_lossy(&self.output.stdout), version, "{:?}", self.output);
        let files = self.files();
        for file in
            ["bin/regfsck", "share/man/man1/regfsck-check.1", "share/bash-completion/completions/regfsck"]
        {
            assert!(files.contains(&PathBuf::from(file)), "{file} in {files:?}");
        }
    }
}

/// As a user has it: what the script fetches lies where the release says that it was published.
#[test]
fn the_install_script_installs_what_has_the_checksum_that_it_was_made_with_and_nothing_else() {
    let fetchers: Vec<_> = ["curl", "wget"].into_iter().filter_map(programs_with).collect();
    let (published, server) = served();
    let script = published.path().join("install.sh");
    for programs in &fetchers {
        Installed::with(&script, programs.path(), &[]).is_complete();
    }
    // The same name with other bytes.
    let name = format!("regfsck-{}.tar.gz", target());
    let archive = published.path().join(&name);
    let mut bytes = std::fs::read(&archive).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    // And not there at all.
    let elsewhere = format!("http://{}/elsewhere", server.authority);
    for programs in fetchers.iter().map(tempfile::TempDir::path) {
        Installed::with(&script, programs, &[]).is_refused("nothing was installed");
        let asked = [("REGFSCK_DOWNLOADS", elsewhere.as_str())];
        Installed::with(&script, programs, &asked).is_refused("could not be fetched");
    }
    let asked = server.requests();
    assert_eq!(asked.len(), 3 * fetchers.len(), "{asked:?}");
    assert!(asked.iter().all(|request| request.path.ends_with(&name)), "{asked:?}");
}

#[test]
fn a_release_fills_in_every_address_and_checksum_from_one_file() {
    let published = published();
    let read = |name: &str| std::fs::read_to_string(published.path().join(name)).unwrap();
    let filled = read("release.env");
    let name = format!("SHA256_{}=", target().to_uppercase().replace('-', "_"));
    let sum = filled.lines().find_map(|line| line.strip_prefix(&name)).unwrap().to_owned();
    assert_eq!(sum.len(), 64, "{filled}");
    assert!(filled.contains("\nVERSION=9.8.7\n") && filled.contains(&format!("\nURL={URL}\n")), "{filled}");
    assert!(filled.contains("\nHOMEPAGE=https://forge.example/team/regfsck\n"), "{filled}");
    for made in ["install.sh", "regfsck.rb"] {
        let text = read(made);
        assert!(!text.contains('@') || made == "install.sh", "{text}");
        assert!(text.contains(&sum) && text.contains(URL) && !text.contains("@SHA256"), "{text}");
    }
    accepts(
        Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(published.path()),
    );
    let listed = read("SHA256SUMS").lines().count();
    assert_eq!(listed, published.path().read_dir().unwrap().count() - 1);
    // What is in the repository names nothing yet.
    let empty = std::fs::read_to_string(in_tree("packaging/release.env")).unwrap();
    assert!(empty.lines().filter(|line| !line.starts_with('#')).all(|line| line.ends_with('=')), "{empty}");
}

/// A copy of what `packaging/version` changes.
fn copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(copy.path().join("packaging")).unwrap();
    std::fs::create_dir_all(copy.path().join("src")).unwrap();
    std::fs::write(copy.path().join("src/lib.rs"), "").unwrap();
    for file in ["Cargo.toml", "Cargo.lock", "CHANGELOG.md", "packaging/version", "packaging/notes"] {
        std::fs::copy(in_tree(file), copy.path().join(file)).unwrap();
    }
    copy
}

fn in_copy(copy: &Path, script: &str, argument: &str) -> Output {
    let mut command = Command::new(copy.join("packaging").join(script));
    command.arg(argument).env("SOURCE_DATE", "2030-01-02").stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_version_goes_into_the_manifest_the_lock_and_the_changelog() {
    let copy = copy();
    let read = |name: &str| std::fs::read_to_string(copy.path().join(name)).unwrap();
    let before = ["Cargo.toml", "Cargo.lock", "CHANGELOG.md"].map(read);
    for refused in ["", "1.2", "v1.2.3", "1.2.3-rc1", "01.2.3", "1.2.3\n4", "0.0.1"] {
        let output = in_copy(copy.path(), "version", refused);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{refused}: {output:?}");
    }
    assert_eq!(["Cargo.toml", "Cargo.lock", "CHANGELOG.md"].map(read), before);

    let released = in_copy(copy.path(), "version", "9.8.7");
    assert!(released.status.success(), "{released:?}");
    let changed = |old: &str, new: &str| {
        let pairs = old.lines().zip(new.lines()).filter(|(old, new)| old != new);
        pairs.map(|(_, new)| new.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(changed(&before[0], &read("Cargo.toml")), ["version = \"9.8.7\""]);
    assert_eq!(changed(&before[1], &read("Cargo.lock")), ["version = \"9.8.7\""]);
    assert!(read("CHANGELOG.md").contains("\n## Unreleased\n\n## 9.8.7 (2030-01-02)\n\n"));
    let notes = in_copy(copy.path(), "notes", "9.8.7");
    assert!(notes.status.success() && String::from_utf8_lossy(&notes.stdout).contains("\n- "), "{notes:?}");
    assert!(!in_copy(copy.path(), "notes", "9.8.6").status.success());
    // Nothing is unreleased now, and no version is released twice.
    for again in ["9.8.7", "9.8.8"] {
        assert!(!in_copy(copy.path(), "version", again).status.success(), "{again}");
    }
}

/// What of the tree belongs into the crate, folders with all that they hold; tests/it needs the repository around it.
const PACKED: [&str; 12] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "completions",
    "docs/report.schema.json",
    "man",
    "src",
    "tests/doubles",
    "tests/fuzzed",
];

/// The files of the tree that belong into the crate.
fn belonging() -> BTreeSet<String> {
    let all = PACKED.iter().flat_map(|name| walkdir::WalkDir::new(in_tree(name))).map(Result::unwrap);
    let files = all.filter(|entry| entry.file_type().is_file());
    let tree = in_tree("");
    files.map(|entry| entry.path().strip_prefix(&tree).unwrap().to_str().unwrap().to_owned()).collect()
}

/// `cargo publish` builds what it packs, and whoever packs for a distribution runs its tests: `just crate` does both.
#[test]
fn the_crate_holds_all_that_its_library_is_built_and_tested_with_and_nothing_else() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["package", "--list", "--allow-dirty", "--offline", "--locked"]).current_dir(in_tree("."));
    let output = cargo.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // What cargo adds: the manifest as it was, and the commit.
    let added = ["Cargo.toml.orig", ".cargo_vcs_info.json"];
    let listed = String::from_utf8(output.stdout).unwrap();
    let packed = listed.lines().filter(|line| !added.contains(line)).map(ToOwned::to_owned);
    let (packed, belonging) = (packed.collect::<BTreeSet<_>>(), belonging());
    let missing: Vec<_> = belonging.difference(&packed).collect();
    assert!(missing.is_empty(), "{missing:?}: name them in `include` of Cargo.toml");
    let more: Vec<_> = packed.difference(&belonging).collect();
    assert!(more.is_empty(), "{more:?} are packed, and need not be");
    // What the library takes from elsewhere is among it.
    let library = std::fs::read_to_string(in_tree("src/lib.rs")).unwrap();
    let elsewhere =
        library.lines().filter_map(|line| line.strip_prefix("#[path = \"../")?.strip_suffix("\"]"));
    for file in elsewhere.chain(["src/report/html/page.css"]) {
        assert!(packed.contains(file), "{file} is not packed");
    }
}

/// The first two numbers of `1.89` or `1.88.0`.
fn release(version: &str) -> Vec<u32> {
    version.split('.').take(2).map(|part| part.parse().unwrap()).collect()
}

/// Cargo refuses to build with a Rust that is older than what a dependency asks for.
#[test]
fn the_oldest_rust_that_is_promised_is_enough_for_all_that_is_built_in() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--offline", "--locked"]);
    cargo.args(["--filter-platform", "x86_64-unknown-linux-gnu"]).current_dir(in_tree("."));
    let output = cargo.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let promised = release(env!("CARGO_PKG_RUST_VERSION"));
    for package in metadata["packages"].as_array().unwrap() {
        let Some(wanted) = package["rust_version"].as_str() else { continue };
        assert!(release(wanted) <= promised, "{} asks for Rust {wanted}", package["name"]);
    }
}
