//! Joining the reports of shards into the report that one run over everything would have given.
//!
//! Every shard walks all of storage and judges its own part, so findings add up with none twice, what could not be
//! looked at is the same or adds up, and counts are of the whole (storage) or add up (what was hashed and asked).

use std::collections::BTreeSet;

use thiserror::Error;

use super::limit::{Limit, Limits};
use super::observed::Unlooked;
use super::report::{Coverage, Images, Report, ServedCoverage, StorageCoverage, Verdict, summarise};
use super::shard::Shard;

/// Why reports cannot be joined.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is no report to merge")]
    Nothing,
    /// A report is of a whole check.
    #[error("report {0} is not of a shard: it was not made with --shard")]
    NotAShard(usize),
    /// Two reports do not belong together.
    #[error("report {number} does not belong to the first: its {what} differs")]
    Different {
        /// Which report, from 1.
        number: usize,
        /// What differs.
        what: &'static str,
    },
    /// A shard was given twice.
    #[error("shard {0} is there twice")]
    Twice(Shard),
    /// Shards are missing.
    #[error("the reports of these shards are missing: {}", list(.0))]
    Missing(Vec<Shard>),
}

fn list(shards: &[Shard]) -> String {
    shards.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Join the reports of all shards of one check, in any order.
///
/// # Errors
/// When they are not all the shards of one check.
pub fn merge(reports: Vec<Report>) -> Result<Report, MergeError> {
    let mut reports = in_order(reports)?.into_iter();
    let mut merged = reports.next().ok_or(MergeError::Nothing)?;
    merged.coverage.shard = None;
    let mut limits = std::mem::take(&mut merged.coverage.limits).0;
    for mut report in reports {
        limits.extend(std::mem::take(&mut report.coverage.limits).0);
        join(&mut merged, report);
    }
    merged.findings.sort_by(|one, other| one.order().cmp(&other.order()));
    merged.summary = summarise(&merged.findings);
    Unlooked::sort(&mut merged.coverage.unknown);
    merged.coverage.limits = Limits(join_limits(limits.into_iter()));
    merged.images = Images::Counted(merged.count_images());
    Ok(merged)
}

/// All the shards of one check, by number.
fn in_order(mut reports: Vec<Report>) -> Result<Vec<Report>, MergeError> {
    let first = reports.first().ok_or(MergeError::Nothing)?;
    let of = first.coverage.shard.ok_or(MergeError::NotAShard(1))?.of;
    let mut seen = BTreeSet::new();
    for (number, report) in (1..).zip(&reports) {
        let shard = report.coverage.shard.ok_or(MergeError::NotAShard(number))?;
        if let Some(what) = difference(first, report) {
            return Err(MergeError::Different { number, what });
        }
        if !seen.insert(shard) {
            return Err(MergeError::Twice(shard));
        }
    }
    let missing: Vec<_> =
        (0..of).filter_map(|index| Shard::new(index, of)).filter(|shard| !seen.contains(shard)).collect();
    if !missing.is_empty() {
        return Err(MergeError::Missing(missing));
    }
    reports.sort_by_key(|report| report.coverage.shard);
    Ok(reports)
}

/// What shows that two reports are not of one check.
fn difference(one: &Report, other: &Report) -> Option<&'static str> {
    let count = |report: &Report| report.coverage.shard.map(|shard| shard.of);
    let differences = [
        ("schema", one.schema != other.schema),
        ("version of regfsck", one.tool != other.tool),
        ("target", one.target != other.target),
        ("number of shards", count(one) != count(other)),
    ];
    differences.into_iter().find_map(|(what, differs)| differs.then_some(what))
}

fn join(merged: &mut Report, other: Report) {
    merged.started = merged.started.min(other.started);
    merged.finished = merged.finished.max(other.finished);
    merged.refusal = merged.refusal.take().or(other.refusal);
    merged.findings.extend(other.findings);
    cover(&mut merged.coverage, other.coverage);
    // The worst verdict of any part is that of the whole.
    if rank(other.verdict) > rank(merged.verdict) {
        (merged.verdict, merged.exit_status) = (other.verdict, other.exit_status);
    }
}

const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Coherent => 0,
        Verdict::Incoherent => 1,
        Verdict::Incomplete => 2,
        Verdict::Refused => 3,
    }
}

fn cover(merged: &mut Coverage, other: Coverage) {
    merged.unknown.extend(other.unknown);
    merged.storage = both(merged.storage.as_ref(), other.storage.as_ref(), stored);
    merged.served = both(merged.served.as_ref(), other.served.as_ref(), served);
    merged.cache = merged.cache.take().or(other.cache);
}

fn both<T: Clone>(one: Option<&T>, other: Option<&T>, join: impl FnOnce(&T, &T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(join(one, other)),
        (one, other) => one.or(other).cloned(),
    }
}

/// All shards walk the same storage; where it changed meanwhile, the most that any of them saw.
fn stored(one: &StorageCoverage, other: &StorageCoverage) -> StorageCoverage {
    StorageCoverage {
        repositories: one.repositories.max(other.repositories),
        tags: one.tags.max(other.tags),
        revision_links: one.revision_links.max(other.revision_links),
        layer_links: one.layer_links.max(other.layer_links),
        blobs: one.blobs.max(other.blobs),
        bytes: one.bytes.max(other.bytes),
        manifests: one.manifests.max(other.manifests),
        uploads: one.uploads.max(other.uploads),
        hashed_blobs: one.hashed_blobs + other.hashed_blobs,
        hashed_bytes: one.hashed_bytes + other.hashed_bytes,
    }
}

fn served(one: &ServedCoverage, other: &ServedCoverage) -> ServedCoverage {
    ServedCoverage {
        requests: one.requests + other.requests,
        tags: one.tags + other.tags,
        manifests: one.manifests + other.manifests,
        blobs: one.blobs + other.blobs,
        hashed_blobs: one.hashed_blobs + other.hashed_blobs,
        hashed_bytes: one.hashed_bytes + other.hashed_bytes,
    }
}

/// Each limit of the parts once, in the order of the first report that has it; those that count are added up, and
/// last. What a report of one part says of itself, a joined one does not.
fn join_limits(limits: impl Iterator<Item = Limit>) -> Vec<Limit> {
    let mut joined = Vec::new();
    let mut beliefs: Option<Limit> = None;
    for limit in limits {
        match (limit, &mut beliefs) {
            (Limit::Shard(_), _) => {}
            (Limit::Beliefs { manifests: more, .. }, Some(Limit::Beliefs { manifests, .. })) => {
                *manifests += more;
            }
            (limit @ Limit::Beliefs { .. }, beliefs) => *beliefs = Some(limit),
            (limit, _) if !joined.contains(&limit) => joined.push(limit),
            _ => {}
        }
    }
    joined.extend(beliefs);
    joined
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::code::Code;
    use crate::domain::digest::Digest;
    use crate::domain::finding::{Finding, Subject};
    use crate::domain::report::Target;

    fn report(index: u32, of: u32, limit: Limit) -> Report {
        let shard = Shard::new(index, of).unwrap();
        let digest = Digest::sha256([u8::try_from(of - index).unwrap(); 32]);
        let findings = vec![Finding::new(Code::OrphanBlob, Subject::data(digest), "")];
        Report {
            verdict: if index == 1 { Verdict::Incoherent } else { Verdict::Coherent },
            exit_status: u8::from(index == 1),
            coverage: Coverage {
                shard: Some(shard),
                limits: Limits(vec![Limit::Shard(shard), Limit::ContentUnhashed, limit]),
                ..Coverage::default()
            },
            summary: summarise(&findings),
            findings,
            ..Report::empty(Target::default(), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn shards_in_any_order_make_one_report() {
        let beliefs = |manifests| Limit::Beliefs { manifests, probed: false };
        let merged = merge(vec![report(1, 2, beliefs(3)), report(0, 2, beliefs(4))]).unwrap();
        assert_eq!(merged.coverage.limits.0, [Limit::ContentUnhashed, beliefs(7)]);
        assert_eq!((merged.verdict, merged.exit_status), (Verdict::Incoherent, 1));
        assert!(merged.findings.is_sorted_by_key(|finding| finding.subject.digest));
        assert_eq!((merged.findings.len(), merged.coverage.shard), (2, None));
    }

    #[test]
    fn what_is_not_all_shards_of_one_check_is_refused() {
        let whole = Report { coverage: Coverage::default(), ..report(0, 1, Limit::OnlyStorage) };
        assert_eq!(merge(Vec::new()).unwrap_err(), MergeError::Nothing);
        assert_eq!(merge(vec![whole]).unwrap_err(), MergeError::NotAShard(1));
        let twice = vec![report(0, 2, Limit::OnlyStorage), report(0, 2, Limit::OnlyStorage)];
        assert_eq!(merge(twice).unwrap_err(), MergeError::Twice(Shard { index: 0, of: 2 }));
        let missing =
            merge(vec![report(0, 3, Limit::OnlyStorage), report(2, 3, Limit::OnlyStorage)]).unwrap_err();
        assert_eq!(missing, MergeError::Missing(vec![Shard { index: 1, of: 3 }]));
        let other = Target { storage: Some("/elsewhere".into()), ..Target::default() };
        let strangers = vec![
            report(0, 2, Limit::OnlyStorage),
            Report { target: other, ..report(1, 2, Limit::OnlyStorage) },
        ];
        assert_eq!(merge(strangers).unwrap_err(), MergeError::Different { number: 2, what: "target" });
    }
}
