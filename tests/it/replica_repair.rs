//! Replicas in a repair: each forgets by itself, is restarted by itself and proves itself.

mod pair;

use std::path::Path;

use regfsck::domain::finding::State;
use regfsck::domain::plan::{Proof, StepResult};
use regfsck::domain::report::{Report, Verdict};
use tempfile::TempDir;

use self::pair::{Pair, Restarter};
use crate::replicas::fronts;
use crate::support::program::free_port;
use crate::support::raw::{Raw, blob_path};
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::{Ended, run};
use crate::support::settings::Settings;
use crate::support::tree::lose;

/// The names of the steps that were taken.
fn steps(report: &Report) -> Vec<&str> {
    report.outcomes.iter().flatten().map(|outcome| outcome.step.as_str()).collect()
}

/// What came of them.
fn results(report: &Report) -> Vec<&StepResult> {
    report.outcomes.iter().flatten().map(|outcome| &outcome.result).collect()
}

fn proof(report: &Report) -> &Proof {
    report.proof.as_ref().unwrap()
}

fn state_of(ended: &Ended, id: &str) -> Option<State> {
    ended.report().findings.iter().find(|finding| finding.id == id).map(|finding| finding.state)
}

/// That both replicas forgot.
fn forgotten() -> StepResult {
    StepResult::Done("all 2 replicas say 404 now".into())
}

fn deletes(daemon: &RealRegistry) -> usize {
    daemon.log().lines().filter(|line| line.contains("\"DELETE /v2/a/blobs/sha256:")).count()
}

#[test]
fn a_purge_makes_every_replica_forget() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        let lost = pair.layer();
        lose(pair.one.root(), &lost);
        assert_eq!(pair.heads(), [200, 200]);
        let purged = pair.run("purge", &[]);
        assert_eq!(purged.status, 1, "{}", purged.stdout);
        let report = purged.report();
        assert_eq!(steps(&report), [format!("delete-claim:a:{lost}")]);
        assert_eq!(results(&report), [&forgotten()]);
        assert_eq!(proof(&report).resolved, [format!("phantom-blob:a:{lost}")]);
        assert_eq!(proof(&report).remaining, [format!("missing-blob:{lost}")]);
        assert_eq!(pair.heads(), [404, 404]);
        assert_eq!((deletes(&pair.one), deletes(&pair.two)), (1, 1));
        // In the check (the first daemon twice, for what it claims is doubted), before and after the DELETE, in the proof;
        // and by the test itself, twice.
        let heads = |daemon: &RealRegistry| {
            let head = format!("\"HEAD {} ", blob_path("a", &lost));
            daemon.log().lines().filter(|line| line.contains(&head)).count()
        };
        assert_eq!((heads(&pair.one), heads(&pair.two)), (7, 6));
    });
}

#[test]
fn what_nothing_needs_any_more_is_asked_about_again_for_the_proof() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        // Nothing but its link tells of it, and the DELETE takes that.
        let alone = pair.image.manifest.clone();
        let raw = [&pair.one, &pair.two].map(|daemon| Raw::new(&daemon.url()));
        assert_eq!(raw[0].upload("b", &alone), 201);
        let path = blob_path("b", &alone.digest);
        assert_eq!(raw.each_ref().map(|raw| raw.head(&path).status), [200, 200]);
        lose(pair.one.root(), &alone.digest);
        let purged = pair.run("purge", &[]);
        let phantom = format!("phantom-blob:b:{}", alone.digest);
        assert!(proof(&purged.report()).resolved.contains(&phantom), "{}", purged.stdout);
        let heads = |daemon: &RealRegistry| {
            let head = format!("\"HEAD {path} ");
            daemon.log().lines().filter(|line| line.contains(&head)).count()
        };
        // By the test itself, in the check, before and after the DELETE, in the proof.
        assert_eq!((heads(&pair.one), heads(&pair.two)), (5, 5));
    });
}

#[test]
fn a_replica_that_knows_better_is_sent_no_delete() {
    on_every_registry(|| {
        let Some(mut pair) = Pair::start() else { return };
        let lost = pair.layer();
        lose(pair.one.root(), &lost);
        pair.one.restart();
        assert_eq!(pair.heads(), [404, 200]);
        let purged = pair.run("purge", &[]);
        let resolved = [format!("phantom-blob:a:{lost}"), format!("replica-disagreement:a:{lost}")];
        assert_eq!(proof(&purged.report()).resolved, resolved);
        assert_eq!(pair.heads(), [404, 404]);
        assert_eq!((deletes(&pair.one), deletes(&pair.two)), (0, 1));
    });
}

#[test]
fn a_replica_that_takes_no_writes_stops_the_repair() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        let read_only = Settings { read_only: true, ..Settings::sharing(pair.one.root()) };
        let Some(frozen) = RealRegistry::start(&read_only) else { return };
        let lost = pair.layer();
        let path = blob_path("a", &lost);
        assert_eq!(Raw::new(&frozen.url()).head(&path).status, 200);
        lose(pair.one.root(), &lost);
        let refused = pair.run("purge", &["--replica", &frozen.url()]);
        let report = refused.report();
        assert_eq!((refused.status, report.verdict), (4, Verdict::Refused), "{}", refused.stdout);
        let why = report.refusal.unwrap();
        let wanted = format!("{}: the registry refuses uploads: it is in read-only mode;", frozen.url());
        assert!(why.starts_with(&wanted), "{why}");
        // Nothing was done anywhere.
        assert_eq!((pair.heads(), deletes(&pair.one), deletes(&pair.two)), ([200, 200], 0, 0));
    });
}

#[test]
fn a_replica_of_another_registry_stops_the_repair() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        let Some(stranger) = RealRegistry::start(&Settings::default()) else { return };
        lose(pair.one.root(), &pair.layer());
        let refused = pair.run("purge", &["--replica", &stranger.url()]);
        let why = refused.report().refusal.unwrap();
        let wanted =
            format!("{}: these views are not of the same registry: an upload session", stranger.url());
        assert!(refused.status == 4 && why.starts_with(&wanted), "{why}");
        assert_eq!((pair.heads(), deletes(&pair.one), deletes(&pair.two)), ([200, 200], 0, 0));
    });
}

#[test]
fn replicas_are_restarted_one_after_the_other() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        let phantom = pair.lose_manifest();
        // Their names would sort the other way round.
        let (one, two) =
            (pair.restarter("z", &pair.one, Some(0.7)), pair.restarter("b", &pair.two, Some(0.7)));
        let fixed = pair.run("check", &["--fix", "--restart", &one.spec, "--restart", &two.spec]);
        let report = fixed.report();
        let wanted = [&one, &two].map(|restarter| format!("restart:{}", restarter.spec));
        let planned: Vec<_> = report.plan.iter().flat_map(|plan| &plan.steps).map(|step| &step.id).collect();
        assert_eq!(planned, wanted.each_ref(), "{}", fixed.stdout);
        assert_eq!(steps(&report), wanted);
        let results = results(&report);
        assert!(results.iter().all(|result| result.is_done()), "{results:?}");
        // The second goes only when the first answers again.
        assert_eq!(pair.order(), "z yes yes\nb yes yes\n");
        assert_eq!(state_of(&fixed, &phantom), Some(State::Repaired));
        assert_eq!(fixed.status, 1, "the manifest itself is lost");
        let after = pair.run("check", &["--probe-manifests"]);
        assert!(!after.findings().contains(&phantom), "{:?}", after.findings());
    });
}

#[test]
fn where_one_does_not_come_back_the_others_are_left_alone() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        let phantom = pair.lose_manifest();
        let (one, two) = (pair.restarter("one", &pair.one, None), pair.restarter("two", &pair.two, None));
        let specs = ["--fix", "--restart", &one.spec, "--restart", &two.spec];
        let fixed =
            pair.run("check", &[&specs[..], &["--restart-timeout", "1s", "--retry-times", "0"]].concat());
        let report = fixed.report();
        assert_eq!(pair.order(), "one yes yes\n");
        let results = results(&report);
        let StepResult::Failed(failed) = results[0] else { panic!("{results:?}") };
        let wanted = format!("`{}` was restarted, but does not answer after 1s: ", one.spec);
        assert!(failed.starts_with(&wanted), "{failed}");
        let needs = format!("it needs `restart:{}`, which was not carried out", one.spec);
        assert_eq!(results[1], &StepResult::Skipped(needs));
        assert_eq!(fixed.status, 3);
        // It could not be asked again: that is no proof.
        assert_eq!(state_of(&fixed, &phantom), Some(State::Unknown));
        let proof = proof(&report);
        assert_eq!(proof.resolved, Vec::<String>::new());
        assert!(proof.remaining.iter().all(|id| id.starts_with("missing-manifest:")), "{proof:?}");
        assert!(proof.unknown.contains(&phantom), "{proof:?}");
        assert_eq!(Raw::new(&pair.two.url()).get("/v2/").status, 200);
    });
}

#[test]
fn a_single_service_restarts_all_replicas() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        let phantom = pair.lose_manifest();
        let (one, two) =
            (pair.restarter("one", &pair.one, Some(0.1)), pair.restarter("two", &pair.two, Some(1.5)));
        let script = |restarter: &Restarter| restarter.spec.trim_start_matches("exec:").to_owned();
        let both = format!("exec:{}; {}", script(&one), script(&two));
        let fixed = pair.run("check", &["--fix", "--restart", &both, "--retry-times", "0"]);
        assert_eq!(steps(&fixed.report()), [format!("restart:{both}")]);
        assert_eq!(state_of(&fixed, &phantom), Some(State::Repaired));
        // Both go at once, and both are waited for.
        assert_eq!(pair.order(), "one yes yes\ntwo no yes\n");
        assert_eq!(
            [&pair.one, &pair.two].map(|daemon| Raw::new(&daemon.url()).get("/v2/").status),
            [200, 200]
        );
    });
}

#[test]
fn there_is_a_service_for_each_replica_or_one_for_all() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        let refused =
            pair.run("restart", &["--restart", "exec:a", "--restart", "exec:b", "--restart", "exec:c"]);
        let (one, two) = (pair.one.url(), pair.two.url());
        let wanted = format!(
            "error: --restart was given 3 times, and 2 are wanted: one for each of {one}, {two}, in this order; or one that \
         restarts them all\n"
        );
        assert_eq!((refused.status, refused.stderr), (2, wanted));
        let alone = run(["restart", "--registry", &one, "--restart", "exec:a", "--restart", "exec:b"]);
        let wanted = "error: --restart was given 2 times, and there is one daemon to restart; give it once\n";
        assert_eq!((alone.status, alone.stderr.as_str()), (2, wanted));
    });
}

#[test]
fn every_address_of_a_name_is_purged() {
    on_every_registry(|| {
        let test = "a purge of every address";
        let Some(pair) = Pair::start() else { return };
        let (dir, port) = (TempDir::new().unwrap(), free_port());
        let Some(_nginx) = fronts(test, dir.path(), port, [pair.one.host(), pair.two.host()]) else { return };
        lose(pair.one.root(), &pair.layer());
        let purged = purge_at_addresses(&pair, dir.path(), port);
        assert_eq!(purged.status, 1, "{}", purged.stdout);
        let resolved = [format!("phantom-blob:a:{}", pair.layer())];
        assert_eq!(proof(&purged.report()).resolved, resolved, "{}", purged.stdout);
        assert_eq!(pair.heads(), [404, 404]);
        assert_eq!((deletes(&pair.one), deletes(&pair.two)), (1, 1));
    });
}

fn purge_at_addresses(pair: &Pair, dir: &Path, port: u16) -> Ended {
    let (url, ca) = (format!("https://registry.test:{port}"), dir.join("registry.crt").display().to_string());
    let (root, state) = (pair.one.root().display().to_string(), pair.state.path().display().to_string());
    let [one, two] = ["127.0.0.2", "127.0.0.3"].map(|address| format!("registry.test:{port}:{address}"));
    let target =
        ["purge", "--yes", "--storage", &root, "--registry", &url, "--resolve-all", "--ca-file", &ca];
    let more = ["--resolve", &one, "--resolve", &two, "--state-dir", &state, "-o", "json"];
    run([&target[..], &more].concat())
}

#[test]
fn a_saved_plan_is_carried_out_at_the_replicas_that_it_was_made_for() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        lose(pair.one.root(), &pair.layer());
        let file = pair.state.path().join("plan.json").display().to_string();
        let saved = pair.run("check", &["--plan", &file]);
        assert_eq!(saved.report().target.replicas, [pair.two.url()], "{}", saved.stdout);
        let (root, state) = (pair.one.root().display().to_string(), pair.state.path().display().to_string());
        let (one, two) = (pair.one.url(), pair.two.url());
        let alone =
            ["repair", "--plan", &file, "--storage", &root, "--registry", &one, "--state-dir", &state];
        let refused = run([&alone[..], &["--yes", "--drain", "0"]].concat());
        let whose = format!("{root}/docker/registry/v2 and {one}");
        let wanted =
            format!("error: `{file}` was made for another registry: {whose} and {two}, not {whose}\n");
        assert_eq!((refused.status, refused.stderr), (2, wanted));
        assert_eq!(pair.heads(), [200, 200]);
        let table = run(["check", "--storage", &root, "--registry", &one, "--replica", &two]).stdout;
        let named: Vec<_> = table.lines().filter(|line| line.starts_with("replica ")).collect();
        assert_eq!(named, [format!("replica  {two}")], "{table}");
        let done = pair.run("repair", &["--plan", &file]);
        assert_eq!(results(&done.report()), [&forgotten()], "{}", done.stdout);
        assert_eq!(pair.heads(), [404, 404]);
    });
}

#[test]
fn a_saved_restart_is_of_the_service_that_was_agreed_to() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        pair.lose_manifest();
        let file = pair.state.path().join("plan.json").display().to_string();
        pair.run("check", &["--plan", &file, "--restart", "exec:true"]);
        let done = pair.run("repair", &["--plan", &file, "--restart", "exec:false"]);
        let why = "the plan restarts `exec:true`, which was not given; use --restart 'exec:true'";
        assert_eq!(results(&done.report()), [&StepResult::Failed(why.into())], "{}", done.stdout);
    });
}

#[test]
fn what_is_healed_is_pulled_from_every_replica() {
    on_every_registry(|| {
        let Some(pair) = Pair::start() else { return };
        let backup = TempDir::new().unwrap();
        crate::support::tree::plant(backup.path(), "a", "1", &pair.image);
        lose(pair.one.root(), &pair.layer());
        let source = format!("storage:{}", backup.path().display());
        let fixed = pair.run("check", &["--fix", "--source", &source]);
        assert_eq!(fixed.status, 0, "{}", fixed.stdout);
        assert_eq!(proof(&fixed.report()).pulled, ["a:1"]);
        let pulls = |daemon: &RealRegistry| {
            let get = format!("\"GET /v2/a/blobs/{} ", pair.image.layers[1].digest);
            daemon.log().lines().filter(|line| line.contains(&get)).count()
        };
        // Once by the test itself, once for the proof: the layer that was never lost tells.
        assert_eq!((pulls(&pair.one), pulls(&pair.two)), (2, 2));
    });
}
