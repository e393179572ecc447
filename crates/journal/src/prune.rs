//! Taking away what is over: after a time, or because whom it is about is to be forgotten.
//!
//! What is over: a delivery that its endpoint took, with its attempts, and its event when that was the last one; an intent
//! that is settled. No entry of the chain is among it, so the chain verifies as before. `secure_delete` overwrites the bytes
//! in the database, and the writer empties the log afterwards; the pages are used again, the file gets no smaller.

use frontdesk_domain::Timestamp;
use rusqlite::{Connection, params};

use crate::change::Change;

/// Rows of either sort that are taken away in one transaction, so that none is long.
const AT_ONCE: i64 = 1_000;

/// A journal of an earlier version has no such indexes.
const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS deliveries_made ON deliveries (settled) WHERE state = 'delivered';
CREATE INDEX IF NOT EXISTS intents_settled ON intents (settled) WHERE settled IS NOT NULL;";

impl Change {
    /// Takes away what was over before a time: deliveries that were made, with events that nobody else is to get, and
    /// intents that were settled; at most 1,000 of each, the oldest first. What is pending or dead stays, and what is open.
    pub fn prune(mut self, before: Timestamp) -> Self {
        self.prune = Some(before);
        self
    }
}

/// Whether anything was over before a time.
pub(crate) fn is_due(connection: &Connection, before: Timestamp) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 'delivered' AND settled < ?1)
               OR EXISTS (SELECT 1 FROM intents WHERE settled IS NOT NULL AND settled < ?1)";
    connection.query_row(sql, [before.as_micros()], |row| row.get(0))
}

/// Takes it away, the oldest [`AT_ONCE`] of each sort. Gives how much it was.
pub(crate) fn settled(connection: &Connection, before: Timestamp) -> rusqlite::Result<u64> {
    connection.execute_batch(INDEXES)?;
    let intents = connection.execute(
        "DELETE FROM intents WHERE id IN (
             SELECT id FROM intents WHERE settled IS NOT NULL AND settled < ?1 ORDER BY settled LIMIT ?2)",
        params![before.as_micros(), AT_ONCE],
    )?;
    Ok(delivered(connection, before)? + intents as u64)
}

fn delivered(connection: &Connection, before: Timestamp) -> rusqlite::Result<u64> {
    let made: Vec<(String, i64)> = connection
        .prepare(
            "SELECT endpoint, event FROM deliveries WHERE state = 'delivered' AND settled < ?1
             ORDER BY settled LIMIT ?2",
        )?
        .query_map(params![before.as_micros(), AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut attempts = connection.prepare("DELETE FROM attempts WHERE endpoint = ?1 AND event = ?2")?;
    let mut deliveries = connection.prepare("DELETE FROM deliveries WHERE endpoint = ?1 AND event = ?2")?;
    let mut events = connection.prepare(
        "DELETE FROM events WHERE number = ?1 AND NOT EXISTS (
             SELECT 1 FROM endpoints e JOIN deliveries d ON d.endpoint = e.id AND d.event = ?1)",
    )?;
    for (endpoint, event) in &made {
        attempts.execute(params![endpoint, event])?;
        deliveries.execute(params![endpoint, event])?;
        events.execute([event])?;
    }
    Ok(made.len() as u64)
}

/// What was forgotten beside the audit entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Forgotten {
    /// Events that were taken away with their deliveries.
    pub(crate) events: u64,
    /// Events that are to be delivered still, and stay until they are.
    pub(crate) events_waiting: u64,
    /// Settled intents that were taken away.
    pub(crate) intents: u64,
    /// Intents that are open, and stay until they are settled.
    pub(crate) intents_open: u64,
}

/// Takes away the events that name `subject`, those that nobody is to get any more, with the audit batches of entries of
/// which entry `shred` tells that values were destroyed; and the settled intents that name it.
pub(crate) fn about(connection: &Connection, subject: &str, shred: u64) -> rusqlite::Result<Forgotten> {
    // A body that is damaged names nobody, and is no reason to forget less.
    let names = "EXISTS (
        SELECT 1 FROM json_tree(iif(json_valid(CAST(body AS TEXT)), CAST(body AS TEXT), 'null')) t
        WHERE t.type = 'text' AND t.value = ?1)";
    let events: Vec<(i64, bool)> = connection
        .prepare(&format!(
            "SELECT v.number, EXISTS (SELECT 1 FROM endpoints e JOIN deliveries d
                 ON d.endpoint = e.id AND d.event = v.number AND d.state = 'pending')
             FROM events v WHERE v.key = ?1 OR {names}
                 OR (v.entries IS NOT NULL AND EXISTS (SELECT 1 FROM personal p WHERE p.shredded = ?2
                     AND p.number BETWEEN CAST(v.entries AS INTEGER)
                         AND CAST(substr(v.entries, instr(v.entries, '-') + 1) AS INTEGER)))"
        ))?
        .query_map(params![subject, shred], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut forgotten = Forgotten::default();
    for (event, waiting) in events {
        if waiting {
            forgotten.events_waiting += 1;
            continue;
        }
        forgotten.events += 1;
        for sql in [
            "DELETE FROM attempts WHERE event = ?1",
            "DELETE FROM deliveries WHERE event = ?1",
            "DELETE FROM events WHERE number = ?1",
        ] {
            connection.execute(sql, [event])?;
        }
    }
    let intents = |what: &str| format!("{what} FROM intents WHERE (key = ?1 OR {names}) AND settled IS");
    let open = format!("{} NULL", intents("SELECT count(*)"));
    forgotten.intents_open = connection.query_row(&open, [subject], |row| row.get(0))?;
    let over = format!("{} NOT NULL", intents("DELETE"));
    forgotten.intents = connection.execute(&over, [subject])? as u64;
    Ok(forgotten)
}
