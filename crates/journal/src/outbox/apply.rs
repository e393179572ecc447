//! The outbox's part of a change, into the open transaction.

use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{Event, EventKind, Timestamp};
use rusqlite::{Connection, params};

use super::batch;
use super::delivery::{DeliveryState, Outcome, Settlement};
use super::endpoint::NewEndpoint;
use crate::error::{Action, Error, ErrorKind};
use crate::layout;

/// One thing a change does to the outbox.
pub(crate) enum OutboxChange {
    /// `always` names an endpoint that gets it whether it takes its kind and is in service or not.
    Queue {
        webhook_id: String,
        event: Event,
        always: Option<String>,
    },
    Add(Box<NewEndpoint>),
    Remove(String),
    Disable {
        endpoint: String,
        reason: String,
    },
    Enable(String),
    Move {
        endpoint: String,
        url: String,
    },
    Rotate {
        endpoint: String,
        secret: SigningSecret,
        expires: Timestamp,
    },
    Settle(Box<Settlement>),
    Replay {
        endpoint: String,
        event: u64,
    },
    Batch {
        flush: bool,
    },
}

/// Does it. Gives the number of deliveries that were stored.
pub(crate) fn apply(connection: &Connection, change: OutboxChange, now: Timestamp) -> rusqlite::Result<u64> {
    match change {
        OutboxChange::Queue { webhook_id, event, always } => {
            return queue(connection, &webhook_id, &event, always, now);
        }
        OutboxChange::Batch { flush } => return batch::make(connection, flush, now),
        OutboxChange::Add(endpoint) => add(connection, &endpoint, now)?,
        OutboxChange::Remove(endpoint) => remove(connection, &endpoint)?,
        OutboxChange::Disable { endpoint, reason } => disable(connection, &endpoint, &reason, now)?,
        OutboxChange::Enable(endpoint) => {
            connection.execute(
                "UPDATE endpoints SET disabled = NULL, reason = NULL, paused = NULL WHERE id = ?1",
                [&endpoint],
            )?;
        }
        OutboxChange::Move { endpoint, url } => {
            // What it said of when it wants to be asked again was said elsewhere.
            connection.execute(
                "UPDATE endpoints SET url = ?2, paused = NULL WHERE id = ?1",
                params![endpoint, url],
            )?;
        }
        OutboxChange::Rotate { endpoint, secret, expires } => {
            rotate(connection, &endpoint, &secret, expires, now)?;
        }
        OutboxChange::Settle(settlement) => settle(connection, &settlement, now)?,
        OutboxChange::Replay { endpoint, event } => {
            connection.execute(
                "UPDATE deliveries SET state = 'pending', due = ?3, tries = 0, settled = NULL
                 WHERE endpoint = ?1 AND event = ?2",
                params![endpoint, event, now.as_micros()],
            )?;
        }
    }
    Ok(0)
}

/// What speaks against a change, if anything does: an endpoint that must get an event and is not there.
pub(crate) fn refuses(connection: &Connection, changes: &[OutboxChange]) -> rusqlite::Result<Option<Error>> {
    for change in changes {
        let OutboxChange::Queue { always: Some(endpoint), .. } = change else { continue };
        let found = connection.prepare("SELECT 1 FROM endpoints WHERE id = ?1")?.exists([endpoint])?;
        if !found {
            let kind = ErrorKind::Unknown { what: format!("the endpoint {endpoint}") };
            return Ok(Some(Error::new(Action::Record, layout::DATABASE, kind)));
        }
    }
    Ok(None)
}

/// Ids of the endpoints in service that take a kind.
pub(super) fn takers(connection: &Connection, kind: EventKind) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "SELECT id FROM endpoints WHERE disabled IS NULL
             AND EXISTS (SELECT 1 FROM json_each(kinds) WHERE value = ?1) ORDER BY id",
        )?
        .query_map([kind.as_str()], |row| row.get(0))?
        .collect()
}

fn queue(
    connection: &Connection,
    webhook_id: &str,
    event: &Event,
    always: Option<String>,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let mut takers = takers(connection, event.kind())?;
    takers.extend(always.filter(|endpoint| !takers.contains(endpoint)));
    if takers.is_empty() {
        return Ok(0);
    }
    let number = insert_event(connection, webhook_id, event, None, now)?;
    for endpoint in &takers {
        insert_delivery(connection, endpoint, number, event.key(), now)?;
    }
    Ok(takers.len() as u64)
}

pub(super) fn insert_event(
    connection: &Connection,
    webhook_id: &str,
    event: &Event,
    entries: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    connection
        .prepare(
            "INSERT INTO events (webhook_id, kind, key, body, entries, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            webhook_id,
            event.kind().as_str(),
            event.key(),
            event.body().get().as_bytes(),
            entries,
            now.as_micros()
        ])?;
    Ok(connection.last_insert_rowid())
}

pub(super) fn insert_delivery(
    connection: &Connection,
    endpoint: &str,
    event: i64,
    key: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare(
            "INSERT INTO deliveries (endpoint, event, key, state, due, tries, attempts)
             VALUES (?1, ?2, ?3, 'pending', ?4, 0, 0)",
        )?
        .execute(params![endpoint, event, key, now.as_micros()])
        .map(drop)
}

fn add(connection: &Connection, endpoint: &NewEndpoint, now: Timestamp) -> rusqlite::Result<()> {
    let json = |value: serde_json::Result<String>| {
        value.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    };
    // What was recorded before is not its business.
    // One with a name of its own may have been added by another process just now: that one stays.
    let added = connection.execute(
        "INSERT OR IGNORE INTO endpoints (id, url, kinds, headers, created, audited)
         VALUES (?1, ?2, ?3, ?4, ?5, (SELECT coalesce(max(number), 0) FROM entries))",
        params![
            endpoint.id,
            endpoint.url,
            json(serde_json::to_string(&endpoint.kinds))?,
            json(serde_json::to_string(&endpoint.headers))?,
            now.as_micros()
        ],
    )?;
    if added == 0 { Ok(()) } else { insert_secret(connection, &endpoint.id, &endpoint.secret) }
}

fn insert_secret(connection: &Connection, endpoint: &str, secret: &SigningSecret) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO endpoint_secrets (endpoint, number, secret)
             SELECT ?1, 1 + coalesce(max(number), 0), ?2 FROM endpoint_secrets WHERE endpoint = ?1",
            params![endpoint, secret.reveal()],
        )
        .map(drop)
}

fn rotate(
    connection: &Connection,
    endpoint: &str,
    secret: &SigningSecret,
    expires: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM endpoint_secrets WHERE endpoint = ?1 AND expires <= ?2",
        params![endpoint, now.as_micros()],
    )?;
    connection.execute(
        "UPDATE endpoint_secrets SET expires = ?2 WHERE endpoint = ?1 AND expires IS NULL",
        params![endpoint, expires.as_micros()],
    )?;
    insert_secret(connection, endpoint, secret)
}

fn remove(connection: &Connection, endpoint: &str) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM attempts WHERE endpoint = ?1",
        "DELETE FROM deliveries WHERE endpoint = ?1",
        "DELETE FROM endpoint_secrets WHERE endpoint = ?1",
        "DELETE FROM endpoints WHERE id = ?1",
    ] {
        connection.execute(sql, [endpoint])?;
    }
    connection.execute("DELETE FROM events WHERE number NOT IN (SELECT event FROM deliveries)", []).map(drop)
}

fn disable(connection: &Connection, endpoint: &str, reason: &str, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE endpoints SET disabled = ?2, reason = ?3 WHERE id = ?1 AND disabled IS NULL",
            params![endpoint, now.as_micros(), reason],
        )
        .map(drop)
}

fn settle(connection: &Connection, settlement: &Settlement, now: Timestamp) -> rusqlite::Result<()> {
    let Settlement { delivery, attempt, outcome } = settlement;
    let (state, due, settled) = match outcome {
        Outcome::Delivered => (DeliveryState::Delivered, now, Some(now)),
        Outcome::Retry { due, .. } => (DeliveryState::Pending, *due, None),
        Outcome::Dead | Outcome::Gone => (DeliveryState::Dead, now, Some(now)),
    };
    let updated = connection
        .prepare(
            "UPDATE deliveries SET state = ?3, due = ?4, settled = ?5, tries = tries + 1, attempts = attempts + 1
             WHERE endpoint = ?1 AND event = ?2 AND state = 'pending'",
        )?
        .execute(params![
            delivery.endpoint,
            delivery.event,
            state.as_str(),
            due.as_micros(),
            settled.map(Timestamp::as_micros)
        ])?;
    // Removed with its endpoint while it was on its way.
    if updated == 0 {
        return Ok(());
    }
    connection
        .prepare(
            "INSERT INTO attempts (endpoint, event, number, at, took_ms, status, error)
             SELECT ?1, ?2, attempts, ?3, ?4, ?5, ?6 FROM deliveries WHERE endpoint = ?1 AND event = ?2",
        )?
        .execute(params![
            delivery.endpoint,
            delivery.event,
            attempt.at.as_micros(),
            attempt.took_ms,
            attempt.status,
            attempt.error
        ])?;
    match outcome {
        Outcome::Retry { pause: Some(until), .. } => connection
            .execute(
                // Of several answers the one that asks for the longest wait holds.
                "UPDATE endpoints SET paused = max(coalesce(paused, ?2), ?2) WHERE id = ?1",
                params![delivery.endpoint, until.as_micros()],
            )
            .map(drop),
        Outcome::Gone => disable(connection, &delivery.endpoint, "it answered 410", now),
        Outcome::Delivered | Outcome::Retry { .. } | Outcome::Dead => Ok(()),
    }
}
