//! What an image consists of: its manifests followed from the root down.

use std::collections::HashSet;

use crate::domain::digest::Digest;
use crate::domain::images::Frontier;
use crate::domain::manifest::{self, Descriptor};
use crate::domain::name::{Image, Reference};
use crate::engine::ports::{ImageContent, Naming, Source, SourceError, Wanted, fetch_images};

/// More manifests than any image has; an index that goes on beyond is not followed further.
const MAX_MANIFESTS: usize = 10_000;

/// So many manifests of one image are read at once.
const JOBS: usize = 4;

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
    let mut walk = Walk { met: HashSet::from([root]), wanted: 1, content: empty };
    let first = Descriptor::new(root, None);
    let children = walk.take(first, &read(source, image, first).await?);
    let open = Frontier::by(|named: &Descriptor| named.digest, children);
    let fetch = |named: Descriptor| read(source, image, named);
    fetch_images(open, JOBS, fetch, |named, read| match read {
        Ok(read) => walk.take(named, &read),
        Err(error) => {
            walk.content.missing.push((named, error.with_causes()));
            Vec::new()
        }
    })
    .await;
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
    /// All that is told of, manifest or blob.
    met: HashSet<Digest>,
    /// How many manifests are read.
    wanted: usize,
    content: ImageContent,
}

impl Walk {
    /// Note what a manifest needs; its children, as far as they are to be read.
    fn take(&mut self, of: Descriptor, read: &Read) -> Vec<Descriptor> {
        self.content.manifests.push(Descriptor::new(of.digest, Some(read.size)));
        for need in &read.manifest.needs {
            if self.met.insert(need.digest) {
                self.content.blobs.push(*need);
            }
        }
        let mut children = read.manifest.children.to_vec();
        children.retain(|child| self.met.insert(child.digest));
        let beyond = children.split_off(children.len().min(MAX_MANIFESTS - self.wanted));
        self.wanted += children.len();
        let why = format!("not looked at: the image has more than {MAX_MANIFESTS} manifests");
        self.content.missing.extend(beyond.into_iter().map(|child| (child, why.clone())));
        children
    }
}
