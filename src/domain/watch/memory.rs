//! What a watch remembers over restarts, beside the last report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::PushedImage;
use crate::domain::code::Code;
use crate::domain::digest::Digest;
use crate::domain::finding::{Finding, State, Subject as About};
use crate::domain::name::RepositoryName;
use crate::domain::report::{Report, Verdict};
use crate::domain::suspects::{Suspect, SuspectKind};
use crate::domain::views::served::Subject;

/// The version of what is remembered.
pub const MEMORY: u32 = 1;
/// So many leads are kept; of more the oldest are let go, some at once.
const LEADS: usize = 20_000;

/// What a watch remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchMemory {
    /// [`MEMORY`].
    pub version: u32,
    /// What checks are to ask about beside what storage itself shows.
    pub leads: LeadList,
    /// Images that were pushed and cannot be pulled.
    pub broken: Vec<BrokenPush>,
    /// Whether there are pushes that nobody has looked at.
    pub unseen: bool,
    /// What was repaired today.
    pub spent: Option<Spent>,
}

impl Default for WatchMemory {
    fn default() -> Self {
        Self { version: MEMORY, leads: LeadList::default(), broken: Vec::new(), unseen: false, spent: None }
    }
}

/// Content that is, or will be, gone, and that a daemon may claim still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    /// The repository, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryName>,
    /// The content.
    pub digest: Digest,
    /// Whether it is a manifest, where that is known.
    pub is_manifest: bool,
    /// When somebody told of it.
    pub told: Timestamp,
    /// By when its data was gone, where that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Timestamp>,
}

impl Lead {
    /// As a check is told of it.
    #[must_use]
    pub fn suspect(&self) -> Suspect {
        let kind = if self.is_manifest { SuspectKind::Manifest } else { SuspectKind::Content };
        Suspect::new(self.repository.clone(), self.digest, kind)
    }
}

/// An image that was pushed and cannot be pulled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BrokenPush {
    /// The image.
    pub image: PushedImage,
    /// When the registry told of the push.
    pub notified: Timestamp,
    /// When it was found broken.
    pub found: Timestamp,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// What was repaired on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The day, in UTC.
    pub day: Date,
    /// The steps of that day.
    pub steps: u64,
}

impl Spent {
    /// How many steps were taken on that day.
    #[must_use]
    pub fn on(spent: Option<Self>, day: Date) -> u64 {
        spent.filter(|spent| spent.day == day).map_or(0, |spent| spent.steps)
    }
}

/// Each digest once a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Lead>", into = "Vec<Lead>")]
pub struct LeadList(BTreeMap<(Digest, Option<RepositoryName>), Lead>);

impl From<Vec<Lead>> for LeadList {
    fn from(list: Vec<Lead>) -> Self {
        let mut leads = Self::default();
        for lead in list {
            leads.note(lead);
        }
        leads
    }
}

impl From<LeadList> for Vec<Lead> {
    fn from(leads: LeadList) -> Self {
        leads.0.into_values().collect()
    }
}

impl LeadList {
    /// Enter one; what is known of it already stays.
    pub fn note(&mut self, lead: Lead) {
        let (is_manifest, gone) = (lead.is_manifest, lead.gone);
        let known = self.0.entry((lead.digest, lead.repository.clone())).or_insert(lead);
        known.is_manifest |= is_manifest;
        known.gone = known.gone.or(gone);
        if self.0.len() > LEADS {
            self.forget_oldest();
        }
    }

    /// A tenth at once, so that a flood of them costs no more than it brings.
    fn forget_oldest(&mut self) {
        let mut times: Vec<Timestamp> = self.0.values().map(|lead| lead.told).collect();
        let (_, bound, _) = times.select_nth_unstable(LEADS / 10);
        let bound = *bound;
        let mut surplus = LEADS / 10;
        self.0.retain(|_, lead| {
            let is_old = lead.told <= bound && surplus > 0;
            surplus -= usize::from(is_old);
            !is_old
        });
    }

    /// The data of these went: say so where a repository is known, and ask about them everywhere else.
    pub fn gone(&mut self, digests: &[Digest], at: Timestamp) {
        for digest in digests {
            let mut known =
                self.0.range_mut((*digest, None)..).take_while(|((of, _), _)| of == digest).peekable();
            if known.peek().is_none() {
                let lead =
                    Lead { repository: None, digest: *digest, is_manifest: false, told: at, gone: Some(at) };
                self.note(lead);
            } else {
                known.for_each(|(_, lead)| lead.gone = Some(at));
            }
        }
    }

    /// All of them, by digest.
    pub fn iter(&self) -> impl Iterator<Item = &Lead> {
        self.0.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Let go of what a check has answered, and keep asking about what it accused or left open: with nothing left of it
    /// in storage, the next check would not know of it.
    pub fn settle(&mut self, report: &Report, unsettled: &[Subject], is_stored: impl Fn(&Digest) -> bool) {
        let claims = report.findings.iter().filter(|finding| is_claim(finding)).filter_map(|finding| {
            let About { repository, digest, .. } = &finding.subject;
            Some(((repository.clone()?, (*digest)?), finding.code == Code::PhantomManifest))
        });
        let unsettled = unsettled.iter().map(|subject| (subject.clone(), true));
        let open: BTreeMap<Subject, bool> = claims.chain(unsettled).collect();
        if !matches!(report.verdict, Verdict::Incomplete | Verdict::Refused) {
            let accused: BTreeSet<Digest> = open.keys().map(|(_, digest)| *digest).collect();
            self.0.retain(|(digest, _), _| is_stored(digest) || accused.contains(digest));
        }
        for ((repository, digest), is_manifest) in open {
            let (repository, told) = (Some(repository), report.finished);
            let gone = (!is_stored(&digest)).then_some(told);
            self.note(Lead { repository, digest, is_manifest, told, gone });
        }
    }
}

/// Whether a finding says that a daemon claims what is not there.
fn is_claim(finding: &Finding) -> bool {
    finding.state != State::Repaired
        && matches!(finding.code, Code::PhantomBlob | Code::PhantomLink | Code::PhantomManifest)
}
