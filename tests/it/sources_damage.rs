//! Sources that are damaged, of the wrong kind, or hostile.

use std::fs;
use std::path::Path;

use futures_util::TryStreamExt;
use regfsck::domain::digest::Digest;
use regfsck::engine::ports::{SourceError, Supply, VerifiedBytes, Wanted};

use crate::support::sources_fixture::{Seed, gzip, list, noise, open, sha256, whole};

fn fails(spec: &str) -> (String, Option<String>) {
    let error = open(spec).err().unwrap_or_else(|| panic!("{spec} is accepted"));
    (error.with_causes(), error.hint().map(str::to_owned))
}

/// A tar of these members, whatever their names.
fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members {
        bytes.extend(header(name, tar::EntryType::Regular, "", content.len() as u64));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn header(name: &str, kind: tar::EntryType, link: &str, size: u64) -> [u8; 512] {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    *header.as_bytes()
}

const LAYOUT: (&str, &[u8]) = ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
const INDEX: (&str, &[u8]) = ("index.json", br#"{"schemaVersion":2,"manifests":[]}"#);

#[test]
fn what_is_missing_or_of_another_kind_is_refused_with_its_path() {
    let (seed, folder) = (Seed::new(), tempfile::tempdir().unwrap());
    let (oci, at) =
        (seed.path().display().to_string(), |name: &str| folder.path().join(name).display().to_string());
    for transport in ["oci", "oci-archive", "docker-archive", "dir", "storage", "containerd", "quarantine"] {
        let path = at("none");
        assert_eq!(fails(&format!("{transport}:{path}")), (format!("`{path}` does not exist"), None));
    }
    let tagged = fails(&format!("oci:{oci}:1.0"));
    assert_eq!(tagged.1.as_deref(), Some("give the path alone, without a `:TAG` behind it"));
    let hint = Some("it looks like an OCI layout: use `oci:`".to_owned());
    let folder_for_file = format!("`{oci}` is a folder, and an archive is needed");
    assert_eq!(fails(&format!("oci-archive:{oci}")), (folder_for_file, hint.clone()));
    let no_storage = format!("`{oci}` is no registry's storage: it has no `docker/registry/v2`");
    assert_eq!(fails(&format!("storage:{oci}")), (no_storage, hint.clone()));
    let no_dir = format!("`{oci}` is no folder that skopeo wrote: it has no `version`");
    assert_eq!(fails(&format!("dir:{oci}")), (no_dir, hint));

    fs::write(at("text"), "no archive ".repeat(100)).unwrap();
    assert_eq!(
        fails(&format!("oci-archive:{}", at("text"))).0,
        format!("`{}` is no tar archive", at("text"))
    );
    let file_for_folder = fails(&format!("oci:{}", at("text")));
    assert_eq!(file_for_folder.0, format!("`{}` is a file, and a folder is needed", at("text")));
    fs::write(at("empty"), "").unwrap();
    assert_eq!(fails(&format!("docker-archive:{}", at("empty"))).0, format!("`{}` is empty", at("empty")));
    fs::write(at("zstd"), [0x28, 0xb5, 0x2f, 0xfd, 0, 0]).unwrap();
    let zstd = fails(&format!("oci-archive:{}", at("zstd")));
    assert_eq!(zstd.0, format!("`{}` is compressed with zstd, which is not read", at("zstd")));

    fs::write(at("oci.tar"), tar_of(&[LAYOUT, INDEX])).unwrap();
    let swapped = fails(&format!("docker-archive:{}", at("oci.tar")));
    assert_eq!(swapped.1.as_deref(), Some("it looks like an OCI layout: use `oci-archive:`"));
    fs::write(at("docker.tar"), tar_of(&[("manifest.json", b"[]")])).unwrap();
    let swapped = fails(&format!("oci-archive:{}", at("docker.tar")));
    assert_eq!(swapped.1.as_deref(), Some("it looks like what `docker save` writes: use `docker-archive:`"));
}

#[test]
fn damaged_archives_and_indexes_are_refused_with_their_path() {
    let (seed, folder) = (Seed::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("a.tar");
    let spec = format!("oci-archive:{}", path.display());
    let whole = tar_of(&[LAYOUT, INDEX, ("big", &noise(7, 10_000))]);
    for cut in [100, 512, 700, 1536, whole.len() - 1024, whole.len() - 5000] {
        fs::write(&path, &whole[..cut]).unwrap();
        let (text, hint) = fails(&spec);
        assert!(text.starts_with(&format!("`{}` is truncated: ", path.display())), "{cut}: {text}");
        assert_eq!(hint.as_deref(), Some("copy the archive again"));
    }
    let mut damaged = whole.clone();
    damaged[1024 + 3] ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert_eq!(fails(&spec).0, format!("`{}` is damaged at byte 1024", path.display()));

    let packed = gzip(&whole);
    let mut wrong_sum = packed.clone();
    let end = wrong_sum.len() - 6;
    wrong_sum[end] ^= 1;
    for bytes in [&packed[..packed.len() / 2], &wrong_sum] {
        fs::write(&path, bytes).unwrap();
        let text = fails(&spec).0;
        assert!(text.starts_with(&format!("`{}` is corrupt or truncated gzip: ", path.display())), "{text}");
    }

    let index = seed.path().join("index.json");
    fs::write(&index, r#"{"manifests":["#).unwrap();
    let text = fails(&format!("oci:{}", seed.path().display())).0;
    assert!(text.starts_with(&format!("cannot read `{}`: ", index.display())), "{text}");
    fs::write(seed.path().join("oci-layout"), "no JSON").unwrap();
    let text = fails(&format!("oci:{}", seed.path().display())).0;
    assert!(
        text.starts_with(&format!("cannot read `{}`: ", seed.path().join("oci-layout").display())),
        "{text}"
    );
}

#[tokio::test]
async fn bad_local_bytes_are_never_taken_and_the_next_source_is_asked() {
    let (bad, good) = (Seed::new(), Seed::new());
    let layer = &good.app[3];
    let path = bad.path().join("blobs/sha256").join(layer.digest.hex());
    let location = format!("oci:{}", bad.path().display());
    let both = list(&[location.clone(), format!("oci:{}", good.path().display())]);
    let alone = list(std::slice::from_ref(&location));
    let wanted = Wanted::blob(layer.digest, Some(layer.bytes.len() as u64));
    let mut flipped = layer.bytes.clone();
    flipped[5000] ^= 1;
    for bytes in [&flipped[..], &layer.bytes[..layer.bytes.len() - 1], b""] {
        fs::write(&path, bytes).unwrap();
        let shortage = alone.fetch(&wanted).await.unwrap_err();
        let is_lie = |error: &SourceError| {
            matches!(error, SourceError::WrongBytes { .. } | SourceError::WrongSize { .. })
        };
        assert!(is_lie(&shortage.tried[0].1), "{shortage}");
        // Nor where no size is known.
        assert!(is_lie(&alone.fetch(&Wanted::blob(layer.digest, None)).await.unwrap_err().tried[0].1));
        assert!(whole(&both.fetch(&wanted).await.unwrap()).await == layer.bytes);
    }
    let manifest = &good.app[0];
    fs::write(bad.path().join("blobs/sha256").join(manifest.digest.hex()), "{}").unwrap();
    let wanted = Wanted::manifest(manifest.digest, None);
    assert!(matches!(&alone.manifest(&wanted).await.unwrap_err().tried[0].1, SourceError::WrongBytes { .. }));
    assert_eq!(both.manifest(&wanted).await.unwrap(), manifest.bytes);
}

#[tokio::test]
async fn what_is_no_regular_file_is_not_waited_for() {
    let seed = Seed::new();
    let digest = sha256(b"a pipe");
    let path = seed.path().join("blobs/sha256").join(digest.hex());
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let error =
        open(&format!("oci:{}", seed.path().display())).unwrap().find(&Wanted::blob(digest, None)).await;
    assert_eq!(error.unwrap_err().to_string(), format!("`{}` is not a regular file", path.display()));
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

#[tokio::test]
async fn names_and_links_that_leave_an_archive_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let secret = noise(3, 64);
    fs::write(folder.path().join("secret"), &secret).unwrap();
    let (inner, digests) = (noise(4, 64), [sha256(&secret), sha256(&noise(4, 64)), sha256(b"loop")]);
    let [out, link, round] = digests;
    let mut tar = tar_of(&[LAYOUT, INDEX, ("inner", &inner)]);
    tar.truncate(tar.len() - 1024);
    tar.extend(header(&blob_name(&out), tar::EntryType::Symlink, "../../../secret", 0));
    tar.extend(header(&blob_name(&link), tar::EntryType::Symlink, "../../inner", 0));
    tar.extend(header(&blob_name(&round), tar::EntryType::Symlink, &round.hex(), 0));
    for name in ["../../blobs/sha256/evil", "/blobs/sha256/evil", "blobs/sha256/../../../evil"] {
        tar.extend(header(name, tar::EntryType::Regular, "", 0));
    }
    tar.resize(tar.len() + 1024, 0);
    let path = folder.path().join("a.tar");
    fs::write(&path, tar).unwrap();
    let source = open(&format!("oci-archive:{}", path.display())).unwrap();
    assert_eq!(source.find(&Wanted::blob(link, None)).await.unwrap().size, Some(64));
    let escape = source.find(&Wanted::blob(out, None)).await.unwrap_err().to_string();
    let name = blob_name(&out);
    assert_eq!(
        escape,
        format!(
            "`{}` has `{name}` as a link out of the archive, to `../../../secret`: not followed",
            path.display()
        )
    );
    let circle = source.find(&Wanted::blob(round, None)).await.unwrap_err().to_string();
    assert!(circle.contains("go round in circles"), "{circle}");
    let other = source.find(&Wanted::blob(sha256(b""), None)).await;
    assert!(matches!(other, Err(SourceError::Absent { .. })));
}

#[tokio::test]
async fn long_names_and_sizes_beyond_8_gib_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let (body, path) = (b"body".as_slice(), folder.path().join("a.tar"));
    let long = format!("{}/x", "d".repeat(180));
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    tar.append_data(&mut header, &long, body).unwrap();
    let mut bytes = tar.into_inner().unwrap();
    bytes.truncate(bytes.len() - 1024);
    bytes.extend(tar_of(&[LAYOUT, INDEX, (&blob_name(&sha256(body)), body)]));
    fs::write(&path, bytes).unwrap();
    let source = open(&format!("oci-archive:{}", path.display())).unwrap();
    assert_eq!(source.find(&Wanted::blob(sha256(body), None)).await.unwrap().size, Some(4));

    // A size that only a pax record can give, in a file with a hole.
    let (size, digest) = (9_u64 << 30, sha256(b"only the size is looked at"));
    let record = format!("19 size={size}\n");
    let mut start = tar_of(&[LAYOUT, INDEX]);
    start.truncate(start.len() - 1024);
    start.extend(self::header("pax", tar::EntryType::XHeader, "", record.len() as u64));
    start.extend_from_slice(record.as_bytes());
    start.resize(start.len().next_multiple_of(512), 0);
    start.extend(self::header(&blob_name(&digest), tar::EntryType::Regular, "", 0));
    fs::write(&path, &start).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(start.len() as u64 + size + 1024)
        .unwrap();
    let source = open(&format!("oci-archive:{}", path.display())).unwrap();
    assert_eq!(source.find(&Wanted::blob(digest, None)).await.unwrap().size, Some(size));
}

/// The most memory that this process ever had, in bytes.
pub(crate) fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() << 10
}

pub(crate) async fn drain(bytes: &VerifiedBytes) -> u64 {
    bytes.part(0..u64::MAX).try_fold(0, async |count, piece| Ok(count + piece.len() as u64)).await.unwrap()
}

fn big_archive(path: &Path, size: u64, digest: &Digest) {
    let mut start = tar_of(&[LAYOUT, INDEX]);
    start.truncate(start.len() - 1024);
    start.extend(header(&blob_name(digest), tar::EntryType::Regular, "", size));
    fs::write(path, &start).unwrap();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(start.len() as u64 + size + 1024).unwrap();
}

#[tokio::test]
async fn a_big_member_is_streamed_not_held() {
    let folder = tempfile::tempdir().unwrap();
    let size = 128 << 20;
    // The digest of so many zeros.
    let digest: Digest =
        "sha256:254bcc3fc4f27172636df4bf32de9f107f620d559b20d760197e452b97453917".parse().unwrap();
    let path = folder.path().join("big.tar");
    big_archive(&path, size, &digest);
    let supply = list(&[format!("oci-archive:{}", path.display())]);
    let before = peak();
    let bytes = supply.fetch(&Wanted::blob(digest, Some(size))).await.unwrap();
    assert_eq!(drain(&bytes).await, size);
    let grown = peak() - before;
    assert!(grown < 32 << 20, "grew by {grown} bytes");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// Whatever is changed in an archive, it is opened or refused: no panic, no endless loop.
    #[test]
    fn no_damage_to_an_archive_is_a_crash(
        changes in proptest::collection::vec((0_usize..6000, proptest::num::u8::ANY), 1..20),
        cut in 0_usize..8000,
        is_packed: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let mut bytes = tar_of(&[LAYOUT, INDEX, ("manifest.json", b"[]"), ("big", &noise(7, 2000))]);
        if is_packed {
            bytes = gzip(&bytes);
        }
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(cut.max(1));
        fs::write(&path, bytes).unwrap();
        for transport in ["oci-archive", "docker-archive"] {
            let spec = format!("{transport}:{}", path.display());
            if let Err(error) = open(&spec) {
                proptest::prop_assert!(error.with_causes().contains("a.tar"), "{}", error.with_causes());
            }
        }
    }
}
