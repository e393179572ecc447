//! The index of records by key: a large table, and a small one of the newest that is merged into it now and then.
//!
//! One transaction per merge, in order of the keys: a page of the large table is changed once for many records.

use rusqlite::{Connection, Statement, params};

use super::read::number;

/// Rows of `recent_keys` at which they are merged: some 60 pages, which any cache holds.
pub(super) const MOST_RECENT: u64 = 16_384;

/// A condition on `records r`: the key has the hash that is the first parameter.
pub(super) const OF_KEY: &str = "r.sequence IN (SELECT sequence FROM recent_keys WHERE key = ?1
    UNION ALL SELECT sequence FROM keys WHERE key = ?1)";

/// Moves what is recent to the rest.
pub(super) fn merge(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "INSERT OR IGNORE INTO keys (key, sequence) SELECT key, sequence FROM recent_keys ORDER BY key, sequence;
         DELETE FROM recent_keys;",
    )
}

/// How many are recent.
pub(super) fn recent(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM recent_keys", [], |row| number(row, 0))
}

/// The statements that take a record's key away from both tables: key, sequence.
pub(super) const FORGET: [&str; 2] = [
    "DELETE FROM recent_keys WHERE key = ?1 AND sequence = ?2",
    "DELETE FROM keys WHERE key = ?1 AND sequence = ?2",
];

/// Takes the keys of many records away: `of` gives their sequences, for one parameter.
pub(super) fn forget(connection: &Connection, of: &str, parameter: u32) -> rusqlite::Result<()> {
    let mut found =
        connection.prepare(&format!("SELECT key, sequence FROM records WHERE sequence IN ({of})"))?;
    let [recent, merged] = FORGET;
    let (mut recent, mut merged) = (connection.prepare(recent)?, connection.prepare(merged)?);
    let mut rows = found.query(params![parameter])?;
    while let Some(row) = rows.next()? {
        let (key, sequence): (i64, i64) = (row.get(0)?, row.get(1)?);
        recent.execute(params![key, sequence])?;
        merged.execute(params![key, sequence])?;
    }
    Ok(())
}

/// Asks both tables.
pub(super) struct KeyLookup<'c>(Statement<'c>);

impl<'c> KeyLookup<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT sequence FROM recent_keys WHERE key = ?1
                   UNION ALL SELECT sequence FROM keys WHERE key = ?1";
        connection.prepare(sql).map(Self)
    }

    /// Sequences of the records whose key has this hash, the newest first. Other keys may share the hash.
    pub(super) fn sequences(&mut self, hash: i64) -> rusqlite::Result<Vec<u64>> {
        let rows = self.0.query_map(params![hash], |row| number(row, 0))?;
        let mut sequences: Vec<u64> = rows.collect::<rusqlite::Result<_>>()?;
        sequences.sort_unstable_by(|a, b| b.cmp(a));
        Ok(sequences)
    }
}

/// Records that are not where they should be in the index, and rows of it that are no record's.
pub(super) fn misplaced(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row(
        "SELECT (SELECT count(*) FROM records r WHERE
                    NOT EXISTS (SELECT 1 FROM keys k WHERE k.key = r.key AND k.sequence = r.sequence)
                    AND NOT EXISTS (SELECT 1 FROM recent_keys k WHERE k.key = r.key AND k.sequence = r.sequence))
              + abs((SELECT count(*) FROM keys) + (SELECT count(*) FROM recent_keys)
                    - (SELECT count(*) FROM records))",
        [],
        |row| number(row, 0),
    )
}

#[cfg(test)]
mod tests {
    use frontdesk_domain::{RecordId, RecordKey, RecordKind};
    use frontdesk_durable::Head;

    use super::*;
    use crate::catalog::{Catalog, Latest, Lookup, RecordRow, key_hash};
    use crate::error::{Action, Error};
    use crate::put::Stable;

    fn key(id: u64) -> RecordKey {
        RecordKey { kind: RecordKind::Details, id: RecordId::new(format!("c-{id}")).unwrap() }
    }

    /// Adds records of these ids, the first under `sequence`.
    fn add(catalog: &mut Catalog, sequence: u64, ids: impl Iterator<Item = u64>, fails: bool) {
        let changed = catalog.change(|change| {
            for (sequence, id) in (sequence..).zip(ids) {
                let key = key(id);
                let (sha256, version) = ([0; 32], sequence as u32);
                let (key_hash, kind, id) = (key_hash(&key), key.kind, &key.id);
                assert!(change.add_record(RecordRow {
                    sequence,
                    key: key_hash,
                    kind,
                    id,
                    version,
                    sha256,
                    stable: Stable::whole(sha256),
                    member: 1,
                    start: 0,
                    length: 1,
                    started_at: None,
                })?);
            }
            if fails { Err(Error::damage(Action::Catalog, "-", "undone")) } else { Ok(()) }
        });
        assert_eq!(changed.is_err(), fails);
    }

    fn sizes(catalog: &Catalog) -> (u64, u64) {
        let all = "SELECT count(*) FROM keys";
        let merged = catalog.connection.query_row(all, [], |row| number(row, 0)).unwrap();
        (merged, recent(&catalog.connection).unwrap())
    }

    #[test]
    fn every_key_is_found_before_and_after_a_merge() {
        let mut catalog = Catalog::temporary().unwrap();
        // A temporary one keeps no journal, so that nothing can be undone in it.
        catalog.connection.execute_batch("PRAGMA journal_mode = MEMORY").unwrap();
        catalog.initialize(&[7; 16], Head { lines: 0, hash: [0; 32] }).unwrap();
        add(&mut catalog, 1, 0..10, false);
        assert_eq!(sizes(&catalog), (0, 10));
        // What is undone is not counted, or a merge would come too early.
        add(&mut catalog, 11, 10..MOST_RECENT, true);
        add(&mut catalog, 11, 10..MOST_RECENT - 1, false);
        assert_eq!(sizes(&catalog), (0, MOST_RECENT - 1));
        add(&mut catalog, MOST_RECENT, [MOST_RECENT - 1, 3].into_iter(), false);
        assert_eq!(sizes(&catalog), (MOST_RECENT, 1));
        assert_eq!(misplaced(&catalog.connection).unwrap(), 0);

        let mut lookup = Lookup::prepare(&catalog.connection).unwrap();
        for (id, sequence) in [(0, 1), (3, MOST_RECENT + 1), (MOST_RECENT - 1, MOST_RECENT)] {
            let found = lookup.latest(key_hash(&key(id)), &key(id)).unwrap();
            let version = sequence as u32;
            assert_eq!(found, Some(Latest { sequence, version, stable: Stable::whole([0; 32]) }), "{id}");
        }
        assert_eq!(lookup.latest(key_hash(&key(MOST_RECENT)), &key(MOST_RECENT)).unwrap(), None);
        // A hash that two keys share.
        assert_eq!(lookup.latest(key_hash(&key(3)), &key(4)).unwrap(), None);
    }

    #[test]
    fn an_index_that_is_not_that_of_the_records_is_noticed() {
        for change in [
            "DELETE FROM recent_keys WHERE sequence = 5",
            "DELETE FROM keys WHERE sequence = 4",
            "UPDATE keys SET key = key + 1 WHERE sequence = 4",
            "INSERT INTO keys VALUES (1, 77)",
            "DELETE FROM records WHERE sequence = 4",
            "INSERT INTO keys SELECT * FROM recent_keys",
        ] {
            let mut catalog = Catalog::temporary().unwrap();
            catalog.initialize(&[7; 16], Head { lines: 0, hash: [0; 32] }).unwrap();
            add(&mut catalog, 1, 0..4, false);
            merge(&catalog.connection).unwrap();
            catalog.recent_keys = None;
            add(&mut catalog, 5, 4..8, false);
            assert_eq!(misplaced(&catalog.connection).unwrap(), 0);
            catalog.connection.execute(change, []).unwrap();
            assert!(misplaced(&catalog.connection).unwrap() > 0, "{change}");
        }
    }
}
