//! The bodies, with the contract's field names in the contract's order.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::EventKind;
use crate::Timestamp;

/// Contract §2.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryBatchSync<'a> {
    pub(super) event: EventKind,
    pub(super) page_token: &'a str,
    pub(super) message_count: usize,
    pub(super) messages: &'a [&'a RawValue],
    pub(super) timestamp: Timestamp,
}

/// Contract §3.
#[derive(Serialize)]
pub(super) struct SessionCreated<'a> {
    pub(super) genesys_session_id: &'a str,
    pub(super) event_type: EventKind,
    pub(super) timestamp: Timestamp,
    pub(super) metadata: Option<&'a RawValue>,
}

/// Contract §6.
#[derive(Serialize)]
pub(super) struct SessionTerminated<'a> {
    pub(super) event: EventKind,
    pub(super) guest_id: &'a str,
    pub(super) reason: &'a str,
    pub(super) timestamp: Timestamp,
}

/// The body as JSON. Strings, numbers and values that are JSON already can always be written, so there is no error.
pub(super) fn written(body: &impl Serialize) -> Box<RawValue> {
    to_raw_value(body).unwrap_or_else(|_| unreachable!("strings, numbers and raw values are always JSON"))
}
