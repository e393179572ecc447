//! Names of the files in a journal's folder.

/// The one file everything is in.
pub(crate) const DATABASE: &str = "journal.sqlite";
/// SQLite's write-ahead log of it.
pub(crate) const WAL: &str = "journal.sqlite-wal";
/// The keys that sign heads, where the settings name no other file.
pub(crate) const KEYS: &str = "keys";
/// The newest head that was written beside the database.
pub(crate) const HEAD: &str = "head.json";
/// Held by the process that delivers.
pub(crate) const OUTBOX_LOCK: &str = "outbox.lock";
/// Bytes kept aside for a full disk.
pub(crate) const RESERVE: &str = "reserve";
/// Held while a journal is made, or its key replaced.
pub(crate) const LOCK: &str = "lock";
