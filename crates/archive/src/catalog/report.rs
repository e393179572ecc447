//! What the report asks the catalog.

use frontdesk_domain::RecordKind;
use rusqlite::params;

use super::{Catalog, CatalogResult};
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
