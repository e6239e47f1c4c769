//! Repairing against `curl`: layers that one registry lost come from another, over HTTP, and go back by upload.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use regfsck::domain::report::{Report, Verdict};

use crate::contest::is_installed;
use crate::daemon::{Server, configuration, free_port};
use crate::draw::{Row, Table, Target};
use crate::measure::{Run, Runs, Side, interleave, program};
use crate::plant::{Content, Recipe};
use crate::{Bench, regfsck};

/// Every layer's size in bytes.
const SIZE: u64 = 1 << 20;

/// Layers that are lost: 10 images in each of 20 repositories, with 10 layers of their own each.
const RECIPE: (u64, u64, u64) = (2_400, 20, 10);

/// Uploads at once, on both sides.
const JOBS: &str = "8";

/// The least that a person could do with curl: three runs of it, each with 8 transfers at once over kept connections.
/// Fetch all layers from the mirror, open a session for each, and put each away; nothing is looked at or proved.
const CURL: &str = r#"
    rm -rf "$SPOOL/work"; mkdir "$SPOOL/work"; cd "$SPOOL/work"
    awk -v from="$MIRROR" '{ printf "%surl=%s/v2/%s/blobs/%s\noutput=%d.blob\nfail\n", more, from, $1, $2, NR; more = "next\n" }' ../list > get
    awk -v to="$TARGET" '{ printf "%surl=%s/v2/%s/blobs/uploads/\nrequest=POST\ndump-header=%d.head\noutput=/dev/null\nfail\n", more, to, $1, NR; more = "next\n" }' ../list > post
    curl -s -Z --parallel-max 8 -K get
    curl -s -Z --parallel-max 8 -K post
    awk 'FNR == NR { digest[NR] = $2; next }
        tolower($1) == "location:" {
            sub(/\r$/, ""); n = FILENAME; sub(/\.head$/, "", n)
            printf "%surl=\"%s&digest=%s\"\nupload-file=%s.blob\nheader=\"Content-Type: application/octet-stream\"\noutput=/dev/null\nfail\n", more, $2, digest[n], n
            more = "next\n"
        }' ../list *.head > put
    curl -s -Z --parallel-max 8 -K put
"#;

/// A lost layer: a repository that needs it, its digest, and its folder below the storage root.
struct Lost {
    repository: String,
    digest: String,
    folder: PathBuf,
}

/// Lost layers that come back from a mirror, by a repair and by curl.
pub(crate) fn compare(bench: &Bench, table: &mut Table) -> Result<()> {
    if !is_installed("docker-registry") || !is_installed("curl") {
        return Ok(());
    }
    let (blobs, repositories, layers) = RECIPE;
    let recipe =
        Recipe { layers, damage: 0, content: Content::True(SIZE), ..bench.recipe(blobs, repositories) };
    let mirror = bench.tree(&recipe)?;
    let folder = tempfile::tempdir_in(mirror.parent().context("the tree has no parent")?)?;
    let target = folder.path().join("registry");
    copy(&mirror, &target)?;
    let lost = own_layers(&mirror)?;
    let from = serve(&mirror, &folder.path().join("mirror.yml"))?;
    let to = serve(&target, &folder.path().join("target.yml"))?;
    let list: Vec<_> = lost.iter().map(|lost| format!("{} {}", lost.repository, lost.digest)).collect();
    fs::write(folder.path().join("list"), list.join("\n"))?;
    let work = f64::from(u32::try_from(lost.len() as u64 * SIZE)?) / 1e6;
    let begin = || lost.iter().try_for_each(|lost| lose(&target, lost));
    // How long the uploads themselves took is kept beside, round by round.
    let uploads = RefCell::new(Vec::new());
    let repaired = || {
        begin()?;
        let run = Run { work, ..repair(&target, &to.url(), &from.url(), folder.path())? };
        uploads.borrow_mut().push(Run { seconds: uploading(&folder.path().join("state"))?, ..run });
        Ok(run)
    };
    let curled = || {
        begin()?;
        let run = curl(&to.url(), &from.url(), folder.path())?;
        all_there(&target, &lost)?;
        Ok(Run { work, ..run })
    };
    let sides = vec![
        Side { name: "regfsck check --fix".into(), run: Box::new(repaired) },
        Side { name: "curl -Z --parallel-max 8".into(), run: Box::new(curled) },
    ];
    let runs = interleave(sides, bench.arguments.rounds)?;
    let [subject, peer] = runs.as_slice() else { bail!("two sides gave other than two runs") };
    let what = format!("{} lost layers of 1 MiB from a mirror", lost.len());
    let rate = |run: &Run| run.work / run.seconds;
    let runs = uploads.into_inner().into_iter().skip(1).collect();
    let uploads = Runs { name: subject.name.clone(), runs };
    table.rows.push(Row::new(&what, "rate", &uploads, peer, rate, Some(Target::AtLeast(0.8))));
    let what = format!("{what}: with the check before and the proof after");
    table.rows.push(Row::new(&what, "rate", subject, peer, rate, Some(Target::AtLeast(0.75))));
    Ok(())
}

fn serve(root: &Path, config: &Path) -> Result<Server> {
    let port = free_port()?;
    fs::write(config, configuration(root, port))?;
    Server::start(port, Command::new("docker-registry").arg("serve").arg(config))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    if status.success() { Ok(()) } else { bail!("cp -a: {status}") }
}

/// The layers that repositories link and that are large: configs and manifests are not.
fn own_layers(root: &Path) -> Result<Vec<Lost>> {
    let storage = root.join("docker/registry/v2");
    let mut found = std::collections::BTreeMap::new();
    for team in fs::read_dir(storage.join("repositories"))? {
        let team = team?;
        for app in fs::read_dir(team.path())? {
            let app = app?;
            let repository = format!("{}/{}", team.file_name().display(), app.file_name().display());
            for link in fs::read_dir(app.path().join("_layers/sha256"))? {
                let hex = link?.file_name().display().to_string();
                let shard = hex.get(..2).context("a short digest")?;
                let folder = Path::new("docker/registry/v2/blobs/sha256").join(shard).join(&hex);
                if fs::metadata(root.join(&folder).join("data"))?.len() == SIZE {
                    let digest = format!("sha256:{hex}");
                    let lost = Lost { repository: repository.clone(), digest: digest.clone(), folder };
                    found.entry(digest).or_insert(lost);
                }
            }
        }
    }
    Ok(found.into_values().collect())
}

#[allow(clippy::disallowed_methods, reason = "the comparison's own copy of a registry loses what it made")]
fn lose(root: &Path, lost: &Lost) -> Result<()> {
    let folder = root.join(&lost.folder);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn all_there(root: &Path, lost: &[Lost]) -> Result<()> {
    let stored = |lost: &&Lost| {
        fs::metadata(root.join(&lost.folder).join("data")).is_ok_and(|file| file.len() == SIZE)
    };
    let count = lost.iter().filter(stored).count();
    if count == lost.len() { Ok(()) } else { bail!("curl brought back {count} of {} layers", lost.len()) }
}

fn repair(root: &Path, to: &str, from: &str, folder: &Path) -> Result<Run> {
    let (report, state) = (folder.join("report.json"), folder.join("state"));
    if state.exists() {
        fs::rename(&state, tempfile::tempdir_in(folder)?.keep().join("state"))?;
    }
    let mut command = Command::new(regfsck());
    command.args(["check", "--fix", "--yes", "--plain-http", "--jobs", JOBS, "--registry", to, "--storage"]);
    command.arg(root).arg("--source").arg(from.replace("http://", "docker://"));
    command.arg("--state-dir").arg(state);
    command.args(["-o", &format!("json={}", report.display())]).stdout(Stdio::null());
    let run = program(&mut command, &[0])?;
    let report: Report = serde_json::from_str(&fs::read_to_string(report)?)?;
    if report.verdict == Verdict::Coherent { Ok(run) } else { bail!("the repair left {:?}", report.summary) }
}

/// Seconds from the beginning of the first step to the end of the last, as the journal of the only run has them.
fn uploading(state: &Path) -> Result<f64> {
    let journal = fs::read_to_string(state.join("journal.jsonl"))?;
    let records = journal.lines().map(serde_json::from_str).collect::<Result<Vec<serde_json::Value>, _>>()?;
    let times = |kind: &str| -> Result<Vec<Timestamp>> {
        let of_kind = records.iter().filter(|record| record["record"] == kind);
        of_kind.map(|record| Ok(record["at"].as_str().context("no time")?.parse()?)).collect()
    };
    let (began, ended) = (times("step-started")?, times("step-done")?);
    let (first, last) = (began.into_iter().min(), ended.into_iter().max());
    let (first, last) = first.zip(last).context("no step was taken")?;
    Ok(last.duration_since(first).as_secs_f64())
}

fn curl(to: &str, from: &str, folder: &Path) -> Result<Run> {
    let mut command = Command::new("bash");
    command.args(["-ec", CURL]).env("TARGET", to).env("MIRROR", from).env("SPOOL", folder);
    program(command.stdout(Stdio::null()), &[0])
}
