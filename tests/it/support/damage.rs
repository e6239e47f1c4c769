//! Damage done to storage by hand, one recipe a name.

use std::fs;
use std::path::{Path, PathBuf};

use regfsck::adapters::sandbox::image::Image;
use regfsck::domain::digest::Digest;

/// Where an image was pushed, and another one beside it in the same repository.
#[derive(Debug, Clone, Copy)]
pub struct Pushed<'a> {
    pub repository: &'a str,
    pub tag: &'a str,
    pub image: &'a Image,
    pub other: &'a Image,
}

/// What is damaged: the first layer (`Blob…`, `Link…`), the manifest (`Manifest…`, `Revision…`), the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Damage {
    BlobDataRemoved,
    BlobFolderRemoved,
    BlobDataIsFolder,
    BlobHalved,
    BlobEmptied,
    BlobGrown,
    BlobBitFlipped,
    LinkRemoved,
    LinkEmptied,
    LinkGarbage,
    LinkTruncated,
    LinkNewline,
    LinkToOtherBlob,
    LinkToMissing,
    LinkAndDataRemoved,
    ManifestDataRemoved,
    ManifestEmptied,
    ManifestTruncated,
    ManifestFlippedReadable,
    ManifestFlippedUnreadable,
    RevisionRemoved,
    RevisionEmptied,
    RevisionGarbage,
    RevisionToOther,
    TagToMissingRevision,
    TagLinkRemoved,
    TagCurrentRemoved,
    TagLinkEmptied,
    TagLinkGarbage,
    TagIndexLinkEmptied,
    TagToLayer,
    ManifestsFolderRemoved,
    RepositoryRemoved,
}

/// Every damage by the name under which it was measured on real registries.
pub const ALL: [(&str, Damage); 33] = [
    ("blob_data_rm", Damage::BlobDataRemoved),
    ("blob_dir_rm", Damage::BlobFolderRemoved),
    ("blob_data_is_dir", Damage::BlobDataIsFolder),
    ("blob_trunc_half", Damage::BlobHalved),
    ("blob_trunc_0", Damage::BlobEmptied),
    ("blob_grown", Damage::BlobGrown),
    ("blob_bitflip", Damage::BlobBitFlipped),
    ("link_rm", Damage::LinkRemoved),
    ("link_empty", Damage::LinkEmptied),
    ("link_garbage", Damage::LinkGarbage),
    ("link_trunc", Damage::LinkTruncated),
    ("link_newline", Damage::LinkNewline),
    ("link_to_other_blob", Damage::LinkToOtherBlob),
    ("link_to_missing", Damage::LinkToMissing),
    ("link_and_data_rm", Damage::LinkAndDataRemoved),
    ("m_data_rm", Damage::ManifestDataRemoved),
    ("m_data_empty", Damage::ManifestEmptied),
    ("m_data_trunc", Damage::ManifestTruncated),
    ("m_data_bitflip_json_ok", Damage::ManifestFlippedReadable),
    ("m_data_bitflip_json_bad", Damage::ManifestFlippedUnreadable),
    ("m_revlink_rm", Damage::RevisionRemoved),
    ("m_revlink_empty", Damage::RevisionEmptied),
    ("m_revlink_garbage", Damage::RevisionGarbage),
    ("m_revlink_to_other", Damage::RevisionToOther),
    ("tag_to_missing_revision", Damage::TagToMissingRevision),
    ("tag_link_rm", Damage::TagLinkRemoved),
    ("tag_current_dir_rm", Damage::TagCurrentRemoved),
    ("tag_link_empty", Damage::TagLinkEmptied),
    ("tag_link_garbage", Damage::TagLinkGarbage),
    ("tag_index_link_empty", Damage::TagIndexLinkEmptied),
    ("tag_to_layer_digest", Damage::TagToLayer),
    ("manifests_dir_rm", Damage::ManifestsFolderRemoved),
    ("repo_dir_rm", Damage::RepositoryRemoved),
];

/// The paths of storage that damage is done to.
#[derive(Debug)]
pub struct Paths {
    base: PathBuf,
}

impl Paths {
    pub fn new(root: &Path) -> Self {
        Self { base: root.join("docker/registry/v2") }
    }

    pub fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.base.join("blobs/sha256").join(&hex[..2]).join(&hex)
    }

    pub fn data(&self, digest: &Digest) -> PathBuf {
        self.blob(digest).join("data")
    }

    pub fn repository(&self, name: &str) -> PathBuf {
        self.base.join("repositories").join(name)
    }

    pub fn layer_link(&self, name: &str, digest: &Digest) -> PathBuf {
        self.repository(name).join("_layers/sha256").join(digest.hex()).join("link")
    }

    pub fn revision_link(&self, name: &str, digest: &Digest) -> PathBuf {
        self.repository(name).join("_manifests/revisions/sha256").join(digest.hex()).join("link")
    }

    pub fn tag(&self, name: &str, tag: &str) -> PathBuf {
        self.repository(name).join("_manifests/tags").join(tag)
    }
}

/// A digest of nothing that is stored.
pub fn missing() -> Digest {
    format!("sha256:{}", "e".repeat(64)).parse().unwrap()
}

fn remove(path: &Path) {
    #[expect(clippy::disallowed_methods, reason = "the damage is to remove something")]
    let done = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    done.unwrap();
}

/// Replaces a file's content by what `edit` makes of it.
fn rewrite(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::write(path, text).unwrap();
}

fn halve(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() / 2);
}

impl Damage {
    /// Does the damage in the storage below `root`.
    pub fn apply(self, root: &Path, pushed: &Pushed<'_>) {
        let paths = Paths::new(root);
        self.damage_layer(&paths, pushed);
        self.damage_manifest(&paths, pushed);
        self.damage_tag(&paths, pushed);
    }

    fn damage_layer(self, paths: &Paths, pushed: &Pushed<'_>) {
        let layer = &pushed.image.layers[0].digest;
        let (data, link) = (paths.data(layer), paths.layer_link(pushed.repository, layer));
        match self {
            Self::BlobDataRemoved => remove(&data),
            Self::BlobFolderRemoved => remove(&paths.blob(layer)),
            Self::BlobDataIsFolder => {
                remove(&data);
                fs::create_dir(&data).unwrap();
            }
            Self::BlobHalved => rewrite(&data, halve),
            Self::BlobEmptied => rewrite(&data, Vec::clear),
            Self::BlobGrown => rewrite(&data, |bytes| bytes.extend([b'x'; 100])),
            Self::BlobBitFlipped => rewrite(&data, |bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }),
            Self::LinkRemoved => remove(&link),
            Self::LinkEmptied => write(&link, ""),
            Self::LinkGarbage => write(&link, "this is no digest"),
            Self::LinkTruncated => write(&link, &layer.to_string()[..40]),
            Self::LinkNewline => write(&link, format!("{layer}\n")),
            Self::LinkToOtherBlob => write(&link, pushed.image.layers[1].digest.to_string()),
            Self::LinkToMissing => write(&link, missing().to_string()),
            Self::LinkAndDataRemoved => {
                remove(&link);
                remove(&data);
            }
            _ => {}
        }
    }

    fn damage_manifest(self, paths: &Paths, pushed: &Pushed<'_>) {
        let digest = &pushed.image.manifest.digest;
        let (data, link) = (paths.data(digest), paths.revision_link(pushed.repository, digest));
        match self {
            Self::ManifestDataRemoved => remove(&data),
            Self::ManifestEmptied => rewrite(&data, Vec::clear),
            Self::ManifestTruncated => rewrite(&data, halve),
            Self::ManifestFlippedReadable => rewrite(&data, |bytes| {
                let layer = pushed.image.layers[0].digest.hex();
                let at = bytes.windows(64).position(|part| part == layer.as_bytes()).unwrap();
                bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            }),
            Self::ManifestFlippedUnreadable => rewrite(&data, |bytes| {
                let at = bytes.windows(2).position(|part| part == b":2").unwrap();
                bytes[at + 1] = b'x';
            }),
            Self::RevisionRemoved => remove(&link),
            Self::RevisionEmptied => write(&link, ""),
            Self::RevisionGarbage => write(&link, "this is no digest"),
            Self::RevisionToOther => write(&link, pushed.other.manifest.digest.to_string()),
            _ => {}
        }
    }

    fn damage_tag(self, paths: &Paths, pushed: &Pushed<'_>) {
        let tag = paths.tag(pushed.repository, pushed.tag);
        let current = tag.join("current/link");
        let index = tag.join("index/sha256").join(pushed.image.manifest.digest.hex()).join("link");
        match self {
            Self::TagToMissingRevision => write(&current, missing().to_string()),
            Self::TagLinkRemoved => remove(&current),
            Self::TagCurrentRemoved => remove(&tag.join("current")),
            Self::TagLinkEmptied => write(&current, ""),
            Self::TagLinkGarbage => write(&current, "this is no digest"),
            Self::TagIndexLinkEmptied => write(&index, ""),
            Self::TagToLayer => write(&current, pushed.image.layers[0].digest.to_string()),
            Self::ManifestsFolderRemoved => remove(&paths.repository(pushed.repository).join("_manifests")),
            Self::RepositoryRemoved => remove(&paths.repository(pushed.repository)),
            _ => {}
        }
    }
}
