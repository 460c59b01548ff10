//! What an attack is: something that is done to a chain, and the verdict that it gets.

use capsules_core::verify::{Check, Level, VerifyCode};

use crate::evidence::{Evidence, LEVELS};

/// A way to falsify a chain.
pub(crate) struct Attack {
    /// What is done, in a few words; its name in the document.
    pub(crate) name: &'static str,
    pub(crate) falsify: fn(&mut Evidence),
    pub(crate) verdict: Verdict,
    pub(crate) python: Python,
}

/// What comes of an attack. Places count from 0.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    /// The chain fails. What is found at the levels structural, full and signatures.
    Fails([Option<Failure>; 3]),
    /// The chain stays valid, but this question about times fails at this place.
    Reported(Check, u64),
    /// The chain stays valid, but this question no longer reads as passed.
    Open(Check),
    /// Nothing is found in the chain by itself. A checkpoint of the one that was there fails by this
    /// question, at its own place.
    Checkpoint(Check),
    /// Nothing is found by whoever trusts the keyring that was attacked as well, with or without a
    /// checkpoint. The key kept elsewhere finds it at this place.
    Key(u64),
    /// Nothing is found, for this reason.
    Unseen(&'static str),
}

/// The first thing that is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) check: Check,
    pub(crate) place: u64,
    pub(crate) code: Option<VerifyCode>,
}

/// What the command of the Python implementation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Python {
    /// The same, at every level.
    Same,
    /// It finds nothing.
    Misses,
    /// It does not pass the chain at the highest level either, but says something else or ends
    /// without an answer.
    Differs,
}

impl Attack {
    pub(crate) const fn new(
        name: &'static str,
        verdict: Verdict,
        falsify: fn(&mut Evidence),
    ) -> Self {
        Self {
            name,
            falsify,
            verdict,
            python: Python::Same,
        }
    }

    /// Python finds nothing: it does not ask the question.
    pub(crate) const fn missed_by_python(self) -> Self {
        Self {
            python: Python::Misses,
            ..self
        }
    }

    /// Python says something else.
    pub(crate) const fn other_in_python(self) -> Self {
        Self {
            python: Python::Differs,
            ..self
        }
    }
}

impl Verdict {
    /// What is found at a level.
    pub(crate) fn failure(&self, level: Level) -> Option<Failure> {
        let Self::Fails(found) = self else {
            return None;
        };
        LEVELS
            .iter()
            .zip(found)
            .find_map(|(each, found)| (*each == level).then_some(*found)?)
    }
}

const fn failure(check: Check, place: u64, code: Option<VerifyCode>) -> Failure {
    Failure { check, place, code }
}

/// Found from this level on.
const fn from(level: Level, failure: Failure) -> Verdict {
    let found = Some(failure);
    Verdict::Fails(match level {
        Level::Structural => [found, found, found],
        Level::Full => [None, found, found],
        Level::Signatures => [None, None, found],
    })
}

/// Found at every level, by the links.
pub(crate) const fn links(place: u64) -> Verdict {
    from(Level::Structural, failure(Check::Links, place, None))
}

/// Found from the level full on, by the content.
pub(crate) const fn content(place: u64) -> Verdict {
    let code = Some(VerifyCode::HashMismatch);
    from(Level::Full, failure(Check::Content, place, code))
}

/// Found from the level full on, by a column.
pub(crate) const fn column(place: u64) -> Verdict {
    from(Level::Full, failure(Check::Columns, place, None))
}

/// Found from the level full on, by the tenant.
pub(crate) const fn tenant(place: u64) -> Verdict {
    from(Level::Full, failure(Check::Tenant, place, None))
}

/// Found at the level signatures.
pub(crate) const fn signature(place: u64, code: VerifyCode) -> Verdict {
    let failure = failure(Check::Signatures, place, Some(code));
    from(Level::Signatures, failure)
}

/// Found at the level signatures, where the post-quantum signature is required.
pub(crate) const fn post_quantum(place: u64, code: VerifyCode) -> Verdict {
    let failure = failure(Check::PostQuantum, place, Some(code));
    from(Level::Signatures, failure)
}

/// Found by a link at the lower levels, where nothing else is found.
pub(crate) const fn or_link(verdict: Verdict, link: u64) -> Verdict {
    let Verdict::Fails([structural, full, signatures]) = verdict else {
        return verdict;
    };
    let link = Some(failure(Check::Links, link, None));
    let structural = if structural.is_some() {
        structural
    } else {
        link
    };
    let full = if full.is_some() { full } else { link };
    Verdict::Fails([structural, full, signatures])
}
