//! Places in a chain and the rules that bind them (CPS section 4).

/// The last record of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its sequence.
    pub sequence: u64,
    /// Its hash, as 64 lower-case hexadecimal digits.
    pub hash: String,
}

/// The place in a chain that a record takes.
///
/// ```
/// use capsules_core::{Head, Position};
///
/// assert_eq!(Position::after(None), Position { sequence: 0, previous_hash: None });
/// let head = Head { sequence: 4, hash: "ab".repeat(32) };
/// assert_eq!(Position::after(Some(&head)).sequence, 5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// One more than the record before it, 0 for the first.
    pub sequence: u64,
    /// The hash of the record before it, `None` for the first.
    pub previous_hash: Option<String>,
}

impl Position {
    /// The place that follows `head`, or the first place of an empty chain.
    pub fn after(head: Option<&Head>) -> Self {
        match head {
            Some(head) => Self {
                sequence: head.sequence + 1,
                previous_hash: Some(head.hash.clone()),
            },
            None => Self {
                sequence: 0,
                previous_hash: None,
            },
        }
    }
}
