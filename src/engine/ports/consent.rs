//! Asking whether a plan may be carried out.

use std::error::Error as StdError;

use thiserror::Error;

use crate::domain::finding::Finding;
use crate::domain::plan::{Consent, Plan};

/// Whoever is asked whether a plan may be carried out. Blocking: a person takes their time.
pub trait Approver: Send + Sync {
    /// Ask about a plan for these findings.
    ///
    /// # Errors
    /// When it may not be, or there is nobody to ask; nothing was changed then.
    fn ask(&self, plan: &Plan, findings: &[Finding]) -> Result<Consent, Declined>;
}

/// Why a plan may not be carried out.
#[derive(Debug, Error)]
pub enum Declined {
    /// Somebody said no.
    #[error("nothing was changed, as you said")]
    Refused,
    /// There is nobody to ask.
    #[error(
        "nothing was changed: there is no terminal to ask on; --yes does what is shown above without asking"
    )]
    NobodyThere,
    /// Somebody was asked, and no answer came.
    #[error("nothing was changed: no answer could be read")]
    NoAnswer(#[source] Box<dyn StdError + Send + Sync>),
}

/// Whoever agreed beforehand to whatever is planned.
#[derive(Debug, Clone, Copy)]
pub struct Agreed;

impl Approver for Agreed {
    fn ask(&self, _plan: &Plan, _findings: &[Finding]) -> Result<Consent, Declined> {
        Ok(Consent::BeforeHand)
    }
}
