//! Storage that several machines looked at, each at a part, judged as one.

use std::path::Path;

use regfsck::adapters::sandbox::{Flavour, Options, Sandbox};

use crate::shards::{damaged, regfsck, timeless};
use crate::support::plant::{Content, Recipe, plant};

const PARTS: usize = 4;

/// Have each part taken, into `folder`.
fn take(root: &Path, folder: &Path, parts: usize, more: &[&str]) {
    std::fs::create_dir_all(folder).unwrap();
    for part in 0..parts {
        let (file, shard) = (folder.join(part.to_string()), format!("{part}/{parts}"));
        let place = ["snapshot", "--storage", root.to_str().unwrap(), "--shard", &shard];
        let (status, said) = regfsck(&[&place[..], more, &["-o", file.to_str().unwrap()]].concat());
        assert!([0, 3].contains(&status), "{said}");
    }
}

fn of(folder: &Path) -> String {
    format!("snapshot:{}", folder.display())
}

#[test]
fn parts_with_their_storage_are_judged_like_one_machines_view() {
    let (root, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    damaged(root.path());
    let (path, parts) = (root.path().display().to_string(), of(folder.path()));
    take(root.path(), folder.path(), PARTS, &[]);
    for more in [&[][..], &["--content"], &["--repo", "team*/*"]] {
        let whole = regfsck(&[&["check", "-o", "json", "--storage", &path], more].concat());
        let judged =
            regfsck(&[&["check", "-o", "json", "--storage", &parts, "--storage", &path], more].concat());
        assert_eq!((judged.0, timeless(&judged.1)), (whole.0, timeless(&whole.1)), "{more:?}");
    }
    let sandbox = Sandbox::start(Options::new(root.path().to_owned(), Flavour::V2)).unwrap();
    let url = sandbox.url();
    let daemon = ["--registry", &url, "--probe", "all"];
    let whole = regfsck(&[&["check", "-o", "json", "--storage", &path], &daemon[..]].concat());
    let judged =
        regfsck(&[&["check", "-o", "json", "--storage", &path, "--storage", &parts], &daemon[..]].concat());
    assert_eq!((judged.0, timeless(&judged.1)), (whole.0, timeless(&whole.1)));
}

#[test]
fn parts_alone_accuse_of_nothing_that_takes_a_second_look() {
    let (root, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let content = Content::True(100);
    plant(root.path(), &Recipe { blobs: 200, repositories: 5, layers: 3, seed: 3, damage: 0, content })
        .unwrap();
    take(root.path(), folder.path(), PARTS, &[]);
    let (status, said) = regfsck(&["check", "--storage", &of(folder.path())]);
    assert_eq!(status, 0, "{said}");
    damaged(root.path());
    take(root.path(), folder.path(), PARTS, &[]);
    let (status, said) = regfsck(&["check", "-o", "json", "--storage", &of(folder.path())]);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    let codes = report["summary"].as_object().unwrap();
    assert_eq!((status, codes.get("missing-blob")), (3, None), "{said}");
    assert!(said.contains("the parts of a snapshot do not tell; give --storage"), "{said}");
}

#[test]
fn parts_that_are_no_whole_are_refused_with_what_to_do() {
    let (root, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    damaged(root.path());
    let part = |name: &str| folder.path().join(name);
    take(root.path(), &part("four"), PARTS, &[]);
    take(root.path(), &part("two"), 2, &[]);
    take(root.path(), &part("scoped"), 2, &["--repo", "team0/*"]);
    let other = tempfile::tempdir().unwrap();
    let content = Content::True(100);
    plant(other.path(), &Recipe { blobs: 60, repositories: 2, layers: 3, seed: 9, damage: 0, content })
        .unwrap();
    let file = |folder: &str, index: usize| of(&part(folder).join(index.to_string()));
    let whole = part("whole");
    regfsck(&["snapshot", "--storage", root.path().to_str().unwrap(), "-o", whole.to_str().unwrap()]);
    std::fs::write(part("empty"), "").unwrap();
    std::fs::create_dir(part("nothing")).unwrap();
    let refused = [
        (vec![file("four", 0), file("four", 2), file("four", 3)], "part 1 of 4 is missing"),
        (vec![file("two", 0), file("two", 1), file("two", 1)], "part 1/2 is there twice"),
        (vec![file("two", 0), file("four", 1)], "0/2 and 1/4 are no parts of one whole"),
        (vec![file("two", 0), file("scoped", 1)], "other repositories were looked for"),
        (vec![of(&whole)], "it is of all storage, and no part"),
        (vec![of(&part("empty"))], "it is none"),
        (vec![of(&part("nothing"))], "there are no parts in"),
        (vec![of(&part("absent"))], "No such file"),
        (vec![of(&part("two")), other.path().display().to_string()], "the parts are of other storage"),
    ];
    for (given, why) in refused {
        let words: Vec<_> = given.iter().flat_map(|value| ["--storage", value.as_str()]).collect();
        let (status, said) = regfsck(&[&["check"], words.as_slice()].concat());
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(why), "{why}: {said}");
    }
    let (two, path) = (of(&part("two")), root.path().display().to_string());
    let since = part("two").join("0").display().to_string();
    for (line, why) in [
        (vec!["check", "--storage", &path, "--since", &since], "it is part 0/2 only"),
        (vec!["check", "--storage", &path, "--storage", &path], "--storage is given twice"),
        (
            vec!["check", "--fix", "--storage", &two, "--storage", &path],
            "parts of a snapshot are only looked at",
        ),
        (vec!["snapshot", "--storage", &two, "-o", &since], "parts of a snapshot are only looked at"),
        (vec!["undo", "--storage", &two], "parts of a snapshot are only looked at"),
    ] {
        let (status, said) = regfsck(&line);
        assert_eq!(status, 2, "{line:?}: {said}");
        assert!(said.contains(why), "{line:?}: {said}");
    }
    let blobs = root.path().join("docker/registry/v2/blobs");
    std::fs::rename(&blobs, root.path().join("elsewhere")).unwrap();
    let (status, said) = regfsck(&["check", "--storage", &two, "--storage", &path]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("lacks 16"), "{said}");
}
