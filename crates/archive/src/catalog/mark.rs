//! The high-water mark: what the catalog says it covers.

use std::collections::BTreeMap;

use frontdesk_durable::{Head, Sha256Hash};
use rusqlite::{OptionalExtension, Row, params};

use super::{Catalog, CatalogResult, schema};
use crate::error::Error;
use crate::layout::Folder;
use crate::segment::walk::Place;

/// How far into one segment the catalog goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentMark {
    pub(crate) folder: Folder,
    pub(crate) sealed: bool,
    /// Behind the last member covered.
    pub(crate) place: Place,
    pub(crate) records: u64,
    pub(crate) raw_bytes: u64,
}

/// What the catalog covers: a state of the ledger, and a place in each segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) ledger: Head,
    pub(crate) segments: BTreeMap<u32, SegmentMark>,
    /// Keys of kind `details` that have at least one version.
    pub(crate) conversations: u64,
}

/// What a catalog file is.
#[derive(Debug)]
pub(crate) enum State {
    /// Empty: just created.
    Empty,
    /// Ours, as far as its mark goes.
    Marked(Mark),
    /// Of another archive, another schema, or not readable as a catalog.
    Foreign,
}

impl Catalog {
    /// Reads the mark, and whether the catalog is this archive's at all.
    ///
    /// # Errors
    /// What SQLite says when the file could not be read. A file that is no catalog is
    /// [`State::Foreign`], not an error.
    pub(crate) fn state(&self, archive: &[u8; 16]) -> Result<State, Error> {
        match self.read_state(archive) {
            Err(error) if is_damage(&error) => Ok(State::Foreign),
            other => other.in_catalog(),
        }
    }

    /// This catalog as it is now, whatever is committed from here on; `None` when it is not this archive's.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn fixed(self, archive: &[u8; 16]) -> Result<Option<(Self, Mark)>, Error> {
        self.connection.execute_batch("BEGIN").in_catalog()?;
        let mark = self.read_mark_of(archive);
        match mark {
            Err(error) if is_damage(&error) => Ok(None),
            other => Ok(other.in_catalog()?.map(|mark| (self, mark))),
        }
    }

    fn read_state(&self, archive: &[u8; 16]) -> rusqlite::Result<State> {
        let tables: i64 =
            self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables == 0 {
            return Ok(State::Empty);
        }
        // One statement per value, but one transaction: a writer may commit in between.
        let snapshot = self.connection.unchecked_transaction()?;
        let mark = self.read_mark_of(archive)?;
        drop(snapshot);
        Ok(mark.map_or(State::Foreign, State::Marked))
    }

    pub(super) fn read_mark_of(&self, archive: &[u8; 16]) -> rusqlite::Result<Option<Mark>> {
        let version: Option<i64> = self.meta("schema")?;
        let found: Option<Vec<u8>> = self.meta("archive")?;
        if version != Some(schema::VERSION) || found.as_deref() != Some(&archive[..]) {
            return Ok(None);
        }
        self.read_mark()
    }

    fn read_mark(&self) -> rusqlite::Result<Option<Mark>> {
        let (Some(lines), Some(hash), Some(conversations)) = (
            self.meta::<i64>("ledger_lines")?,
            self.meta::<Vec<u8>>("ledger_hash")?.and_then(|hash| Sha256Hash::try_from(hash).ok()),
            self.meta::<i64>("conversations")?,
        ) else {
            return Ok(None);
        };
        let mut statement = self.connection.prepare(
            "SELECT number, folder, sealed, length, members, head, records, raw_bytes FROM segments",
        )?;
        let mut segments = BTreeMap::new();
        for row in statement.query_map([], read_segment)? {
            let Some((number, segment)) = row? else { return Ok(None) };
            segments.insert(number, segment);
        }
        let ledger = Head { lines: lines.cast_unsigned(), hash };
        Ok(Some(Mark { ledger, segments, conversations: conversations.cast_unsigned() }))
    }

    fn meta<T: rusqlite::types::FromSql>(&self, name: &str) -> rusqlite::Result<Option<T>> {
        self.connection
            .query_row("SELECT value FROM meta WHERE name = ?1", params![name], |row| row.get(0))
            .optional()
    }
}

/// Whether SQLite's answer means that the file is not a catalog of ours, rather than that it could not be read.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, SchemaChanged, Unknown};
    match error.sqlite_error_code() {
        // `Unknown` is SQLITE_ERROR: no such table or column.
        Some(code) => matches!(code, DatabaseCorrupt | NotADatabase | SchemaChanged | Unknown),
        // A column of another type than ours.
        None => matches!(
            error,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnName(..)
        ),
    }
}

fn read_segment(row: &Row<'_>) -> rusqlite::Result<Option<(u32, SegmentMark)>> {
    let number: u32 = row.get(0)?;
    let folder: String = row.get(1)?;
    let head: Vec<u8> = row.get(5)?;
    let (Some(folder), Ok(previous)) = (Folder::parse(&folder), Sha256Hash::try_from(head)) else {
        return Ok(None);
    };
    let mark = SegmentMark {
        folder,
        sealed: row.get::<_, i64>(2)? != 0,
        place: Place { offset: row.get::<_, i64>(3)?.cast_unsigned(), number: row.get(4)?, previous },
        records: row.get::<_, i64>(6)?.cast_unsigned(),
        raw_bytes: row.get::<_, i64>(7)?.cast_unsigned(),
    };
    Ok(Some((number, mark)))
}
