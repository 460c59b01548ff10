//! The index of a store, which some commands keep.

use std::path::{Path, PathBuf};

use capsules_core::index::{Index, Part};

use crate::args::Global;
use crate::progress::{Progress, Unit};
use crate::source::{self, Store};
use crate::{Result, output};

/// Where the index is, and whether to believe it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct IndexArgs {
    /// The file of the index [default: the store's name and .index, and for a PostgreSQL store a
    /// file in the data directory]
    #[arg(long, value_name = "PATH")]
    index: Option<PathBuf>,

    /// Make the index anew
    #[arg(long)]
    rebuild: bool,
}

impl IndexArgs {
    /// The index of a store, up to date. Where none can be kept beside the store, one is made for
    /// this time.
    pub(crate) fn open(&self, store: &Store, part: Part, global: &Global) -> Result<Index> {
        let mut index = match &self.index {
            Some(path) => self.open_at(path)?,
            None => match self.open_at(&Index::beside(&store.place().local(global)?)) {
                Err(error) if error.is_denied() => {
                    output::note(&format!("{error}, with --index; this time it is in memory"));
                    Index::temporary()?
                }
                opened => opened?,
            },
        };
        let storage = store.storage();
        let length = source::length(storage, &storage.chains()?);
        let progress = Progress::new(global, "Indexing", Unit::Capsules, length);
        index.update(part, storage, &mut |behind| progress.reached(behind))?;
        Ok(index)
    }

    fn open_at(&self, path: &Path) -> Result<Index, capsules_core::index::IndexError> {
        if self.rebuild {
            Index::remove(path)?;
        }
        Index::open(path)
    }
}
