//! Asking whether a plan may be carried out.

use std::io::{IsTerminal as _, Write as _};

use super::Terminal;
use crate::domain::plan::{Consent, Plan};
use crate::engine::ports::{Approver, Declined};
use crate::report::repair;

impl Approver for Terminal {
    /// Shows the plan on stderr and asks there.
    fn ask(&self, plan: &Plan) -> Result<Consent, Declined> {
        let shown = repair::plan(plan, self.drawing());
        let written = anstream::stderr().lock().write_all(shown.as_bytes());
        written.map_err(|error| Declined::NoAnswer(error.into()))?;
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Declined::NobodyThere);
        }
        let prompt = dialoguer::Confirm::new().with_prompt("Carry this out?").default(false);
        match prompt.interact() {
            Ok(true) => Ok(Consent::Asked),
            Ok(false) => Err(Declined::Refused),
            Err(error) => Err(Declined::NoAnswer(error.into())),
        }
    }
}
