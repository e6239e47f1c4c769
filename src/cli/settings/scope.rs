//! Which repositories a run looks at.

use wildmatch::WildMatch;

use crate::domain::name::RepositoryName;
use crate::engine::ports::Scope;

/// The repositories that any of the patterns names; all where there are none.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Globs {
    patterns: Vec<WildMatch>,
    names: Option<Vec<RepositoryName>>,
}

impl Globs {
    pub(in crate::cli) fn new(patterns: &[String]) -> Self {
        // A pattern with a wildcard is no name, so one of those leaves no list of names.
        let names: Option<Vec<RepositoryName>> =
            patterns.iter().map(|pattern| pattern.parse().ok()).collect();
        Self {
            patterns: patterns.iter().map(|pattern| WildMatch::new(pattern)).collect(),
            names: names.filter(|names| !names.is_empty()),
        }
    }
}

impl Scope for Globs {
    fn includes(&self, name: &RepositoryName) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(name.as_str()))
    }

    fn names(&self) -> Option<Vec<RepositoryName>> {
        self.names.clone()
    }

    fn is_everything(&self) -> bool {
        self.patterns.is_empty()
    }
}
