//! Repairs that a watch makes by itself, within limits.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{Board, Watch};
use crate::domain::code::Code;
use crate::domain::finding::Finding;
use crate::domain::plan::{Consent, Goal, Plan};
use crate::domain::report::Report;
use crate::domain::watch::Spent;
use crate::engine::check::Examination;
use crate::engine::ports::{Approver, Clock, Declined, News, WatchKeeper};
use crate::engine::session::{Session, SessionError};
use crate::engine::write_ahead::with_causes;

/// What may be repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixLimits {
    /// Findings of these codes; all where there are none.
    pub only: BTreeSet<Code>,
    /// So many steps a day, in UTC.
    pub steps_a_day: u64,
}

/// Agrees to what is within the limit, and counts it before it is done.
struct Allowance<'a> {
    limit: u64,
    board: &'a Board,
    clock: &'a dyn Clock,
    keeper: &'a Arc<dyn WatchKeeper>,
}

impl Allowance<'_> {
    fn today(&self) -> (jiff::civil::Date, u64) {
        let day = self.clock.now().to_zoned(TimeZone::UTC).date();
        (day, Spent::on(self.board.spent(), day))
    }

    fn left(&self) -> u64 {
        self.limit.saturating_sub(self.today().1)
    }
}

impl Approver for Allowance<'_> {
    fn ask(&self, plan: &Plan, _findings: &[Finding]) -> Result<Consent, Declined> {
        let steps = plan.steps.len() as u64;
        if steps > self.left() {
            // Whoever would have to be asked is asleep.
            return Err(Declined::NobodyThere);
        }
        let (day, taken) = self.today();
        self.board.spend(Spent { day, steps: taken + steps }, steps);
        // A watch that is killed and started again must not begin to count anew.
        self.keeper.remember(&self.board.memory()).map_err(|unkept| Declined::NoAnswer(unkept.into()))?;
        Ok(Consent::BeforeHand)
    }
}

impl Watch {
    /// The report of what was examined, after the repair of what may be repaired.
    pub(super) async fn repaired(&self, session: &Session, examination: Examination) -> Report {
        let Some(limits) = &self.settings.fix else { return session.report(examination) };
        let Self { board, clock, keeper, events, .. } = self;
        let approver = Allowance { limit: limits.steps_a_day, board, clock: &**clock, keeper };
        let is_meant = |code: Code| limits.only.is_empty() || limits.only.contains(&code);
        let before = examination.clone();
        match session.settle_some(examination, Goal::Fix, is_meant, &approver).await {
            Ok(report) => report,
            Err(SessionError::Declined(Declined::NobodyThere)) => {
                board.declined();
                let left = approver.left();
                let report = session.report(before);
                events.tell(News::Declined { left });
                report
            }
            Err(error) => {
                events.tell(News::NotRepaired(&with_causes(&error)));
                session.report(before)
            }
        }
    }
}
