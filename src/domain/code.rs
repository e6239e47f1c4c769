//! The finding codes: their names, default severities and one-line meanings, all in one place.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How bad a finding is. The order is that of reports: worst first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// An image does not pull, a push is swallowed, or garbage collection fails or loses content.
    #[default]
    Error,
    /// Something that will become an error.
    Warning,
    /// Normal leftovers, worth knowing.
    Note,
}

impl Severity {
    /// The name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// No finding code has this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no finding code `{0}`")]
pub struct UnknownCode(String);

macro_rules! codes {
    ($($variant:ident, $name:literal, $severity:ident, $meaning:literal;)+) => {
        /// What is wrong, as a stable kebab-case code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $(#[doc = $meaning] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The severity where nothing mitigates it.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }

            /// What it means, in one line.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// The page that `regfsck explain` prints.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("explain/", $name, ".md")),)+ }
            }
        }
    };
}

codes! {
    PhantomBlob, "phantom-blob", Error, "the daemon claims a blob whose data storage lacks";
    PhantomLink, "phantom-link", Error, "the daemon claims a blob in a repository that has no link to it; the data is stored for others";
    PhantomManifest, "phantom-manifest", Error, "the daemon claims a manifest whose data storage lacks: re-pushing it is silently dropped";
    MissingBlob, "missing-blob", Error, "a manifest needs a config or layer whose data storage lacks";
    MissingManifest, "missing-manifest", Error, "a tag, a revision link or an index needs a manifest whose data storage lacks";
    MissingLink, "missing-link", Error, "data is stored, but the repository that needs it has no link to it";
    EmptyBlob, "empty-blob", Error, "the stored file has no bytes";
    TruncatedBlob, "truncated-blob", Error, "the stored size differs from the size that descriptors give";
    CorruptBlob, "corrupt-blob", Error, "the stored bytes do not hash to their digest";
    WrongDescriptor, "wrong-descriptor", Error, "a manifest gives a size that its stored, right content does not have: clients refuse the image";
    UnreadableManifest, "unreadable-manifest", Error, "a stored manifest is not a manifest; it aborts garbage collection";
    UnreadableFile, "unreadable-file", Error, "the daemon's user may not read it: owner and mode differ from its neighbours'";
    InvalidLink, "invalid-link", Error, "a link file holds no digest, or names another digest than its folder";
    SizeMismatch, "size-mismatch", Error, "the daemon's Content-Length differs from the stored size";
    TagMismatch, "tag-mismatch", Error, "the daemon resolves a tag to another digest than storage does";
    HiddenBlob, "hidden-blob", Error, "stored and linked, but the daemon answers 404";
    ReplicaDisagreement, "replica-disagreement", Error, "replicas of one registry answer differently about the same blob";
    StaleCacheEntry, "stale-cache-entry", Error, "Redis holds an entry for a digest that storage lacks";
    ServerError, "server-error", Error, "the daemon answers 500 about this content";
    HollowIndex, "hollow-index", Error, "all manifests of an index are gone";
    PartialIndex, "partial-index", Error, "some manifests of an index are gone";
    DanglingLayerLink, "dangling-layer-link", Note, "a layer link without data that no manifest needs: what garbage collection leaves behind";
    OrphanBlob, "orphan-blob", Note, "stored data that no link or manifest needs";
    StaleUpload, "stale-upload", Note, "an abandoned upload session";
    StrayFile, "stray-file", Warning, "a file the storage layout does not know";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|code| code.as_str() == text);
        found.ok_or_else(|| UnknownCode(text.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SECTIONS: [&str; 6] = [
        "## How it comes about",
        "## What users see",
        "## How regfsck proves it",
        "## What fixes it",
        "## What does not",
        "## Commands",
    ];

    #[test]
    fn names_are_unique_and_read_back() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code}");
        }
    }

    #[test]
    fn every_code_is_explained_in_the_same_order() {
        for code in Code::ALL {
            let page = code.page();
            assert!(page.starts_with(&format!("# {code}\n\n")) && page.ends_with('\n'), "{code}");
            let sections: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
            assert_eq!(sections, SECTIONS, "{code}");
            let commands = page.lines().filter(|line| line.starts_with("    regfsck ")).count();
            assert!((1..=4).contains(&commands), "{code} has {commands} commands");
        }
    }

    #[test]
    fn pages_fit_a_terminal() {
        for code in Code::ALL {
            let lines = code.page().lines().count();
            assert!((20..=45).contains(&lines), "{code} has {lines} lines");
            for line in code.page().lines() {
                assert!(line.chars().count() <= 80 && line == line.trim_end(), "{code}: {line}");
            }
        }
    }
}
