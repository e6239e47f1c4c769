//! What findings are about, as people write it.

use crate::domain::digest::Digest;
use crate::domain::finding::Subject;
use crate::domain::name::{Image, Reference};
use crate::domain::observed::Side;

/// How much of a digest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digits {
    /// What a person compares.
    Few,
    /// What can be copied.
    All,
}

impl Digits {
    pub(super) const fn of(no_trunc: bool) -> Self {
        if no_trunc { Self::All } else { Self::Few }
    }

    pub(super) fn digest(self, digest: Digest) -> String {
        match self {
            Self::Few => digest.short(),
            Self::All => digest.to_string(),
        }
    }

    /// The subject as an image is written; a file where there is nothing else.
    pub(super) fn subject(self, subject: &Subject) -> String {
        let digest = subject.digest.map(|digest| self.digest(digest));
        let repository = subject.repository.as_ref().map(ToString::to_string).unwrap_or_default();
        match (&subject.tag, digest) {
            (Some(tag), None) => format!("{repository}:{tag}"),
            (None, Some(digest)) if repository.is_empty() => digest,
            (None, Some(digest)) => format!("{repository}@{digest}"),
            (Some(tag), Some(digest)) => format!("{repository}:{tag}@{digest}"),
            (None, None) => subject.place.as_ref().map_or(repository, ToString::to_string),
        }
    }

    pub(super) fn image(self, image: &Image) -> String {
        match &image.reference {
            Reference::Digest(digest) => format!("{}@{}", image.repository, self.digest(*digest)),
            Reference::Tag(_) => image.to_string(),
        }
    }
}

/// The word for a side that was asked.
pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Storage => "storage",
        Side::Served => "served",
        Side::Cache => "cache",
    }
}
