//! What a reader is told about holds and removals.

use frontdesk_domain::{MatterName, PolicyName, RecordId, RecordKind, Timestamp};

use crate::catalog::{Held, RowFilter};
use crate::error::Error;
use crate::list::{self, ListEntry};
use crate::reader::Reader;

/// Holds asked for at a time.
const PAGE: usize = 1_000;

/// A conversation that a matter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The matter.
    pub matter: MatterName,
    /// The conversation.
    pub id: RecordId,
    /// When it was put under the hold.
    pub at: Timestamp,
    /// By whom, as the ledger says.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What it was found by, if it was found by a query.
    pub query: Option<String>,
}

/// What is left of a conversation that retention removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The policy by which it was due.
    pub policy: PolicyName,
    /// What its age was counted from.
    pub since: Timestamp,
    /// When it was removed.
    pub at: Timestamp,
    /// How many records there were, every version counted.
    pub records: u64,
}

impl Reader {
    /// Calls `work` with the bytes of the latest version of every conversation, on several threads, and `sink` with what
    /// it made of them, on this one and in the order of storing. Gives how many could not be read.
    ///
    /// # Errors
    /// What is wrong with the catalog, what the file system says, and what `sink` returns.
    pub fn each_latest<T: Send>(
        &self,
        work: impl Fn(&[u8]) -> T + Sync,
        mut sink: impl FnMut(ListEntry, T) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let filter = RowFilter { kind: Some(RecordKind::Details), latest_only: true, ..RowFilter::default() };
        let mut unreadable = 0;
        self.stream(
            filter,
            |_| true,
            self.workers,
            |_, bytes| work(bytes),
            |found, made| match made {
                Ok(made) => sink(list::entry(found.clone()), made),
                Err(_) => {
                    unreadable += 1;
                    Ok(())
                }
            },
        )?;
        Ok(unreadable)
    }

    /// The archive's id, which a plan is bound to.
    #[must_use]
    pub fn archive_id(&self) -> String {
        self.format.archive_id.to_string()
    }

    /// The matters that hold a conversation, by name; empty when it may be removed.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub fn matters(&self, id: &RecordId) -> Result<Vec<MatterName>, Error> {
        self.ask(|catalog| catalog.matters(id))
    }

    /// The same of several conversations, at one moment.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub fn matters_of<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i RecordId> + Clone,
    ) -> Result<Vec<Vec<MatterName>>, Error> {
        self.ask(|catalog| {
            if !catalog.is_any_held_known()? {
                return Ok(ids.clone().into_iter().map(|_| Vec::new()).collect());
            }
            let _moment = catalog.reading()?;
            ids.clone().into_iter().map(catalog.matters_of()?).collect()
        })
    }

    /// Calls `each` with every hold in order of conversations and matters; of one matter only, where it is named.
    ///
    /// # Errors
    /// What is wrong with the catalog, and what `each` returns.
    pub fn holds<E: From<Error>>(
        &self,
        matter: Option<&MatterName>,
        mut each: impl FnMut(Hold) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after: Option<(RecordId, MatterName)> = None;
        loop {
            let behind = after.as_ref().map(|(id, matter)| (id, matter));
            let page = self.ask(|catalog| catalog.holds(matter, behind, PAGE))?;
            let last = page.last().map(|held| (held.id.clone(), held.matter.clone()));
            let full = page.len() == PAGE;
            for Held { matter, id, at, actor, reason, query } in page {
                each(Hold { matter, id, at, actor, reason, query })?;
            }
            after = last;
            if !full {
                return Ok(());
            }
        }
    }

    /// How many conversations are held, by however many matters.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub fn held(&self) -> Result<u64, Error> {
        self.ask(|catalog| catalog.held())
    }

    /// What is left of a conversation that retention removed; `None` when it did not.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub fn tombstone(&self, id: &RecordId) -> Result<Option<Tombstone>, Error> {
        let found = self.ask(|catalog| catalog.tombstone(id))?;
        Ok(found.map(|found| Tombstone {
            policy: found.policy,
            since: found.since,
            at: found.at,
            records: found.records,
        }))
    }

    /// How many conversations retention removed.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub fn tombstones(&self) -> Result<u64, Error> {
        self.ask(|catalog| catalog.tombstones())
    }
}
