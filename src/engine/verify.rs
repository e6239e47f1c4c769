//! Whether images can really be pulled: from the tag down to the last byte of every blob.
//!
//! ```text
//! tag ─► manifest ─┬─► config, layers ─► last byte (or all bytes, hashed)
//!                  ├─► children of an index, each likewise
//!                  └─► what is attached to it, where that is asked for
//! ```
//! It asks over the API alone, each thing once for all images, and never HEAD: a stale cache answers that.

mod attached;
mod outcome;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::check::ContentSubset;
use super::check::api::{Explorer, Read};
use super::ports::{Events, RegistryReader};
use crate::domain::finding::Finding;
use crate::domain::manifest::Manifest;
use crate::domain::name::{Image, Reference};
use crate::domain::observed::Unlooked;
use crate::domain::report::{ServedCoverage, VerifiedImage};
use crate::domain::rules::DaemonSettings;
use crate::domain::views::served::{ServedView, Subject};

/// The first pause between two looks at images that are not right yet, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// How images are verified.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only these platforms of an index, as `os/arch[/variant]`; all where there are none.
    pub platforms: Vec<String>,
    /// Whether what is attached to an image (signatures, SBOMs) is verified too.
    pub referrers: bool,
    /// Whether all bytes are fetched and hashed.
    pub content: bool,
    /// How long images that are not right are looked at again.
    pub wait: Duration,
    /// What is known of the registry: which manifests its indexes need.
    pub daemon: DaemonSettings,
    /// How many questions at once.
    pub jobs: usize,
}

/// An image to verify, and what the user calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// As it was typed.
    pub name: String,
    /// What it is in the registry.
    pub image: Image,
}

/// What was seen of some images of one registry.
#[derive(Debug, Clone, Default)]
pub struct VerifiedImages {
    /// Each image, in the order given.
    pub images: Vec<VerifiedImage>,
    /// What is wrong with any of them, sorted.
    pub findings: Vec<Finding>,
    /// What could not be asked.
    pub unknown: Vec<Unlooked>,
    /// How much was asked.
    pub served: ServedCoverage,
}

/// Verify; look again at what is not right until it is or the time is up.
pub async fn verify(
    registry: &dyn RegistryReader,
    images: &[Named],
    options: &Options,
    events: Arc<dyn Events>,
) -> VerifiedImages {
    let deadline = Instant::now() + options.wait;
    let mut pause = PAUSES.0;
    let mut settled = VerifiedImages::default();
    let mut open = images.to_vec();
    loop {
        let seen = once(registry, &open, options, &*events).await;
        open = settled.settle(seen, &open);
        if open.is_empty() || Instant::now() + pause > deadline || events.stop_requested() {
            break;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
    settled.put_in_order(images);
    settled.served.requests = registry.requests();
    settled
}

/// One look at all of them.
async fn once(
    registry: &dyn RegistryReader,
    images: &[Named],
    options: &Options,
    events: &dyn Events,
) -> VerifiedImages {
    if let Err(error) = registry.ping().await {
        return outcome::unreachable(registry, images, &error);
    }
    let explorer = Explorer { registry, jobs: options.jobs.max(1), events, served: ServedView::default() };
    let mut inquiry = Inquiry { explorer, options, attached: BTreeMap::new(), loose: BTreeMap::new() };
    inquiry.tags(images).await;
    inquiry.manifests(images).await;
    if options.referrers {
        inquiry.find_attached().await;
    }
    inquiry.explorer.blobs().await;
    if options.content {
        inquiry.explorer.hash(ContentSubset { part: 1, of: 1 }).await;
    }
    inquiry.judge(images)
}

/// One look under way.
struct Inquiry<'a> {
    explorer: Explorer<'a>,
    options: &'a Options,
    /// What is attached to a manifest.
    attached: BTreeMap<Subject, Vec<Subject>>,
    /// What could not be asked about what is attached to a manifest.
    loose: BTreeMap<Subject, Vec<Unlooked>>,
}

impl Inquiry<'_> {
    async fn tags(&mut self, images: &[Named]) {
        let tagged = images.iter().filter_map(|named| match &named.image.reference {
            Reference::Tag(tag) => Some((named.image.repository.clone(), tag.clone())),
            Reference::Digest(_) => None,
        });
        let tagged: BTreeSet<_> = tagged.collect();
        let registry = self.explorer.registry;
        let questions = tagged.into_iter().collect();
        let resolved = self.explorer.ask_all("reading tags", questions, async |(name, tag)| {
            let asked = registry.resolve(&name, &tag).await;
            (name, tag, asked)
        });
        self.explorer.served.resolved = resolved.await;
    }

    /// Read what the images consist of.
    async fn manifests(&mut self, images: &[Named]) {
        let mut known = self.explorer.tagged();
        let named = images.iter().filter_map(|named| root(&named.image));
        let wanted = named.chain(known.iter().flat_map(|read| self.children(read))).collect();
        let read = self.explorer.read(&known, wanted, |read| self.children(read)).await;
        known.extend(read);
        self.explorer.served.manifests = known.into_iter().collect();
    }

    /// The children of an index that are wanted.
    fn children(&self, ((name, _), asked): (&Subject, &Read)) -> Vec<Subject> {
        let wanted = asked.manifest().into_iter().flat_map(|manifest| self.wanted(manifest));
        wanted.map(|digest| (name.clone(), digest)).collect()
    }

    /// The children for the platforms asked for.
    fn wanted<'m>(
        &'m self,
        manifest: &'m Manifest,
    ) -> impl Iterator<Item = crate::domain::digest::Digest> + 'm {
        let platforms = manifest.platforms.iter().map(|platform| &**platform).chain(std::iter::repeat(""));
        let named = manifest.children.iter().zip(platforms);
        named.filter(|(_, platform)| self.is_wanted(platform)).map(|(child, _)| child.digest)
    }

    /// `linux/arm64` means every variant of it.
    fn is_wanted(&self, platform: &str) -> bool {
        let fits = |wanted: &String| {
            platform
                .strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.options.platforms.is_empty() || self.options.platforms.iter().any(fits)
    }
}

/// What an image named by digest begins at.
fn root(image: &Image) -> Option<Subject> {
    match image.reference {
        Reference::Digest(digest) => Some((image.repository.clone(), digest)),
        Reference::Tag(_) => None,
    }
}
