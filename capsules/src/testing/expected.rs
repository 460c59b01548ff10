//! What a test expects of one capsule.

use std::fmt;

use capsules_core::{Capsule, CapsuleType, OutcomeStatus};

/// What is expected of one capsule: its type, its source, its parent and how it ended. As it is
/// made by [`expect`], [`agent`], [`tool`] and the others it has no parent and succeeds.
#[derive(Debug, Clone)]
#[must_use = "hand it to `Recorder::assert_sequence`"]
pub struct Expected {
    kind: CapsuleType,
    source: String,
    parent: Option<Parent>,
    status: OutcomeStatus,
    error: Option<String>,
}

/// The parent that is expected of a capsule: its source, or its place in the sequence, where
/// several have the same source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parent {
    /// A capsule with this source.
    Source(String),
    /// The capsule at this place of the sequence, counted from 0.
    Place(usize),
}

impl From<&str> for Parent {
    fn from(source: &str) -> Self {
        Self::Source(source.to_owned())
    }
}

impl From<usize> for Parent {
    fn from(place: usize) -> Self {
        Self::Place(place)
    }
}

/// A capsule of this type and source. The source may be given from any segment of a function's
/// path on: `search` and `tools::search` stand for `crate::tools::search`.
pub fn expect(kind: CapsuleType, source: impl Into<String>) -> Expected {
    Expected {
        kind,
        source: source.into(),
        parent: None,
        status: OutcomeStatus::Success,
        error: None,
    }
}

macro_rules! by_type {
    ($($name:ident $kind:ident $text:literal;)*) => {$(
        #[doc = concat!("A capsule of the type `", $text, "`; see [`expect`].")]
        pub fn $name(source: impl Into<String>) -> Expected {
            expect(CapsuleType::$kind, source)
        }
    )*};
}

by_type! {
    agent Agent "agent";
    tool Tool "tool";
    system System "system";
    kill Kill "kill";
    workflow Workflow "workflow";
    chat Chat "chat";
    vault Vault "vault";
    auth Auth "auth";
}

impl Expected {
    /// It is a child of the capsule with this source, or at this place of the sequence.
    pub fn within(mut self, parent: impl Into<Parent>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// It fails, with whatever error.
    pub fn fails(self) -> Self {
        self.ends(OutcomeStatus::Failure)
    }

    /// It fails with this error; after a panic that is `panicked: …`.
    pub fn fails_with(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self.fails()
    }

    /// It is cancelled: its future was dropped before it had finished.
    pub fn is_cancelled(self) -> Self {
        self.ends(OutcomeStatus::Partial)
    }

    /// It ends with this status.
    pub fn ends(mut self, status: OutcomeStatus) -> Self {
        self.status = status;
        self
    }

    /// Whether it is this capsule, one of all.
    pub(super) fn is(&self, capsule: &Capsule, all: &[Capsule]) -> bool {
        let parents = || capsule.parent_id.and_then(|id| place(id, all));
        self.kind == capsule.kind
            && is_source(&self.source, capsule)
            && self.status == capsule.outcome.status
            && (self.error.is_none() || self.error == capsule.outcome.error)
            && match &self.parent {
                None => capsule.parent_id.is_none(),
                Some(Parent::Place(place)) => parents() == Some(*place),
                Some(Parent::Source(source)) => {
                    parents().is_some_and(|place| is_source(source, &all[place]))
                }
            }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.source)?;
        match &self.parent {
            None => {}
            Some(Parent::Source(source)) => write!(f, " within {source}")?,
            Some(Parent::Place(place)) => write!(f, " within #{place}")?,
        }
        outcome(f, &self.status, self.error.as_deref())
    }
}

/// A capsule that was recorded, as a line among others.
pub(super) struct Recorded<'a> {
    pub(super) capsule: &'a Capsule,
    pub(super) all: &'a [Capsule],
}

impl fmt::Display for Recorded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Capsule {
            kind,
            trigger,
            outcome: ended,
            ..
        } = self.capsule;
        write!(f, "{kind} {}", trigger.source)?;
        if let Some(parent) = self.capsule.parent_id {
            match place(parent, self.all) {
                Some(place) => {
                    let source = &self.all[place].trigger.source;
                    write!(f, " within #{place} {source}")?;
                }
                None => write!(f, " within a capsule that is not recorded here")?,
            }
        }
        outcome(f, &ended.status, ended.error.as_deref())
    }
}

fn outcome(f: &mut fmt::Formatter<'_>, status: &OutcomeStatus, error: Option<&str>) -> fmt::Result {
    match error {
        Some(error) => write!(f, ": {status}, {error:?}"),
        None => write!(f, ": {status}"),
    }
}

/// Where the capsule with this id is in the sequence.
fn place(id: capsules_core::Uuid, all: &[Capsule]) -> Option<usize> {
    all.iter().position(|capsule| capsule.id == id)
}

/// Whether this is the end of the capsule's source, from a segment of its path on.
fn is_source(expected: &str, capsule: &Capsule) -> bool {
    let source = &capsule.trigger.source;
    source
        .strip_suffix(expected)
        .is_some_and(|before| before.is_empty() || before.ends_with("::"))
}
