//! What the report asks the catalog.

use std::collections::BTreeMap;

use frontdesk_domain::{RecordId, RecordKey, RecordKind};
use rusqlite::params;

use super::{Catalog, CatalogResult, Lookup, key_hash};
use crate::error::Error;

/// A record as the report lists it, borrowed from the row.
pub(crate) struct Listed<'r> {
    pub(crate) kind: RecordKind,
    pub(crate) id: &'r [u8],
    pub(crate) sha256: [u8; 32],
    pub(crate) length: u32,
    pub(crate) archived_at: i64,
}

/// What a listing is made of.
pub(crate) enum Item<'r> {
    Total(u64),
    Record(Listed<'r>),
}

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

impl Catalog {
    /// How many records there are, then every one in the order of storing, at one moment.
    ///
    /// # Errors
    /// What SQLite says, and what `each` returns.
    pub(crate) fn listed<E: From<Error>>(
        &self,
        mut each: impl FnMut(Item<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let snapshot = self.connection.unchecked_transaction().in_catalog()?;
        let count = "SELECT count(*) FROM records";
        let total: i64 = snapshot.query_row(count, [], |row| row.get(0)).in_catalog()?;
        each(Item::Total(total.cast_unsigned()))?;
        let mut members = snapshot.prepare("SELECT archived_at FROM members WHERE id = ?1").in_catalog()?;
        let mut statement = snapshot
            .prepare("SELECT member, kind, length, sha256, id FROM records ORDER BY sequence")
            .in_catalog()?;
        let mut rows = statement.query([]).in_catalog()?;
        let (mut member, mut archived_at) = (None, 0);
        while let Some(row) = rows.next().in_catalog()? {
            let its: i64 = row.get(0).in_catalog()?;
            if member != Some(its) {
                // Records of a member follow each other, mostly.
                archived_at = members.query_row(params![its], |row| row.get(0)).in_catalog()?;
                member = Some(its);
            }
            let kind = RecordKind::from_code(row.get(1).in_catalog()?).ok_or_else(strange)?;
            let blob = |column| row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from);
            let sha256 = blob(3).in_catalog()?.try_into().map_err(|_| strange())?;
            let id = blob(4).in_catalog()?;
            let length = row.get(2).in_catalog()?;
            each(Item::Record(Listed { kind, id, sha256, length, archived_at }))?;
        }
        Ok(())
    }

    /// How many records that are the latest of kind `details` started on each day: `(day, how many)` in order, days
    /// counted from 1970. Records that state no start are of no day.
    ///
    /// Counted from the index of start times, less what is not wanted: nearly everything is.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn started_by_day(&self) -> Result<Vec<(i64, u64)>, Error> {
        let snapshot = self.connection.unchecked_transaction().in_catalog()?;
        let mut days = Vec::new();
        let mut next = snapshot
            .prepare("SELECT started_at FROM records WHERE started_at >= ?1 ORDER BY started_at LIMIT 1")
            .in_catalog()?;
        let mut count = snapshot
            .prepare("SELECT count(*) FROM records WHERE started_at >= ?1 AND started_at < ?2")
            .in_catalog()?;
        let mut from = i64::MIN;
        loop {
            let mut rows = next.query(params![from]).in_catalog()?;
            let Some(row) = rows.next().in_catalog()? else { break };
            let day = row.get::<_, i64>(0).in_catalog()?.div_euclid(DAY);
            let (start, end) = (day.saturating_mul(DAY), day.saturating_add(1).saturating_mul(DAY));
            let found: i64 = count.query_row(params![start, end], |row| row.get(0)).in_catalog()?;
            days.push((day, found.cast_unsigned()));
            from = end;
        }
        let mut unwanted = snapshot
            .prepare(
                "SELECT r.started_at FROM superseded o JOIN records r ON r.sequence = o.sequence
                     WHERE r.started_at IS NOT NULL",
            )
            .in_catalog()?;
        let mut less = |started_at: i64| {
            if let Ok(place) = days.binary_search_by_key(&started_at.div_euclid(DAY), |(day, _)| *day) {
                days[place].1 = days[place].1.saturating_sub(1);
            }
        };
        let mut rows = unwanted.query([]).in_catalog()?;
        while let Some(row) = rows.next().in_catalog()? {
            less(row.get(0).in_catalog()?);
        }
        if self.has_other_kinds()? {
            let mut others = snapshot
                .prepare(
                    "SELECT r.started_at FROM records r WHERE r.kind <> ?1 AND r.started_at IS NOT NULL
                         AND NOT EXISTS (SELECT 1 FROM superseded o WHERE o.sequence = r.sequence)",
                )
                .in_catalog()?;
            let mut rows = others.query(params![RecordKind::Details.code()]).in_catalog()?;
            while let Some(row) = rows.next().in_catalog()? {
                less(row.get(0).in_catalog()?);
            }
        }
        days.retain(|(_, count)| *count > 0);
        Ok(days)
    }

    /// How many latest conversations started from `from` on and before `to`, in microseconds.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn started_between(&self, from: i64, to: i64) -> Result<u64, Error> {
        self.connection
            .query_row(
                "SELECT count(*) FROM records r WHERE r.started_at >= ?1 AND r.started_at < ?2 AND r.kind = ?3
                     AND NOT EXISTS (SELECT 1 FROM superseded o WHERE o.sequence = r.sequence)",
                params![from, to, RecordKind::Details.code()],
                |row| row.get::<_, i64>(0),
            )
            .map(i64::cast_unsigned)
            .in_catalog()
    }

    /// How many conversations retention removed, by the day their age was counted from: `(day, how many)`, days
    /// counted from 1970.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn expired_by_day(&self) -> Result<Vec<(i64, u64)>, Error> {
        // The remainder is taken twice: before 1970 the first one is negative.
        let sql =
            "SELECT (since - (since % ?1 + ?1) % ?1) / ?1 AS day, count(*) FROM tombstones GROUP BY day";
        let mut statement = self.connection.prepare(sql).in_catalog()?;
        let rows = statement.query_map(params![DAY], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)));
        let rows = rows.in_catalog()?.map(|row| row.map(|(day, count)| (day, count.cast_unsigned())));
        rows.collect::<rusqlite::Result<_>>().in_catalog()
    }

    /// How many conversations that a matter holds started on each day, by however many matters: `(day, how many)`,
    /// days counted from 1970. Those that state no start are of no day.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn held_by_day(&self) -> Result<BTreeMap<i64, u64>, Error> {
        let snapshot = self.connection.unchecked_transaction().in_catalog()?;
        let mut lookup = Lookup::prepare(&self.connection)?;
        let mut start =
            snapshot.prepare("SELECT started_at FROM records WHERE sequence = ?1").in_catalog()?;
        let mut held = snapshot.prepare("SELECT DISTINCT id FROM holds").in_catalog()?;
        let mut rows = held.query([]).in_catalog()?;
        let mut days = BTreeMap::new();
        while let Some(row) = rows.next().in_catalog()? {
            let id: Vec<u8> = row.get(0).in_catalog()?;
            let id = String::from_utf8(id).ok().and_then(|id| RecordId::new(id).ok()).ok_or_else(strange)?;
            let key = RecordKey { kind: RecordKind::Details, id };
            let Some(latest) = lookup.latest(key_hash(&key), &key)? else { continue };
            let parameters = params![latest.sequence.cast_signed()];
            let started_at: Option<i64> = start.query_row(parameters, |row| row.get(0)).in_catalog()?;
            if let Some(started_at) = started_at {
                *days.entry(started_at.div_euclid(DAY)).or_insert(0) += 1;
            }
        }
        Ok(days)
    }

    /// Whether there are records of other kinds than `details`. The mark knows how many conversations there are.
    fn has_other_kinds(&self) -> Result<bool, Error> {
        self.connection
            .query_row(
                "SELECT (SELECT count(*) FROM records) - (SELECT count(*) FROM superseded)
                     <> (SELECT value FROM meta WHERE name = 'conversations')",
                [],
                |row| row.get(0),
            )
            .in_catalog()
    }
}

fn strange() -> Error {
    use crate::error::{Action, ErrorKind};
    Error::new(Action::Catalog, crate::layout::CATALOG, ErrorKind::Catalog)
}
