//! Audit batches: entries of the chain, as events.

use std::time::Duration;

use frontdesk_domain::{Event, EventKind, Timestamp};
use rusqlite::{Connection, params};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::apply::{insert_delivery, insert_event, takers};
use crate::entry::{Entry, Personal, read_entry};

/// Entries in a batch (contract §4).
pub(super) const SIZE: u64 = 50;
/// How long an entry waits for others to fill its batch (contract §4).
pub(super) const AGE: Duration = Duration::from_secs(5);

/// Makes the batches that are due, for every endpoint that takes them. Gives their number.
pub(super) fn make(connection: &Connection, flush: bool, now: Timestamp) -> rusqlite::Result<u64> {
    let mut made = 0;
    for endpoint in takers(connection, EventKind::AuditBatch)? {
        while let Some(entries) = next(connection, &endpoint, flush, now)? {
            store(connection, &endpoint, &entries, now)?;
            made += 1;
        }
    }
    Ok(made)
}

/// The entries of the next batch; `None` while they wait for more.
fn next(
    connection: &Connection,
    endpoint: &str,
    flush: bool,
    now: Timestamp,
) -> rusqlite::Result<Option<Vec<Entry>>> {
    let mut statement = connection.prepare(
        "SELECT number, at, kind, body, hash FROM entries
         WHERE number > (SELECT audited FROM endpoints WHERE id = ?1) ORDER BY number LIMIT ?2",
    )?;
    let mut personal = Personal::prepare(connection)?;
    let mut rows = statement.query(params![endpoint, SIZE])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(read_entry(row, &mut personal)?);
    }
    let Some(oldest) = entries.first() else { return Ok(None) };
    let full = entries.len() as u64 == SIZE;
    // A clock that was set back does not hold a batch up.
    let aged = now.since(oldest.at) >= AGE || now < oldest.at;
    Ok((full || aged || flush).then_some(entries))
}

fn store(connection: &Connection, endpoint: &str, entries: &[Entry], now: Timestamp) -> rusqlite::Result<()> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Blob, error)
    };
    let records: Result<Vec<Box<RawValue>>, _> = entries
        .iter()
        .map(|entry| {
            let record = entry.record().map_err(|error| failed(error.into()))?;
            RawValue::from_string(record).map_err(|error| failed(error.into()))
        })
        .collect();
    let records = records?;
    let event = Event::audit_batch(records.iter().map(AsRef::as_ref));
    let webhook_id = format!("msg_{}", Uuid::new_v4().simple());
    let numbers = format!("{}-{}", first.number, last.number);
    let number = insert_event(connection, &webhook_id, &event, Some(&numbers), now)?;
    insert_delivery(connection, endpoint, number, event.key(), now)?;
    connection
        .execute("UPDATE endpoints SET audited = ?2 WHERE id = ?1", params![endpoint, last.number])
        .map(drop)
}
