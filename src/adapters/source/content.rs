//! What an image consists of: its manifests followed from the root down.

use std::collections::{HashSet, VecDeque};

use crate::domain::digest::Digest;
use crate::domain::manifest::{self, Descriptor};
use crate::domain::name::{Image, Reference};
use crate::engine::ports::{ImageContent, Naming, Source, SourceError, Wanted};

/// More manifests than any image has; an index that goes on beyond is not followed further.
const MAX_MANIFESTS: usize = 10_000;

/// The manifest that `image` stands for: its own digest, or what its tag resolves to.
pub(super) fn root(
    image: &Image,
    resolve: impl FnOnce(&Image) -> Result<(Digest, Naming), SourceError>,
) -> Result<(Digest, Naming), SourceError> {
    match &image.reference {
        Reference::Digest(digest) => Ok((*digest, Naming::Exact)),
        Reference::Tag(_) => resolve(image),
    }
}

/// Follow the manifests of `image` from `root` down, as far as `source` has them.
pub(super) async fn walk(
    source: &dyn Source,
    image: &Image,
    root: Digest,
    naming: Naming,
) -> Result<ImageContent, SourceError> {
    let empty = ImageContent { root, naming, manifests: vec![], blobs: vec![], missing: vec![] };
    let mut walk = Walk { seen: HashSet::from([root]), open: VecDeque::new(), content: empty };
    let first = Descriptor::new(root, None);
    let read = read(source, image, first).await?;
    walk.take(first, &read);
    while let Some(next) = walk.open.pop_front() {
        match self::read(source, image, next).await {
            Ok(read) => walk.take(next, &read),
            Err(error) => walk.content.missing.push((next, error.told())),
        }
    }
    Ok(walk.content)
}

struct Read {
    size: u64,
    manifest: manifest::Manifest,
}

async fn read(source: &dyn Source, image: &Image, next: Descriptor) -> Result<Read, SourceError> {
    let wanted = Wanted::manifest(next.digest, next.size()).for_image(image.clone());
    let bytes = source.manifest(&wanted).await?;
    let manifest = manifest::parse(&bytes).map_err(|error| SourceError::NoManifest {
        location: source.location(),
        digest: next.digest,
        why: error.to_string(),
    })?;
    Ok(Read { size: bytes.len() as u64, manifest })
}

struct Walk {
    seen: HashSet<Digest>,
    open: VecDeque<Descriptor>,
    content: ImageContent,
}

impl Walk {
    fn take(&mut self, of: Descriptor, read: &Read) {
        self.content.manifests.push(Descriptor::new(of.digest, Some(read.size)));
        for need in &read.manifest.needs {
            if self.seen.insert(need.digest) {
                self.content.blobs.push(*need);
            }
        }
        for child in &read.manifest.children {
            if !self.seen.insert(child.digest) {
                continue;
            }
            if self.content.manifests.len() + self.open.len() < MAX_MANIFESTS {
                self.open.push_back(*child);
            } else {
                let why = format!("not looked at: the image has more than {MAX_MANIFESTS} manifests");
                self.content.missing.push((*child, why));
            }
        }
    }
}
