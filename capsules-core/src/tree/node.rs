//! One capsule of a tree.

use uuid::Uuid;

use crate::facts::Facts;
use crate::record::SealedRecord;
use crate::timestamp::Timestamp;

/// A capsule, and how it stands in its tree. Of longer texts only the beginning is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// How many generations are above it.
    pub depth: usize,
    /// How it is connected with what is above it.
    pub link: Link,
    /// Whether it caused more than the limits allow to show.
    pub is_cut: bool,
    /// Its id.
    pub id: String,
    /// Its place in the chain.
    pub sequence: i64,
    /// Its type.
    pub kind: String,
    /// The capsule whose action caused this one's.
    pub parent_id: Option<Uuid>,
    /// `trigger.source`
    pub source: String,
    /// `context.agent_id`
    pub agent: String,
    /// `outcome.status`; empty when the content has none or cannot be read.
    pub status: String,
    /// `outcome.error`
    pub error: Option<String>,
    /// `trigger.timestamp`
    pub began: Option<Timestamp>,
    /// `execution.duration_ms`
    pub duration_ms: Option<u64>,
}

/// How a capsule is connected with what is above it in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// It has no parent.
    Root,
    /// It stands under its parent.
    Child,
    /// Its parent is not in the store.
    Missing,
    /// Its parent is in the store, or may be, and is not shown.
    NotShown,
    /// It is its own ancestor: some record was falsified.
    Circle,
}

impl Link {
    /// The name for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Child => "child",
            Self::Missing => "missing",
            Self::NotShown => "not_shown",
            Self::Circle => "circle",
        }
    }
}

impl Node {
    /// Reads a record, as a child of something.
    pub(super) fn of(record: &SealedRecord) -> Self {
        let facts = Facts::read(&record.content).unwrap_or_default();
        Self {
            depth: 0,
            link: Link::Child,
            is_cut: false,
            id: record.columns.id.clone(),
            sequence: record.columns.sequence,
            kind: record.columns.kind.clone(),
            parent_id: facts.parent(),
            source: beginning(facts.source()),
            agent: beginning(facts.agent()),
            status: beginning(facts.status().unwrap_or_default()),
            error: facts.error().map(beginning),
            began: facts.began(),
            duration_ms: facts.duration_ms(),
        }
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// In characters.
const LONGEST: usize = 200;
