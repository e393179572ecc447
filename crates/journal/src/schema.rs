//! Tables, and what is set on every connection.

use std::time::Duration;

use rusqlite::Connection;

/// Raised whenever a table or the meaning of a column changes.
pub(crate) const VERSION: i64 = 1;

/// Marks the file as a journal of ours: `fdjn`.
pub(crate) const APPLICATION_ID: i64 = 0x6664_6a6e;

/// `entries.body` is the text the chain covers, `hash` the entry's own hash; `at` and `kind` repeat what is in the body,
/// to be searched by. `personal` holds the values that bodies only commit to; a destroyed one keeps its row, with the
/// number of the entry that tells of it; values have no index, which every entry would pay for and only [`shred`](crate::shred),
/// who reads every event besides, would ask. `heads` keeps the newest head, the last of every key, and one a block of
/// entries. `sum` is a checksum of a row that the chain does not cover. Times are microseconds since 1970.
pub(crate) const TABLES: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE entries (
    number INTEGER PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    hash BLOB NOT NULL
);
CREATE INDEX entries_by_kind ON entries (kind);
CREATE TABLE personal (
    number INTEGER NOT NULL,
    field TEXT NOT NULL,
    value BLOB,
    salt BLOB,
    shredded INTEGER,
    PRIMARY KEY (number, field)
) WITHOUT ROWID;
CREATE INDEX personal_by_shred ON personal (shredded) WHERE shredded IS NOT NULL;
CREATE TABLE heads (
    count INTEGER PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL,
    key_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    mac BLOB NOT NULL
);
CREATE TABLE intents (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    opened INTEGER NOT NULL,
    outcome TEXT,
    settled INTEGER,
    sum BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX intents_open ON intents (kind, id) WHERE settled IS NULL;
CREATE INDEX intents_settled ON intents (settled) WHERE settled IS NOT NULL;
CREATE TABLE items (
    ledger TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    detail BLOB NOT NULL,
    at INTEGER NOT NULL,
    sum BLOB NOT NULL,
    PRIMARY KEY (ledger, key)
) WITHOUT ROWID;
";

/// Finds the open intents of one key. Journals are made with it; one that an earlier version made gets it when it is
/// opened for writing. A version that does not know it keeps it up to date all the same, so the format stays the same.
pub(crate) const OPEN_INTENTS_BY_KEY: &str =
    "CREATE INDEX IF NOT EXISTS intents_open_by_key ON intents (kind, key) WHERE settled IS NULL;";

/// What an entry of kind `access` is about, as an expression that an index and what asks it must write alike. A body that
/// is damaged is about nothing, and keeps nobody from asking for the others.
macro_rules! subject {
    () => {
        "json_extract(iif(json_valid(CAST(body AS TEXT)), CAST(body AS TEXT), '{}'), '$.record.subject')"
    };
}
pub(crate) use subject;

/// Which entries name what they are about, as an expression that an index and what asks it must write alike. Most of kind
/// `access` are searches, which name nothing: they are told by their bytes, and nothing is parsed or kept for them.
macro_rules! names_subject {
    () => {
        "kind = 'access' AND instr(body, CAST('\"subject\":' AS BLOB)) > 0"
    };
}
pub(crate) use names_subject;

/// Finds who looked at one thing; made when [`OPEN_INTENTS_BY_KEY`] is.
pub(crate) const ACCESSES_BY_SUBJECT: &str = concat!(
    "CREATE INDEX IF NOT EXISTS entries_by_subject ON entries (",
    subject!(),
    ") WHERE ",
    names_subject!(),
    ";"
);

/// The conversation that an item of a ledger names, written alike by an index and what asks it.
macro_rules! conversation {
    () => {
        "json_extract(iif(json_valid(CAST(detail AS TEXT)), CAST(detail AS TEXT), '{}'), '$.conversation')"
    };
}
pub(crate) use conversation;

/// Finds the items of one conversation; made when [`OPEN_INTENTS_BY_KEY`] is.
pub(crate) const ITEMS_BY_CONVERSATION: &str = concat!(
    "CREATE INDEX IF NOT EXISTS items_by_conversation ON items (ledger, ",
    conversation!(),
    ") WHERE ",
    conversation!(),
    " IS NOT NULL;"
);

/// What is made beside [`TABLES`], and where an earlier version did not make it.
pub(crate) const INDEXES: [&str; 3] = [OPEN_INTENTS_BY_KEY, ACCESSES_BY_SUBJECT, ITEMS_BY_CONVERSATION];

/// What earlier versions made and nobody asks any more. It is taken away, since every entry pays for it.
pub(crate) const NO_MORE: &str =
    "DROP INDEX IF EXISTS personal_by_value; DROP INDEX IF EXISTS entries_access_by_subject;";

/// Whether a journal has all [`INDEXES`], and nothing that is there [no more](NO_MORE).
pub(crate) fn is_complete(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FILTER (WHERE name IN ('intents_open_by_key', 'entries_by_subject', 'items_by_conversation')),
                      count(*) FILTER (WHERE name IN ('personal_by_value', 'entries_access_by_subject'))
               FROM sqlite_schema WHERE type = 'index'";
    connection
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map(|counts: (i64, i64)| counts == (3, 0))
}

/// Settings of a connection that writes.
pub(crate) fn prepare_for_writing(connection: &Connection, wait: Duration) -> rusqlite::Result<()> {
    prepare(connection, wait)?;
    // Where this fails SQLite may answer with the mode it stays in, and no error. The change is committed after the
    // answer, so the statement is taken to its end.
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    if mode != "wal" {
        let failed = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
        return Err(rusqlite::Error::SqliteFailure(
            failed,
            Some(format!("the journal stays in mode {mode}")),
        ));
    }
    // FULL: a commit that returned is on the disk. Shredded values leave no bytes behind.
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA temp_store = MEMORY;",
    )
}

/// Settings of every connection.
pub(crate) fn prepare(connection: &Connection, wait: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(wait)?;
    // Nothing in the schema of a file that somebody may have changed may run.
    connection.execute_batch(
        "PRAGMA cache_size = -4096;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;",
    )
}
