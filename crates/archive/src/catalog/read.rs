//! Asking the catalog.

use frontdesk_domain::{RecordId, RecordKey, RecordKind, TimeRange, Timestamp};
use frontdesk_durable::Sha256Hash;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, Statement, params};

use super::documents::{self, DOCUMENT};
use super::keys::{self, KeyLookup, OF_KEY};
use super::write::MemberRow;
use super::{Catalog, CatalogResult, Mark, key_hash};
use crate::error::{Action, Error, ErrorKind};
use crate::layout::{self, Folder};
use crate::put::Stable;

/// A record and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) sequence: u64,
    pub(crate) key: RecordKey,
    pub(crate) key_hash: i64,
    pub(crate) version: u32,
    pub(crate) sha256: Sha256Hash,
    /// What the next version is compared with.
    pub(crate) stable: Stable,
    /// Where it begins in the member's block.
    pub(crate) start: u32,
    pub(crate) length: u32,
    pub(crate) started_at: Option<i64>,
    pub(crate) member: MemberRow,
    pub(crate) folder: Folder,
}

impl Found {
    /// When its conversation started.
    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        self.started_at.and_then(|micros| Timestamp::from_micros(micros).ok())
    }
}

/// A record, but for where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Brief {
    pub(crate) key: RecordKey,
    pub(crate) version: u32,
    pub(crate) started_at: Option<i64>,
}

/// The latest version of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Latest {
    pub(crate) sequence: u64,
    pub(crate) version: u32,
    /// What the next version is compared with.
    pub(crate) stable: Stable,
}

/// Records of a range of start times up to which they are looked for by their start.
const FEW: u64 = 10_000;

/// Which records are wanted, and from where on.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowFilter {
    pub(crate) kind: Option<RecordKind>,
    pub(crate) started: Option<TimeRange>,
    pub(crate) latest_only: bool,
    /// Only records behind this sequence.
    pub(crate) after: u64,
}

/// What the tables come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) records: u64,
    pub(crate) members: u64,
    /// Latest versions of kind `details`.
    pub(crate) conversations: u64,
    /// Records that are noted as superseded and are the latest, or the other way round.
    pub(crate) wrongly_superseded: u64,
    /// Records that are not in the index by key, and rows of it that are no record's.
    pub(crate) wrongly_keyed: u64,
}

pub(super) const COLUMNS: &str =
    "r.sequence, r.key, r.kind, r.id, r.version, r.sha256, r.start, r.length, r.started_at,
    m.id, m.segment, m.number, m.place, m.length, m.archived_at, s.folder, coalesce(r.stable, r.sha256)";
pub(super) const TABLES: &str =
    "records r JOIN members m ON m.id = r.member JOIN segments s ON s.number = m.segment";

/// The statements that find the latest version of a key; prepared once for many keys.
pub(crate) struct Lookup<'c> {
    keys: KeyLookup<'c>,
    record: Statement<'c>,
}

impl<'c> Lookup<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> Result<Self, Error> {
        let record = connection
            .prepare("SELECT sequence, version, coalesce(stable, sha256), kind, id FROM records WHERE sequence = ?1")
            .in_catalog()?;
        Ok(Self { keys: KeyLookup::prepare(connection).in_catalog()?, record })
    }

    /// The latest version of `key`, whose [`key_hash`] is `hash`.
    pub(crate) fn latest(&mut self, hash: i64, key: &RecordKey) -> Result<Option<Latest>, Error> {
        for sequence in self.keys.sequences(hash).in_catalog()? {
            let mut rows = self.record.query(params![sequence.cast_signed()]).in_catalog()?;
            let Some(row) = rows.next().in_catalog()? else { continue };
            let kind: u8 = row.get(3).in_catalog()?;
            let id = row.get_ref(4).in_catalog()?;
            if kind != key.kind.code() || id.as_bytes() != Ok(key.id.as_str().as_bytes()) {
                continue;
            }
            let latest = (|| {
                Ok(Latest { sequence: number(row, 0)?, version: row.get(1)?, stable: stable_value(row, 2)? })
            })();
            return latest.map(Some).in_catalog();
        }
        Ok(None)
    }
}

impl Catalog {
    /// The record of a key: of the version asked for, else the latest.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn find(&self, key: &RecordKey, version: Option<u32>) -> Result<Option<Found>, Error> {
        // One statement: a merge of the index between two would hide a key from both.
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE {OF_KEY} ORDER BY r.sequence DESC");
        let mut statement = self.connection.prepare(&sql).in_catalog()?;
        let mut rows = statement.query(params![key_hash(key)]).in_catalog()?;
        while let Some(row) = rows.next().in_catalog()? {
            let found = read_found(row).in_catalog()?;
            if found.key == *key && version.is_none_or(|version| version == found.version) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Every version of a key, the latest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn versions(&self, key: &RecordKey) -> Result<Vec<Found>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE {OF_KEY} ORDER BY r.sequence DESC");
        let mut statement = self.connection.prepare(&sql).in_catalog()?;
        let rows = statement.query_map(params![key_hash(key)], read_found).in_catalog()?;
        let found: Vec<Found> = rows.collect::<rusqlite::Result<_>>().in_catalog()?;
        Ok(found.into_iter().filter(|found| found.key == *key).collect())
    }

    /// At most `limit` records in order of their sequence.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn rows(&self, filter: &RowFilter, limit: usize) -> Result<Vec<Found>, Error> {
        let (from, to) = filter.started.map_or((None, None), |range| {
            // Times are kept in microseconds: a border between two of them moves up to the next.
            (Some(micros_up(range.from())), Some(micros_up(range.to())))
        });
        // Few records of a range are found by their start and put in order; many are met soon enough in that order.
        let few = match (from, to) {
            (Some(from), Some(to)) => self.count_started(from, to)? < FEW,
            _ => false,
        };
        let (ordered, looked) = if few { ("+", "") } else { ("", "+") };
        let mut sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE {ordered}r.sequence > ?1");
        if filter.kind.is_some() {
            sql.push_str(" AND r.kind = ?2");
        }
        if filter.started.is_some() {
            sql.push_str(&format!(" AND {looked}r.started_at >= ?3 AND {looked}r.started_at < ?4"));
        }
        if filter.latest_only {
            sql.push_str(" AND NOT EXISTS (SELECT 1 FROM superseded o WHERE o.sequence = r.sequence)");
        }
        sql.push_str(&format!(" ORDER BY {ordered}r.sequence LIMIT ?5"));
        let mut statement = self.connection.prepare(&sql).in_catalog()?;
        let kind = filter.kind.map(RecordKind::code);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let parameters: [(usize, &dyn rusqlite::ToSql); 5] =
            [(1, &filter.after.cast_signed()), (2, &kind), (3, &from), (4, &to), (5, &limit)];
        let last = statement.parameter_count();
        for (index, value) in parameters {
            if index <= last
                && (index != 2 || kind.is_some())
                && (!(3..=4).contains(&index) || from.is_some())
            {
                statement.raw_bind_parameter(index, value).in_catalog()?;
            }
        }
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().in_catalog()? {
            found.push(read_found(row).in_catalog()?);
        }
        Ok(found)
    }

    /// How many records started in a range; [`FEW`] when it is more.
    fn count_started(&self, from: i64, to: i64) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM records WHERE started_at >= ?1 AND started_at < ?2 LIMIT ?3)";
        let most = FEW.cast_signed();
        self.connection.query_row(sql, params![from, to, most], |row| number(row, 0)).in_catalog()
    }

    /// One record by its sequence.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn by_sequence<'c>(
        &'c self,
    ) -> Result<impl FnMut(u64) -> Result<Option<Found>, Error> + use<'c>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.sequence = ?1");
        let mut statement = self.connection.prepare_cached(&sql).in_catalog()?;
        Ok(move |sequence: u64| {
            let mut rows = statement.query(params![sequence.cast_signed()]).in_catalog()?;
            rows.next().in_catalog()?.map(|row| read_found(row).in_catalog()).transpose()
        })
    }

    /// The same of several records in few words, at one moment.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn briefs(&self, sequences: &[u64]) -> Result<Vec<Option<Brief>>, Error> {
        self.briefs_in(&*self.reading()?, sequences)
    }

    /// The same at a moment that was chosen already.
    pub(super) fn briefs_in(
        &self,
        snapshot: &Connection,
        sequences: &[u64],
    ) -> Result<Vec<Option<Brief>>, Error> {
        let sql = "SELECT kind, id, version, started_at FROM records WHERE sequence = ?1";
        let mut statement = snapshot.prepare_cached(sql).in_catalog()?;
        let mut brief = |sequence: &u64| {
            let mut rows = statement.query(params![sequence.cast_signed()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let key = read_key(row, 0)?;
            Ok(Some(Brief { key, version: row.get(2)?, started_at: row.get(3)? }))
        };
        sequences.iter().map(|sequence| brief(sequence).in_catalog()).collect()
    }

    /// Sequences of the records in a segment's members that lie, in part at least, from `offset` on.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn sequences_from(&self, segment: u32, offset: u64) -> Result<Vec<u64>, Error> {
        self.sequences_between(segment, offset, i64::MAX.cast_unsigned())
    }

    /// The same up to `until`.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn sequences_between(&self, segment: u32, offset: u64, until: u64) -> Result<Vec<u64>, Error> {
        let mut statement = self
            .connection
            .prepare(
                "SELECT r.sequence FROM records r WHERE r.member IN (
                     SELECT m.id FROM members m WHERE m.segment = ?1 AND m.place + m.length > ?2 AND m.place < ?3)
                 ORDER BY r.sequence",
            )
            .in_catalog()?;
        let parameters = params![segment, offset.cast_signed(), until.cast_signed()];
        let rows = statement.query_map(parameters, |row| number(row, 0)).in_catalog()?;
        rows.collect::<rusqlite::Result<_>>().in_catalog()
    }

    /// How many documents of the search lie in a segment's members between two offsets.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn latest_between(&self, segment: u32, offset: u64, until: u64) -> Result<u64, Error> {
        self.connection
            .query_row(
                &format!(
                    "SELECT count(*) FROM records r WHERE r.member IN (
                         SELECT m.id FROM members m WHERE m.segment = ?1 AND m.place + m.length > ?2 AND m.place < ?3)
                     AND {DOCUMENT}"
                ),
                params![segment, offset.cast_signed(), until.cast_signed()],
                |row| number(row, 0),
            )
            .in_catalog()
    }

    /// What the catalog covers at one moment; `each` is called with every record that is no document of the search by
    /// then though its kind could be: those that a later version of their key has replaced, those that were removed,
    /// and details in whose place a transcript is searched.
    ///
    /// # Errors
    /// What SQLite says; `Catalog` when it is not this archive's.
    pub(crate) fn snapshot(&self, archive: &[u8; 16], mut each: impl FnMut(u64)) -> Result<Mark, Error> {
        let snapshot = self.connection.unchecked_transaction().in_catalog()?;
        let mark = self.read_mark_of(archive).in_catalog()?;
        let mut statement = snapshot
            .prepare("SELECT sequence FROM superseded UNION ALL SELECT sequence FROM hidden")
            .in_catalog()?;
        let mut rows = statement.query([]).in_catalog()?;
        while let Some(row) = rows.next().in_catalog()? {
            each(number(row, 0).in_catalog()?);
        }
        if documents::has_transcripts(&snapshot).in_catalog()? {
            documents::transcribed(&snapshot, &mut each).in_catalog()?;
        }
        mark.ok_or_else(|| Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog))
    }

    /// The highest sequence, 0 when there is none.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn highest(&self) -> Result<u64, Error> {
        let sql = "SELECT max((SELECT coalesce(max(sequence), 0) FROM records),
                              (SELECT coalesce(max(sequence), 0) FROM hidden))";
        self.connection.query_row(sql, [], |row| number(row, 0)).in_catalog()
    }

    /// What the tables come to, counted row by row.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn counts(&self) -> Result<Counts, Error> {
        let details = RecordKind::Details.code();
        self.connection
            .query_row(
                "SELECT (SELECT count(*) FROM records),
                        (SELECT count(*) FROM members),
                        (SELECT count(*) FROM records r WHERE r.kind = ?1
                             AND NOT EXISTS (SELECT 1 FROM superseded o WHERE o.sequence = r.sequence)),
                        (SELECT count(*) FROM records r WHERE
                             EXISTS (SELECT 1 FROM superseded o WHERE o.sequence = r.sequence) <>
                             (EXISTS (SELECT 1 FROM keys k JOIN records n ON n.sequence = k.sequence
                                          WHERE k.key = r.key AND k.sequence > r.sequence
                                              AND n.kind = r.kind AND n.id = r.id)
                              OR EXISTS (SELECT 1 FROM recent_keys k JOIN records n ON n.sequence = k.sequence
                                          WHERE k.key = r.key AND k.sequence > r.sequence
                                              AND n.kind = r.kind AND n.id = r.id)))",
                params![details],
                |row| {
                    Ok(Counts {
                        records: number(row, 0)?,
                        members: number(row, 1)?,
                        conversations: number(row, 2)?,
                        wrongly_superseded: number(row, 3)?,
                        wrongly_keyed: keys::misplaced(&self.connection)?,
                    })
                },
            )
            .in_catalog()
    }

    /// What SQLite itself finds wrong with the file; at most 100 lines of it.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn integrity(&self) -> Result<Vec<String>, Error> {
        let mut statement = self.connection.prepare("PRAGMA integrity_check(100)").in_catalog()?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).in_catalog()?;
        let lines: Vec<String> = rows.collect::<rusqlite::Result<_>>().in_catalog()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }
}

/// The first microsecond that is not before `time`.
fn micros_up(time: Timestamp) -> i64 {
    let nanos = time.as_nanos();
    i64::try_from(nanos.div_euclid(1_000) + i128::from(nanos.rem_euclid(1_000) != 0)).unwrap_or(i64::MAX)
}

pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn wrong(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, what.into())
}

fn hash_value(row: &Row<'_>, column: usize) -> rusqlite::Result<Sha256Hash> {
    let bytes = row.get_ref(column)?.as_bytes().map_err(|_| wrong(column, "not a hash"))?;
    Sha256Hash::try_from(bytes).map_err(|_| wrong(column, "not a hash"))
}

fn stable_value(row: &Row<'_>, column: usize) -> rusqlite::Result<Stable> {
    let bytes = row.get_ref(column)?.as_bytes().ok();
    bytes.and_then(Stable::from_bytes).ok_or_else(|| wrong(column, "no hashes"))
}

/// A key of which the kind is in a column, and the id in the next.
fn read_key(row: &Row<'_>, column: usize) -> rusqlite::Result<RecordKey> {
    let kind =
        RecordKind::from_code(row.get(column)?).ok_or_else(|| wrong(column, "not a kind of record"))?;
    let not_an_id = || wrong(column + 1, "not an id");
    let id = row.get_ref(column + 1)?.as_bytes().map_err(|_| not_an_id())?;
    let id = std::str::from_utf8(id).ok().and_then(|id| RecordId::new(id).ok()).ok_or_else(not_an_id)?;
    Ok(RecordKey { kind, id })
}

pub(super) fn read_found(row: &Row<'_>) -> rusqlite::Result<Found> {
    let folder: String = row.get(15)?;
    Ok(Found {
        sequence: number(row, 0)?,
        key: read_key(row, 2)?,
        key_hash: row.get(1)?,
        version: row.get(4)?,
        sha256: hash_value(row, 5)?,
        stable: stable_value(row, 16)?,
        start: row.get(6)?,
        length: row.get(7)?,
        started_at: row.get(8)?,
        member: MemberRow {
            id: number(row, 9)?,
            segment: row.get(10)?,
            number: row.get(11)?,
            offset: number(row, 12)?,
            length: number(row, 13)?,
            archived_at: row.get(14)?,
        },
        folder: Folder::parse(&folder).ok_or_else(|| wrong(15, "not a folder"))?,
    })
}
