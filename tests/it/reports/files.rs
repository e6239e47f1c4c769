//! Reports in files: replaced as a whole, refused before anything is looked at where they cannot be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::fs::{CWD, Mode, mkfifoat};

use super::{check, damaged};
use crate::support::regfsck::{command, run};

#[test]
fn a_file_is_replaced_as_a_whole_and_keeps_its_mode() {
    let (root, folder) = (damaged(), tempfile::tempdir().unwrap());
    let file = folder.path().join("report.json");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link.jsonl");
    symlink("there.jsonl", &link).unwrap();
    fs::write(folder.path().join("there.jsonl"), "old").unwrap();
    let open = fs::File::open(&file).unwrap();
    let outputs = [format!("json={}", file.display()), format!("jsonl={}", link.display())];
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), outputs.join(",")]));
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
    // Who has it open reads what was there.
    assert_eq!(std::io::read_to_string(open).unwrap(), "old");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let report: regfsck::domain::report::Report = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let lines = fs::read_to_string(link).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(serde_json::to_value(&report.findings).unwrap(), serde_json::Value::Array(lines));
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["link.jsonl", "report.json", "there.jsonl"]);
}

#[test]
fn a_pipe_is_written_to_and_not_replaced() {
    let root = damaged();
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), "jsonl=/dev/stdout".into()]));
    assert_eq!((ended.status, ended.stdout.lines().count() > 1), (1, true), "{ended:?}");
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), "json=/dev/null".into()]));
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
}

#[test]
fn a_pipe_with_a_name_has_one_writer_from_its_beginning_to_its_end() {
    let (root, folder) = (damaged(), tempfile::tempdir().unwrap());
    let pipe = folder.path().join("pipe");
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
    let output = format!("jsonl={}", pipe.display());
    let writer = std::thread::spawn(move || run(check(root.path()).into_iter().chain(["-o".into(), output])));
    let read = fs::read_to_string(&pipe).unwrap();
    let ended = writer.join().unwrap();
    assert_eq!((ended.status, read.lines().count() > 1), (1, true), "{ended:?}");
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().display().to_string();
    for (output, said) in [
        (format!("json={folder}/no/report.json"), "whose folder must be there and writable"),
        (format!("json={folder}"), "is a directory"),
        (format!("json={folder}/a,jsonl={folder}/a"), "is named twice"),
        ("json=".to_owned(), "names no file behind the `=`"),
        ("yaml".to_owned(), "there are table, json, jsonl"),
    ] {
        // A storage that is not there: nothing was looked at.
        let ended = run(["check", "--storage", "/nonexistent", "-o", &output]);
        assert_eq!((ended.status, &*ended.stdout), (2, ""), "{ended:?}");
        assert!(ended.stderr.contains(said) && !ended.stderr.contains("/nonexistent"), "{output}: {ended:?}");
    }
}

#[test]
fn a_full_disk_loses_one_form_and_no_other() {
    let root = damaged();
    let ended = run(check(root.path()).into_iter().chain(["-o".into(), "json=/dev/full,jsonl".into()]));
    assert_eq!((ended.status, ended.stdout.lines().count() > 1), (2, true), "{ended:?}");
    assert!(ended.stderr.contains("cannot write the report to `/dev/full`"), "{ended:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let root = damaged();
    for format in regfsck::report::format::Format::ALL.iter().map(|format| format.as_str()).skip(1) {
        let mut child =
            command(check(root.path()).into_iter().chain(["-o".into(), format.into()])).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), ended.stderr.len()), (Some(1), 0), "{format}: {ended:?}");
    }
}

#[test]
fn the_doctor_has_no_report() {
    let ended = run(["doctor", "-o", "junit"]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("`junit` is no output format; there are table and json"), "{ended:?}");
}
