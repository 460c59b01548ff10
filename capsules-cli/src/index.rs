//! The index of a store, which some commands keep.

use std::path::{Path, PathBuf};

use capsules_core::Storage;
use capsules_core::index::{Index, Part};

use crate::args::Global;
use crate::progress::{Progress, Unit};
use crate::{Result, output, source};

/// Where the index is, and whether to believe it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct IndexArgs {
    /// The file of the index [default: the store's name and .index]
    #[arg(long, value_name = "PATH")]
    index: Option<PathBuf>,

    /// Make the index anew
    #[arg(long)]
    rebuild: bool,
}

impl IndexArgs {
    /// The index of a store, up to date. Where none can be kept beside the store, one is made for
    /// this time.
    pub(crate) fn open(
        &self,
        store: &Path,
        storage: &dyn Storage,
        part: Part,
        global: &Global,
    ) -> Result<Index> {
        let mut index = match &self.index {
            Some(path) => self.open_at(path)?,
            None => match self.open_at(&Index::beside(store)) {
                Err(error) if error.is_denied() => {
                    output::note(&format!("{error}, with --index; this time it is in memory"));
                    Index::temporary()?
                }
                opened => opened?,
            },
        };
        let length = source::chain_length(storage);
        let progress = Progress::new(global, "Indexing", Unit::Capsules, length);
        index.update(part, storage, &mut |place| progress.reached(place))?;
        Ok(index)
    }

    fn open_at(&self, path: &Path) -> Result<Index, capsules_core::index::IndexError> {
        if self.rebuild {
            Index::remove(path)?;
        }
        Index::open(path)
    }
}
