//! Which record of a conversation is searched: the latest transcript where there is one, else the latest details.

use frontdesk_domain::{RecordId, RecordKey, RecordKind};
use rusqlite::{Connection, params};

use super::read::{Lookup, number};
use super::{Catalog, CatalogResult, key_hash};
use crate::error::Error;

/// A condition on `records r`: it is what is searched of its conversation. The kinds are written as numbers, or SQLite
/// would not use the index `transcripts`.
pub(super) const DOCUMENT: &str = "r.kind IN (1, 3)
    AND NOT EXISTS (SELECT 1 FROM superseded o WHERE o.sequence = r.sequence)
    AND (r.kind = 3 OR NOT EXISTS (SELECT 1 FROM records t WHERE t.kind = 3 AND t.id = r.id))";

/// Whether a record of this kind may be what is searched of its conversation.
pub(crate) fn is_searched(kind: RecordKind) -> bool {
    matches!(kind, RecordKind::Details | RecordKind::Transcript)
}

/// Whether there is any transcript.
pub(super) fn has_transcripts(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM records WHERE kind = 3)", [], |row| row.get(0))
}

/// Calls `each` with the sequences of details in whose place a transcript is searched.
pub(super) fn transcribed(connection: &Connection, each: &mut dyn FnMut(u64)) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT r.sequence FROM records r WHERE r.kind = 1
             AND EXISTS (SELECT 1 FROM records t WHERE t.kind = 3 AND t.id = r.id)",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(number(row, 0)?);
    }
    Ok(())
}

impl Catalog {
    /// Whether there is any transcript; where there is none, every latest details record is searched.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn has_transcripts(&self) -> Result<bool, Error> {
        has_transcripts(&self.connection).in_catalog()
    }

    /// Whether a conversation has a transcript.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn has_transcript(&self, id: &RecordId) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM records WHERE kind = 3 AND id = ?1)";
        let mut statement = self.connection.prepare(sql).in_catalog()?;
        statement.query_row(params![id.as_str().as_bytes()], |row| row.get(0)).in_catalog()
    }

    /// The sequences of what is searched of the conversations that any matter holds, in order.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn held_documents(&self) -> Result<Vec<u64>, Error> {
        let snapshot = self.reading()?;
        let mut ids = snapshot.prepare("SELECT DISTINCT id FROM holds").in_catalog()?;
        let mut rows = ids.query([]).in_catalog()?;
        let mut lookup = Lookup::prepare(&snapshot)?;
        let mut sequences = Vec::new();
        while let Some(row) = rows.next().in_catalog()? {
            let id = row.get_ref(0).in_catalog()?;
            let id = id.as_bytes().ok().and_then(|id| std::str::from_utf8(id).ok()?.parse::<RecordId>().ok());
            // What is no id is nobody's.
            let Some(id) = id else { continue };
            for kind in [RecordKind::Transcript, RecordKind::Details] {
                let key = RecordKey { kind, id: id.clone() };
                if let Some(latest) = lookup.latest(key_hash(&key), &key)? {
                    sequences.push(latest.sequence);
                    break;
                }
            }
        }
        sequences.sort_unstable();
        Ok(sequences)
    }

    /// The sequences of the details records of a conversation, every version.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn details_of(&self, id: &RecordId) -> Result<Vec<u64>, Error> {
        let sql = "SELECT r.sequence FROM records r WHERE r.kind = 1 AND r.id = ?2
                       AND r.sequence IN (SELECT sequence FROM recent_keys WHERE key = ?1
                           UNION ALL SELECT sequence FROM keys WHERE key = ?1)";
        let key = RecordKey { kind: RecordKind::Details, id: id.clone() };
        let mut statement = self.connection.prepare(sql).in_catalog()?;
        let parameters = params![key_hash(&key), id.as_str().as_bytes()];
        let rows = statement.query_map(parameters, |row| number(row, 0)).in_catalog()?;
        rows.collect::<rusqlite::Result<_>>().in_catalog()
    }
}
