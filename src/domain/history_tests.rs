use super::*;
use crate::domain::digest::Digest;
use crate::domain::journal::Content;
use crate::domain::name::RepositoryName;

fn entry(sequence: u64, run: &str, record: Record) -> Entry {
    Entry { sequence, at: Timestamp::UNIX_EPOCH, run: run.into(), record }
}

fn started(purpose: Purpose) -> Record {
    let target = Target { storage: Some("/var/lib/registry".into()), ..Target::default() };
    Record::RunStarted { purpose, target, version: "0".into(), pid: 1 }
}

fn moved(name: &str) -> Change {
    Change::FileMoved { from: name.into(), to: format!("/q/{name}").into(), content: Digest::sha256([1; 32]) }
}

fn change(step: &str, change: Change) -> Record {
    Record::Change { step: step.into(), change }
}

fn planned(step: &str) -> Record {
    Record::StepPlanned { step: step.into(), what: format!("do {step}") }
}

fn started_step(step: &str) -> Record {
    Record::StepStarted { step: step.into() }
}

fn journal(run: &str, records: Vec<Record>) -> Vec<Entry> {
    (1..).zip(records).map(|(sequence, record)| entry(sequence, run, record)).collect()
}

fn killed_run() -> Vec<Entry> {
    let link = Change::LinkWritten {
        path: "/l".into(),
        old: Some(Content::new(vec![0xff, 0])),
        new: Content::new(b"sha256:".to_vec()),
    };
    let repository: RepositoryName = "a/b".parse().unwrap();
    let digest = Digest::sha256([7; 32]);
    journal(
        "one",
        vec![
            started(Purpose::Repair),
            planned("1"),
            planned("2"),
            planned("3"),
            started_step("1"),
            change("1", moved("first")),
            change("1", link),
            Record::StepDone { step: "1".into() },
            started_step("2"),
            change("2", Change::Uploaded { repository, digest }),
            change("2", moved("second")),
        ],
    )
}

#[test]
fn every_record_survives_json() {
    for entry in killed_run() {
        let line = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry, "{line}");
    }
}

#[test]
fn a_killed_run_tells_what_is_unfinished() {
    let history = History::of(&killed_run());
    let run = history.cut_short().next().unwrap();
    let open: Vec<_> = run.unfinished().iter().map(|step| (step.what.as_str(), &step.progress)).collect();
    assert_eq!(open, [("do 2", &Progress::Started), ("do 3", &Progress::Planned)]);
}

#[test]
fn a_finished_run_has_nothing_unfinished() {
    let mut entries = killed_run();
    entries.push(entry(12, "one", Record::RunFinished));
    let history = History::of(&entries);
    assert_eq!(history.cut_short().count(), 0);
    assert_eq!(history.runs[0].unfinished(), Vec::<&StepHistory>::new());
}

#[test]
fn changes_are_taken_back_last_first_and_once() {
    let mut entries = killed_run();
    let sequences = |entries: &[Entry]| {
        let history = History::of(entries);
        let run = history.last_undoable().cloned();
        run.map(|run| run.undoable().iter().map(|change| change.sequence).collect::<Vec<_>>())
    };
    assert_eq!(sequences(&entries), Some(vec![11, 7, 6]));
    entries.push(entry(12, "two", started(Purpose::Undo)));
    entries.push(entry(13, "two", change("undo", moved("back"))));
    entries.push(entry(14, "two", Record::Undone { change: 11 }));
    assert_eq!(sequences(&entries), Some(vec![7, 6]));
    entries.push(entry(15, "two", Record::Undone { change: 7 }));
    entries.push(entry(16, "two", Record::Undone { change: 6 }));
    assert_eq!(sequences(&entries), None);
}
