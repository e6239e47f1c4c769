//! Findings of one kind, which share what is said of them.

use super::words::counted;
use crate::domain::code::{Code, Severity};
use crate::domain::finding::{Finding, State};

/// Findings that share code, severity and state, in the report's order.
pub(super) struct Group<'a> {
    pub(super) code: Code,
    pub(super) severity: Severity,
    pub(super) state: State,
    pub(super) findings: Vec<&'a Finding>,
}

/// Group what stands in a sorted list.
pub(super) fn group(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in findings {
        let key = (finding.code, finding.severity, finding.state);
        let known = groups.iter_mut().find(|group| (group.code, group.severity, group.state) == key);
        if let Some(group) = known {
            group.findings.push(finding);
        } else {
            let (code, severity, state) = key;
            groups.push(Group { code, severity, state, findings: vec![finding] });
        }
    }
    groups
}

impl Group<'_> {
    /// `2 errors`, `1 error, repaired`
    pub(super) fn count(&self) -> String {
        let count = counted(self.findings.len() as u64, self.severity.as_str());
        match self.state {
            State::Open => count,
            State::Repaired => format!("{count}, repaired"),
            State::Failed => format!("{count}, not repaired"),
            State::Unknown => format!("{count}, could not be looked at again"),
        }
    }

    /// What all of them say, where they say the same.
    pub(super) fn message(&self) -> Option<&str> {
        let first = self.findings.first()?.message.as_str();
        self.findings.iter().all(|finding| finding.message == first).then_some(first)
    }

    /// Whether it is a normal leftover that nobody has to read of one by one.
    pub(super) fn is_quiet(&self) -> bool {
        self.severity == Severity::Note && self.state == State::Open
    }

    /// The bytes that they take.
    pub(super) fn bytes(&self) -> u64 {
        self.findings.iter().filter_map(|finding| finding.bytes).sum()
    }
}
