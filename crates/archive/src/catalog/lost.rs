//! Records that a repair gave up: what the ledger says of them, as a table.

use frontdesk_domain::{RecordId, RecordKey, RecordKind, Timestamp};
use rusqlite::{Connection, Row, params};

use super::read::number;
use super::{Catalog, CatalogResult};
use crate::error::{Action, Error, ErrorKind};
use crate::layout;
use crate::ledger::LostLine;

/// A record that a repair gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostRow {
    pub(crate) sequence: u64,
    pub(crate) key: RecordKey,
    pub(crate) version: u32,
    pub(crate) started_at: Option<Timestamp>,
    /// When it was given up.
    pub(crate) at: Timestamp,
}

/// A repair that was interrupted may have named what is there after all.
const LOST: &str = "SELECT l.sequence, l.kind, l.id, l.version, l.started_at, l.at FROM lost l
    WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.sequence = l.sequence)";

/// Does what a line of the ledger says.
pub(super) fn note(connection: &Connection, records: &[LostLine], at: Timestamp) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "INSERT OR REPLACE INTO lost (sequence, kind, id, version, started_at, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for record in records {
        statement.execute(params![
            record.sequence.cast_signed(),
            record.kind.code(),
            record.id.as_str().as_bytes(),
            record.version,
            record.started_at.map(Timestamp::as_micros),
            at.as_micros()
        ])?;
    }
    Ok(())
}

impl Catalog {
    /// Every record that is lost, in order of sequence; of one conversation only, where it is named.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn lost(&self, of: Option<&RecordId>) -> Result<Vec<LostRow>, Error> {
        let condition = if of.is_some() { " AND l.id = ?1" } else { "" };
        let sql = format!("{LOST}{condition} ORDER BY l.sequence");
        let mut statement = self.connection.prepare_cached(&sql).in_catalog()?;
        let id = of.map(|id| id.as_str().as_bytes());
        let mut rows = match id {
            Some(id) => statement.query(params![id]),
            None => statement.query([]),
        }
        .in_catalog()?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().in_catalog()? {
            found.push(
                read(row)
                    .in_catalog()?
                    .ok_or_else(|| Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog))?,
            );
        }
        Ok(found)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<LostRow>> {
    let id: Vec<u8> = row.get(2)?;
    let id = String::from_utf8(id).ok().and_then(|id| RecordId::new(id).ok());
    let (Some(kind), Some(id)) = (RecordKind::from_code(row.get(1)?), id) else { return Ok(None) };
    let time = |micros: i64| Timestamp::from_micros(micros).ok();
    let Some(at) = time(row.get(5)?) else { return Ok(None) };
    Ok(Some(LostRow {
        sequence: number(row, 0)?,
        key: RecordKey { kind, id },
        version: row.get(3)?,
        started_at: row.get::<_, Option<i64>>(4)?.and_then(time),
        at,
    }))
}
