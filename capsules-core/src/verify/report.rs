//! What a verification found.

use std::fmt;
use std::str::FromStr;

use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::chain::Head;

/// How much of a chain is verified. Each level includes the ones before it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Sequences and links.
    #[default]
    Structural,
    /// And the hash of every content, and what the store keeps beside it.
    Full,
    /// And every signature.
    Signatures,
}

impl Level {
    /// The name in the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Structural => "structural",
            Self::Full => "full",
            Self::Signatures => "signatures",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name is not one of the three levels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a level; the levels are structural, full and signatures")]
pub struct UnknownLevel {
    /// The name that was read.
    pub name: String,
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Structural, Self::Full, Self::Signatures]
            .into_iter()
            .find(|level| level.as_str() == name)
            .ok_or_else(|| UnknownLevel {
                name: name.to_owned(),
            })
    }
}

/// What the verification of a chain found.
///
/// Serde writes the object that the protocol's command line prints: `valid`, `level`,
/// `capsules_verified`, `total_capsules` and `errors`, a list of at most one; and beside them
/// `checks`, and `since` where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How much was verified.
    pub level: Level,
    /// The record after which it was begun, when not with the first.
    pub since: Option<Head>,
    /// How many records the chain has, after that one.
    pub total_capsules: u64,
    /// How many of them were verified, counted from the first. Verification ends with the first
    /// record that fails, since a chain says nothing after a break.
    pub capsules_verified: u64,
    /// The answer to each question.
    pub checks: Checks,
    /// The last record that was verified. Kept where the store's writers cannot reach it, it shows
    /// later that the chain up to there was neither cut nor replaced.
    pub head: Option<Head>,
    /// What made the chain invalid.
    pub error: Option<Finding>,
}

impl Report {
    /// Whether nothing was found that makes the chain invalid, at the level that was asked for.
    /// An empty chain is valid. A violation of the order of time or of an epoch is no such thing;
    /// see [`Checks::time_order`].
    pub fn valid(&self) -> bool {
        self.error.is_none()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 7)?;
        report.serialize_field("valid", &self.valid())?;
        report.serialize_field("level", &self.level)?;
        report.serialize_field("capsules_verified", &self.capsules_verified)?;
        report.serialize_field("total_capsules", &self.total_capsules)?;
        report.serialize_field("errors", self.error.as_slice())?;
        report.serialize_field("checks", &self.checks)?;
        match &self.since {
            Some(since) => report.serialize_field("since", &Place(since))?,
            None => report.skip_field("since")?,
        }
        report.end()
    }
}

struct Place<'a>(&'a Head);

impl Serialize for Place<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut place = serializer.serialize_struct("Head", 2)?;
        place.serialize_field("sequence", &self.0.sequence)?;
        place.serialize_field("hash", &self.0.hash)?;
        place.end()
    }
}

/// The answer to each question about a chain. The [module](super) says what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checks {
    /// Are sequences without gaps, and does each record name the hash before it?
    pub links: Verdict,
    /// Does each content have the hash of its record?
    pub content: Verdict,
    /// Did a trusted key sign each hash?
    pub signatures: Verdict,
    /// Did the trusted ML-DSA-65 key sign each hash, as the policy demands?
    pub post_quantum: Verdict,
    /// Does what the store keeps beside the content agree with it?
    pub columns: Verdict,
    /// Is each record in the tenant that its content names?
    pub tenant: Verdict,
    /// Was each record sealed after it began and after the record before it? The seal's time is
    /// outside of the hash and clocks are set back, so a violation is a reason to ask and does
    /// not make the chain invalid.
    pub time_order: Verdict,
    /// Was each record sealed while the keyring's epoch of its key lasted? As with the order of
    /// time, a violation is a reason to ask: a program goes on with the key that it has when
    /// another one rotates.
    pub epochs: Verdict,
}

impl Checks {
    /// Each question with its answer, in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = (Check, &Verdict)> {
        Check::ALL
            .into_iter()
            .map(|check| (check, self.verdict(check)))
    }

    /// The answer to one question.
    pub fn verdict(&self, check: Check) -> &Verdict {
        match check {
            Check::Links => &self.links,
            Check::Content => &self.content,
            Check::Signatures => &self.signatures,
            Check::PostQuantum => &self.post_quantum,
            Check::Columns => &self.columns,
            Check::Tenant => &self.tenant,
            Check::TimeOrder => &self.time_order,
            Check::Epochs => &self.epochs,
        }
    }
}

/// A question about a chain; a field of [`Checks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Check {
    /// [`Checks::links`].
    Links,
    /// [`Checks::content`].
    Content,
    /// [`Checks::signatures`].
    Signatures,
    /// [`Checks::post_quantum`].
    PostQuantum,
    /// [`Checks::columns`].
    Columns,
    /// [`Checks::tenant`].
    Tenant,
    /// [`Checks::time_order`].
    TimeOrder,
    /// [`Checks::epochs`].
    Epochs,
}

impl Check {
    /// Every question, in the order in which they are asked of a record.
    pub const ALL: [Self; 8] = [
        Self::Links,
        Self::Content,
        Self::Signatures,
        Self::PostQuantum,
        Self::Columns,
        Self::Tenant,
        Self::TimeOrder,
        Self::Epochs,
    ];

    /// The name of the field of [`Checks`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Content => "content",
            Self::Signatures => "signatures",
            Self::PostQuantum => "post_quantum",
            Self::Columns => "columns",
            Self::Tenant => "tenant",
            Self::TimeOrder => "time_order",
            Self::Epochs => "epochs",
        }
    }

    /// The lowest level at which it is asked.
    pub const fn level(self) -> Level {
        match self {
            Self::Links => Level::Structural,
            Self::Content | Self::Columns | Self::Tenant | Self::TimeOrder => Level::Full,
            Self::Signatures | Self::PostQuantum | Self::Epochs => Level::Signatures,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The answer to a question about a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Every record that has something to check was found right.
    Passed {
        /// How many records that were.
        checked: u64,
    },
    /// A record was found wrong.
    Failed(Finding),
    /// The question has no answer.
    NotChecked {
        /// Why not.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Problem, Verifier};
    use super::*;

    #[test]
    fn levels_include_those_before_them() {
        for level in [Level::Structural, Level::Full, Level::Signatures] {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        assert!("Full".parse::<Level>().is_err());
        assert!(Level::Structural < Level::Full && Level::Full < Level::Signatures);
    }

    #[test]
    fn json_has_the_keys_of_the_protocol() {
        let mut report = Verifier::new(Level::Full).verify_records([]);
        let checks = json!({
            "links": {"verdict": "passed", "checked": 0},
            "content": {"verdict": "passed", "checked": 0},
            "signatures": {"verdict": "not_checked", "why": "not part of the level full"},
            "post_quantum": {"verdict": "not_checked", "why": "not part of the level full"},
            "columns": {"verdict": "passed", "checked": 0},
            "tenant": {"verdict": "passed", "checked": 0},
            "time_order": {"verdict": "passed", "checked": 0},
            "epochs": {"verdict": "not_checked", "why": "not part of the level full"},
        });
        let expected = json!({
            "valid": true,
            "level": "full",
            "capsules_verified": 0,
            "total_capsules": 0,
            "errors": [],
            "checks": checks,
        });
        assert_eq!(serde_json::to_value(&report).unwrap(), expected);

        let finding = Finding {
            sequence: 0,
            capsule_id: "a".to_owned(),
            problem: Problem::GenesisHasPrevious,
        };
        report.checks.links = Verdict::Failed(finding.clone());
        report.error = Some(finding);
        let value = serde_json::to_value(&report).unwrap();
        let error = "Genesis capsule has previous_hash (should be null)";
        let error = json!({"sequence": 0, "capsule_id": "a", "error": error});
        assert_eq!(value["valid"], false);
        assert_eq!(value["errors"], json!([error]));
        let mut failed = error;
        failed["verdict"] = "failed".into();
        assert_eq!(value["checks"]["links"], failed);
    }
}
