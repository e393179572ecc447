//! What was opened and consented to, read from the audit log; and whether we ended it since.

use std::collections::HashMap;
use std::ops::ControlFlow;

use frontdesk_api::id_hash;
use frontdesk_domain::Timestamp;
use frontdesk_domain::audit::{AuditKind, ConsentRecord, TerminationRecord};
use frontdesk_journal::{Entry, Error, Reader};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The receipt of a consent, with the number of its entry in the audit log, where it can be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the entry.
    pub entry: u64,
    /// What it says.
    pub record: ConsentRecord,
    /// How the session stands.
    pub standing: Standing,
}

/// How a session stands, by what is written down here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// We have not ended it. The guest, or somebody else, may have.
    Open,
    /// We ended it, or found it ended.
    Ended {
        /// When that was written down.
        ended_at: Timestamp,
    },
}

/// Hands the receipts to `each` in the order in which sessions were opened, those of one guest or all, until it breaks.
/// Receipts whose guest was destroyed are left out, and counted: that is what comes back.
///
/// Memory holds 16 bytes for every guest whose session was ended.
///
/// # Errors
/// When the journal cannot be read.
pub fn receipts(
    reader: &Reader,
    guest: Option<&str>,
    mut each: impl FnMut(Receipt) -> ControlFlow<()>,
) -> Result<u64, Error> {
    let mut ended: HashMap<u64, Timestamp> = HashMap::new();
    reader.entries(0, Some(AuditKind::Termination), &mut |entry| {
        if let Some(record) = record::<TerminationRecord>(&entry)
            && record.success
            && guest.is_none_or(|guest| record.guest_id == guest)
        {
            let last = ended.entry(id_hash(&record.guest_id)).or_insert(record.timestamp);
            *last = record.timestamp.max(*last);
        }
        ControlFlow::Continue(())
    })?;
    let mut destroyed = 0;
    reader.entries(0, Some(AuditKind::Consent), &mut |entry| {
        let Some(record) = record::<ConsentRecord>(&entry) else {
            destroyed += 1;
            return ControlFlow::Continue(());
        };
        if guest.is_some_and(|guest| record.guest_id != guest) {
            return ControlFlow::Continue(());
        }
        let standing = match ended.get(&id_hash(&record.guest_id)) {
            Some(at) if *at >= record.timestamp => Standing::Ended { ended_at: *at },
            _ => Standing::Open,
        };
        each(Receipt { entry: entry.number, record, standing })
    })?;
    Ok(destroyed)
}

/// A request of which it is not known whether it opened a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRequest {
    /// The guest.
    pub guest_id: String,
    /// When it was made.
    pub asked_at: Timestamp,
}

/// The requests whose intents are open: on their way now, or left by a run whose answer was lost.
///
/// # Errors
/// When the journal cannot be read.
pub fn open_requests(reader: &Reader) -> Result<Vec<OpenRequest>, Error> {
    let open = reader.open_intents(super::OPEN_INTENT)?;
    Ok(open.into_iter().map(|intent| OpenRequest { guest_id: intent.key, asked_at: intent.at }).collect())
}

/// The record of an entry; none where a personal value of it was destroyed.
fn record<T: DeserializeOwned>(entry: &Entry) -> Option<T> {
    serde_json::from_str(&entry.record().ok()?).ok()
}
