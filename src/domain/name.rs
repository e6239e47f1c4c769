//! Repository names, tags and image references, as the registry itself understands them.
//!
//! Nothing is normalised here: `library/` is never added and a host never split off, because these
//! names come from storage and from the registry's API, where they stand exactly as they are.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::Digest;

/// Why a text is no repository name, tag or image.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no {what}")]
pub struct NameError {
    text: String,
    what: &'static str,
}

fn refuse(text: &str, what: &'static str) -> NameError {
    NameError { text: text.chars().take(80).collect(), what }
}

/// A repository's name such as `team/app`: what distribution's reference grammar allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName(Arc<str>);

impl RepositoryName {
    /// The name as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One component: runs of `[a-z0-9]` joined by `.`, `_`, `__` or any number of `-`.
fn is_component(component: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends_well = component.starts_with(is_alphanumeric) && component.ends_with(is_alphanumeric);
    let separators = component.split(is_alphanumeric).filter(|between| !between.is_empty());
    ends_well
        && separators
            .into_iter()
            .all(|between| matches!(between, "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= 255 && text.split('/').all(is_component) {
            Ok(Self(text.into()))
        } else {
            Err(refuse(text, "repository name"))
        }
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tag: a word character, then up to 127 word characters, dots and dashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Box<str>);

impl Tag {
    /// The tag as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_tag = text.len() <= 128
            && text.starts_with(is_word)
            && text.chars().all(|c| is_word(c) || c == '.' || c == '-');
        if is_tag { Ok(Self(text.into())) } else { Err(refuse(text, "tag")) }
    }
}

impl TryFrom<String> for Tag {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0.into_string()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What names an image inside a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A tag, which may move.
    Tag(Tag),
    /// The manifest's own digest.
    Digest(Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// An image in this registry: `repository:tag` or `repository@digest`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Image {
    /// The repository that holds it.
    pub repository: RepositoryName,
    /// Its tag or digest there.
    pub reference: Reference,
}

impl Image {
    /// No image of `repository` sorts before it: tags come before digests, and nothing in a tag before `0` but what cannot
    /// begin one.
    #[must_use]
    pub fn first_of(repository: RepositoryName) -> Self {
        Self::tagged(repository, Tag("0".into()))
    }

    /// The image that `tag` names in `repository`.
    #[must_use]
    pub const fn tagged(repository: RepositoryName, tag: Tag) -> Self {
        Self { repository, reference: Reference::Tag(tag) }
    }

    /// The image whose manifest is `digest` in `repository`.
    #[must_use]
    pub const fn untagged(repository: RepositoryName, digest: Digest) -> Self {
        Self { repository, reference: Reference::Digest(digest) }
    }
}

impl FromStr for Image {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_image = || refuse(text, "image (`repository:tag` or `repository@digest`)");
        let (repository, reference) = if let Some((repository, digest)) = text.split_once('@') {
            (repository, digest.parse().map(Reference::Digest).ok())
        } else {
            let (repository, tag) = text.rsplit_once(':').ok_or_else(no_image)?;
            (repository, tag.parse().map(Reference::Tag).ok())
        };
        let repository = repository.parse().ok();
        repository
            .zip(reference)
            .map(|(repository, reference)| Self { repository, reference })
            .ok_or_else(no_image)
    }
}

impl TryFrom<String> for Image {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Image> for String {
    fn from(image: Image) -> Self {
        image.to_string()
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.reference {
            Reference::Tag(_) => ':',
            Reference::Digest(_) => '@',
        };
        write!(f, "{}{mark}{}", self.repository, self.reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_distribution() {
        for good in ["a", "a/b", "library/alpine", "a__b", "a---b", "a.b/c_d", "0"] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "A", "a//b", "_a", "a_", "a___b", "a..b", "a b", "ä", "a\n"] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn tags_follow_distribution() {
        for good in ["latest", "1.0", "_x", "V-1"] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a b", "a/b", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn images_read_back_what_they_show() {
        for text in ["team/app:1.0".to_owned(), format!("team/app@sha256:{}", "0".repeat(64))] {
            assert_eq!(text.parse::<Image>().map(|image| image.to_string()), Ok(text));
        }
    }
}
