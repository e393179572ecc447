//! Holds, tombstones and what was lost: what the ledger says of them, as tables.

use frontdesk_domain::{MatterName, PolicyName, RecordId, RecordKind, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::write::Change;
use super::{Catalog, CatalogResult, keys, lost};
use crate::error::{Action, Error, ErrorKind};
use crate::layout;
use crate::ledger::{self, Expired};

/// A conversation that retention removed, as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buried {
    pub(crate) policy: PolicyName,
    pub(crate) since: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) records: u64,
}

/// A conversation that a matter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) matter: MatterName,
    pub(crate) id: RecordId,
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) reason: String,
    pub(crate) query: Option<String>,
}

impl Change<'_> {
    /// Does what a line of the ledger says to the tables. Gives how many conversations are no longer there.
    pub(crate) fn retain(&mut self, number: u64, line: &ledger::Line) -> Result<u64, Error> {
        let connection = self.connection();
        match &line.change {
            ledger::Change::Hold { matter, query, ids } => {
                let sql = "INSERT OR IGNORE INTO hold_lines (line, at, actor, reason, query)
                    VALUES (?1, ?2, ?3, ?4, ?5)";
                let parameters =
                    params![number.cast_signed(), line.at.as_micros(), line.actor, line.reason, query];
                connection.execute(sql, parameters).in_catalog()?;
                let mut statement = connection
                    .prepare("INSERT OR IGNORE INTO holds (id, matter, line) VALUES (?1, ?2, ?3)")
                    .in_catalog()?;
                for id in ids {
                    statement
                        .execute(params![id.as_str().as_bytes(), matter.as_str(), number.cast_signed()])
                        .in_catalog()?;
                }
            }
            ledger::Change::Release { matter, ids } => {
                match ids {
                    None => drop(
                        connection
                            .execute("DELETE FROM holds WHERE matter = ?1", params![matter.as_str()])
                            .in_catalog()?,
                    ),
                    Some(ids) => {
                        let mut statement = connection
                            .prepare("DELETE FROM holds WHERE id = ?1 AND matter = ?2")
                            .in_catalog()?;
                        for id in ids {
                            let parameters = params![id.as_str().as_bytes(), matter.as_str()];
                            statement.execute(parameters).in_catalog()?;
                        }
                    }
                }
                let sql = "DELETE FROM hold_lines WHERE line NOT IN (SELECT line FROM holds)";
                connection.execute(sql, []).in_catalog()?;
            }
            ledger::Change::Expire { conversations, .. } => {
                return bury(connection, conversations, line.at).in_catalog();
            }
            ledger::Change::Lose { records } => lost::note(connection, records, line.at).in_catalog()?,
            _ => {}
        }
        Ok(0)
    }
}

/// Takes the rows of conversations away and leaves their tombstones. Gives how many were there as conversations.
fn bury(connection: &Connection, conversations: &[Expired], at: Timestamp) -> rusqlite::Result<u64> {
    let mut find = connection.prepare(
        "SELECT m.segment, r.length, r.kind, r.key FROM records r JOIN members m ON m.id = r.member
         WHERE r.sequence = ?1",
    )?;
    let mut remove = connection.prepare("DELETE FROM records WHERE sequence = ?1")?;
    let [recent, merged] = keys::FORGET;
    let (mut recent, mut merged) = (connection.prepare(recent)?, connection.prepare(merged)?);
    let mut forget = connection.prepare("DELETE FROM superseded WHERE sequence = ?1")?;
    let mut hide = connection.prepare("INSERT OR IGNORE INTO hidden (sequence, segment) VALUES (?1, ?2)")?;
    let mut lessen = connection
        .prepare("UPDATE segments SET records = records - 1, raw_bytes = raw_bytes - ?2 WHERE number = ?1")?;
    let mut tombstone = connection.prepare(
        "INSERT OR REPLACE INTO tombstones (id, policy, since, at, records) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    // What was lost of it is not missed any more.
    let mut miss = connection.prepare("DELETE FROM lost WHERE id = ?1")?;
    let mut gone = 0;
    for conversation in conversations {
        let mut counted = false;
        for record in &conversation.records {
            let sequence = record.sequence.cast_signed();
            let found = find
                .query_row(params![sequence], |row| {
                    Ok((
                        row.get::<_, u32>(0)?,
                        row.get::<_, i64>(1)?,
                        row.get::<_, u8>(2)?,
                        row.get::<_, i64>(3)?,
                    ))
                })
                .optional()?;
            let Some((segment, length, kind, key)) = found else { continue };
            counted |= kind == RecordKind::Details.code();
            remove.execute(params![sequence])?;
            recent.execute(params![key, sequence])?;
            merged.execute(params![key, sequence])?;
            forget.execute(params![sequence])?;
            hide.execute(params![sequence, segment])?;
            lessen.execute(params![segment, length])?;
        }
        miss.execute(params![conversation.id.as_str().as_bytes()])?;
        gone += u64::from(counted);
        tombstone.execute(params![
            conversation.id.as_str().as_bytes(),
            conversation.policy.as_str(),
            conversation.since.as_micros(),
            at.as_micros(),
            conversation.records.len() as i64
        ])?;
    }
    Ok(gone)
}

impl Catalog {
    /// Whether any conversation was ever removed by retention.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn has_tombstones(&self) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM tombstones)";
        self.connection.query_row(sql, [], |row| row.get(0)).in_catalog()
    }

    /// How many conversations retention removed.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn tombstones(&self) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM tombstones";
        self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).in_catalog().map(i64::cast_unsigned)
    }

    /// What is left of a conversation that retention removed.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn tombstone(&self, id: &RecordId) -> Result<Option<Buried>, Error> {
        let mut statement = self
            .connection
            .prepare("SELECT policy, since, at, records FROM tombstones WHERE id = ?1")
            .in_catalog()?;
        let row = statement
            .query_row(params![id.as_str().as_bytes()], |row| {
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?))
            })
            .optional()
            .in_catalog()?;
        let Some((policy, since, at, records)) = row else { return Ok(None) };
        let policy = PolicyName::new(policy).map_err(|_| strange())?;
        Ok(Some(Buried { policy, since: time(since)?, at: time(at)?, records: records.cast_unsigned() }))
    }

    /// Whether any conversation is held.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn is_any_held(&self) -> Result<bool, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM holds)").in_catalog()?;
        statement.query_row([], |row| row.get(0)).in_catalog()
    }

    /// The matters that hold a conversation, by name.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn matters(&self, id: &RecordId) -> Result<Vec<MatterName>, Error> {
        self.matters_of()?(id)
    }

    /// The same of one conversation after the other.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn matters_of<'c>(
        &'c self,
    ) -> Result<impl FnMut(&RecordId) -> Result<Vec<MatterName>, Error> + use<'c>, Error> {
        let mut statement =
            self.connection.prepare("SELECT matter FROM holds WHERE id = ?1 ORDER BY matter").in_catalog()?;
        Ok(move |id: &RecordId| {
            let rows = statement
                .query_map(params![id.as_str().as_bytes()], |row| row.get::<_, String>(0))
                .in_catalog()?;
            let names: Vec<String> = rows.collect::<rusqlite::Result<_>>().in_catalog()?;
            names.into_iter().map(|name| MatterName::new(name).map_err(|_| strange())).collect()
        })
    }

    /// At most `limit` holds behind one that is known, in order of id and matter; of one matter only, where it is named.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn holds(
        &self,
        matter: Option<&MatterName>,
        after: Option<(&RecordId, &MatterName)>,
        limit: usize,
    ) -> Result<Vec<Held>, Error> {
        let mut statement = self
            .connection
            .prepare(
                "SELECT h.matter, h.id, l.at, l.actor, l.reason, l.query
                 FROM holds h JOIN hold_lines l ON l.line = h.line
                 WHERE (?1 IS NULL OR h.matter = ?1) AND (h.id, h.matter) > (?2, ?3)
                 ORDER BY h.id, h.matter LIMIT ?4",
            )
            .in_catalog()?;
        let (id, name) = after.map_or((&b""[..], ""), |(id, name)| (id.as_str().as_bytes(), name.as_str()));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows =
            statement.query(params![matter.map(MatterName::as_str), id, name, limit]).in_catalog()?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().in_catalog()? {
            let matter: String = row.get(0).in_catalog()?;
            let id: Vec<u8> = row.get(1).in_catalog()?;
            let id = String::from_utf8(id).ok().and_then(|id| RecordId::new(id).ok()).ok_or_else(strange)?;
            found.push(Held {
                matter: MatterName::new(matter).map_err(|_| strange())?,
                id,
                at: time(row.get(2).in_catalog()?)?,
                actor: row.get(3).in_catalog()?,
                reason: row.get(4).in_catalog()?,
                query: row.get(5).in_catalog()?,
            });
        }
        Ok(found)
    }

    /// How many conversations are held, by however many matters.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn held(&self) -> Result<u64, Error> {
        let sql = "SELECT count(DISTINCT id) FROM holds";
        self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).in_catalog().map(i64::cast_unsigned)
    }

    /// From here on what is deleted is overwritten, and what waits in the WAL is moved to the file early: neither keeps
    /// what was removed, nor more room than there may be.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn forget_thoroughly(&self) -> Result<(), Error> {
        self.connection
            .execute_batch("PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 250;")
            .in_catalog()
    }

    /// How many conversations a matter holds.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn held_by(&self, matter: &MatterName) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM holds WHERE matter = ?1";
        let count = self.connection.query_row(sql, params![matter.as_str()], |row| row.get::<_, i64>(0));
        count.in_catalog().map(i64::cast_unsigned)
    }

    /// Packed bytes of the largest segment.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn largest_segment(&self) -> Result<u64, Error> {
        let sql = "SELECT coalesce(max(length), 0) FROM segments";
        self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).in_catalog().map(i64::cast_unsigned)
    }

    /// How many conversations the catalog's mark counts.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn conversations(&self) -> Result<u64, Error> {
        let sql = "SELECT value FROM meta WHERE name = 'conversations'";
        self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).in_catalog().map(i64::cast_unsigned)
    }

    /// Removed records whose bytes are in a segment still.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn hidden(&self, segment: u32) -> Result<Vec<u64>, Error> {
        let sql = "SELECT sequence FROM hidden WHERE segment = ?1 ORDER BY sequence";
        let mut statement = self.connection.prepare(sql).in_catalog()?;
        let rows = statement.query_map(params![segment], |row| row.get::<_, i64>(0)).in_catalog()?;
        let rows = rows.map(|row| row.map(i64::cast_unsigned));
        rows.collect::<rusqlite::Result<_>>().in_catalog()
    }

    /// Every record that is there of a conversation, in order of sequence.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn of_conversation(&self, id: &RecordId) -> Result<Vec<super::Found>, Error> {
        let mut found = Vec::new();
        for kind in RecordKind::ALL {
            let key = frontdesk_domain::RecordKey { kind, id: id.clone() };
            found.extend(self.versions(&key)?);
        }
        found.sort_by_key(|found| found.sequence);
        Ok(found)
    }
}

fn time(micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_micros(micros).map_err(|_| strange())
}

fn strange() -> Error {
    Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog)
}
