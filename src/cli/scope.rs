//! Which repositories a run looks at.

use wildmatch::WildMatch;

use crate::domain::name::RepositoryName;
use crate::engine::ports::Scope;

/// The repositories that any of the patterns names; all where there are none.
#[derive(Debug, Clone, Default)]
pub(super) struct Globs(Vec<WildMatch>);

impl Globs {
    pub(super) fn new(patterns: &[String]) -> Self {
        Self(patterns.iter().map(|pattern| WildMatch::new(pattern)).collect())
    }
}

impl Scope for Globs {
    fn includes(&self, name: &RepositoryName) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(name.as_str()))
    }

    fn is_everything(&self) -> bool {
        self.0.is_empty()
    }
}
