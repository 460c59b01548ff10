//! Where sealed records are kept: the [`Storage`] trait and the stores of this crate.

mod content;
mod filter;
mod memory;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::ops::ControlFlow;

use uuid::Uuid;

pub use filter::Filter;
pub use memory::MemoryStorage;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStorage};

use crate::chain::{Head, Position};
use crate::record::{RecordRef, SealedRecord};

/// Makes the records that follow a chain's head. Called with the store's write lock held and the
/// head read under it; may be called more than once for one append.
pub type SealNext<'a> = dyn FnMut(Option<&Head>) -> Result<Vec<SealedRecord>, StorageError> + 'a;

/// Makes the records that follow the head of each of several chains, which are numbered in the order
/// in which they were named. As [`SealNext`] otherwise.
pub type SealChains<'a> =
    dyn FnMut(usize, Option<&Head>) -> Result<Vec<SealedRecord>, StorageError> + 'a;

/// A store of sealed records.
///
/// Calls block; they are made from threads that may block, never from an asynchronous runtime's.
/// A store keeps one or more chains. Where it keeps one chain per tenant, `tenant` chooses the
/// chain. Where it keeps a single chain, as both stores of this crate do, every tenant shares the
/// chain, and `tenant` is only recorded with each record that does not name its own.
pub trait Storage: Send + Sync {
    /// Does what the store needs before its first use and has not done yet, such as connecting to a
    /// server, so that its failure is seen before there is anything to append. Every other method
    /// does it by itself. Nothing by default.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unreachable`] when there is no server now, and [`StorageError::Open`] when the
    /// store cannot be used for another reason.
    fn prepare(&self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Appends records to the head of a chain, all or none.
    ///
    /// The store takes its write lock, reads the head, calls `seal` with it and inserts what that
    /// returns, so that no other writer, in whatever process or language, can take the same place.
    /// `seal` must not call the store itself.
    ///
    /// # Errors
    ///
    /// [`StorageError::Locked`] when another writer held the store for too long,
    /// [`StorageError::Duplicate`] when the `id` of a record is stored already,
    /// [`StorageError::Unlinked`] when the records do not follow the head, the error of `seal`, or
    /// another [`StorageError`] when the store cannot be written. Nothing was appended then.
    fn append(&self, tenant: Option<&str>, seal: &mut SealNext<'_>) -> Result<(), StorageError>;

    /// Appends to several chains, which are all different. A store that keeps more than one does it
    /// in one transaction, all or none; the default appends to one after the other, and leaves
    /// what it has appended when a later one fails.
    ///
    /// # Errors
    ///
    /// Those of [`append`](Self::append).
    fn append_all(
        &self,
        chains: &[Option<&str>],
        seal: &mut SealChains<'_>,
    ) -> Result<(), StorageError> {
        for (number, chain) in chains.iter().enumerate() {
            self.append(*chain, &mut |head| seal(number, head))?;
        }
        Ok(())
    }

    /// The chain that a tenant's records belong to; `None` is the chain that all tenants share,
    /// and the only one of most stores.
    fn chain_of<'t>(&self, tenant: Option<&'t str>) -> Option<&'t str> {
        let _ = tenant;
        None
    }

    /// The chains that the store keeps, by their tenants. By default the one that all share.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    fn chains(&self) -> Result<Vec<Option<String>>, StorageError> {
        Ok(vec![None])
    }

    /// Whether [`append`](Self::append) works on every thread that may wait for it, inside of a
    /// runtime too: it starts no runtime and is bound to no thread. Somebody who waits for a
    /// single record may then append it at once, instead of handing it to another thread.
    fn appends_on_any_thread(&self) -> bool {
        false
    }

    /// Whether appends have left work for [`tidy`](Self::tidy). Asked after each of them.
    fn is_untidy(&self) -> bool {
        false
    }

    /// Does work that appends have left, such as moving a log into its file, beside further appends:
    /// the recorder calls this on a thread of its own. An append that finds it undone does it.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be written. What was appended stays stored.
    fn tidy(&self) -> Result<(), StorageError> {
        Ok(())
    }

    /// The record with this id.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    fn get(&self, id: &Uuid) -> Result<Option<SealedRecord>, StorageError>;

    /// Those of the records with these ids that there are, in any order. A store that is far away
    /// asks for all of them at once; the default for one after the other.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    fn get_many(&self, ids: &[Uuid]) -> Result<Vec<SealedRecord>, StorageError> {
        let found = ids.iter().filter_map(|id| self.get(id).transpose());
        found.collect()
    }

    /// The record with this hash (64 lower-case hexadecimal digits).
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    fn get_by_hash(&self, hash: &str) -> Result<Option<SealedRecord>, StorageError>;

    /// The record at a place of a chain.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    fn record_at(
        &self,
        chain: Option<&str>,
        sequence: u64,
    ) -> Result<Option<SealedRecord>, StorageError> {
        let mut found = None;
        self.scan_ref(chain, sequence, &mut |record| {
            // A scan from 0 begins with what is no place in a chain.
            match u64::try_from(record.columns.sequence) {
                Err(_) => ControlFlow::Continue(()),
                Ok(place) => {
                    found = (place == sequence).then(|| record.to_owned());
                    ControlFlow::Break(())
                }
            }
        })?;
        Ok(found)
    }

    /// The last record's place in the chain; `None` when the chain is empty.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    fn head(&self, tenant: Option<&str>) -> Result<Option<Head>, StorageError>;

    /// The last record's place in each chain that has one, by the chains' tenants.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    fn heads(&self) -> Result<Vec<(Option<String>, Head)>, StorageError> {
        let mut heads = Vec::new();
        for chain in self.chains()? {
            let head = self.head(chain.as_deref())?;
            heads.extend(head.map(|head| (chain, head)));
        }
        Ok(heads)
    }

    /// Streams a chain in order of sequence, beginning with `from`, until its end or until
    /// `visit` breaks. Memory stays flat, and the records are those of one point in time. A scan
    /// from 0 visits every record there is, so that one with a negative sequence is found too.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read. What was visited until then is only to be
    /// relied on when the scan succeeds.
    fn scan(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(SealedRecord) -> ControlFlow<()>,
    ) -> Result<(), StorageError>;

    /// As [`scan`](Self::scan), for a visitor that needs no copy of its own. A store that can read
    /// without copying does better than the default.
    ///
    /// # Errors
    ///
    /// Those of [`scan`](Self::scan).
    fn scan_ref(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.scan(tenant, from, &mut |record| visit(record.as_ref()))
    }

    /// As [`scan_ref`](Self::scan_ref), for a visitor that looks at the content, the hash and the
    /// sequence alone. A store that reads rows faster when it reads less of them leaves the other
    /// fields empty.
    ///
    /// # Errors
    ///
    /// Those of [`scan`](Self::scan).
    fn scan_links(
        &self,
        tenant: Option<&str>,
        from: u64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.scan_ref(tenant, from, visit)
    }

    /// The records that a filter selects.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    fn list(&self, filter: &Filter) -> Result<Vec<SealedRecord>, StorageError>;

    /// How many records a filter selects; its limit and offset are ignored.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the store cannot be read.
    fn count(&self, filter: &Filter) -> Result<u64, StorageError>;

    /// Releases what the store holds. Later calls fail with [`StorageError::Closed`].
    ///
    /// # Errors
    ///
    /// [`StorageError`] when something that was written could not be made durable.
    fn close(&self) -> Result<(), StorageError>;

    /// Where the store is, for messages: a path or a host, never a password.
    fn location(&self) -> String;
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The store could not be opened.
    #[error("cannot open the capsule store {location}: {reason}")]
    Open {
        /// Path or host.
        location: String,
        /// What was found, and what to do.
        reason: String,
    },
    /// There is no such store yet at a place where one could be.
    #[error("there is no capsule store at {location} yet: {reason}")]
    Absent {
        /// Path or host.
        location: String,
        /// What is missing, and what to do.
        reason: String,
    },
    /// There is no server to talk to. The same may succeed later without anybody's doing; whether
    /// what was on its way to it has taken effect is not known.
    #[error("cannot reach the capsule store {location}: {reason}")]
    Unreachable {
        /// The host.
        location: String,
        /// What was found, and what to do.
        reason: String,
    },
    /// Reading failed.
    #[error("cannot read the capsule store {location}: {reason}")]
    Read {
        /// Path or host.
        location: String,
        /// What was found, and what to do.
        reason: String,
    },
    /// Writing failed; nothing was appended.
    #[error("cannot write the capsule store {location}: {reason}")]
    Write {
        /// Path or host.
        location: String,
        /// What was found, and what to do.
        reason: String,
    },
    /// Another writer held the store for longer than the time-out.
    #[error("the capsule store {location} is locked by another writer")]
    Locked {
        /// Path or host.
        location: String,
    },
    /// A record with this id is stored already.
    #[error("the capsule {id} is already stored in {location}")]
    Duplicate {
        /// The record's id.
        id: String,
        /// Path or host.
        location: String,
    },
    /// A record can never be kept in this store, as it is now; others can.
    #[error("the capsule {id} cannot be kept in {location}: {reason}")]
    Refused {
        /// The record's id.
        id: String,
        /// Path or host.
        location: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The records to append do not follow the chain's head.
    #[error("refused to append to the capsule store {location}: {reason}")]
    Unlinked {
        /// Path or host.
        location: String,
        /// Which record is out of place.
        reason: String,
    },
    /// The record after which a query was to go on is in none of the chains that it is about.
    #[error("{location} has no capsule {id} to go on from")]
    NoCursor {
        /// What [`Filter::beyond`] names.
        id: String,
        /// Path or host.
        location: String,
    },
    /// The store was closed.
    #[error("the capsule store {location} is closed")]
    Closed {
        /// Path or host.
        location: String,
    },
    /// The records could not be sealed.
    #[error("cannot seal: {0}")]
    Seal(#[from] crate::seal::SealError),
}

/// Checks that the columns of `records` continue a chain from `head`, each naming the hash of the
/// one before it (CPS section 4). Stores call it before they insert, so that a mistake of the
/// caller cannot fork a chain.
///
/// # Errors
///
/// [`StorageError::Unlinked`] with `location` and the first record that is out of place.
pub fn check_links(
    location: &str,
    head: Option<&Head>,
    records: &[SealedRecord],
) -> Result<(), StorageError> {
    let mut place = Position::after(head);
    for record in records {
        let columns = &record.columns;
        if u64::try_from(columns.sequence) != Ok(place.sequence)
            || columns.previous_hash != place.previous_hash
        {
            let reason = format!(
                "capsule {} has sequence {} and previous_hash {}, the chain continues with \
                 sequence {} and previous_hash {}",
                columns.id,
                columns.sequence,
                columns.previous_hash.as_deref().unwrap_or("null"),
                place.sequence,
                place.previous_hash.as_deref().unwrap_or("null"),
            );
            return Err(StorageError::Unlinked {
                location: location.to_owned(),
                reason,
            });
        }
        place.sequence += 1;
        place.previous_hash = Some(record.hash.clone());
    }
    Ok(())
}
