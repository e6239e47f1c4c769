//! All keys below the storage root, by as few requests as there are pages, and many of them under way at once.
//!
//! ```text
//! (first page) ─ all there is? done
//!      └─ the rest: blobs │ repositories        cut where `scale` says, while requests are to spare
//! ```
//!
//! Each range is listed by start-after, so that no page's token can be lost; where a store knows no such thing, it is gone
//! through page by page. A page that fails makes what is left of its range unknown.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::answers::{KeyPage, ListedKey, WantedPage};
use super::fault::StoreFault;
use super::runtime::start;
use super::scale::Scale;
use super::store::ObjectStore;

/// Where repositories begin.
pub(super) const REPOSITORIES: &[u8] = b"repositories/";

/// Keys after one, up to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) after: Vec<u8>,
    pub(super) end: Option<Vec<u8>>,
    /// Where the store said that it goes on, if it cannot begin after a key.
    pub(super) token: String,
}

impl Range {
    pub(super) fn new(after: &[u8], end: Option<&[u8]>) -> Self {
        Self { after: after.to_vec(), end: end.map(<[u8]>::to_vec), token: String::new() }
    }

    /// What all of its keys begin with.
    fn common(&self) -> &str {
        let end = self.end.as_deref().unwrap_or_default();
        let alike = self.after.iter().zip(end).take_while(|(a, b)| a == b).count();
        let text = self.after.get(..alike).and_then(|common| std::str::from_utf8(common).ok());
        text.unwrap_or_default()
    }

    /// Whether a key lies in it.
    pub(super) fn holds(&self, key: &[u8]) -> bool {
        key > self.after.as_slice() && self.end.as_deref().is_none_or(|end| key <= end)
    }
}

/// What a listing tells while it goes on.
pub(super) enum Listed {
    /// Keys, below the storage root.
    Keys(Vec<ListedKey>),
    /// What could not be listed.
    Failed(Range, StoreFault),
}

/// What is to be listed.
pub(super) struct ListingPlan {
    /// What stands before every key.
    pub(super) prefix: String,
    /// Where to look; everywhere, where nothing is said.
    pub(super) ranges: Vec<Range>,
    /// How many requests are under way at once.
    pub(super) jobs: usize,
}

/// List; ends when the receiver is dropped.
pub(super) fn list(store: Arc<ObjectStore>, plan: ListingPlan) -> Result<Receiver<Listed>, StoreFault> {
    let (tell, told) = channel();
    start(async move {
        Lister { store, prefix: plan.prefix, jobs: plan.jobs.max(1), names: Vec::new(), tell }
            .run(plan.ranges)
            .await;
    })?;
    Ok(told)
}

struct Lister {
    store: Arc<ObjectStore>,
    prefix: String,
    jobs: usize,
    /// The folders right below `repositories/`, once they are asked for.
    names: Vec<Vec<u8>>,
    tell: Sender<Listed>,
}

/// Nobody listens any more.
struct Unheard;

impl Lister {
    async fn run(mut self, ranges: Vec<Range>) {
        let _ = if ranges.is_empty() { self.all().await } else { self.these(ranges).await };
    }

    /// First a page: most registries have no more.
    async fn all(&mut self) -> Result<(), Unheard> {
        let whole = Range::default();
        if !self.store.dialect.begins_anywhere() {
            return self.these(vec![whole]).await;
        }
        let Some(rest) = self.take(&whole, fetch(&self.store, &self.prefix, &whole).await)? else {
            return Ok(());
        };
        self.names = self.first_names().await;
        let open = if rest.holds(REPOSITORIES) {
            vec![Range::new(&rest.after, Some(REPOSITORIES)), Range::new(REPOSITORIES, None)]
        } else {
            vec![rest]
        };
        let spare = self.jobs.saturating_sub(open.len());
        let open = open.into_iter().flat_map(|range| self.cut(&[], range, spare)).collect();
        self.these(open).await
    }

    async fn these(&mut self, mut open: Vec<Range>) -> Result<(), Unheard> {
        let mut flying = FuturesUnordered::new();
        loop {
            while flying.len() < self.jobs
                && let Some(range) = open.pop()
            {
                let (store, prefix) = (Arc::clone(&self.store), self.prefix.clone());
                flying.push(async move {
                    let page = fetch(&store, &prefix, &range).await;
                    (range, page)
                });
            }
            let Some((range, page)) = flying.next().await else { return Ok(()) };
            let before = range.after.clone();
            if let Some(rest) = self.take(&range, page)? {
                let spare = self.jobs.saturating_sub(flying.len() + open.len() + 1);
                open.extend(self.cut(&before, rest, spare));
            }
        }
    }

    /// The rest of a range in as many parts as requests are to spare, none of them less than a page.
    fn cut(&self, before: &[u8], rest: Range, spare: usize) -> Vec<Range> {
        if !rest.token.is_empty() {
            return vec![rest];
        }
        let scale = Scale::of(before, &rest.after, rest.end.as_deref(), &self.names);
        let parts = (scale.pages() * 2 / 3).min(spare + 1);
        if parts < 2 {
            return vec![rest];
        }
        let mut from = rest.after.clone();
        let mut ranges: Vec<_> = Vec::with_capacity(parts);
        for cut in scale.cuts(parts).into_iter().filter(|cut| rest.holds(cut)) {
            ranges.push(Range::new(&from, Some(&cut)));
            from = cut;
        }
        ranges.push(Range { after: from, ..rest });
        ranges
    }

    /// Hand on what a page of the range holds; what is left of the range.
    fn take(&self, range: &Range, page: Result<KeyPage, StoreFault>) -> Result<Option<Range>, Unheard> {
        let tell = |told| self.tell.send(told).map_err(|_told| Unheard);
        let mut page = match page {
            Ok(page) => page,
            Err(fault) => {
                tell(Listed::Failed(range.clone(), fault))?;
                return Ok(None);
            }
        };
        let last = page.entries.last().map(|entry| entry.key.clone());
        page.entries.retain(|entry| range.holds(&entry.key));
        tell(Listed::Keys(page.entries))?;
        // A page may lie before the range, where none can begin there.
        let is_within = |last: &Vec<u8>| range.end.as_ref().is_none_or(|end| last <= end);
        let Some(last) = last.filter(|last| !page.is_last && is_within(last)) else { return Ok(None) };
        let token = if self.store.dialect.begins_anywhere() { String::new() } else { page.next };
        Ok(Some(Range { after: last.max(range.after.clone()), end: range.end.clone(), token }))
    }

    /// The folders right below `repositories/`. Without them less is under way at once, and nothing is missed.
    async fn first_names(&self) -> Vec<Vec<u8>> {
        let folder = format!("{}repositories/", self.prefix);
        let (mut names, mut after) = (Vec::new(), Vec::new());
        loop {
            let wanted = WantedPage { prefix: &folder, after: &after, token: "", is_shallow: true };
            let Ok(page) = self.store.page(wanted).await else { return names };
            let last = page.folders.last().cloned();
            let below = |name: &Vec<u8>| name.strip_prefix(self.prefix.as_bytes()).map(<[u8]>::to_vec);
            names.extend(page.folders.iter().filter_map(below));
            match last.filter(|last| !page.is_last && *last > after) {
                // What comes after the last of them is not below it: `0` follows the slash.
                Some(last) => after = [last.strip_suffix(b"/").unwrap_or(&last), b"0"].concat(),
                None => return names,
            }
        }
    }
}

/// A page of the range, its keys below the prefix.
async fn fetch(store: &ObjectStore, prefix: &str, range: &Range) -> Result<KeyPage, StoreFault> {
    let begins_anywhere = store.dialect.begins_anywhere();
    let narrow = if begins_anywhere { prefix.to_owned() } else { format!("{prefix}{}", range.common()) };
    let after = if range.after.is_empty() { Vec::new() } else { [prefix.as_bytes(), &range.after].concat() };
    let wanted = WantedPage { prefix: &narrow, after: &after, token: &range.token, is_shallow: false };
    let mut page = store.page(wanted).await?;
    for entry in &mut page.entries {
        entry.key.drain(..prefix.len().min(entry.key.len()));
    }
    let is_moving = page.entries.first().is_none_or(|first| first.key > range.after);
    if is_moving || !begins_anywhere {
        return Ok(page);
    }
    let asked = format!("GET {}/{prefix} (a listing)", store.name);
    let said = "the listing does not begin where it was asked to".to_owned();
    Err(StoreFault::Refused { asked, said, hint: None })
}
