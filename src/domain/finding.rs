//! Findings: what is wrong, with what proof, for which images, and what can be done.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::action::Remedy;
use super::code::{Code, Severity};
use super::digest::Digest;
use super::layout::{LinkPlace, Place};
use super::name::{Image, RepositoryName, Tag};
use super::observed::Evidence;

/// What a finding is about. Which fields are set follows from the code.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Subject {
    /// The repository, where the finding is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryName>,
    /// The content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The file, below the storage root.
    #[serde(default, rename = "path", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub place: Option<Box<Place>>,
}

impl Subject {
    /// Content, wherever it is used.
    #[must_use]
    pub fn data(digest: Digest) -> Self {
        Self { digest: Some(digest), ..Self::default() }
    }

    /// Content in one repository.
    #[must_use]
    pub fn linked(repository: RepositoryName, digest: Digest) -> Self {
        Self { repository: Some(repository), digest: Some(digest), ..Self::default() }
    }

    /// A tag.
    #[must_use]
    pub fn tag(repository: RepositoryName, tag: Tag) -> Self {
        Self { repository: Some(repository), tag: Some(tag), ..Self::default() }
    }

    /// A link.
    #[must_use]
    pub fn link(repository: RepositoryName, place: LinkPlace) -> Self {
        let subject = match &place {
            LinkPlace::Layer(digest) | LinkPlace::Revision(digest) => Self::data(*digest),
            LinkPlace::Tag(tag) => Self { tag: Some(tag.clone()), ..Self::default() },
        };
        let place = Some(Place::Link(repository.clone(), place).into());
        Self { repository: Some(repository), place, ..subject }
    }

    /// A file or folder.
    #[must_use]
    pub fn place(place: Place) -> Self {
        Self { place: Some(place.into()), ..Self::default() }
    }

    /// The link, where it is about one that is known.
    #[must_use]
    pub fn as_link(&self) -> Option<&LinkPlace> {
        match self.place.as_deref() {
            Some(Place::Link(_, link)) => Some(link),
            Some(
                Place::Data(_)
                | Place::Entry(..)
                | Place::Signature(..)
                | Place::Upload(..)
                | Place::Folder(_)
                | Place::Other(_),
            )
            | None => None,
        }
    }
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It stands.
    #[default]
    Open,
    /// It was repaired, and the proof says so.
    Repaired,
    /// A repair was tried and did not help.
    Failed,
    /// What proved it could not be looked at again after the repair: neither repaired nor seen to stand.
    Unknown,
}

/// One thing that is wrong: one a code and subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable for the same code and subject, whatever the run.
    pub id: String,
    /// What is wrong.
    pub code: Code,
    /// How bad it is here.
    pub severity: Severity,
    /// With what.
    #[serde(flatten)]
    pub subject: Subject,
    /// One line for people: what exactly is wrong, and what it does.
    pub message: String,
    /// What each side said.
    pub evidence: Vec<Evidence>,
    /// The images that it breaks, sorted.
    pub affects: Vec<Image>,
    /// What can be done, best first.
    pub remedies: Vec<Remedy>,
    /// What became of it.
    pub state: State,
    /// The bytes that a leftover takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

impl Finding {
    /// A finding without proof yet.
    #[must_use]
    pub fn new(code: Code, subject: Subject, message: impl Into<String>) -> Self {
        Self {
            id: id(code, &subject),
            code,
            severity: code.severity(),
            subject,
            message: message.into(),
            evidence: Vec::new(),
            affects: Vec::new(),
            remedies: Vec::new(),
            state: State::Open,
            bytes: None,
        }
    }

    /// What findings are sorted by: severity, code, repository, digest, tag, path.
    #[must_use]
    pub const fn order(&self) -> (Severity, Code, &Subject) {
        (self.severity, self.code, &self.subject)
    }
}

/// The stable name of a finding: its code and the fields of its subject.
fn id(code: Code, subject: &Subject) -> String {
    let mut id = code.as_str().to_owned();
    let repository = subject.repository.as_ref().map(ToString::to_string);
    let digest = subject.digest.as_ref().map(ToString::to_string);
    let tag = subject.tag.as_ref().map(|tag| format!("tag={tag}"));
    let path = subject.place.as_ref().map(|place| format!("path={place}"));
    for part in [repository, digest, tag, path].into_iter().flatten() {
        // Writing to a string cannot fail.
        let _ = write!(id, ":{part}");
    }
    id
}
