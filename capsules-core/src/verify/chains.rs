//! Verification of a store that keeps several chains.

use super::report::{Check, Checks, Report, Verdict};
use super::verifier::Verifier;
use crate::storage::{Storage, StorageError};

/// What the verification of one of several chains found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainReport {
    /// Whose chain it is; `None` for the chain of the records without a tenant, or the one that
    /// all share.
    pub tenant: Option<String>,
    /// What was found.
    pub report: Report,
}

impl Verifier {
    /// Verifies every chain of a store, one after the other.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    pub fn verify_chains(&self, storage: &dyn Storage) -> Result<Vec<ChainReport>, StorageError> {
        let mut chains = storage.chains()?;
        if chains.is_empty() {
            chains.push(None);
        }
        chains
            .into_iter()
            .map(|tenant| {
                let report = self.verify(storage, tenant.as_deref())?;
                Ok(ChainReport { tenant, report })
            })
            .collect()
    }
}

impl Report {
    /// One report on several chains: valid when each of them is. Their numbers are added up, a
    /// question has failed when it failed for one of them, and was not checked when it was not
    /// for one of them. `None` for no report.
    pub fn joined(reports: impl IntoIterator<Item = Self>) -> Option<Self> {
        reports.into_iter().reduce(|joined, report| Self {
            level: joined.level.min(report.level),
            since: None,
            total_capsules: joined.total_capsules + report.total_capsules,
            capsules_verified: joined.capsules_verified + report.capsules_verified,
            checks: joined.checks.and(&report.checks),
            head: None,
            error: joined.error.or(report.error),
        })
    }
}

impl Checks {
    fn and(&self, other: &Self) -> Self {
        let join = |check: Check| match (self.verdict(check), other.verdict(check)) {
            (Verdict::Passed { checked }, Verdict::Passed { checked: more }) => Verdict::Passed {
                checked: checked + more,
            },
            (failed @ Verdict::Failed(_), _) | (_, failed @ Verdict::Failed(_)) => failed.clone(),
            (open @ Verdict::NotChecked { .. }, _) | (_, open @ Verdict::NotChecked { .. }) => {
                open.clone()
            }
        };
        Self {
            links: join(Check::Links),
            content: join(Check::Content),
            signatures: join(Check::Signatures),
            post_quantum: join(Check::PostQuantum),
            columns: join(Check::Columns),
            tenant: join(Check::Tenant),
            time_order: join(Check::TimeOrder),
            epochs: join(Check::Epochs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Finding, Level, Problem};
    use super::*;

    #[test]
    fn one_chain_that_fails_makes_the_whole_invalid() {
        let sound = Verifier::new(Level::Full).verify_records([]);
        let mut broken = sound.clone();
        let finding = Finding {
            sequence: 0,
            capsule_id: "a".to_owned(),
            problem: Problem::GenesisHasPrevious,
        };
        broken.checks.links = Verdict::Failed(finding.clone());
        broken.error = Some(finding.clone());
        broken.total_capsules = 3;
        for reports in [
            [sound.clone(), broken.clone()],
            [broken.clone(), sound.clone()],
        ] {
            let joined = Report::joined(reports).unwrap();
            assert!(!joined.valid());
            assert_eq!(joined.checks.links, Verdict::Failed(finding.clone()));
            assert_eq!(joined.total_capsules, 3);
        }
        let joined = Report::joined([sound.clone(), sound.clone()]).unwrap();
        assert!(joined.valid());
        assert_eq!(Report::joined([]), None);
    }

    #[test]
    fn a_question_that_was_left_open_once_is_open() {
        let full = Verifier::new(Level::Full).verify_records([]);
        let structural = Verifier::new(Level::Structural).verify_records([]);
        let joined = Report::joined([full, structural]).unwrap();
        assert_eq!(joined.level, Level::Structural);
        assert!(matches!(joined.checks.links, Verdict::Passed { .. }));
        assert!(matches!(joined.checks.content, Verdict::NotChecked { .. }));
    }
}
