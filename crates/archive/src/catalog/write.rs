//! Changing the catalog: one transaction per group.

use frontdesk_domain::{RecordId, RecordKind};
use frontdesk_durable::{Head, Sha256Hash};
use rusqlite::{Connection, Statement, Transaction, params};

use super::{Catalog, CatalogResult, SegmentMark, keys, schema};
use crate::error::Error;
use crate::put::Stable;

/// A member as the catalog knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemberRow {
    /// The sequence of its first record.
    pub(crate) id: u64,
    pub(crate) segment: u32,
    pub(crate) number: u32,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) archived_at: i64,
}

/// A record as the catalog knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordRow<'r> {
    pub(crate) sequence: u64,
    /// [`super::key_hash`] of kind and id.
    pub(crate) key: i64,
    pub(crate) kind: RecordKind,
    pub(crate) id: &'r RecordId,
    pub(crate) version: u32,
    pub(crate) sha256: Sha256Hash,
    /// What the next version is compared with.
    pub(crate) stable: Stable,
    /// [`MemberRow::id`] of its member.
    pub(crate) member: u64,
    /// Where it begins in the member's block.
    pub(crate) start: u32,
    pub(crate) length: u32,
    /// Start of the conversation in microseconds since 1970.
    pub(crate) started_at: Option<i64>,
}

/// A transaction with its statements prepared.
pub(crate) struct Change<'c> {
    transaction: &'c Transaction<'c>,
    member: Statement<'c>,
    record: Statement<'c>,
    key: Statement<'c>,
    superseded: Statement<'c>,
    /// Rows of `recent_keys`.
    recent_keys: u64,
}

impl Catalog {
    /// Makes the tables of an empty catalog.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn initialize(&mut self, archive: &[u8; 16], ledger: Head) -> Result<(), Error> {
        let transaction = self.connection.transaction().in_catalog()?;
        transaction.execute_batch(schema::TABLES).in_catalog()?;
        put_meta(&transaction, "schema", schema::VERSION).in_catalog()?;
        put_meta(&transaction, "archive", &archive[..]).in_catalog()?;
        put_mark(&transaction, ledger, 0).in_catalog()?;
        transaction.commit().in_catalog()
    }

    /// Runs `change` in one transaction, which is committed when it succeeds and undone when it does not.
    ///
    /// # Errors
    /// What `change` returned, or what SQLite says.
    pub(crate) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Change<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // Not known again until this one is committed.
        let recent_keys = self.recent_keys.take();
        let transaction = self.connection.transaction().in_catalog()?;
        let (result, recent_keys) = {
            let mut prepared = Change::prepare(&transaction, recent_keys).in_catalog()?;
            (change(&mut prepared)?, prepared.recent_keys)
        };
        transaction.commit().in_catalog()?;
        self.recent_keys = Some(recent_keys);
        Ok(result)
    }

    /// A transaction in which nothing is changed.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn reading(&self) -> Result<Transaction<'_>, Error> {
        self.connection.unchecked_transaction().in_catalog()
    }
}

impl<'c> Change<'c> {
    fn prepare(transaction: &'c Transaction<'c>, recent_keys: Option<u64>) -> rusqlite::Result<Self> {
        Ok(Self {
            transaction,
            recent_keys: match recent_keys {
                Some(known) => known,
                None => keys::recent(transaction)?,
            },
            key: transaction.prepare("INSERT OR IGNORE INTO recent_keys (key, sequence) VALUES (?1, ?2)")?,
            member: transaction.prepare(
                "INSERT OR IGNORE INTO members (id, segment, number, place, length, archived_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            record: transaction.prepare(
                "INSERT OR IGNORE INTO records (sequence, key, kind, id, version, sha256, member, start, length, started_at, stable)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?,
            superseded: transaction.prepare("INSERT OR IGNORE INTO superseded (sequence) VALUES (?1)")?,
        })
    }

    pub(crate) fn connection(&self) -> &'c Connection {
        self.transaction
    }

    /// Adds a member; `false` when there is one of this id already.
    pub(crate) fn add_member(&mut self, row: &MemberRow) -> Result<bool, Error> {
        self.member
            .execute(params![
                row.id.cast_signed(),
                row.segment,
                row.number,
                row.offset.cast_signed(),
                row.length.cast_signed(),
                row.archived_at
            ])
            .in_catalog()
            .map(|added| added == 1)
    }

    /// Adds a record; `false` when there is one of this sequence already.
    pub(crate) fn add_record(&mut self, row: RecordRow<'_>) -> Result<bool, Error> {
        let added = self
            .record
            .execute(params![
                row.sequence.cast_signed(),
                row.key,
                row.kind.code(),
                row.id.as_str().as_bytes(),
                row.version,
                &row.sha256[..],
                row.member.cast_signed(),
                row.start,
                row.length,
                row.started_at,
                (row.stable != Stable::whole(row.sha256)).then(|| row.stable.to_bytes())
            ])
            .in_catalog()?
            == 1;
        if added {
            self.key.execute(params![row.key, row.sequence.cast_signed()]).in_catalog()?;
            self.recent_keys += 1;
            if self.recent_keys >= keys::MOST_RECENT {
                keys::merge(self.transaction).in_catalog()?;
                self.recent_keys = 0;
            }
        }
        Ok(added)
    }

    /// Notes that a record is no longer the latest version of its key.
    pub(crate) fn supersede(&mut self, sequence: u64) -> Result<(), Error> {
        self.superseded.execute(params![sequence.cast_signed()]).in_catalog().map(drop)
    }

    /// Moves the mark of one segment.
    pub(crate) fn mark_segment(&mut self, number: u32, mark: &SegmentMark) -> Result<(), Error> {
        self.transaction
            .execute(
                "INSERT OR REPLACE INTO segments (number, folder, sealed, length, members, head, records, raw_bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    number,
                    mark.folder.to_string(),
                    mark.sealed,
                    mark.place.offset.cast_signed(),
                    mark.place.number,
                    &mark.place.previous[..],
                    mark.records.cast_signed(),
                    mark.raw_bytes.cast_signed()
                ],
            )
            .in_catalog()
            .map(drop)
    }

    /// Moves the mark of the whole catalog.
    pub(crate) fn mark(&mut self, ledger: Head, conversations: u64) -> Result<(), Error> {
        put_mark(self.transaction, ledger, conversations).in_catalog()
    }

    /// A copy took a segment's place: its members lie at the same offsets under another number. Without `new` they
    /// are gone, or lie elsewhere, where they are read again.
    pub(crate) fn replace_segment(&mut self, old: u32, new: Option<u32>) -> Result<(), Error> {
        self.transaction.execute("DELETE FROM segments WHERE number = ?1", params![old]).in_catalog()?;
        match new {
            Some(new) => {
                self.transaction
                    .execute("UPDATE members SET segment = ?2 WHERE segment = ?1", params![old, new])
                    .and_then(|_| {
                        let sql = "UPDATE hidden SET segment = ?2 WHERE segment = ?1";
                        self.transaction.execute(sql, params![old, new])
                    })
                    .in_catalog()?;
            }
            None => self.forget_segment(old).in_catalog()?,
        }
        Ok(())
    }

    fn forget_segment(&self, number: u32) -> rusqlite::Result<()> {
        const RECORDS: &str = "SELECT r.sequence FROM records r
            WHERE r.member IN (SELECT m.id FROM members m WHERE m.segment = ?1)";
        keys::forget(self.transaction, RECORDS, number)?;
        let sql = format!(
            "DELETE FROM media WHERE sequence IN ({RECORDS})
                 OR sequence IN (SELECT h.sequence FROM hidden h WHERE h.segment = ?1)"
        );
        self.transaction.execute(&sql, params![number])?;
        for of in ["superseded", "records"] {
            let sql = format!("DELETE FROM {of} WHERE sequence IN ({RECORDS})");
            self.transaction.execute(&sql, params![number])?;
        }
        self.transaction.execute("DELETE FROM members WHERE segment = ?1", params![number])?;
        self.transaction.execute("DELETE FROM hidden WHERE segment = ?1", params![number]).map(drop)
    }

    /// After records were taken out: which versions are the latest, and how many conversations there are.
    pub(crate) fn recount(&mut self) -> Result<u64, Error> {
        self.transaction
            .execute(
                "DELETE FROM superseded WHERE sequence NOT IN (
                     SELECT r.sequence FROM superseded o JOIN records r ON r.sequence = o.sequence WHERE
                         EXISTS (SELECT 1 FROM keys k JOIN records n ON n.sequence = k.sequence
                             WHERE k.key = r.key AND k.sequence > r.sequence
                                 AND n.kind = r.kind AND n.id = r.id)
                         OR EXISTS (SELECT 1 FROM recent_keys k JOIN records n ON n.sequence = k.sequence
                             WHERE k.key = r.key AND k.sequence > r.sequence
                                 AND n.kind = r.kind AND n.id = r.id))",
                [],
            )
            .in_catalog()?;
        self.transaction
            .query_row(
                "SELECT count(*) FROM records r WHERE r.kind = ?1
                     AND NOT EXISTS (SELECT 1 FROM superseded o WHERE o.sequence = r.sequence)",
                params![RecordKind::Details.code()],
                |row| row.get::<_, i64>(0),
            )
            .in_catalog()
            .map(i64::cast_unsigned)
    }
}

fn put_mark(connection: &Connection, ledger: Head, conversations: u64) -> rusqlite::Result<()> {
    put_meta(connection, "ledger_lines", ledger.lines.cast_signed())?;
    put_meta(connection, "ledger_hash", &ledger.hash[..])?;
    put_meta(connection, "conversations", conversations.cast_signed())
}

fn put_meta(connection: &Connection, name: &str, value: impl rusqlite::ToSql) -> rusqlite::Result<()> {
    connection
        .execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)", params![name, value])
        .map(drop)
}
