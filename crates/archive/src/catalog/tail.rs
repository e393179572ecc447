//! What the search index asks the catalog: what it must cover, and what lies behind it.

use std::ops::RangeInclusive;

use frontdesk_domain::RecordKind;
use frontdesk_durable::Sha256Hash;
use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::documents::DOCUMENT;
use super::keys::OF_KEY;
use super::read::{COLUMNS, Found, TABLES, read_found};
use super::{Catalog, CatalogResult, Mark};
use crate::error::{Action, Error, ErrorKind};
use crate::layout;

/// What the catalog has up to a sequence, in few numbers: an index that was made from something else, or before records
/// were removed, does not fit them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Covered {
    /// Records, of every kind and version.
    pub(crate) records: u64,
    /// Conversations that have a version.
    pub(crate) conversations: u64,
    /// The last sequence up to there, and that record's hash; zeros when there is none.
    pub(crate) last: u64,
    pub(crate) last_sha256: Sha256Hash,
}

/// What a search must look at besides the index, at one moment.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) covered: Covered,
    /// The highest sequence.
    pub(crate) highest: u64,
    /// Latest conversations in the ranges that were asked for, in order of their sequences.
    pub(crate) rows: Vec<Found>,
    /// Whether these are all of them.
    pub(crate) complete: bool,
    /// Records that one of them replaced: earlier versions, and of a transcript the details.
    pub(crate) replaced: Vec<u64>,
}

impl Catalog {
    /// What the catalog has up to a sequence.
    ///
    /// # Errors
    /// What SQLite says; `Catalog` when it is not this archive's.
    pub(crate) fn covered(&self, archive: &[u8; 16], upto: u64) -> Result<Covered, Error> {
        let snapshot = self.reading()?;
        let mark = self.marked(archive)?;
        covered(&snapshot, &mark, upto).in_catalog()
    }

    /// What lies in `ranges` and behind `upto`, at most `most` conversations of it.
    ///
    /// # Errors
    /// As [`Catalog::covered`].
    pub(crate) fn tail(
        &self,
        archive: &[u8; 16],
        upto: u64,
        ranges: &[RangeInclusive<u64>],
        most: usize,
    ) -> Result<Tail, Error> {
        let snapshot = self.reading()?;
        self.tail_in(&snapshot, archive, upto, ranges, most)
    }

    /// The same at a moment that was chosen already.
    pub(super) fn tail_in(
        &self,
        snapshot: &Connection,
        archive: &[u8; 16],
        upto: u64,
        ranges: &[RangeInclusive<u64>],
        most: usize,
    ) -> Result<Tail, Error> {
        let mark = self.marked(archive)?;
        let covered = covered(snapshot, &mark, upto).in_catalog()?;
        let highest = self.highest()?;
        let (mut rows, mut complete, mut replaced) = (Vec::new(), true, Vec::new());
        let mut versions = prepare_versions(snapshot)?;
        for range in ranges.iter().chain([&(upto + 1..=i64::MAX.cast_unsigned())]) {
            let mut found =
                self.conversations_between(*range.start(), *range.end(), most + 1 - rows.len())?;
            rows.append(&mut found);
            if rows.len() > most {
                rows.truncate(most);
                complete = false;
                break;
            }
        }
        for row in &rows {
            if row.version > 1 {
                older(&mut versions, row, &mut replaced)?;
            }
            if row.key.kind == RecordKind::Transcript {
                replaced.extend(self.details_of(&row.key.id)?);
            }
        }
        Ok(Tail { covered, highest, rows, complete, replaced })
    }

    /// At most `limit` conversations, by what is searched of them, from one sequence to another, in order.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn conversations_between(
        &self,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<Found>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE r.sequence BETWEEN ?1 AND ?2 AND {DOCUMENT}
             ORDER BY r.sequence LIMIT ?3"
        );
        let mut statement = self.connection.prepare(&sql).in_catalog()?;
        let last = last.min(i64::MAX.cast_unsigned());
        let parameters =
            params![first.cast_signed(), last.cast_signed(), i64::try_from(limit).unwrap_or(i64::MAX)];
        let rows = statement.query_map(parameters, read_found).in_catalog()?;
        rows.collect::<rusqlite::Result<_>>().in_catalog()
    }

    /// The sequences of what is searched from one sequence to another, in order.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn living_between(&self, first: u64, last: u64) -> Result<Vec<u64>, Error> {
        let sql = format!(
            "SELECT r.sequence FROM records r WHERE r.sequence BETWEEN ?1 AND ?2 AND {DOCUMENT} ORDER BY r.sequence"
        );
        let mut statement = self.connection.prepare(&sql).in_catalog()?;
        let parameters = params![first.cast_signed(), last.cast_signed()];
        let rows = statement.query_map(parameters, |row| row.get::<_, i64>(0)).in_catalog()?;
        rows.map(|row| row.map(i64::cast_unsigned)).collect::<rusqlite::Result<_>>().in_catalog()
    }

    /// The sequences of what a record took the place of: its earlier versions, and of a transcript the details.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn replaced_by(&self, found: &Found) -> Result<Vec<u64>, Error> {
        let mut sequences = Vec::new();
        if found.version > 1 {
            older(&mut prepare_versions(&self.connection)?, found, &mut sequences)?;
        }
        if found.key.kind == RecordKind::Transcript {
            sequences.extend(self.details_of(&found.key.id)?);
        }
        Ok(sequences)
    }

    fn marked(&self, archive: &[u8; 16]) -> Result<Mark, Error> {
        let mark = self.read_mark_of(archive).in_catalog()?;
        mark.ok_or_else(|| Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog))
    }
}

fn prepare_versions(connection: &Connection) -> Result<Statement<'_>, Error> {
    let sql = format!(
        "SELECT r.sequence FROM records r WHERE {OF_KEY} AND r.kind = ?2 AND r.id = ?3 AND r.sequence < ?4"
    );
    connection.prepare(&sql).in_catalog()
}

fn older(versions: &mut Statement<'_>, found: &Found, out: &mut Vec<u64>) -> Result<(), Error> {
    let parameters = params![
        found.key_hash,
        found.key.kind.code(),
        found.key.id.as_str().as_bytes(),
        found.sequence.cast_signed()
    ];
    let rows = versions.query_map(parameters, |row| row.get::<_, i64>(0)).in_catalog()?;
    for row in rows {
        out.push(row.in_catalog()?.cast_unsigned());
    }
    Ok(())
}

fn covered(connection: &Connection, mark: &Mark, upto: u64) -> rusqlite::Result<Covered> {
    let upto = upto.cast_signed();
    let (records, first_versions) = connection.query_row(
        "SELECT count(*), coalesce(sum(kind = ?2 AND version = 1), 0) FROM records WHERE sequence > ?1",
        params![upto, RecordKind::Details.code()],
        |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned())),
    )?;
    let last = connection
        .query_row(
            "SELECT sequence, sha256 FROM records WHERE sequence <= ?1 ORDER BY sequence DESC LIMIT 1",
            params![upto],
            |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Vec<u8>>(1)?)),
        )
        .optional()?;
    let (last, last_sha256) = last.unwrap_or_default();
    let all: u64 = mark.segments.values().map(|segment| segment.records).sum();
    Ok(Covered {
        records: all.saturating_sub(records),
        conversations: mark.conversations.saturating_sub(first_versions),
        last,
        last_sha256: Sha256Hash::try_from(last_sha256).unwrap_or_default(),
    })
}
