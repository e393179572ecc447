//! Items that are set once: how what was received twice is recorded once.

use std::time::Duration;

use frontdesk_domain::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::change::{Change, NewItem};
use crate::error::{Action, Error, ErrorKind};
use crate::layout;

/// An item that must not be there yet.
pub(crate) struct Once {
    pub(crate) ledger: String,
    pub(crate) key: String,
    /// An older one is replaced; `None` when no age makes it old.
    pub(crate) within: Option<Duration>,
}

impl Change {
    /// Sets an item of a ledger as [`item`](Self::item) does, unless it is there: then the whole change is refused
    /// (`Repeated`). With `within` one that was set longer ago counts as not there, and is replaced.
    ///
    /// Whether it is there is looked up in the transaction that sets it: of any number of callers, in any number of
    /// processes, one is not refused.
    ///
    /// # Errors
    /// `Malformed` when the detail cannot be written as JSON.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use frontdesk_domain::Timestamp;
    /// use frontdesk_journal::{Change, ErrorKind, Journal, Settings};
    ///
    /// # let temp = tempfile::tempdir()?;
    /// # let root = temp.path().join("journal");
    /// let journal = Journal::open(&root, &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH))?;
    /// let change = || Change::new().item_once("received", "msg_1", "stored", &7, None);
    /// journal.record(change()?)?;
    /// let repeated = journal.record(change()?).unwrap_err();
    /// assert_eq!(*repeated.kind(), ErrorKind::Repeated);
    /// journal.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn item_once<T: serde::Serialize + ?Sized>(
        self,
        ledger: impl Into<String>,
        key: impl Into<String>,
        state: impl Into<String>,
        detail: &T,
        within: Option<Duration>,
    ) -> Result<Self, Error> {
        let mut change = self.item(ledger, key, state, detail)?;
        let once = change.items.last().map(|NewItem { ledger, key, .. }| Once {
            ledger: ledger.clone(),
            key: key.clone(),
            within,
        });
        change.once.extend(once);
        Ok(change)
    }
}

/// What speaks against a change, if anything does: an item of it that is there already.
pub(crate) fn refuses(
    connection: &Connection,
    once: &[Once],
    now: Timestamp,
) -> rusqlite::Result<Option<Error>> {
    for Once { ledger, key, within } in once {
        let sql = "SELECT ledger, key, state, detail, at, sum FROM items WHERE ledger = ?1 AND key = ?2";
        let found = connection.prepare(sql)?.query_row([ledger, key], crate::reader::read_item).optional()?;
        // A clock that was set back makes nothing old.
        let counts = found.is_some_and(|item| within.is_none_or(|within| now.since(item.at) < within));
        if counts {
            return Ok(Some(Error::new(Action::Record, layout::DATABASE, ErrorKind::Repeated)));
        }
    }
    Ok(None)
}
