//! `regfsck verify`, held against a real daemon with a stale cache.

use std::path::Path;

use regfsck::adapters::sandbox::image::{Blob, Image};
use regfsck::domain::report::Verdict;
use tempfile::TempDir;

use crate::support::program::output;
use crate::support::raw::Raw;
use crate::support::real_registry::{RealRegistry, on_every_registry};
use crate::support::regfsck::{run, run_with_stdin};
use crate::support::settings::Settings;

/// An image as a folder that `skopeo copy dir:` takes.
fn folder(image: &Image) -> TempDir {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("version"), "Directory Transport Version: 1.1\n").unwrap();
    std::fs::write(dir.path().join("manifest.json"), &image.manifest.bytes).unwrap();
    for blob in image.blobs() {
        std::fs::write(dir.path().join(blob.digest.hex()), &blob.bytes).unwrap();
    }
    dir
}

/// `skopeo copy`, which believes what a registry claims. `None` where it is missing.
fn skopeo_copy(from: &Path, to: &str) -> Option<bool> {
    let (from, to) = (format!("dir:{}", from.display()), format!("docker://{to}"));
    let options = ["copy", "--insecure-policy", "--dest-tls-verify=false", "--preserve-digests"];
    Some(output("skopeo", options.into_iter().chain([from.as_str(), &to]))?.status.success())
}

/// Lose what the daemon's cache goes on to claim.
fn lose(daemon: &RealRegistry, blobs: &[&Blob]) {
    for blob in blobs {
        let file = daemon.data_file(&blob.digest);
        std::fs::rename(&file, file.with_extension("lost")).unwrap();
    }
}

#[test]
fn a_push_that_ended_well_into_a_stale_registry_is_found_out() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let image = Image::two_layers("app").unwrap();
        let folder = folder(&image);
        let name = format!("{}/team/app:1", daemon.host());
        let Some(pushed) = skopeo_copy(folder.path(), &name) else { return };
        assert!(pushed);
        let healthy = run(["verify", &name]);
        let short = image.manifest.digest.short();
        let total = image.blobs().map(|blob| blob.bytes.len() as u64).sum();
        let size = bytesize::ByteSize(total);
        assert_eq!(
            (healthy.status, healthy.stdout),
            (0, format!("ok       {name} {short}, 1 manifest, 3 blobs ({size})\n"))
        );
        lose(&daemon, &[&image.layers[0], &image.config]);
        // It has all been pushed, says skopeo.
        assert_eq!(skopeo_copy(folder.path(), &name), Some(true));
        let stale = run(["verify", &name]);
        let mut lost = [image.layers[0].digest, image.config.digest];
        lost.sort();
        let says = "the daemon claims it and delivers nothing: a push skips it, a pull fails";
        let lines: Vec<String> =
            lost.iter().map(|digest| format!("         phantom-blob {digest}: {says}\n")).collect();
        let first = format!("broken   {name} {short}, 1 manifest, 3 blobs ({size})\n");
        assert_eq!((stale.status, stale.stdout), (1, format!("{first}{}", lines.concat())));
        let report = run(["verify", &name, "-o", "json"]);
        let ids: Vec<String> = lost.iter().map(|digest| format!("phantom-blob:team/app:{digest}")).collect();
        assert_eq!((report.status, report.findings()), (1, ids.clone()));
        let report = report.report();
        assert_eq!(report.images.verified()[0].findings, ids);
        let affected: Vec<_> = report.findings[0].affects.iter().map(ToString::to_string).collect();
        assert_eq!(affected, ["team/app:1"]);
        assert_eq!(report.coverage.served.unwrap().requests, 9);
    });
}

#[test]
fn an_index_is_verified_for_the_platforms_that_are_wanted() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let raw = Raw::new(&daemon.url());
        let images = ["amd64", "arm64"].map(|seed| Image::two_layers(seed).unwrap());
        for image in &images {
            let (_, put) = raw.push_image("a", &image.manifest.digest.to_string(), image);
            assert_eq!(put.status, 201);
        }
        let children: Vec<String> = [("amd64", &images[0], ""), ("arm64", &images[1], r#","variant":"v8""#)]
        .iter()
        .map(|(arch, image, variant)| {
            format!(
                r#"{{"mediaType":"{}","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"{arch}"{variant}}}}}"#,
                image.media_type,
                image.manifest.digest,
                image.manifest.bytes.len()
            )
        })
        .collect();
        let kind = "application/vnd.oci.image.index.v1+json";
        let text =
            format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{}]}}"#, children.join(","));
        let index = Blob::new(text.into_bytes());
        assert_eq!(raw.put_manifest("a", "1", &index, kind).status, 201);
        lose(&daemon, &[&images[1].layers[1]]);
        let url = daemon.url();
        let verify =
            |more: &[&str]| run([&["verify", "--registry", &url, "a:1", "-o", "json"], more].concat());
        let phantom = format!("phantom-blob:a:{}", images[1].layers[1].digest);
        for (platform, status, findings) in [
            (None, 1, vec![phantom.clone()]),
            (Some("linux/amd64"), 0, vec![]),
            (Some("linux/arm64"), 1, vec![phantom.clone()]),
            (Some("linux/arm64/v8"), 1, vec![phantom]),
            (Some("linux/s390x"), 1, vec![format!("missing-manifest:a:{}", index.digest)]),
        ] {
            let more = platform.map_or(vec![], |platform| vec!["--platform", platform]);
            let ended = verify(&more);
            assert_eq!((ended.status, ended.findings()), (status, findings), "{platform:?}");
        }
        // By digest, and a child alone.
        let child = format!("a@{}", images[0].manifest.digest);
        assert_eq!(run(["verify", "--registry", &url, &child]).status, 0);
    });
}

#[test]
fn every_way_in_which_an_image_is_not_there_has_its_words() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let raw = Raw::new(&daemon.url());
        let image = Image::two_layers("a").unwrap();
        raw.push_image("a", "1", &image);
        raw.push_image("a", "gone", &Image::two_layers("gone").unwrap());
        lose(&daemon, &[&Image::two_layers("gone").unwrap().manifest]);
        let absent = format!("a@sha256:{}", "1".repeat(64));
        for (name, message) in [
            ("a:2", "there is no such tag"),
            ("a:gone", "the tag is there, its manifest is not"),
            (absent.as_str(), "the daemon says there is no such manifest"),
        ] {
            let ended = run(["verify", "--registry", &daemon.url(), name, "-o", "json"]);
            let findings = ended.report().findings;
            let told: Vec<_> =
                findings.iter().map(|found| (found.code.as_str(), found.message.as_str())).collect();
            assert_eq!((ended.status, told), (1, vec![("missing-manifest", message)]), "{name}");
        }
    });
}

#[test]
fn content_is_hashed_over_the_api() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let raw = Raw::new(&daemon.url());
        let image = Image::two_layers("a").unwrap();
        raw.push_image("a", "1", &image);
        let layer = &image.layers[1];
        let mut bytes = layer.bytes.clone();
        bytes[100] ^= 1;
        std::fs::write(daemon.data_file(&layer.digest), &bytes).unwrap();
        let url = daemon.url();
        let corrupt = vec![format!("corrupt-blob:{}", layer.digest)];
        for command in [&["verify", "a:1"][..], &["check"]] {
            let arguments = [command, &["--registry", &url, "-o", "json"]].concat();
            assert_eq!((run(&arguments).status, run(&arguments).findings()), (0, vec![]), "{command:?}");
            let hashed = run([&arguments[..], &["--content"]].concat());
            assert_eq!((hashed.status, hashed.findings()), (1, corrupt.clone()), "{command:?}");
            let served = hashed.report().coverage.served.unwrap();
            let total: u64 = image.blobs().map(|blob| blob.bytes.len() as u64).sum();
            assert_eq!((served.hashed_blobs, served.hashed_bytes), (3, total));
        }
        let limits = run(["check", "--registry", &url, "-o", "json"]).json()["coverage"]["limits"].clone();
        let limit = "content was not hashed: corrupt bytes are not seen; give --content";
        assert!(limits.as_array().unwrap().contains(&limit.into()), "{limits}");
    });
}

#[test]
fn what_is_attached_is_verified_on_request() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let raw = Raw::new(&daemon.url());
        let [image, signature, sbom] =
            ["a", "signature", "sbom"].map(|seed| Image::two_layers(seed).unwrap());
        raw.push_image("a", "1", &image);
        let hex = image.manifest.digest.hex();
        raw.push_image("a", &format!("sha256-{hex}.sig"), &signature);
        raw.push_image("a", &sbom.manifest.digest.to_string(), &sbom);
        let (index, kind) = Image::index(std::slice::from_ref(&sbom)).unwrap();
        assert_eq!(raw.put_manifest("a", &format!("sha256-{hex}"), &index, &kind).status, 201);
        let url = daemon.url();
        let base = ["verify", "--registry", &url, "a:1", "-o", "json"];
        let manifests =
            |more: &[&str]| run([&base[..], more].concat()).report().images.verified()[0].manifests;
        assert_eq!(manifests(&[]), 1);
        // The image, the index, the SBOM in it, the signature.
        assert_eq!(manifests(&["--referrers"]), 4);
        lose(&daemon, &[&sbom.layers[0], &signature.config]);
        assert_eq!(run(base).status, 0);
        let ended = run([&base[..], &["--referrers"]].concat());
        let mut lost =
            [sbom.layers[0].digest, signature.config.digest].map(|d| format!("phantom-blob:a:{d}"));
        lost.sort();
        assert_eq!((ended.status, ended.findings()), (1, lost.to_vec()));
    });
}

#[test]
fn images_come_from_a_file_and_what_is_not_right_yet_is_waited_for() {
    on_every_registry(|| {
        let Some(daemon) = RealRegistry::start(&Settings::default()) else { return };
        let raw = Raw::new(&daemon.url());
        let [early, late] = ["early", "late"].map(|seed| Image::two_layers(seed).unwrap());
        raw.push_image("early", "1", &early);
        let list = format!("# what was pushed\n\n{0}/early:1\n  {0}/late:1\n", daemon.host());
        let at_once = run_with_stdin(&["verify", "--images", "-"], &list);
        assert_eq!(at_once.status, 1);
        let words: Vec<&str> =
            at_once.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(words, ["ok", "broken", "missing-manifest"], "{}", at_once.stdout);
        let waiting = std::thread::spawn(move || {
            run_with_stdin(&["verify", "--images", "-", "--wait", "20s", "-o", "json"], &list)
        });
        std::thread::sleep(std::time::Duration::from_millis(700));
        raw.push_image("late", "1", &late);
        let waited = waiting.join().unwrap();
        assert_eq!((waited.status, waited.findings()), (0, vec![]), "{}", waited.stdout);
        let names: Vec<_> =
            waited.report().images.verified().iter().map(|image| image.name.clone()).collect();
        assert_eq!(names, [format!("{}/early:1", daemon.host()), format!("{}/late:1", daemon.host())]);
    });
}

#[test]
fn a_registry_that_cannot_be_asked_is_no_verdict_on_images() {
    let port = crate::support::program::free_port();
    let ended = run(["verify", &format!("127.0.0.1:{port}/a:1"), "--retry-times", "0", "-o", "json"]);
    let report = ended.report();
    let verdicts = (report.verdict, report.images.verified()[0].verdict);
    assert_eq!((ended.status, verdicts), (3, (Verdict::Incomplete, Verdict::Incomplete)));
    for (arguments, message) in [
        (
            &["verify", "a:1"][..],
            "error: `a:1` names no registry: write HOST[:PORT]/a:1, or give --registry URL\n",
        ),
        (&["verify", "127.0.0.1:1/A"], "error: `A` is no image: `A` is no repository name\n"),
    ] {
        let ended = run(arguments);
        assert_eq!((ended.status, ended.stderr.as_str()), (2, message));
    }
}
