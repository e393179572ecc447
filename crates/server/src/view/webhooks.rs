//! Webhooks: the endpoints and how they stand, the deliveries to them, and what a replay would make due again.

use std::ops::ControlFlow;

use frontdesk_domain::Timestamp;
use frontdesk_journal::outbox::{DeliveryFilter, DeliveryState, DeliveryStatus};
use frontdesk_journal::{Change, Error, Reader};
use serde::Serialize;
use utoipa::ToSchema;

/// Deliveries that one replay makes due again, at most.
pub const MOST_REPLAYED: usize = 10_000;
/// As many of them are one change of the journal's.
const AT_ONCE: usize = 500;

/// The endpoints and a page of deliveries, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct WebhooksView {
    /// Every endpoint, the oldest first.
    pub endpoints: Vec<EndpointView>,
    /// Deliveries, the newest first.
    pub deliveries: Vec<DeliveryView>,
    /// Where the next page begins, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EndpointView {
    /// Its id.
    pub id: String,
    /// Scheme, host and port of where it is; the rest may be a key.
    pub origin: String,
    /// The kinds of events it takes.
    pub kinds: Vec<&'static str>,
    /// When it was added, RFC 3339.
    pub created: String,
    /// When it was taken out of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when it wants nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// Deliveries that are still to be made.
    pub pending: u64,
    /// Those that were taken.
    pub delivered: u64,
    /// Those that were given up.
    pub dead: u64,
}

/// A delivery of one event to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryView {
    /// The event's id, the same at every endpoint.
    pub webhook_id: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// The kind of event.
    pub kind: String,
    /// `pending`, `delivered` or `dead`.
    pub state: &'static str,
    /// When the event was stored, RFC 3339.
    pub stored_at: String,
    /// When the next attempt is due, while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// When it was delivered or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<String>,
    /// Attempts that were made.
    pub attempts: u64,
    /// HTTP status of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// Why the last one failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Every attempt, the oldest first; where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<AttemptView>,
}

/// An attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttemptView {
    /// When, RFC 3339.
    pub at: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// HTTP status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed; absent where it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What came of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReplayedView {
    /// Deliveries that are due again, or would be.
    pub replayed: u64,
    /// Whether this only says what would be.
    pub dry_run: bool,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct WebhooksAsk {
    /// Which deliveries.
    pub filter: DeliveryFilter,
    /// Where the page before ended.
    pub cursor: Option<(u64, String)>,
    /// Deliveries on a page.
    pub limit: usize,
    /// Whether each attempt is told.
    pub attempts: bool,
}

/// Reads a cursor of [`WebhooksView::next_cursor`].
pub fn cursor(text: &str) -> Option<(u64, String)> {
    let (event, endpoint) = text.split_once('.')?;
    Some((event.parse().ok()?, endpoint.to_owned()))
}

/// Endpoints and deliveries. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn page(reader: &Reader, ask: &WebhooksAsk) -> Result<WebhooksView, Error> {
    let before = ask.cursor.as_ref().map(|(event, endpoint)| (*event, endpoint.as_str()));
    // One more than is shown says whether there are others.
    let mut found = reader.newest_deliveries(&ask.filter, before, ask.limit + 1)?;
    let more = found.len() > ask.limit;
    found.truncate(ask.limit);
    let next_cursor = found.last().filter(|_| more).map(|last| format!("{}.{}", last.event, last.endpoint));
    let deliveries = found
        .into_iter()
        .map(|delivery| DeliveryView::read(delivery, ask.attempts.then_some(reader)))
        .collect::<Result<_, Error>>()?;
    Ok(WebhooksView { endpoints: endpoints(reader)?, deliveries, next_cursor })
}

fn endpoints(reader: &Reader) -> Result<Vec<EndpointView>, Error> {
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
    reader
        .endpoints()?
        .into_iter()
        .map(|endpoint| {
            let counts = reader.endpoint_counts(&endpoint.id)?;
            Ok(EndpointView {
                origin: endpoint.origin().to_owned(),
                kinds: endpoint.kinds.iter().map(|kind| kind.as_str()).collect(),
                created: endpoint.created.to_string(),
                disabled: text(endpoint.disabled),
                paused: text(endpoint.paused),
                pending: counts.pending,
                delivered: counts.delivered,
                dead: counts.dead,
                reason: endpoint.reason,
                id: endpoint.id,
            })
        })
        .collect()
}

fn log(reader: &Reader, delivery: &DeliveryStatus) -> Result<Vec<AttemptView>, Error> {
    let attempts = reader.attempts(&delivery.endpoint, delivery.event)?;
    let view = |attempt: frontdesk_journal::outbox::Attempt| AttemptView {
        at: attempt.at.to_string(),
        took_ms: attempt.took_ms,
        status: attempt.status,
        error: attempt.error,
    };
    Ok(attempts.into_iter().map(view).collect())
}

impl DeliveryView {
    /// A delivery, with each of its attempts where there is a journal to ask for them. Blocks.
    ///
    /// # Errors
    /// What is wrong with the journal.
    pub fn read(delivery: DeliveryStatus, attempts: Option<&Reader>) -> Result<Self, Error> {
        let log = attempts.map_or_else(|| Ok(Vec::new()), |reader| log(reader, &delivery))?;
        Ok(Self::new(delivery, log))
    }

    fn new(delivery: DeliveryStatus, log: Vec<AttemptView>) -> Self {
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            state: delivery.state.as_str(),
            stored_at: delivery.stored_at.to_string(),
            due: text(delivery.due),
            settled_at: text(delivery.settled_at),
            attempts: delivery.attempts,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            webhook_id: delivery.webhook_id,
            endpoint: delivery.endpoint,
            kind: delivery.kind,
            log,
        }
    }
}

/// The deliveries that a replay would make due again: those the filter means that are settled, at most
/// [`MOST_REPLAYED`]. `None` where it means none at all. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn replayable(reader: &Reader, filter: &DeliveryFilter) -> Result<Option<Vec<DeliveryStatus>>, Error> {
    let (mut chosen, mut found) = (Vec::new(), false);
    reader.deliveries(filter, &mut |delivery| {
        found = true;
        if delivery.state != DeliveryState::Pending {
            chosen.push(delivery);
        }
        if chosen.len() < MOST_REPLAYED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found.then_some(chosen))
}

/// The changes of the journal that make deliveries due again.
pub fn replay(deliveries: &[DeliveryStatus], now: Timestamp) -> impl Iterator<Item = Change> {
    deliveries
        .chunks(AT_ONCE)
        .map(move |some| some.iter().fold(Change::new(), |change, delivery| change.replay(delivery, now)))
}
