//! Where the chain ends, and the head that says so.

use frontdesk_domain::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::chain::{self, Hash};
use crate::error::{Action, During, Error, ErrorKind};
use crate::head::Head;
use crate::keys::{KeyFile, KeyRing};
use crate::layout;

/// Entries of which one head is kept for good.
pub(crate) const BLOCK: u64 = 4_096;

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Entries.
    pub(crate) count: u64,
    /// Hash of the last of them.
    pub(crate) hash: Hash,
    /// The key that signs.
    pub(crate) key_id: String,
}

impl Position {
    /// Before the first entry.
    pub(crate) fn start(journal: &str, key_id: &str) -> Self {
        Self { count: 0, hash: chain::genesis(journal), key_id: key_id.to_owned() }
    }

    /// Where the chain ends now. When another process has written since, its head is checked first: nothing is added to
    /// a chain that does not hold.
    ///
    /// # Errors
    /// `Damage` when entries and head do not belong together; `KeyMissing`.
    pub(crate) fn found_in(
        &self,
        connection: &Connection,
        journal: &str,
        ring: &mut KeyRing,
        key_file: &KeyFile,
    ) -> Result<Self, Error> {
        let damage = |what: &str| Error::damage(Action::Record, what);
        let head = newest_head(connection, journal)?.ok_or_else(|| damage("there is no head"))?;
        let last = connection
            .prepare_cached("SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1")
            .and_then(|mut last| last.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional())
            .during(Action::Record, layout::DATABASE)?;
        if last != Some::<(u64, Hash)>((head.count, head.hash)) {
            return Err(damage("the newest head is not of the last entry"));
        }
        if (head.count, head.hash) == (self.count, self.hash) {
            return Ok(self.clone());
        }
        if head.count <= self.count {
            return Err(damage("acknowledged entries are gone"));
        }
        if ring.get(&head.key_id).is_none() {
            // Another process replaced the key.
            *ring = key_file.read()?;
        }
        match head.is_signed_by(ring) {
            Some(true) => Ok(Self { count: head.count, hash: head.hash, key_id: head.key_id }),
            Some(false) => Err(damage("the newest head has a wrong signature")),
            None => Err(Error::new(Action::Keys, "", ErrorKind::KeyMissing { key_id: head.key_id })),
        }
    }

    /// Signs the end of the chain. The head before it goes, unless it is the last of its block or of its key.
    pub(crate) fn seal(
        &self,
        connection: &Connection,
        journal: &str,
        ring: &KeyRing,
        before: &Self,
        at: Timestamp,
    ) -> Result<Head, Error> {
        let key = ring.get(&self.key_id).ok_or_else(|| {
            Error::new(Action::Keys, "", ErrorKind::KeyMissing { key_id: self.key_id.clone() })
        })?;
        let head = Head::sign(journal, self.count, self.hash, key, at);
        if before.count / BLOCK == self.count / BLOCK && before.key_id == self.key_id {
            connection
                .prepare_cached("DELETE FROM heads WHERE count = ?1")
                .and_then(|mut delete| delete.execute([before.count]))
                .during(Action::Record, layout::DATABASE)?;
        }
        connection
            .prepare_cached("INSERT INTO heads (count, hash, key_id, at, mac) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut insert| {
                insert.execute(params![head.count, head.hash, head.key_id, head.at.as_micros(), head.mac])
            })
            .during(Action::Record, layout::DATABASE)?;
        Ok(head)
    }
}

/// The head of the most entries.
pub(crate) fn newest_head(connection: &Connection, journal: &str) -> Result<Option<Head>, Error> {
    connection
        .prepare_cached("SELECT count, hash, key_id, at, mac FROM heads ORDER BY count DESC LIMIT 1")
        .and_then(|mut newest| newest.query_row([], |row| read_head(row, journal)).optional())
        .during(Action::Read, layout::DATABASE)
}

/// A row of `heads`: count, hash, key, time, signature.
pub(crate) fn read_head(row: &Row<'_>, journal: &str) -> rusqlite::Result<Head> {
    Ok(Head {
        journal: journal.to_owned(),
        count: row.get(0)?,
        hash: row.get(1)?,
        key_id: row.get(2)?,
        at: Timestamp::from_micros(row.get(3)?).unwrap_or(Timestamp::MIN),
        mac: row.get(4)?,
    })
}
