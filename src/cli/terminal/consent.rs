//! Asking whether something may be carried out.

use std::io::{IsTerminal as _, Write as _};

use super::Terminal;
use crate::domain::finding::Finding;
use crate::domain::plan::{Consent, Plan};
use crate::engine::ports::{Approver, Declined};
use crate::report::repair;

impl Approver for Terminal {
    fn ask(&self, plan: &Plan, findings: &[Finding]) -> Result<Consent, Declined> {
        let shown = repair::plan(plan, findings, self.drawing());
        Self::confirm(&shown, "Carry this out?").map(|()| Consent::Asked)
    }
}

impl Terminal {
    /// Show on stderr what is about to be done, and ask there.
    ///
    /// # Errors
    /// When somebody says no, or there is nobody to ask.
    pub(in crate::cli) fn confirm(shown: &str, question: &str) -> Result<(), Declined> {
        let written = anstream::stderr().lock().write_all(shown.as_bytes());
        written.map_err(|error| Declined::NoAnswer(error.into()))?;
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Declined::NobodyThere);
        }
        match dialoguer::Confirm::new().with_prompt(question).default(false).interact() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Declined::Refused),
            Err(error) => Err(Declined::NoAnswer(error.into())),
        }
    }
}
