//! The outbox's tables.

/// `events.entries` is set for audit batches: the numbers of the first and the last entry in it. `deliveries.tries`
/// counts attempts since the delivery was stored or replayed, `attempts` counts all of them. `endpoints.audited` is the
/// number of the last entry that was put into a batch for it. Times are microseconds since 1970.
pub(crate) const TABLES: &str = "
CREATE TABLE endpoints (
    id TEXT PRIMARY KEY NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    headers TEXT NOT NULL,
    created INTEGER NOT NULL,
    disabled INTEGER,
    reason TEXT,
    paused INTEGER,
    audited INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE endpoint_secrets (
    endpoint TEXT NOT NULL,
    number INTEGER NOT NULL,
    secret TEXT NOT NULL,
    expires INTEGER,
    PRIMARY KEY (endpoint, number)
) WITHOUT ROWID;
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    entries TEXT,
    at INTEGER NOT NULL
);
CREATE TABLE deliveries (
    endpoint TEXT NOT NULL,
    event INTEGER NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    due INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    settled INTEGER,
    PRIMARY KEY (endpoint, event)
) WITHOUT ROWID;
CREATE INDEX deliveries_open ON deliveries (endpoint, key, event) WHERE state = 'pending';
CREATE INDEX deliveries_made ON deliveries (settled) WHERE state = 'delivered';
CREATE INDEX deliveries_in_order ON deliveries (endpoint, event, due) WHERE state = 'pending';
CREATE TABLE attempts (
    endpoint TEXT NOT NULL,
    event INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    PRIMARY KEY (endpoint, event, number)
) WITHOUT ROWID;
";
