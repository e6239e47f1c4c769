//! Asking whether a plan may be carried out.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail};

use super::Terminal;
use crate::domain::plan::{Consent, Plan};
use crate::report::repair;

/// Show the plan, and ask whether it may be carried out.
///
/// # Errors
/// When it may not, or there is nobody to ask; nothing was changed then.
pub(in crate::cli) fn ask(plan: &Plan, is_given: bool, terminal: &Terminal) -> Result<Consent> {
    if is_given {
        return Ok(Consent::BeforeHand);
    }
    let shown = repair::plan(plan, terminal.drawing());
    let mut err = anstream::stderr().lock();
    err.write_all(shown.as_bytes()).context("cannot write to stderr")?;
    drop(err);
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        bail!(
            "nothing was changed: there is no terminal to ask on; --yes carries the plan out, --plan FILE saves it"
        );
    }
    let agreed = dialoguer::Confirm::new().with_prompt("Carry this out?").default(false).interact();
    if !agreed.context("nothing was changed: no answer could be read")? {
        bail!("nothing was changed, as you said");
    }
    Ok(Consent::Asked)
}
