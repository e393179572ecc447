//! Who looked at one thing.

use rusqlite::params;

use super::Reader;
use crate::entry::{Entry, Personal, read_entry};
use crate::error::{Action, During, Error};
use crate::layout;
use crate::schema::{names_subject, subject};

impl Reader {
    /// The newest entries of kind `access` whose record names `subject`, with a number below `before`, the newest first; at
    /// most `limit`. Costs what it gives, however many others there are, once the journal was opened for writing by a
    /// version that knows this.
    ///
    /// # Errors
    /// `Damage` when an entry cannot be read; what SQLite says.
    pub fn accesses_of(&self, subject: &str, before: Option<u64>, limit: usize) -> Result<Vec<Entry>, Error> {
        let sql = concat!(
            "SELECT number, at, kind, body, hash FROM entries WHERE ",
            names_subject!(),
            " AND ",
            subject!(),
            " = ?1 AND (?2 IS NULL OR number < ?2) ORDER BY number DESC LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = || -> rusqlite::Result<Vec<Entry>> {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query(params![subject, before, limit])?;
            let mut personal = Personal::prepare(&self.connection)?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.push(read_entry(row, &mut personal)?);
            }
            Ok(entries)
        };
        read().during(Action::Read, layout::DATABASE)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use frontdesk_domain::Timestamp;
    use frontdesk_domain::audit::{AccessRecord, AccessStep, KeyRecord, KeyStep};
    use rusqlite::Connection;

    use crate::{Change, Journal, Reader, Settings};

    fn access(subject: Option<&str>, who: &str) -> AccessRecord {
        AccessRecord {
            timestamp: Timestamp::UNIX_EPOCH,
            who: who.into(),
            role: "viewer".into(),
            step: AccessStep::Opened,
            subject: subject.map(str::to_owned),
            details: [("query".to_owned(), "c-1".to_owned())].into(),
        }
    }

    #[test]
    fn who_looked_is_found_by_the_index_without_it_and_beside_damage() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            Journal::open(folder.path(), &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap()
        };
        let odd = "c-1\"'%\u{1f980}";
        let journal = open();
        for (subject, who) in [
            (Some("c-1"), "anna"),
            (Some("c-10"), "bo"),
            (None, "cy"),
            (Some(odd), "di"),
            (Some("c-1"), "eva"),
        ] {
            journal.record(Change::new().audit(access(subject, who))).unwrap();
        }
        // Another kind that names it, or would by the same path, is no look at it.
        let key = KeyRecord {
            timestamp: Timestamp::UNIX_EPOCH,
            event: KeyStep::Rotated,
            journal: Some("c-1".into()),
            key_id: "c-1".into(),
            previous: None,
        };
        journal.record(Change::new().audit(key)).unwrap();
        journal.close().unwrap();
        let who = |subject: &str, before, limit| -> Vec<String> {
            let reader = Reader::open(folder.path()).unwrap();
            let found = reader.accesses_of(subject, before, limit).unwrap();
            let who = |entry: &crate::Entry| {
                let record: AccessRecord = serde_json::from_str(&entry.record().unwrap()).unwrap();
                record.who
            };
            found.iter().map(who).collect()
        };
        let all = || {
            assert_eq!(who("c-1", None, 9), ["eva", "anna"]);
            assert_eq!(who("c-1", None, 1), ["eva"]);
            assert_eq!(who("c-1", Some(6), 9), ["anna"], "the entry of that number is none before it");
            assert_eq!(who(odd, None, 9), ["di"]);
            assert!(who("", None, 9).is_empty());
        };
        all();
        let sql = |sql: &str| {
            let connection = Connection::open(folder.path().join("journal.sqlite")).unwrap();
            connection.execute_batch(sql).unwrap();
        };
        sql("DROP INDEX entries_by_subject");
        all();
        // What a flipped bit left of one entry keeps nobody from the others, and the index is made all the same.
        sql("UPDATE entries SET body = CAST('{\"number\":3,' AS BLOB) WHERE number = 3");
        all();
        sql(
            "CREATE INDEX personal_by_value ON personal (value); CREATE INDEX entries_access_by_subject ON entries (kind)",
        );
        open().close().unwrap();
        all();
        let reader = Reader::open(folder.path()).unwrap();
        let plan = format!(
            "EXPLAIN QUERY PLAN SELECT number FROM entries WHERE {} AND {} = ?1 ORDER BY number DESC",
            super::names_subject!(),
            super::subject!()
        );
        let plan: String = reader.connection.query_row(&plan, ["c-1"], |row| row.get("detail")).unwrap();
        assert!(plan.contains("entries_by_subject") && !plan.contains("SCAN"), "{plan}");
        let count = |sql: &str| reader.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let superseded = "SELECT count(*) FROM sqlite_schema WHERE name IN ('personal_by_value', 'entries_access_by_subject')";
        assert_eq!(count(superseded), 0, "what an earlier version made");
    }
}
