//! Opening and settling intents.

use frontdesk_domain::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::change::{Intent, intent_sum};
use crate::error::Error;

/// Opens and settles. Gives what speaks against the change, if anything does: the caller takes it back then.
pub(super) fn change(
    connection: &Connection,
    opened: &[Intent],
    settled: &[(String, String)],
    now: Timestamp,
) -> rusqlite::Result<Option<Error>> {
    for intent in opened {
        if let Some(refused) = open(connection, intent)? {
            return Ok(Some(refused));
        }
    }
    for (id, outcome) in settled {
        if let Some(refused) = settle(connection, id, outcome, now)? {
            return Ok(Some(refused));
        }
    }
    Ok(None)
}

fn open(connection: &Connection, intent: &Intent) -> rusqlite::Result<Option<Error>> {
    let body = intent.body.get().as_bytes();
    let inserted = connection.execute(
        "INSERT OR IGNORE INTO intents (id, kind, key, body, opened, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![intent.id, intent.kind, intent.key, body, intent.at.as_micros(), intent_sum(intent, None)],
    )?;
    if inserted == 1 {
        return Ok(None);
    }
    let (equal, open) = connection.query_row(
        "SELECT kind = ?2 AND key = ?3 AND body = ?4, settled IS NULL FROM intents WHERE id = ?1",
        params![intent.id, intent.kind, intent.key, body],
        |row| Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?)),
    )?;
    Ok(match (equal, open) {
        (true, true) => None,
        (true, false) => Some(Error::conflict("the intent is settled already")),
        (false, _) => Some(Error::conflict("another intent has the same id")),
    })
}

fn settle(
    connection: &Connection,
    id: &str,
    outcome: &str,
    now: Timestamp,
) -> rusqlite::Result<Option<Error>> {
    let found = connection.query_row(crate::reader::INTENT, [id], crate::reader::read_intent).optional()?;
    let Some((intent, before)) = found else { return Ok(Some(Error::conflict("there is no such intent"))) };
    match before {
        Some(settled) if settled.outcome == outcome => return Ok(None),
        Some(_) => {
            return Ok(Some(Error::conflict("the intent is settled already, with another outcome")));
        }
        None => {}
    }
    let sum = intent_sum(&intent, Some((outcome, now.as_micros())));
    connection.execute(
        "UPDATE intents SET outcome = ?2, settled = ?3, sum = ?4 WHERE id = ?1",
        params![id, outcome, now.as_micros(), sum],
    )?;
    Ok(None)
}
