//! What is in the outbox.

use std::ops::ControlFlow;

use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{EventKind, Timestamp};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};

use super::batch;
use super::delivery::{Attempt, Delivery, DeliveryFilter, DeliveryState, DeliveryStatus};
use super::endpoint::{Endpoint, EndpointCounts};
use crate::error::{During, Error};
use crate::reader::Reader;
use crate::{Action, layout};

/// Open, and the first of its endpoint and key that is.
const FIRST_OPEN: &str = "d.state = 'pending' AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier
    WHERE earlier.endpoint = d.endpoint AND earlier.key = d.key AND earlier.event < d.event
    AND earlier.state = 'pending')";

/// What [`status`] reads.
const STATUS: &str =
    "SELECT v.webhook_id, d.endpoint, d.event, v.kind, d.state, v.at, d.due, d.settled, d.attempts,
        (SELECT status FROM attempts AS a WHERE a.endpoint = d.endpoint AND a.event = d.event
            AND a.number = d.attempts),
        (SELECT error FROM attempts AS a WHERE a.endpoint = d.endpoint AND a.event = d.event
            AND a.number = d.attempts)
    FROM deliveries AS d JOIN events AS v ON v.number = d.event";

/// Which rows of it a [`DeliveryFilter`] means.
const MEANT: &str = "(?1 IS NULL OR v.webhook_id = ?1) AND (?2 IS NULL OR d.endpoint = ?2)
    AND (?3 IS NULL OR d.state = ?3) AND (?4 IS NULL OR v.kind = ?4)
    AND (?5 IS NULL OR v.at >= ?5) AND (?6 IS NULL OR v.at < ?6)";

impl Reader {
    /// The endpoints, oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        let read = || -> rusqlite::Result<Vec<Endpoint>> {
            let sql = "SELECT id, url, kinds, headers, created, disabled, reason, paused FROM endpoints
                ORDER BY created, id";
            self.connection.prepare(sql)?.query_map([], endpoint)?.collect()
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// The secrets an endpoint's deliveries are signed with at `now`, the newest first: two during a rotation.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn secrets(&self, endpoint: &str, now: Timestamp) -> Result<Vec<SigningSecret>, Error> {
        let read = || -> rusqlite::Result<Vec<SigningSecret>> {
            let sql = "SELECT secret FROM endpoint_secrets
                WHERE endpoint = ?1 AND (expires IS NULL OR expires > ?2) ORDER BY number DESC";
            self.connection
                .prepare(sql)?
                .query_map(params![endpoint, now.as_micros()], |row| {
                    row.get::<_, String>(0)?.parse().map_err(|error| unreadable(0, error))
                })?
                .collect()
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// Deliveries of an endpoint that are due at `now`, at most `limit`: the first open one of each key, oldest first.
    /// Nothing for an endpoint that is out of service or wants to be left alone.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn due(&self, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Error> {
        let read = || -> rusqlite::Result<Vec<Delivery>> {
            // In the order of the index, so that the limit ends the search.
            let sql = format!(
                "SELECT d.endpoint, d.event, v.webhook_id, v.kind, v.key, v.body, v.entries, d.tries
                 FROM deliveries AS d INDEXED BY deliveries_in_order
                 CROSS JOIN events AS v ON v.number = d.event CROSS JOIN endpoints AS e ON e.id = d.endpoint
                 WHERE d.endpoint = ?1 AND d.due <= ?2 AND e.disabled IS NULL
                 AND (e.paused IS NULL OR e.paused <= ?2) AND {FIRST_OPEN}
                 ORDER BY d.event LIMIT ?3"
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            self.connection
                .prepare(&sql)?
                .query_map(params![endpoint, now.as_micros(), limit], delivery)?
                .collect()
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// Deliveries of an endpoint that follow `first` in its ordering key and are due at `now`, oldest first, at most `limit`:
    /// up to the first one that is not due yet, as those behind it wait for it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn behind(&self, first: &Delivery, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Error> {
        let read = || -> rusqlite::Result<Vec<Delivery>> {
            let sql =
                "SELECT d.endpoint, d.event, v.webhook_id, v.kind, v.key, v.body, v.entries, d.tries, d.due
                FROM deliveries AS d INDEXED BY deliveries_open CROSS JOIN events AS v ON v.number = d.event
                WHERE d.endpoint = ?1 AND d.key = ?2 AND d.event > ?3 AND d.state = 'pending'
                ORDER BY d.event LIMIT ?4";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query(params![first.endpoint, first.key, first.event, limit])?;
            let mut behind = Vec::new();
            while let Some(row) = rows.next()? {
                if row.get::<_, i64>(8)? > now.as_micros() {
                    break;
                }
                behind.push(delivery(row)?);
            }
            Ok(behind)
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// Whether an audit batch of any endpoint in service is due at `now`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn batch_due(&self, now: Timestamp) -> Result<bool, Error> {
        let due = self.next_batch().during(Action::Read, layout::DATABASE)?;
        // Further away than a batch ever is only when the clock was set back, which does not hold it up.
        Ok(due.map(time).is_some_and(|due| due <= now || due.since(now) > batch::AGE))
    }

    /// When the next delivery or audit batch of any endpoint in service is due; in the past when one is due now. `None`
    /// when nothing is open.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        let read = || -> rusqlite::Result<Option<i64>> {
            let sql = format!(
                "SELECT min(max(d.due, coalesce(e.paused, 0))) FROM deliveries AS d
                 JOIN endpoints AS e ON e.id = d.endpoint WHERE e.disabled IS NULL AND {FIRST_OPEN}"
            );
            let delivery: Option<i64> = self.connection.prepare(&sql)?.query_row([], |row| row.get(0))?;
            let batch = self.next_batch()?;
            Ok(delivery.into_iter().chain(batch).min())
        };
        let due = read().during(Action::Read, layout::DATABASE)?;
        Ok(due.map(time))
    }

    /// When the next audit batch of any endpoint in service is due: in the past for one that is full.
    fn next_batch(&self) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT min(CASE WHEN waiting >= ?2 THEN 0 ELSE oldest + ?3 END) FROM (
            SELECT (SELECT count(*) FROM (
                    SELECT 1 FROM entries WHERE number > e.audited LIMIT ?2)) AS waiting,
                (SELECT at FROM entries WHERE number > e.audited ORDER BY number LIMIT 1) AS oldest
            FROM endpoints AS e WHERE e.disabled IS NULL
            AND EXISTS (SELECT 1 FROM json_each(e.kinds) WHERE value = ?1)) WHERE waiting > 0";
        let age = i64::try_from(batch::AGE.as_micros()).unwrap_or(i64::MAX);
        self.connection
            .prepare(sql)?
            .query_row(params![EventKind::AuditBatch.as_str(), batch::SIZE, age], |row| row.get(0))
    }

    /// How many deliveries of an endpoint are in which state.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn endpoint_counts(&self, endpoint: &str) -> Result<EndpointCounts, Error> {
        let read = || {
            let sql = "SELECT count(*) FILTER (WHERE state = 'pending'),
                count(*) FILTER (WHERE state = 'delivered'), count(*) FILTER (WHERE state = 'dead')
                FROM deliveries WHERE endpoint = ?1";
            self.connection.prepare(sql)?.query_row([endpoint], |row| {
                Ok(EndpointCounts { pending: row.get(0)?, delivered: row.get(1)?, dead: row.get(2)? })
            })
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// Gives the deliveries that a filter means, in the order their events were stored, until `each` breaks.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn deliveries(
        &self,
        filter: &DeliveryFilter,
        each: &mut dyn FnMut(DeliveryStatus) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut read = || -> rusqlite::Result<()> {
            let sql = format!(
                "{STATUS}
                WHERE {MEANT} ORDER BY d.event, d.endpoint"
            );
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query(params![
                filter.webhook_id,
                filter.endpoint,
                filter.state.map(DeliveryState::as_str),
                filter.kind.map(EventKind::as_str),
                filter.from.map(Timestamp::as_micros),
                filter.to.map(Timestamp::as_micros)
            ])?;
            while let Some(row) = rows.next()? {
                if each(status(row)?).is_break() {
                    break;
                }
            }
            Ok(())
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// The newest deliveries that a filter means, at most `limit`, the newest first; those before the event and the endpoint
    /// that `before` names only.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn newest_deliveries(
        &self,
        filter: &DeliveryFilter,
        before: Option<(u64, &str)>,
        limit: usize,
    ) -> Result<Vec<DeliveryStatus>, Error> {
        let read = || -> rusqlite::Result<Vec<DeliveryStatus>> {
            let sql = format!(
                "{STATUS}
                WHERE {MEANT} AND (?7 IS NULL OR (d.event, d.endpoint) < (?7, ?8))
                ORDER BY d.event DESC, d.endpoint DESC LIMIT ?9"
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let (event, endpoint) = before.unzip();
            self.connection
                .prepare(&sql)?
                .query_map(
                    params![
                        filter.webhook_id,
                        filter.endpoint,
                        filter.state.map(DeliveryState::as_str),
                        filter.kind.map(EventKind::as_str),
                        filter.from.map(Timestamp::as_micros),
                        filter.to.map(Timestamp::as_micros),
                        event,
                        endpoint,
                        limit
                    ],
                    status,
                )?
                .collect()
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// How the delivery of one event to one endpoint stands; `None` when there is none.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn delivery(&self, endpoint: &str, webhook_id: &str) -> Result<Option<DeliveryStatus>, Error> {
        let read = || {
            let sql = format!("{STATUS} WHERE d.endpoint = ?1 AND v.webhook_id = ?2");
            self.connection.prepare(&sql)?.query_row([endpoint, webhook_id], status).optional()
        };
        read().during(Action::Read, layout::DATABASE)
    }

    /// The attempts of a delivery, oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn attempts(&self, endpoint: &str, event: u64) -> Result<Vec<Attempt>, Error> {
        let read = || -> rusqlite::Result<Vec<Attempt>> {
            let sql = "SELECT at, took_ms, status, error FROM attempts WHERE endpoint = ?1 AND event = ?2
                ORDER BY number";
            self.connection
                .prepare(sql)?
                .query_map(params![endpoint, event], |row| {
                    Ok(Attempt {
                        at: time(row.get(0)?),
                        took_ms: row.get(1)?,
                        status: row.get(2)?,
                        error: row.get(3)?,
                    })
                })?
                .collect()
        };
        read().during(Action::Read, layout::DATABASE)
    }
}

fn endpoint(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    let json = |index: usize| row.get::<_, String>(index);
    Ok(Endpoint {
        id: row.get(0)?,
        url: row.get(1)?,
        kinds: serde_json::from_str(&json(2)?).map_err(|error| unreadable(2, error))?,
        headers: serde_json::from_str(&json(3)?).map_err(|error| unreadable(3, error))?,
        created: time(row.get(4)?),
        disabled: row.get::<_, Option<i64>>(5)?.map(time),
        reason: row.get(6)?,
        paused: row.get::<_, Option<i64>>(7)?.map(time),
    })
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        endpoint: row.get(0)?,
        event: row.get(1)?,
        webhook_id: row.get(2)?,
        kind: row.get::<_, String>(3)?.parse().map_err(|error| unreadable(3, error))?,
        key: row.get(4)?,
        body: row.get(5)?,
        entries: row.get(6)?,
        tries: row.get(7)?,
    })
}

fn status(row: &Row<'_>) -> rusqlite::Result<DeliveryStatus> {
    let state: DeliveryState = row.get::<_, String>(4)?.parse().map_err(|error| unreadable(4, error))?;
    Ok(DeliveryStatus {
        webhook_id: row.get(0)?,
        endpoint: row.get(1)?,
        event: row.get(2)?,
        kind: row.get(3)?,
        state,
        stored_at: time(row.get(5)?),
        due: (state == DeliveryState::Pending).then_some(time(row.get(6)?)),
        settled_at: row.get::<_, Option<i64>>(7)?.map(time),
        attempts: row.get(8)?,
        last_status: row.get(9)?,
        last_error: row.get(10)?,
    })
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
