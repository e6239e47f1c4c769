//! A bucket each of whose answers takes a tenth of a second.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail};

use crate::contest::is_installed;
use crate::draw::{Row, Table, Target};
use crate::measure::{Run, Runs, Side, interleave, program};
use crate::regfsck;
use crate::shelf::{DELAY, IMAGES, Shelf, serve};

/// 50,000 blobs and 150,000 links.
const REPOSITORIES: usize = 500;
/// Requests at once.
const LOOKS: &str = "64";
/// Who waits this long has seen enough: so many times what the check takes.
const ENOUGH: f64 = 40.0;
/// What a check takes beside pages and manifests, however small the bucket.
const BESIDE: usize = 16;
/// Three links of each kind tell whether the `ETag`s are MD5 sums.
const SAMPLED: usize = 6;

/// What a check asks of the bucket against garbage collection, which is stopped when the ratio is beyond doubt.
pub(crate) fn compare(table: &mut Table) -> Result<()> {
    let shelf = Arc::new(Shelf::filled(REPOSITORIES));
    let (keys, manifests) = (shelf.keys(), REPOSITORIES * IMAGES);
    let folder = tempfile::tempdir()?;
    let endpoint = format!("http://127.0.0.1:{}", serve(Arc::clone(&shelf)));
    let storage = format!("s3://bucket?endpoint={endpoint}");
    let what = format!(
        "bucket of {keys} keys, {manifests} manifests among them, {} ms a request",
        DELAY.as_millis()
    );
    let count = |of: &AtomicUsize| of.swap(0, Ordering::SeqCst);
    let mut first = checked(&storage, &folder.path().join("first"))?;
    first.work = f64::from(u32::try_from(count(&shelf.requests))?);
    let allowed = f64::from(u32::try_from(keys * 12 / 10_000 + manifests + BESIDE)?);
    let runs = |name: &str, run: Run| Runs { name: name.to_owned(), runs: vec![run] };
    let (own, most) =
        (runs("regfsck check", first), runs("1.2 a 1000 keys, 1 a manifest", Run { work: allowed, ..first }));
    table.rows.push(Row::new(&what, "requests", &own, &most, |run| run.work, Some(Target::AtMost(1.0))));
    count(&shelf.fetched);
    let second = checked(&storage, &folder.path().join("first"))?;
    let fetched = count(&shelf.fetched);
    if fetched > SAMPLED {
        bail!("the second check fetched {fetched} objects");
    }
    let again = runs("regfsck check, a second time", second);
    table.rows.push(Row::new(&format!("{what}: again"), "time", &again, &own, |run| run.seconds, None));
    if !is_installed("docker-registry") {
        return Ok(());
    }
    let mut round = 0;
    let check = || {
        round += 1;
        checked(&storage, &folder.path().join(round.to_string()))
    };
    let config = folder.path().join("config.yml");
    std::fs::write(&config, configuration(&endpoint))?;
    let patience = format!("{:.0}", ENOUGH * second.seconds.max(first.seconds));
    let collect = || {
        let mut command = Command::new("timeout");
        command.args([&patience, "docker-registry", "garbage-collect", "--dry-run"]).arg(&config);
        keyed(&mut command);
        program(command.stdout(Stdio::null()), &[0, 124])
    };
    let sides = vec![
        Side { name: "regfsck check, bucket".into(), run: Box::new(check) },
        Side { name: format!("garbage-collect --dry-run, for {patience} s at most"), run: Box::new(collect) },
    ];
    let runs = interleave(sides, 0)?;
    let [subject, peer] = runs.as_slice() else { return Ok(()) };
    table.rows.push(Row::new(
        &what,
        "time",
        subject,
        peer,
        |run| run.seconds,
        Some(Target::AtMost(1.0 / 20.0)),
    ));
    Ok(())
}

fn checked(storage: &str, state: &Path) -> Result<Run> {
    let mut command = Command::new(regfsck());
    command.args(["check", "--io-jobs", LOOKS, "--storage", storage, "-o", "json", "--state-dir"]).arg(state);
    keyed(&mut command);
    program(command.stdout(Stdio::null()), &[0])
}

/// The store takes any keys.
fn keyed(command: &mut Command) {
    command.envs([
        ("AWS_ACCESS_KEY_ID", "any"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
        ("AWS_REGION", "us-east-1"),
    ]);
}

fn configuration(endpoint: &str) -> String {
    format!(
        "version: 0.1\nlog: {{level: error}}\nstorage:\n  s3: {{region: us-east-1, bucket: bucket, regionendpoint: '{endpoint}', \
         secure: false, v4auth: true, accesskey: any, secretkey: any}}\n"
    )
}
