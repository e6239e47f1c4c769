//! A whole day, kept in a real folder.

use std::path::Path;

use super::*;
use crate::adapters::watch_state::WatchFolder;

/// Kilobytes of memory, open files, files that are kept.
fn held(folder: &Path) -> [usize; 3] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kept = std::fs::read_dir(folder.join("watch")).unwrap();
    let kept = kept.filter(|entry| !entry.as_ref().unwrap().file_name().as_encoded_bytes().starts_with(b"."));
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
    [line.split_whitespace().nth(1).unwrap().parse().unwrap(), open, kept.count()]
}

/// In a process of its own: what other tests hold is none of its business.
#[test]
fn a_day_goes_by_and_nothing_grows() {
    const ALONE: &str = "REGFSCK_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "engine::watch::tests::day::a_day_goes_by_and_nothing_grows";
        let mut own = std::process::Command::new(std::env::current_exe().unwrap());
        let ended = own.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.contains("open files"), "{ended:?}");
        eprint!("{said}");
        return;
    }
    on_one_thread(async {
        // Half a minute in a millisecond.
        let (world, folder) = (world(30_000), tempfile::tempdir().unwrap());
        let keeper = Arc::new(WatchFolder::take(folder.path()).unwrap());
        let watch = start_with(&world, 1, keeper.clone()).await;
        let mut early = None;
        let began = world.clock.now();
        let mut pushes = 0;
        while world.clock.now().duration_since(began) < SignedDuration::from_hours(24) {
            let image = image(&format!("{}", pushes % 20));
            store(&world.storage, "busy", Some("latest"), &image);
            watch.hear(vec![pushed("busy", "latest", &image)]);
            pushes += 1;
            watch.until("looked at", |it| it.board.status().waiting == 0).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
            if watch.board.status().figures.checks == 4 {
                early = Some(held(folder.path()));
            }
        }
        let ([before, opened, files], late) = (early.unwrap(), held(folder.path()));
        eprintln!("{pushes} pushes; kB, open files, kept files: {:?}, then {late:?}", early.unwrap());
        // A file may just be written.
        assert!(late[0] < before + (4 << 10) && late[1] <= opened + 3 && late[2] == files, "{late:?}");
        let status = watch.board.status();
        let figures = &status.figures;
        assert!((14..=25).contains(&figures.checks), "{figures:?}");
        assert_eq!((figures.verified, figures.failed, figures.blind_checks), (pushes, 0, 0));
        assert_eq!((status.waiting, status.leads, status.broken.len()), (0, 0, 0));
        assert_eq!(watch.news(), Vec::<String>::new());
        assert_eq!(status.report.unwrap().verdict, Verdict::Coherent);
        assert!(status.next.unwrap() > world.clock.began.0);
        watch.stop().await;
        assert_eq!(keeper.recall().memory, Some(WatchMemory::default()));
    });
}
