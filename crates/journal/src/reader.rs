//! A journal open for reading, beside any number of writers, also in a folder that cannot be written.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_domain::audit::AuditKind;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::change::{Intent, Item, Settled};
use crate::entry::{Entry, read_entry};
use crate::error::{Action, During, Error, ErrorKind};
use crate::head::Head;
use crate::{layout, open, prune, schema, store};

mod accesses;
mod rows;

pub(crate) use rows::{INTENT, read_intent, read_item};

/// How long a read waits: in WAL mode only recovery after a crash makes it.
const WAIT: Duration = Duration::from_secs(30);

/// A journal open for reading. Each call sees what is recorded by then.
#[derive(Debug)]
pub struct Reader {
    pub(crate) root: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) journal: String,
}

impl Reader {
    /// Opens the journal in the folder `root`. Changes nothing in it.
    ///
    /// # Errors
    /// `NotAJournal` when there is none; `NewerFormat`; `Damage` when SQLite cannot read it, or when only its head is left;
    /// `ReadOnly` when the folder cannot be written and a writer left its log behind, which has to be read in too: copy
    /// the folder then.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let path = root.join(layout::DATABASE);
        let none = |path: String| match root.join(layout::HEAD).exists() {
            true => Error::damage(Action::Open, open::DATABASE_GONE),
            false => Error::new(Action::Open, path, ErrorKind::NotAJournal),
        };
        match std::fs::metadata(&path) {
            // A file that is empty is a journal that is being made.
            Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {}
            Ok(_) => return Err(none(layout::DATABASE.to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(none(root.display().to_string()));
            }
            Err(error) => return Err(error).during(Action::Open, layout::DATABASE),
        }
        // May write where the folder lets it, so that the last one to close takes the WAL's files away; it is told not to
        // change anything.
        let beside = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match Connection::open_with_flags(&path, beside).and_then(read_only) {
            Ok(connection) => connection,
            Err(error) if wal_length(root) > 0 => return Err(error).during(Action::Open, layout::DATABASE),
            // Without a WAL the file alone is whole, and is read as one that does not change.
            Err(_) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
                    | OpenFlags::SQLITE_OPEN_NO_MUTEX
                    | OpenFlags::SQLITE_OPEN_URI;
                Connection::open_with_flags(immutable_uri(&path), flags)
                    .and_then(read_only)
                    .during(Action::Open, layout::DATABASE)?
            }
        };
        let journal = open::check_format(&connection)?;
        Ok(Self { root: root.to_owned(), connection, journal })
    }

    /// The journal's id.
    #[must_use]
    pub fn journal(&self) -> &str {
        &self.journal
    }

    /// The newest head.
    ///
    /// # Errors
    /// `Damage` when there is none; what SQLite says.
    pub fn head(&self) -> Result<Head, Error> {
        store::newest_head(&self.connection, &self.journal)?
            .ok_or_else(|| Error::damage(Action::Read, "there is no head"))
    }

    /// Gives the entries with a number above `after`, oldest first, of one kind or of all, until `each` breaks.
    ///
    /// # Errors
    /// `Damage` when an entry cannot be read; what SQLite says.
    pub fn entries(
        &self,
        after: u64,
        kind: Option<AuditKind>,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let sql = match kind {
            Some(_) => {
                "SELECT number, at, kind, body, hash FROM entries WHERE kind = ?2 AND number > ?1 ORDER BY number"
            }
            None => {
                "SELECT number, at, kind, body, hash FROM entries WHERE number > ?1 AND ?2 IS NULL ORDER BY number"
            }
        };
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query(params![after, kind.map(AuditKind::as_str)])?;
            let mut personal = crate::entry::Personal::prepare(&self.connection)?;
            while let Some(row) = rows.next()? {
                let entry = read_entry(row, &mut personal)?;
                if each(entry).is_break() {
                    break;
                }
            }
            Ok(())
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// The newest entries with a number below `before`, the newest first, of one kind or of all; at most `limit`.
    ///
    /// # Errors
    /// `Damage` when an entry cannot be read; what SQLite says.
    pub fn newest_entries(
        &self,
        before: Option<u64>,
        kind: Option<AuditKind>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        let sql = match kind {
            Some(_) => {
                "SELECT number, at, kind, body, hash FROM entries
                 WHERE kind = ?2 AND (?1 IS NULL OR number < ?1) ORDER BY number DESC LIMIT ?3"
            }
            None => {
                "SELECT number, at, kind, body, hash FROM entries
                 WHERE ?2 IS NULL AND (?1 IS NULL OR number < ?1) ORDER BY number DESC LIMIT ?3"
            }
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = || -> rusqlite::Result<Vec<Entry>> {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query(params![before, kind.map(AuditKind::as_str), limit])?;
            let mut personal = crate::entry::Personal::prepare(&self.connection)?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.push(read_entry(row, &mut personal)?);
            }
            Ok(entries)
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// The number before the last `count` entries, of one kind or of all: what [`Reader::entries`] takes to give them;
    /// 0 when there are not more than that.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn before_last(&self, count: u64, kind: Option<AuditKind>) -> Result<u64, Error> {
        let sql = match kind {
            Some(_) => "SELECT number FROM entries WHERE kind = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?1",
            None => "SELECT number FROM entries WHERE ?2 IS NULL ORDER BY number DESC LIMIT 1 OFFSET ?1",
        };
        // SQLite counts in i64, and no journal has as many entries.
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let found: Option<u64> = self
            .connection
            .query_row(sql, params![count, kind.map(AuditKind::as_str)], |row| row.get(0))
            .optional()
            .during(Action::Read, layout::DATABASE)?;
        Ok(found.unwrap_or(0))
    }

    /// The open intents of a kind, in order of their ids.
    ///
    /// # Errors
    /// `Damage` when one is not what was written; what SQLite says.
    pub fn open_intents(&self, kind: &str) -> Result<Vec<Intent>, Error> {
        let sql = "SELECT id, kind, key, body, opened, outcome, settled, sum FROM intents
                   WHERE settled IS NULL AND kind = ?1 ORDER BY id";
        let read = || {
            let mut statement = self.connection.prepare(sql)?;
            statement
                .query_map([kind], |row| read_intent(row).map(|(intent, _)| intent))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// The open intents of a kind about one key, in order of their ids. Costs the same however many others are open.
    ///
    /// # Errors
    /// As [`Reader::open_intents`].
    pub fn open_intents_of(&self, kind: &str, key: &str) -> Result<Vec<Intent>, Error> {
        let sql = "SELECT id, kind, key, body, opened, outcome, settled, sum FROM intents
                   WHERE settled IS NULL AND kind = ?1 AND key = ?2 ORDER BY id";
        let read = || {
            let mut statement = self.connection.prepare(sql)?;
            statement
                .query_map([kind, key], |row| read_intent(row).map(|(intent, _)| intent))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// An intent, and how it came out unless it is open; `None` when there is no such intent.
    ///
    /// # Errors
    /// `Damage` when it is not what was written; what SQLite says.
    pub fn intent(&self, id: &str) -> Result<Option<(Intent, Option<Settled>)>, Error> {
        self.connection.query_row(INTENT, [id], read_intent).optional().during(Action::Read, layout::DATABASE)
    }

    /// Whether there is something that [`Change::prune`](crate::Change::prune) would take away.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_settled_before(&self, before: Timestamp) -> Result<bool, Error> {
        prune::is_due(&self.connection, before).during(Action::Read, layout::DATABASE)
    }

    /// Up to `limit` items of a ledger, in order of their keys, those after `after` only.
    ///
    /// # Errors
    /// `Damage` when one is not what was written; what SQLite says.
    pub fn items(&self, ledger: &str, after: Option<&str>, limit: usize) -> Result<Vec<Item>, Error> {
        let sql = "SELECT ledger, key, state, detail, at, sum FROM items
                   WHERE ledger = ?1 AND (?2 IS NULL OR key > ?2) ORDER BY key LIMIT ?3";
        let read = || {
            let mut statement = self.connection.prepare(sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement
                .query_map(params![ledger, after, limit], read_item)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// Up to `limit` items of a ledger whose detail names a conversation as its `conversation`, in order of their keys.
    ///
    /// # Errors
    /// As [`Reader::items`].
    pub fn items_of(&self, ledger: &str, conversation: &str, limit: usize) -> Result<Vec<Item>, Error> {
        const SQL: &str = concat!(
            "SELECT ledger, key, state, detail, at, sum FROM items WHERE ledger = ?1 AND ",
            schema::conversation!(),
            " = ?2 AND ",
            schema::conversation!(),
            " IS NOT NULL ORDER BY key LIMIT ?3"
        );
        let read = || {
            let mut statement = self.connection.prepare(SQL)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement
                .query_map(params![ledger, conversation, limit], read_item)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// One item of a ledger; `None` when it is not there.
    ///
    /// # Errors
    /// `Damage` when it is not what was written; what SQLite says.
    pub fn item(&self, ledger: &str, key: &str) -> Result<Option<Item>, Error> {
        let sql = "SELECT ledger, key, state, detail, at, sum FROM items WHERE ledger = ?1 AND key = ?2";
        self.connection
            .query_row(sql, [ledger, key], read_item)
            .optional()
            .during(Action::Read, layout::DATABASE)
    }

    /// How many items of a ledger are in each state, in order of the states' names.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn item_states(&self, ledger: &str) -> Result<Vec<(String, u64)>, Error> {
        let sql = "SELECT state, count(*) FROM items WHERE ledger = ?1 GROUP BY state ORDER BY state";
        let read = || {
            let mut statement = self.connection.prepare(sql)?;
            statement
                .query_map([ledger], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().during(Action::Read, layout::DATABASE)
    }
}

fn read_only(connection: Connection) -> rusqlite::Result<Connection> {
    schema::prepare(&connection, WAIT)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    // The first read is what finds out whether the WAL can be used.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

fn wal_length(root: &Path) -> u64 {
    std::fs::metadata(root.join(layout::WAL)).map_or(0, |metadata| metadata.len())
}

/// The path as SQLite's URI of a file that does not change. Everything but letters, digits and a few signs is
/// percent-encoded.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?mode=ro&immutable=1");
    uri
}
