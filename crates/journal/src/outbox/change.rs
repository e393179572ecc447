//! What a change does to the outbox, each with its audit entry where it changes more than a delivery's progress.

use std::time::Duration;

use frontdesk_domain::audit::{DeliveryRecord, DeliveryStep, EndpointRecord, EndpointStep};
use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{Event, Timestamp};
use uuid::Uuid;

use super::apply::OutboxChange;
use super::delivery::{DeliveryStatus, Outcome, Settlement};
use super::endpoint::{Endpoint, NewEndpoint, origin, random_secret};
use crate::change::Change;
use crate::error::{Action, Error, ErrorKind};
use crate::layout;

/// How long a replaced secret still signs beside the new one.
const ROTATION: Duration = Duration::from_secs(24 * 3600);

impl Change {
    /// Stores an event, with a delivery for each endpoint that takes its kind and is in service. Where there is none,
    /// nothing is stored.
    pub fn event(self, event: Event) -> Self {
        self.with(OutboxChange::Queue { webhook_id: new_webhook_id(), event, always: None })
    }

    /// Stores an event under an id of [`new_webhook_id`], as [`event`](Self::event) does, and a delivery for this endpoint
    /// in any case: out of service, it waits there until the endpoint is taken into service again. Where there is no
    /// such endpoint the whole change is refused (`Unknown`).
    pub fn event_to(self, endpoint: impl Into<String>, webhook_id: impl Into<String>, event: Event) -> Self {
        let always = Some(endpoint.into());
        self.with(OutboxChange::Queue { webhook_id: webhook_id.into(), event, always })
    }

    /// Adds an endpoint. It gets what is stored from here on.
    pub fn add_endpoint(self, endpoint: NewEndpoint, at: Timestamp) -> Self {
        let record = EndpointRecord {
            timestamp: at,
            event: EndpointStep::Added,
            endpoint: endpoint.id.clone(),
            url: Some(origin(&endpoint.url).to_owned()),
            kinds: endpoint.kinds.iter().map(ToString::to_string).collect(),
            reason: None,
        };
        self.with(OutboxChange::Add(Box::new(endpoint))).audit(record)
    }

    /// Removes an endpoint with its secrets, its deliveries and their attempts.
    pub fn remove_endpoint(self, endpoint: &Endpoint, at: Timestamp) -> Self {
        let record = step(endpoint, EndpointStep::Removed, None, at);
        self.with(OutboxChange::Remove(endpoint.id.clone())).audit(record)
    }

    /// Takes an endpoint out of service. Its open deliveries wait; events are not stored for it any more.
    pub fn disable_endpoint(self, endpoint: &Endpoint, reason: &str, at: Timestamp) -> Self {
        let record = step(endpoint, EndpointStep::Disabled, Some(reason), at);
        let change = OutboxChange::Disable { endpoint: endpoint.id.clone(), reason: reason.to_owned() };
        self.with(change).audit(record)
    }

    /// Gives an endpoint another URL, which has been checked by whoever will call it. What is open for it goes there.
    pub fn move_endpoint(self, endpoint: &Endpoint, url: &str, at: Timestamp) -> Self {
        let mut record = step(endpoint, EndpointStep::Moved, None, at);
        record.url = Some(origin(url).to_owned());
        self.with(OutboxChange::Move { endpoint: endpoint.id.clone(), url: url.to_owned() }).audit(record)
    }

    /// Takes an endpoint into service again.
    pub fn enable_endpoint(self, endpoint: &Endpoint, at: Timestamp) -> Self {
        let record = step(endpoint, EndpointStep::Enabled, None, at);
        self.with(OutboxChange::Enable(endpoint.id.clone())).audit(record)
    }

    /// Gives an endpoint a new secret. For 24 hours deliveries are signed with the old one too, so that a receiver that
    /// has not got the new one yet refuses nothing (R46).
    pub fn rotate_secret(self, endpoint: &Endpoint, secret: &SigningSecret, at: Timestamp) -> Self {
        let record = step(endpoint, EndpointStep::SecretRotated, None, at);
        let expires = at.checked_add(ROTATION).unwrap_or(Timestamp::MAX);
        let change = OutboxChange::Rotate { endpoint: endpoint.id.clone(), secret: secret.clone(), expires };
        self.with(change).audit(record)
    }

    /// Records how an attempt ended. Its delivery goes on as the outcome says, unless it was settled by then.
    pub fn settle(self, settlement: Settlement) -> Self {
        let Settlement { delivery, attempt, outcome } = &settlement;
        let at = attempt.at.checked_add(Duration::from_millis(attempt.took_ms)).unwrap_or(attempt.at);
        let records = matches!(outcome, Outcome::Dead | Outcome::Gone).then(|| DeliveryRecord {
            timestamp: at,
            event: DeliveryStep::Dead,
            webhook_id: delivery.webhook_id.clone(),
            endpoint: delivery.endpoint.clone(),
            kind: delivery.kind.to_string(),
            attempts: u64::from(delivery.tries) + 1,
            status: attempt.status,
            error: attempt.error.clone(),
        });
        let disabled = (*outcome == Outcome::Gone).then(|| EndpointRecord {
            timestamp: at,
            event: EndpointStep::Disabled,
            endpoint: delivery.endpoint.clone(),
            url: None,
            kinds: Vec::new(),
            reason: Some("it answered 410".to_owned()),
        });
        let mut change = self.with(OutboxChange::Settle(Box::new(settlement)));
        if let Some(record) = records {
            change = change.audit(record);
        }
        match disabled {
            Some(record) => change.audit(record),
            None => change,
        }
    }

    /// Makes a delivery due again, whatever became of it, under the same id and with its schedule begun anew.
    pub fn replay(self, delivery: &DeliveryStatus, at: Timestamp) -> Self {
        let record = DeliveryRecord {
            timestamp: at,
            event: DeliveryStep::Replayed,
            webhook_id: delivery.webhook_id.clone(),
            endpoint: delivery.endpoint.clone(),
            kind: delivery.kind.clone(),
            attempts: delivery.attempts,
            status: delivery.last_status,
            error: None,
        };
        let change = OutboxChange::Replay { endpoint: delivery.endpoint.clone(), event: delivery.event };
        self.with(change).audit(record)
    }

    /// Makes audit batches out of the entries that endpoints for them have not got yet: of 50 entries, or fewer when the
    /// oldest is 5 s old (contract §4), or when `flush` says not to wait. The bytes are stored here, so every attempt
    /// sends the same.
    pub fn batch_audit(self, flush: bool) -> Self {
        self.with(OutboxChange::Batch { flush })
    }

    fn with(mut self, change: OutboxChange) -> Self {
        self.outbox.push(change);
        self
    }
}

impl NewEndpoint {
    /// A secret of 32 random bytes.
    ///
    /// # Errors
    /// `Storage` when the system gives no random bytes.
    pub fn random_secret() -> Result<SigningSecret, Error> {
        random_secret()
            .map_err(|error| Error::with_source(Action::Record, layout::DATABASE, ErrorKind::Storage, error))
    }
}

/// An id for an event that is to be stored: the `webhook-id` of all its deliveries.
#[must_use]
pub fn new_webhook_id() -> String {
    format!("msg_{}", Uuid::new_v4().simple())
}

fn step(endpoint: &Endpoint, event: EndpointStep, reason: Option<&str>, at: Timestamp) -> EndpointRecord {
    EndpointRecord {
        timestamp: at,
        event,
        endpoint: endpoint.id.clone(),
        url: Some(endpoint.origin().to_owned()),
        kinds: Vec::new(),
        reason: reason.map(str::to_owned),
    }
}
