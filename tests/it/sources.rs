//! Sources give what real programs wrote.

use std::fs;
use std::path::Path;

use futures_util::TryStreamExt;
use regfsck::domain::name::Image;
use regfsck::engine::ports::{Naming, Source, SourceError, Supply, Wanted};

use crate::support::real_registry::on_every_registry_async;
use crate::support::sources_fixture::{Piece, Seed, copy, filled, image, list, open, whole};

fn wanted(piece: &Piece, of: &Image) -> Wanted {
    let size = Some(piece.bytes.len() as u64);
    let wanted = Wanted::blob(piece.digest, size).for_image(of.clone());
    Wanted { is_manifest: piece.is_manifest, ..wanted }
}

/// Every piece is found, fetched as it is, and read again from the middle.
async fn gives_all(spec: &str, of: &str, pieces: &[Piece]) {
    let (supply, of) = (list(&[spec.to_owned()]), image(of));
    for piece in pieces {
        let wanted = wanted(piece, &of);
        assert_eq!(supply.find(&wanted).await.unwrap().found.size, wanted.size, "{spec}");
        let bytes = supply.fetch(&wanted).await.unwrap();
        assert!(whole(&bytes).await == piece.bytes, "{spec} {}", piece.digest);
        let half = piece.bytes.len() / 2;
        let part: Vec<_> = bytes.part(half as u64..u64::MAX).try_collect().await.unwrap();
        assert!(part.concat() == piece.bytes[half..], "{spec} {}", piece.digest);
        let stream = open(spec).unwrap().open(&wanted, half as u64).await.unwrap();
        let rest: Vec<_> = stream.try_collect().await.unwrap();
        assert!(rest.concat() == piece.bytes[half..], "{spec} {}", piece.digest);
        if piece.is_manifest {
            assert_eq!(supply.manifest(&wanted).await.unwrap(), piece.bytes, "{spec}");
        }
    }
}

/// The source tells what the image consists of.
async fn knows(source: &dyn Source, of: &str, naming: Naming, pieces: &[Piece]) {
    let content = source.content(&image(of)).await.unwrap();
    assert_eq!((content.root, content.naming), (pieces[0].digest, naming));
    let mut told: Vec<_> = content.manifests.iter().map(|descriptor| (descriptor.digest, true)).collect();
    told.extend(content.blobs.iter().map(|descriptor| (descriptor.digest, false)));
    let mut expected: Vec<_> = pieces.iter().map(|piece| (piece.digest, piece.is_manifest)).collect();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert_eq!(content.missing, []);
}

#[test]
fn an_oci_layout_and_its_archives_give_everything() {
    on_every_registry_async(|| async {
        let Some((seed, registry)) = filled() else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        copy(&registry, "team/app:1.0", &[], &format!("oci:{}:team/app:1.0", path("oci")));
        copy(&registry, "team/multi:1.0", &["--all"], &format!("oci:{}:1.0", path("oci")));
        copy(&registry, "team/app:1.0", &[], &format!("oci-archive:{}:team/app:1.0", path("app.tar")));
        copy(&registry, "team/multi:1.0", &["--all"], &format!("oci-archive:{}:1.0", path("multi.tar")));
        let tar = fs::read(path("app.tar")).unwrap();
        fs::write(path("app.tar.gz"), crate::support::sources_fixture::gzip(&tar)).unwrap();

        for spec in ["oci:oci", "oci-archive:app.tar", "oci-archive:app.tar.gz"] {
            let spec = spec.replace(':', &format!(":{}/", folder.path().display()));
            gives_all(&spec, "team/app:1.0", &seed.app).await;
            knows(&*open(&spec).unwrap(), "team/app:1.0", Naming::Exact, &seed.app).await;
        }
        for spec in ["oci:oci", "oci-archive:multi.tar"] {
            let spec = spec.replace(':', &format!(":{}/", folder.path().display()));
            gives_all(&spec, "team/multi:1.0", &seed.multi).await;
            knows(&*open(&spec).unwrap(), "team/multi:1.0", Naming::TagOnly, &seed.multi).await;
        }
        let error = open(&format!("oci:{}", path("oci"))).unwrap().content(&image("team/app:2.0")).await;
        assert!(matches!(error, Err(SourceError::NoSuchImage { .. })));
    });
}

#[test]
fn a_folder_that_skopeo_wrote_gives_everything() {
    on_every_registry_async(|| async {
        let Some((seed, registry)) = filled() else { return };
        let folder = tempfile::tempdir().unwrap();
        for (name, pieces) in [("app", &seed.app), ("multi", &seed.multi)] {
            let spec = format!("dir:{}/{name}", folder.path().display());
            copy(&registry, &format!("team/{name}:1.0"), &["--all"], &spec);
            gives_all(&spec, &format!("team/{name}:1.0"), pieces).await;
            let source = open(&spec).unwrap();
            let nameless = source.content(&image(&format!("team/{name}:1.0"))).await;
            assert!(matches!(nameless, Err(SourceError::Nameless { .. })));
            knows(&*source, &format!("team/{name}@{}", pieces[0].digest), Naming::Exact, pieces).await;
        }
    });
}

#[test]
fn storage_of_a_registry_gives_everything_at_any_level() {
    on_every_registry_async(|| async {
        let Some((seed, registry)) = filled() else { return };
        for level in ["", "docker", "docker/registry", "docker/registry/v2"] {
            let spec = format!("storage:{}", registry.root().join(level).display());
            gives_all(&spec, "team/app:1.0", &seed.app).await;
            knows(&*open(&spec).unwrap(), "team/multi:1.0", Naming::Exact, &seed.multi).await;
            let other = open(&spec).unwrap().content(&image("team/other:1.0")).await;
            assert!(matches!(other, Err(SourceError::NoSuchImage { .. })));
        }
        let blobs_alone = tempfile::tempdir().unwrap();
        fs::rename(registry.root().join("docker/registry/v2/blobs"), blobs_alone.path().join("blobs"))
            .unwrap();
        gives_all(&format!("storage:{}", blobs_alone.path().display()), "team/app:1.0", &seed.app).await;
    });
}

#[test]
fn docker_archives_give_configs_and_say_what_they_cannot_give() {
    on_every_registry_async(|| async {
        let Some((seed, registry)) = filled() else { return };
        let folder = tempfile::tempdir().unwrap();
        let spec = format!("docker-archive:{}/app.tar", folder.path().display());
        copy(&registry, "team/app:1.0", &[], &format!("{spec}:{}/team/app:1.0", registry.host()));
        let [manifest, config, layer, _] = seed.app.as_slice() else { panic!() };
        gives_all(&spec, "team/app:1.0", &[config.clone(), seed.plain_layer.clone()]).await;
        let (source, app) = (open(&spec).unwrap(), image("team/app:1.0"));
        let told = source.find(&wanted(layer, &app)).await.unwrap_err();
        assert!(matches!(&told, SourceError::NotReproducible { why, .. } if why.contains("uncompressed")));
        let told = source.find(&wanted(manifest, &app)).await.unwrap_err();
        assert!(matches!(&told, SourceError::NotReproducible { why, .. } if why.contains("manifests")));
        let told = source.find(&wanted(layer, &image("other/app:1.0"))).await.unwrap_err();
        assert!(matches!(told, SourceError::Absent { .. }));
        assert!(matches!(source.content(&app).await, Err(SourceError::Nameless { .. })));
        let other = source.content(&image("other/app:1.0")).await;
        assert!(matches!(other, Err(SourceError::NoSuchImage { .. })));
    });
}

#[tokio::test]
async fn a_docker_archive_that_is_an_oci_layout_too_gives_everything() {
    let (seed, folder) = (Seed::new(), tempfile::tempdir().unwrap());
    let [_, config, layers @ ..] = seed.app.as_slice() else { panic!() };
    let name = |piece: &Piece| format!("blobs/sha256/{}", piece.digest.hex());
    let saved = serde_json::json!([{"Config": name(config), "RepoTags": ["127.0.0.1:5000/team/app:1.0"],
        "Layers": layers.iter().map(name).collect::<Vec<_>>()}]);
    fs::write(seed.path().join("manifest.json"), saved.to_string()).unwrap();
    let path = folder.path().join("saved.tar");
    archive(seed.path(), &path);
    let spec = format!("docker-archive:{}", path.display());
    gives_all(&spec, "team/app:1.0", &seed.app).await;
    knows(&*open(&spec).unwrap(), "team/app:1.0", Naming::Exact, &seed.app).await;
}

fn archive(folder: &Path, to: &Path) {
    let mut builder = tar::Builder::new(fs::File::create(to).unwrap());
    builder.append_dir_all(".", folder).unwrap();
    builder.finish().unwrap();
}

#[tokio::test]
async fn a_containerd_store_gives_what_it_holds() {
    let (seed, root) = (Seed::new(), tempfile::tempdir().unwrap());
    let content = root.path().join("io.containerd.content.v1.content");
    fs::create_dir_all(content.join("ingest")).unwrap();
    fs::create_dir_all(content.join("blobs")).unwrap();
    fs::rename(seed.path().join("blobs/sha256"), content.join("blobs/sha256")).unwrap();
    for level in ["", "io.containerd.content.v1.content", "io.containerd.content.v1.content/blobs"] {
        let spec = format!("containerd:{}", root.path().join(level).display());
        gives_all(&spec, "team/app:1.0", &seed.app).await;
        let nameless = open(&spec).unwrap().content(&image("team/app:1.0")).await;
        assert!(matches!(nameless, Err(SourceError::Nameless { .. })));
    }
    // Neither a folder beside the store's nor the store taken for something else.
    for spec in [format!("containerd:{}/ingest", content.display()), format!("storage:{}", content.display())]
    {
        let refused = open(&spec).err();
        assert!(matches!(refused, Some(SourceError::Unusable { .. })), "{spec}");
    }
}

#[tokio::test]
async fn a_quarantine_gives_the_good_one_of_several() {
    let (seed, root) = (Seed::new(), tempfile::tempdir().unwrap());
    let layer = &seed.app[2];
    for (at, bytes) in [&b""[..], &vec![0; layer.bytes.len()], &layer.bytes].into_iter().enumerate() {
        let folder = root.path().join(format!("{at}/blobs/sha256/{}", layer.digest.hex()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("data"), bytes).unwrap();
    }
    let spec = format!("quarantine:{}", root.path().display());
    gives_all(&spec, "team/app:1.0", std::slice::from_ref(layer)).await;
    let other = open(&spec).unwrap().find(&wanted(&seed.app[3], &image("team/app:1.0"))).await;
    assert!(matches!(other, Err(SourceError::Absent { .. })));
}

#[test]
fn another_registry_gives_everything() {
    on_every_registry_async(|| async {
        let Some((seed, registry)) = filled() else { return };
        let spec = format!("docker://{}", registry.host());
        gives_all(&spec, "team/app:1.0", &seed.app).await;
        gives_all(&spec, "team/multi:1.0", &seed.multi).await;
        knows(&*open(&spec).unwrap(), "team/multi:1.0", Naming::Exact, &seed.multi).await;
        let prefixed = format!("{spec}/team");
        gives_all(&prefixed, "app:1.0", &seed.app).await;
        knows(&*open(&prefixed).unwrap(), "app:1.0", Naming::Exact, &seed.app).await;

        let source = open(&spec).unwrap();
        let absent = source.find(&wanted(&seed.app[2], &image("team/none:1.0"))).await.unwrap_err();
        assert_eq!(
            absent.to_string(),
            format!("`{spec}` does not have {} in `team/none`", seed.app[2].digest)
        );
        let none = source.content(&image("team/none:1.0")).await;
        assert!(matches!(none, Err(SourceError::NoSuchImage { .. })));
        // Asked in every repository that may have it, in turn.
        let either = wanted(&seed.app[2], &image("team/none:1.0")).in_repository("team/app".parse().unwrap());
        assert_eq!(source.find(&either).await.unwrap().size, either.size);
    });
}

#[test]
fn a_registry_that_claims_what_it_lacks_gives_nothing() {
    on_every_registry_async(|| async {
        let Some((seed, registry)) = filled() else { return };
        let layer = wanted(&seed.app[3], &image("team/app:1.0"));
        let hex = layer.digest.hex();
        let data = registry.root().join(format!("docker/registry/v2/blobs/sha256/{}/{hex}", &hex[..2]));
        let aside = registry.root().join("aside");
        fs::rename(&data, &aside).unwrap();
        let alone = list(&[format!("docker://{}", registry.host())]);
        // What the cache says, then what the disk has.
        assert_eq!(alone.find(&layer).await.unwrap().found.size, layer.size);
        let shortage = alone.fetch(&layer).await.unwrap_err();
        let said = format!("broke off: after 0 of {} bytes", layer.size.unwrap());
        assert!(shortage.to_string().contains(&said), "{shortage}");
    });
}

#[tokio::test]
async fn sources_are_tried_in_order_and_each_says_why_not() {
    let (seed, folder) = (Seed::new(), tempfile::tempdir().unwrap());
    fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
    let empty = format!("containerd:{}", folder.path().display());
    let full = format!("oci:{}", seed.path().display());
    let supply = list(&[empty.clone(), full.clone()]);
    let piece = wanted(&seed.app[2], &image("team/app:1.0"));
    assert_eq!(supply.find(&piece).await.unwrap().location, full);
    assert_eq!(supply.fetch(&piece).await.unwrap().size(), piece.size.unwrap());
    let gone = Wanted::blob(crate::support::sources_fixture::sha256(b"gone"), Some(4));
    let shortage = supply.fetch(&gone).await.unwrap_err();
    let digest = gone.digest;
    assert_eq!(
        shortage.to_string(),
        format!(
            "no source gives the blob {digest}: `{empty}` does not have {digest}; `{full}` does not have {digest}"
        )
    );
    assert_eq!(supply.contents(&image("team/app:1.0")).await.len(), 2);
    let nothing = list(&[]).fetch(&gone).await.unwrap_err();
    assert_eq!(nothing.to_string(), format!("nothing gives the blob {digest}: there is no source"));
}
