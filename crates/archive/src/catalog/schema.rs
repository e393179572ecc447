//! Tables, and what is set on every connection.

use std::time::Duration;

use rusqlite::Connection;

/// Raised whenever a table or the meaning of a column changes; another number means rebuild.
pub(crate) const VERSION: i64 = 7;

/// How long a statement waits for another process before it says `database is locked`. In WAL mode only
/// recovery after a crash and the end of a checkpoint ever wait.
const BUSY: Duration = Duration::from_secs(30);

/// `members.id` is the sequence of the member's first record: stable when a segment is replaced by a copy
/// under another number, and the same in a rebuild. Ids are blobs: they may hold NUL.
/// `superseded` holds every record that is not the latest version of its key. `records.stable` is the SHA-256 of what
/// of a record is stable, where that is not all of it, and the one of what only some ways of reading tell, where this one
/// did: what the next version is compared with.
///
/// `transcripts` finds the transcripts of a conversation by its id. It is empty, and costs nothing, where there are none.
///
/// `keys` and `recent_keys` together are the index of `records` by key, each record in one of them. Keys are hashes, so
/// they come at random places: a group of records would change most pages of a large index. They go into the small
/// table first, and from there in order ([`super::keys`]). Whoever takes a record away takes its key away from both.
///
/// `holds` has a row for each conversation a matter holds, with the number of the ledger's line that said so, which
/// `hold_lines` tells more of. `tombstones`: conversations that retention removed. `hidden`: records of theirs whose
/// bytes are still in a segment. `lost`: records that a repair gave up. `media`: the files that records refer to, those of hidden records included.
pub(super) const TABLES: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value NOT NULL
) WITHOUT ROWID;
CREATE TABLE segments (
    number INTEGER PRIMARY KEY NOT NULL,
    folder TEXT NOT NULL,
    sealed INTEGER NOT NULL,
    length INTEGER NOT NULL,
    members INTEGER NOT NULL,
    head BLOB NOT NULL,
    records INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL
);
CREATE TABLE members (
    id INTEGER PRIMARY KEY NOT NULL,
    segment INTEGER NOT NULL,
    number INTEGER NOT NULL,
    place INTEGER NOT NULL,
    length INTEGER NOT NULL,
    archived_at INTEGER NOT NULL
);
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY NOT NULL,
    key INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    member INTEGER NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    started_at INTEGER,
    stable BLOB
);
CREATE INDEX transcripts ON records (id) WHERE kind = 3;
CREATE INDEX records_by_start ON records (started_at);
CREATE TABLE keys (
    key INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (key, sequence)
) WITHOUT ROWID;
CREATE TABLE recent_keys (
    key INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (key, sequence)
) WITHOUT ROWID;
CREATE TABLE superseded (
    sequence INTEGER PRIMARY KEY NOT NULL
);
CREATE TABLE hold_lines (
    line INTEGER PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    query TEXT
);
CREATE TABLE holds (
    id BLOB NOT NULL,
    matter TEXT NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY (id, matter)
) WITHOUT ROWID;
CREATE INDEX holds_by_matter ON holds (matter);
CREATE TABLE tombstones (
    id BLOB PRIMARY KEY NOT NULL,
    policy TEXT NOT NULL,
    since INTEGER NOT NULL,
    at INTEGER NOT NULL,
    records INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE hidden (
    sequence INTEGER PRIMARY KEY NOT NULL,
    segment INTEGER NOT NULL
);
CREATE INDEX hidden_by_segment ON hidden (segment);
CREATE TABLE lost (
    sequence INTEGER PRIMARY KEY NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    started_at INTEGER,
    at INTEGER NOT NULL
);
CREATE INDEX lost_by_id ON lost (id);
CREATE TABLE media (
    sha256 BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (sha256, sequence)
) WITHOUT ROWID;
CREATE INDEX media_by_sequence ON media (sequence);
";

/// Settings of a connection that writes.
pub(super) fn prepare_for_writing(connection: &Connection) -> rusqlite::Result<()> {
    // Where this fails SQLite may answer with the mode it stays in, and no error; then readers would wait for writers.
    // The change is committed after the answer, so the statement is taken to its end.
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
    // NORMAL: a power loss may take the last commits, never the file's order; they are replayed.
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA temp_store = MEMORY;",
    )?;
    prepare(connection)
}

/// Settings of every connection.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    // A catalog is one of ours or is rebuilt: nothing in its schema may run.
    connection.execute_batch(
        "PRAGMA cache_size = -1024;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;",
    )
}
