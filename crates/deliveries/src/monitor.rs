//! What a caller hears while deliveries go out.

use frontdesk_domain::EventKind;
use frontdesk_journal::outbox::Outcome;

use crate::report::Report;

/// Listens to a [`Drain`](crate::Drain). Does nothing by default; must not block for long.
pub trait Monitor: Send + Sync {
    /// An attempt ended and is recorded.
    fn ended(&self, ended: &Ended<'_>, so_far: &Report) {
        let _ = (ended, so_far);
    }
}

/// The end of an attempt.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Ended<'a> {
    /// The `webhook-id`.
    pub webhook_id: &'a str,
    /// The id of the endpoint.
    pub endpoint: &'a str,
    /// The kind of the event.
    pub kind: EventKind,
    /// What it comes to.
    pub outcome: Outcome,
    /// HTTP status of the answer, where one came.
    pub status: Option<u16>,
    /// Why it failed, where it did.
    pub error: Option<&'a str>,
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {}
