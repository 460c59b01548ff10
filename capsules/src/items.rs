//! What is read of a stream's items while they pass.

use std::fmt::{Display, Write};

use serde_json::Value;

use crate::limits::{Bounded, Captured, Limits};
use crate::reader::Reader;
use crate::reading::reading;
use crate::secret::is_secret;

/// The items of a stream so far: how many, the first error among them, and what the others were
/// folded to.
#[derive(Debug)]
pub struct Items<A> {
    pub(crate) count: u64,
    pub(crate) failed: u64,
    pub(crate) error: Option<Captured<String>>,
    /// `None` after a panic of the function that folds.
    pub(crate) folded: Option<A>,
}

impl<A: Default> Default for Items<A> {
    fn default() -> Self {
        Self {
            count: 0,
            failed: 0,
            error: None,
            folded: Some(A::default()),
        }
    }
}

impl<A> Items<A> {
    /// Reads one item.
    pub fn read<T: ?Sized>(
        &mut self,
        item: Option<&T>,
        error: Reader<'_>,
        limits: Limits,
        fold: impl FnOnce(&mut A, &T),
    ) {
        self.count(error, limits);
        if let (Some(item), Some(folded)) = (item, &mut self.folded)
            && reading(|| fold(folded, item)).is_err()
        {
            tracing::error!(target: "capsules", "the items of a stream could not be folded");
            self.folded = None;
        }
    }

    fn count(&mut self, error: Reader<'_>, limits: Limits) {
        self.count += 1;
        if !error.is_some() {
            return;
        }
        self.failed += 1;
        if self.error.is_none() {
            let text = reading(|| error.text(limits));
            self.error =
                text.unwrap_or_else(|_| Some(Captured::whole("<not readable>".to_owned())));
        }
    }
}

/// `fold = "text"`: the items' texts one after the other, as far as they are kept.
#[derive(Debug, Default)]
pub struct FoldedText {
    text: Option<Bounded>,
    secret: bool,
}

impl FoldedText {
    /// Adds the text of an item, unless there is no room for it.
    pub fn push<T: Display + ?Sized>(&mut self, item: &T, limits: Limits) {
        if is_secret::<T>() {
            self.secret = true;
            return;
        }
        let text = self
            .text
            .get_or_insert_with(|| Bounded::new(limits.text, limits.bytes));
        if !text.is_full() {
            // The error says that it is full now, or that the item has no text.
            let _ = write!(text, "{item}");
        }
    }

    /// All of it.
    pub fn finish(self) -> Captured<Value> {
        if self.secret {
            return Captured::secret();
        }
        let (value, cut) = self.text.map(Bounded::finish).unwrap_or_default();
        Captured {
            value: value.into(),
            cut,
            secret: false,
        }
    }
}
