//! The index that trees, sessions and searches are found with.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use capsules_core::Storage;
use capsules_core::index::{Index, Part};

use crate::problem::Problem;

/// The index of a store, opened when it is first wanted and brought up to date when it is used.
///
/// It covers the whole store. Whoever uses it reads what it finds through a view.
#[derive(Debug)]
pub(crate) struct Indexed {
    /// Where it lies; without one, or where that cannot be written, it is in memory.
    path: Option<PathBuf>,
    open: Mutex<Option<Index>>,
}

impl Indexed {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            open: Mutex::new(None),
        }
    }

    /// Uses the index with what the store has by now.
    pub(crate) fn with<T>(
        &self,
        part: Part,
        storage: &dyn Storage,
        work: impl FnOnce(&Index) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        // An index that was left in a panic is made of whole transactions.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut index = match open.take() {
            Some(index) => index,
            None => self.open()?,
        };
        // One that fails is opened again, or made anew, the next time.
        index.update(part, storage, &mut |_| ())?;
        let done = work(&index);
        *open = Some(index);
        done
    }

    fn open(&self) -> Result<Index, Problem> {
        let Some(path) = &self.path else {
            return Ok(Index::temporary()?);
        };
        match Index::open(path) {
            Err(error) if error.is_denied() => Ok(Index::temporary()?),
            opened => Ok(opened?),
        }
    }
}
