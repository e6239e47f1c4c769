//! Storage that holds much of one kind of thing.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use regfsck::domain::digest::Digest;
use sha2::{Digest as _, Sha256};

/// What there is much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Indexes, each of which lists the one before, and all are tagged.
    Chain,
    /// The same, and the image at its end has lost a tenth as many layers.
    LostUnderChain,
    /// Indexes in a chain of which every second is tagged, to be collected as garbage with `-m`.
    Collected,
    /// Upload sessions in one repository.
    Sessions,
    /// Files that no layout knows.
    Strays,
    /// Tags of one image.
    Tags,
    /// Links of one repository to layers that are gone.
    Links,
    /// Folders of links that are gone.
    Traces,
    /// Repositories, each with an empty image.
    Repositories,
}

const REPOSITORY: &str = "repositories/team/app";

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Chain,
        Self::LostUnderChain,
        Self::Collected,
        Self::Sessions,
        Self::Strays,
        Self::Tags,
        Self::Links,
        Self::Traces,
        Self::Repositories,
    ];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Chain => "indexes in one chain, all tagged",
            Self::LostUnderChain => "the same over an image that lost a tenth as many layers",
            Self::Collected => "indexes in one chain, every second tagged, at the gate of -m",
            Self::Sessions => "upload sessions in one repository",
            Self::Strays => "stray files",
            Self::Tags => "tags of one image",
            Self::Links => "links of one repository to layers that are gone",
            Self::Traces => "empty link folders in one repository",
            Self::Repositories => "repositories",
        }
    }

    /// Plant so many below `root`.
    pub(super) fn plant(self, root: &Path, count: usize) {
        let planter = Planter(root.join("docker/registry/v2"));
        let image = planter.image(&[]);
        planter.revision(REPOSITORY, &image);
        let all = (0..count).into_par_iter();
        match self {
            Self::Chain => planter.chain(count, image, 1),
            Self::Collected => planter.chain(count, image, 2),
            Self::LostUnderChain => {
                let lost: Vec<_> = (0..count / 10).map(|at| sum(&format!("lost {at}"))).collect();
                planter.chain(count, planter.image(&lost), 1);
            }
            Self::Sessions => all.for_each(|at| {
                let session = format!("{REPOSITORY}/_uploads/{at:08x}-0000-4000-8000-000000000000");
                planter.write(&format!("{session}/startedat"), "2020-01-01T00:00:00Z");
                planter.write(&format!("{session}/data"), "x");
            }),
            Self::Strays => all.for_each(|at| planter.write(&format!("blobs/sha256/ab/stray {at}"), "")),
            Self::Tags => all.for_each(|at| planter.tag(&format!("t{at}"), &image)),
            Self::Links => all.for_each(|at| {
                planter.link(&format!("{REPOSITORY}/_layers"), &sum(&format!("gone {at}")));
            }),
            Self::Traces => all.for_each(|at| {
                let hex = sum(&format!("gone {at}")).hex();
                planter.folder(&format!("{REPOSITORY}/_layers/sha256/{hex}"));
            }),
            Self::Repositories => all.for_each(|at| {
                planter.revision(&format!("repositories/r{at}"), &image);
            }),
        }
    }
}

struct Blob {
    digest: Digest,
    size: usize,
}

fn sum(text: &str) -> Digest {
    Digest::sha256(Sha256::digest(text).into())
}

/// Writes below `docker/registry/v2`.
struct Planter(PathBuf);

impl Planter {
    fn folder(&self, path: &str) {
        fs::create_dir_all(self.0.join(path)).unwrap();
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn blob(&self, text: &str) -> Blob {
        let digest = sum(text);
        let hex = digest.hex();
        self.write(&format!("blobs/sha256/{}/{hex}/data", &hex[..2]), text);
        Blob { digest, size: text.len() }
    }

    fn link(&self, links: &str, digest: &Digest) {
        self.write(&format!("{links}/sha256/{}/link", digest.hex()), &digest.to_string());
    }

    fn revision(&self, repository: &str, manifest: &Blob) {
        self.link(&format!("{repository}/_manifests/revisions"), &manifest.digest);
    }

    fn tag(&self, tag: &str, manifest: &Blob) {
        let tag = format!("{REPOSITORY}/_manifests/tags/{tag}");
        self.write(&format!("{tag}/current/link"), &manifest.digest.to_string());
    }

    /// An image whose layers are not stored.
    fn image(&self, layers: &[Digest]) -> Blob {
        let config = self.blob("{}");
        self.link(&format!("{REPOSITORY}/_layers"), &config.digest);
        let layers: Vec<_> = layers.iter().map(|digest| descriptor("layer.v1.tar", digest, 7)).collect();
        self.blob(&format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
            descriptor("config.v1+json", &config.digest, config.size),
            layers.join(",")
        ))
    }

    /// Indexes above `image`, each of the one before; of so many one is tagged.
    fn chain(&self, count: usize, image: Blob, tagged: usize) {
        let mut below = image;
        self.revision(REPOSITORY, &below);
        for at in 0..count {
            let kind = if at == 0 { "manifest.v1+json" } else { "index.v1+json" };
            let index = self.blob(&format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{}]}}"#,
                descriptor(kind, &below.digest, below.size)
            ));
            self.revision(REPOSITORY, &index);
            if at % tagged == 0 {
                self.tag(&format!("t{at}"), &index);
            }
            below = index;
        }
    }
}

fn descriptor(kind: &str, digest: &Digest, size: usize) -> String {
    format!(r#"{{"mediaType":"application/vnd.oci.image.{kind}","digest":"{digest}","size":{size}}}"#)
}
