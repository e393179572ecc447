//! Rows that no chain covers, compared with their checksums before they are handed out.

use frontdesk_domain::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Error as SqlError, Row};
use serde_json::value::RawValue;

use crate::change::{Intent, Item, Settled, intent_sum, item_sum};

/// One intent by its id.
pub(crate) const INTENT: &str =
    "SELECT id, kind, key, body, opened, outcome, settled, sum FROM intents WHERE id = ?1";

/// A row of `intents` with all its columns.
pub(crate) fn read_intent(row: &Row<'_>) -> rusqlite::Result<(Intent, Option<Settled>)> {
    let intent = Intent {
        id: row.get(0)?,
        kind: row.get(1)?,
        key: row.get(2)?,
        body: json(row, 3)?,
        at: time(row, 4)?,
    };
    let outcome: Option<String> = row.get(5)?;
    let settled: Option<i64> = row.get(6)?;
    let sum = intent_sum(&intent, outcome.as_deref().zip(settled));
    if row.get::<_, Vec<u8>>(7)? != sum || outcome.is_some() != settled.is_some() {
        return Err(damaged(7));
    }
    let settled = match outcome {
        Some(outcome) => Some(Settled { outcome, at: time(row, 6)? }),
        None => None,
    };
    Ok((intent, settled))
}

/// A row of `items` with all its columns.
pub(crate) fn read_item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let (ledger, at): (String, i64) = (row.get(0)?, row.get(4)?);
    let item = Item { key: row.get(1)?, state: row.get(2)?, detail: json(row, 3)?, at: time(row, 4)? };
    let sum = item_sum(&ledger, &item.key, &item.state, item.detail.get().as_bytes(), at);
    if row.get::<_, Vec<u8>>(5)? == sum { Ok(item) } else { Err(damaged(5)) }
}

/// A row that is not what was written, as SQLite says it of its pages.
fn damaged(column: usize) -> SqlError {
    let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    SqlError::SqliteFailure(corrupt, Some(format!("the checksum of a row fails (column {column})")))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_micros(row.get(column)?).map_err(|_| damaged(column))
}

fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Box<RawValue>> {
    let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
        SqlError::FromSqlConversionFailure(column, Type::Blob, error)
    };
    let bytes: Vec<u8> = row.get(column)?;
    let text = String::from_utf8(bytes).map_err(|error| unreadable(error.into()))?;
    RawValue::from_string(text).map_err(|error| unreadable(error.into()))
}
