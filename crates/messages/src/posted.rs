//! What was sent into one conversation, and what became of it: as the journal has it, without a look.

use frontdesk_domain::delivery::MessageId;
use frontdesk_domain::outbound::ClientId;
use frontdesk_domain::{ConversationId, Timestamp};
use frontdesk_journal::{Error, Reader};

use crate::outcome::{Delivery, OutcomeKind};
use crate::record::{Entry, LEDGER};

/// A message that was to be sent into a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The id it was sent under.
    pub client_id: ClientId,
    /// The platform's id of it, where that is known.
    pub message_id: Option<MessageId>,
    /// How it came out.
    pub outcome: OutcomeKind,
    /// How far it came, where it was sent.
    pub delivery: Option<Delivery>,
    /// When its first course began.
    pub begun: Timestamp,
    /// When it arrived, by the receipts that were seen.
    pub arrived: Option<Timestamp>,
}

impl Posted {
    /// The delivery of what was sent, else the outcome: `pending`, `delivered`, `read`, `failed`, `expired`, `timeout`,
    /// `not_sent`, `refused`, `unknown`; `sent` where nobody follows it.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (self.outcome, self.delivery) {
            (OutcomeKind::Sent, Some(delivery)) => delivery.as_str(),
            (outcome, _) => outcome.as_str(),
        }
    }
}

/// The messages of a conversation, the earliest first, at most `limit` of them.
///
/// # Errors
/// When the journal cannot be read.
pub fn posted(reader: &Reader, conversation: &ConversationId, limit: usize) -> Result<Vec<Posted>, Error> {
    let items = reader.items_of(LEDGER, conversation.as_str(), limit)?;
    let mut found: Vec<Posted> = items
        .iter()
        .filter_map(Entry::read)
        .map(|entry| Posted {
            client_id: entry.client_id,
            message_id: entry.message_id,
            outcome: entry.outcome.kind(),
            delivery: entry.delivery,
            begun: entry.begun,
            arrived: entry.receipts.arrived(),
        })
        .collect();
    found.sort_by(|one, other| (one.begun, &one.client_id).cmp(&(other.begun, &other.client_id)));
    Ok(found)
}
