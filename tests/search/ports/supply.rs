//! A source that has everything: a mirror of all images, under every repository.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use regfsck::adapters::sandbox::image::Blob;
use regfsck::domain::digest::Digest;
use regfsck::domain::manifest::{self, Descriptor};
use regfsck::domain::name::{Image, Reference};
use regfsck::engine::ports::{
    Found, ImageContent, Naming, Shortage, Sighting, SourceError, Spool, Supply, VerifiedBytes, Wanted,
};

/// All that any image consists of.
#[derive(Debug, Clone, Default)]
pub struct Mirror {
    content: BTreeMap<Digest, Blob>,
    tags: BTreeMap<String, Digest>,
}

impl Mirror {
    /// A mirror that has this content, and these manifests under their tags in every repository.
    pub fn new(
        content: impl IntoIterator<Item = Blob>,
        tags: impl IntoIterator<Item = (String, Digest)>,
    ) -> Self {
        let content = content.into_iter().map(|blob| (blob.digest, blob)).collect();
        Self { content, tags: tags.into_iter().collect() }
    }

    fn get(&self, wanted: &Wanted) -> Result<&Blob, Shortage> {
        self.content.get(&wanted.digest).ok_or_else(|| {
            let location = "mirror".to_owned();
            let absent = SourceError::Absent { location: location.clone(), what: wanted.digest.to_string() };
            Shortage { wanted: wanted.digest.to_string(), tried: vec![(location, absent)] }
        })
    }

    /// A manifest and all below it, the root first.
    fn below(&self, root: &Digest, manifests: &mut Vec<Descriptor>, blobs: &mut Vec<Descriptor>) {
        let Some(blob) = self.content.get(root) else { return };
        let Ok(read) = manifest::parse(&blob.bytes) else { return };
        for need in &read.needs {
            if !blobs.contains(need) {
                blobs.push(*need);
            }
        }
        for child in &read.children {
            if !manifests.contains(child) {
                manifests.push(*child);
                self.below(&child.digest, manifests, blobs);
            }
        }
    }

    fn content_of(&self, image: &Image) -> Result<ImageContent, SourceError> {
        let root = match &image.reference {
            Reference::Tag(tag) => self.tags.get(tag.as_str()).copied(),
            Reference::Digest(digest) => self.content.contains_key(digest).then_some(*digest),
        };
        let absent = || SourceError::NoSuchImage { location: "mirror".to_owned(), image: image.clone() };
        let root = root.ok_or_else(absent)?;
        let (mut manifests, mut blobs) = (Vec::new(), Vec::new());
        self.below(&root, &mut manifests, &mut blobs);
        let size = self.content[&root].bytes.len() as u64;
        manifests.insert(0, Descriptor::new(root, Some(size)));
        Ok(ImageContent { root, naming: Naming::Exact, manifests, blobs, missing: Vec::new() })
    }
}

#[async_trait]
impl Supply for Mirror {
    fn distrust(&self, _bad: BTreeSet<Digest>) {}

    async fn find(&self, wanted: &Wanted) -> Result<Sighting, Shortage> {
        let size = Some(self.get(wanted)?.bytes.len() as u64);
        Ok(Sighting { location: "mirror".to_owned(), found: Found { size, media_type: None } })
    }

    async fn fetch(&self, wanted: &Wanted) -> Result<VerifiedBytes, Shortage> {
        let mut spool = Spool::new(tempfile::tempfile().unwrap(), "spool".to_owned(), wanted.digest);
        spool.write(&self.get(wanted)?.bytes).unwrap();
        Ok(spool.finish("mirror", wanted.size).unwrap())
    }

    async fn manifest(&self, wanted: &Wanted) -> Result<Vec<u8>, Shortage> {
        self.get(wanted).map(|blob| blob.bytes.clone())
    }

    async fn contents(&self, image: &Image) -> Vec<(String, Result<ImageContent, SourceError>)> {
        vec![("mirror".to_owned(), self.content_of(image))]
    }
}
