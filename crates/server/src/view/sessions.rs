//! Sessions that were opened, requests of which nobody knows, and sessions that were ended.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use frontdesk_domain::audit::{AuditKind, TerminationRecord};
use frontdesk_durable::sha256;
use frontdesk_journal::{Error, Reader};
use frontdesk_sessions::{Receipt, Standing, open_requests, receipts};
use serde::Serialize;
use utoipa::ToSchema;

/// A page of sessions, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionsView {
    /// Those of this page.
    pub sessions: Vec<SessionView>,
    /// Requests of which it is not known whether they opened a session; on the first page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<UnknownView>,
    /// Sessions there are in all.
    pub total: u64,
    /// Those of them that we have not ended.
    pub open: u64,
    /// Sessions whose guest was destroyed in the audit log: not listed.
    pub destroyed: u64,
    /// Where the next page begins, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionView {
    /// The guest.
    pub guest_id: String,
    /// The session.
    pub session_id: String,
    /// When it was opened, RFC 3339.
    pub opened_at: String,
    /// `open` or `ended`, by what is written down here.
    pub standing: &'static str,
    /// When we ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// When the guest consented.
    pub consented_at: String,
    /// Whether to marketing, too.
    pub marketing: bool,
    /// The number of the receipt's entry in the audit log.
    pub entry: u64,
}

/// A request of which it is not known whether it opened a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnknownView {
    /// The guest.
    pub guest_id: String,
    /// When it was made, RFC 3339.
    pub asked_at: String,
}

/// A page of attempts to end sessions, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TerminationsView {
    /// Those of this page.
    pub terminations: Vec<TerminationView>,
    /// Where the next page begins, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An attempt to end a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TerminationView {
    /// The number of its entry in the audit log.
    pub entry: u64,
    /// When it ended, well or not, RFC 3339.
    pub timestamp: String,
    /// The guest; absent where it was destroyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_id: Option<String>,
    /// The closure reason as it was sent.
    pub reason: String,
    /// Whether the platform keeps the guest's data.
    pub retain_data: bool,
    /// Whether the session is ended now.
    pub success: bool,
    /// How long it took, retries and waits included.
    pub latency_ms: u64,
    /// What went wrong, in our words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether somebody else had ended it before.
    pub duplicate: bool,
}

/// The sessions whose receipts have a number below `before`. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn page(
    reader: &Reader,
    before: Option<u64>,
    only_open: bool,
    limit: usize,
) -> Result<SessionsView, Error> {
    let mut view = SessionsView::default();
    let mut kept: VecDeque<Receipt> = VecDeque::new();
    // A session that was asked for again has a receipt for each time, and is one session: 32 bytes for each.
    let mut told = HashSet::new();
    view.destroyed = receipts(reader, None, |receipt| {
        let is_open = receipt.standing == Standing::Open;
        if !told.insert(sha256(receipt.record.session_id.as_bytes())) || (only_open && !is_open) {
            return ControlFlow::Continue(());
        }
        view.total += 1;
        view.open += u64::from(is_open);
        if before.is_none_or(|before| receipt.entry < before) {
            kept.push_back(receipt);
            if kept.len() > limit + 1 {
                kept.pop_front();
            }
        }
        ControlFlow::Continue(())
    })?;
    let more = kept.len() > limit;
    if more {
        kept.pop_front();
    }
    view.next_cursor = kept.front().filter(|_| more).map(|receipt| receipt.entry.to_string());
    view.sessions = kept.into_iter().rev().map(SessionView::new).collect();
    if before.is_none() {
        let unknown = open_requests(reader)?.into_iter();
        view.unknown = unknown
            .map(|request| UnknownView { guest_id: request.guest_id, asked_at: request.asked_at.to_string() })
            .collect();
    }
    Ok(view)
}

impl SessionView {
    fn new(receipt: Receipt) -> Self {
        let (standing, ended_at) = match receipt.standing {
            Standing::Open => ("open", None),
            Standing::Ended { ended_at } => ("ended", Some(ended_at.to_string())),
        };
        Self {
            guest_id: receipt.record.guest_id,
            session_id: receipt.record.session_id,
            opened_at: receipt.record.timestamp.to_string(),
            standing,
            ended_at,
            consented_at: receipt.record.consented_at.to_string(),
            marketing: receipt.record.marketing,
            entry: receipt.entry,
        }
    }
}

/// The attempts to end sessions whose entries have a number below `before`. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn terminations(reader: &Reader, before: Option<u64>, limit: usize) -> Result<TerminationsView, Error> {
    let mut found = reader.newest_entries(before, Some(AuditKind::Termination), limit + 1)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|entry| entry.number.to_string());
    let mut terminations = Vec::new();
    for entry in &found {
        // A guest that was destroyed is null, which is no guest's id.
        let mut record: serde_json::Value = serde_json::from_str(&entry.record()?).unwrap_or_default();
        let is_destroyed = record["guest_id"].is_null();
        if is_destroyed {
            record["guest_id"] = "".into();
        }
        if record["external_ref"].is_null()
            && let Some(fields) = record.as_object_mut()
        {
            fields.remove("external_ref");
        }
        let Ok(record) = serde_json::from_value::<TerminationRecord>(record) else { continue };
        terminations.push(TerminationView {
            entry: entry.number,
            timestamp: record.timestamp.to_string(),
            guest_id: Some(record.guest_id).filter(|_| !is_destroyed),
            reason: record.reason,
            retain_data: record.retain_data,
            success: record.success,
            latency_ms: record.latency_ms,
            error: record.error,
            duplicate: record.duplicate_termination == Some(true),
        });
    }
    Ok(TerminationsView { terminations, next_cursor })
}
