//! What links say, by what a listing tells of them: the MD5 of a link's bytes is that of a digest that something names.
//!
//! A match is proof. A miss proves nothing, so that such a link is read. Whether the store gives an MD5 at all, three links
//! tell that are read: under a key service it does not, and then every link is read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::answers::ContentMark;
use super::fault::StoreFault;
use super::gather::{Gathered, Holding, ListedLink};
use super::runtime::wait;
use super::store::{ObjectStore, md5};
use crate::adapters::storage::notes::Notes;
use crate::adapters::storage::printable::show_start;
use crate::domain::digest::Digest;
use crate::domain::layout::{self, LinkPlace, Place};
use crate::domain::name::RepositoryName;
use crate::domain::observed::{Reason, Unlooked};
use crate::domain::views::storage::{Links, Repository, StoredTag, TagTarget, Target, Traces};
use crate::engine::ports::Events;

/// So many links tell whether the store gives the MD5.
const SAMPLE: usize = 3;
/// More than the longest digest; never more is read.
const LINK_BYTES: u64 = 512;

/// What a link's object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkContent {
    Digest(Digest),
    Invalid(Box<str>),
    Gone,
    Failed,
}

impl LinkContent {
    pub(super) fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()) {
            Some(digest) => Self::Digest(digest),
            None => Self::Invalid(show_start(bytes)),
        }
    }

    /// The same of a link in the folder of that digest.
    pub(super) fn target(self, named: Option<&Digest>) -> Target {
        match self {
            Self::Digest(digest) if Some(&digest) == named => Target::Same,
            Self::Digest(digest) => Target::Other(Box::new(digest)),
            Self::Invalid(start) => Target::Invalid(start),
            Self::Gone => Target::Missing,
            Self::Failed => Target::Unknown,
        }
    }
}

/// Read the start of a link.
pub(super) async fn read(store: &ObjectStore, key: &str) -> Result<Vec<u8>, StoreFault> {
    store.start(key, LINK_BYTES).await.map(|bytes| bytes.to_vec())
}

type Where = (RepositoryName, LinkPlace);

/// Where links are read from, and so many at once.
pub(super) struct LinkReader {
    pub(super) store: Arc<ObjectStore>,
    pub(super) prefix: String,
    pub(super) jobs: usize,
    /// How many links are read one by one at most.
    pub(super) max_requests: Option<u64>,
}

impl LinkReader {
    /// Every repository that was listed, with what its links say.
    pub(super) fn repositories(&self, gathered: &mut Gathered, events: &dyn Events) -> Vec<Repository> {
        let holdings = std::mem::take(&mut gathered.repositories);
        let known = digests(&holdings, gathered);
        let is_md5 = self.is_md5(&holdings);
        let told = |link: &ListedLink| match link.mark {
            _ if link.size == 0 => Some(LinkContent::Invalid("".into())),
            ContentMark::Md5(sum) if is_md5 => known.get(&sum).map(|digest| LinkContent::Digest(*digest)),
            ContentMark::Md5(_) | ContentMark::Opaque => None,
        };
        let mut unread: Vec<Where> =
            each(&holdings).filter(|(_, link)| told(link).is_none()).map(|(at, _)| at).collect();
        self.leave(&mut unread, &mut gathered.notes);
        if !is_md5 && !unread.is_empty() {
            tracing::warn!(
                "the bucket tells no MD5 sums of links: {} of them are read one by one",
                unread.len()
            );
        }
        let mut read =
            if events.stop_requested() { HashMap::new() } else { self.read(unread, &mut gathered.notes) };
        let mut content = |at: Where, link: Option<ListedLink>| match link {
            None => LinkContent::Gone,
            Some(link) => told(&link).or_else(|| read.remove(&at)).unwrap_or(LinkContent::Failed),
        };
        holdings.into_iter().map(|(name, holding)| repository(name, holding, &mut content)).collect()
    }

    /// Of more than may be read only so many; nothing is said of the rest but how much it is.
    fn leave(&self, unread: &mut Vec<Where>, notes: &mut Notes) {
        let Some(allowed) = self.max_requests.filter(|allowed| *allowed < unread.len() as u64) else {
            return;
        };
        let left = unread.len() as u64 - allowed;
        unread.truncate(usize::try_from(allowed).unwrap_or(usize::MAX));
        let place = Place::from(layout::REPOSITORIES.to_owned());
        notes.unknown.push(Unlooked::new(place, Reason::TooManyRequests { unread: left, allowed }));
    }

    fn is_md5(&self, holdings: &BTreeMap<RepositoryName, Holding>) -> bool {
        let marked = each(holdings).filter_map(|(at, link)| match link.mark {
            ContentMark::Md5(sum) if link.size > 0 => Some((at, sum)),
            ContentMark::Md5(_) | ContentMark::Opaque => None,
        });
        let sample: Vec<_> = marked.take(SAMPLE).collect();
        let sums: HashMap<Where, [u8; 16]> = sample.iter().cloned().collect();
        let read = self.fetch(sample.into_iter().map(|(at, _)| at).collect());
        let agree = |(at, bytes): &(Where, Result<Vec<u8>, StoreFault>)| match bytes {
            Ok(bytes) => sums.get(at) == Some(&md5(bytes)),
            // One that is gone meanwhile, or cannot be read, speaks neither for nor against.
            Err(_) => true,
        };
        read.iter().any(|(_, bytes)| bytes.is_ok()) && read.iter().all(agree)
    }

    fn read(&self, places: Vec<Where>, notes: &mut Notes) -> HashMap<Where, LinkContent> {
        let mut all = HashMap::with_capacity(places.len());
        for (at, bytes) in self.fetch(places) {
            let content = match bytes {
                Ok(bytes) => LinkContent::of(&bytes),
                Err(StoreFault::Absent) => LinkContent::Gone,
                Err(fault) => {
                    let place = Place::Link(at.0.clone(), at.1.clone());
                    notes.unknown.push(Unlooked::new(place, fault.reason()));
                    LinkContent::Failed
                }
            };
            all.insert(at, content);
        }
        all
    }

    fn fetch(&self, places: Vec<Where>) -> Vec<(Where, Result<Vec<u8>, StoreFault>)> {
        let (store, prefix, jobs) = (Arc::clone(&self.store), self.prefix.clone(), self.jobs.max(1));
        let fetched = wait(async move {
            let one = |at: Where| {
                let key = format!("{prefix}{}", Place::Link(at.0.clone(), at.1.clone()));
                let store = Arc::clone(&store);
                async move {
                    let bytes = read(&store, &key).await;
                    (at, bytes)
                }
            };
            Ok(stream::iter(places).map(one).buffer_unordered(jobs).collect::<Vec<_>>().await)
        });
        fetched.unwrap_or_default()
    }
}

/// Every link.
fn each(holdings: &BTreeMap<RepositoryName, Holding>) -> impl Iterator<Item = (Where, ListedLink)> + '_ {
    holdings.iter().flat_map(|(name, holding)| {
        let layers = holding.layers.iter().map(|(digest, link)| (LinkPlace::Layer(*digest), link));
        let revisions = holding.revisions.iter().map(|(digest, link)| (LinkPlace::Revision(*digest), link));
        let tags = holding.tags.iter().map(|(tag, link)| (LinkPlace::Tag(tag.clone()), link));
        let links = layers.chain(revisions).chain(tags);
        links.filter_map(move |(place, link)| Some(((name.clone(), place), (*link)?)))
    })
}

/// The digests that something names, by the MD5 of a link to them.
fn digests(holdings: &BTreeMap<RepositoryName, Holding>, gathered: &Gathered) -> HashMap<[u8; 16], Digest> {
    let linked = holdings.values().flat_map(|holding| holding.layers.keys().chain(holding.revisions.keys()));
    let all = linked.chain(gathered.blobs.iter().map(|blob| &blob.digest));
    all.map(|digest| (md5(digest.to_string().as_bytes()), *digest)).collect()
}

fn repository(
    name: RepositoryName,
    holding: Holding,
    content: &mut impl FnMut(Where, Option<ListedLink>) -> LinkContent,
) -> Repository {
    let mut links = |links: BTreeMap<Digest, Option<ListedLink>>, place: fn(Digest) -> LinkPlace| {
        let one = |(digest, link): (Digest, Option<ListedLink>)| {
            (digest, content((name.clone(), place(digest)), link).target(Some(&digest)))
        };
        links.into_iter().map(one).collect::<Links>()
    };
    let (layers, revisions) =
        (links(holding.layers, LinkPlace::Layer), links(holding.revisions, LinkPlace::Revision));
    let tags = holding.tags.into_iter().map(|(tag, link)| {
        let current = match content((name.clone(), LinkPlace::Tag(tag.clone())), link) {
            LinkContent::Digest(digest) => TagTarget::Digest(digest),
            LinkContent::Invalid(start) => TagTarget::Invalid(start),
            LinkContent::Gone => TagTarget::Missing,
            LinkContent::Failed => TagTarget::Unknown,
        };
        StoredTag { tag, current }
    });
    Repository {
        tags: tags.collect(),
        layers,
        revisions,
        has_layers: holding.has_layers,
        has_manifests: holding.has_manifests,
        has_tags: holding.has_tags,
        traces: Traces::default(),
        name,
    }
}
