//! What is written down of a message, and read again: the intent, the item of the ledger, the audit records, the event.
//!
//! The text of a message is never stored: its digest stands for it. Sender and recipients are in the item while receipts
//! may still come, since the audit records name them, and are taken out when nothing more is to be said.

use frontdesk_api::Mark;
use frontdesk_domain::audit::{MessageRecord, MessageResult};
use frontdesk_domain::conversation::ChannelType;
use frontdesk_domain::delivery::{MessageId, Receipts, Sla, SlaState};
use frontdesk_domain::outbound::{ClientId, OutboundMessage};
use frontdesk_domain::{ConversationId, Event, RunId, Timestamp};
use frontdesk_journal::{Change, Error, Intent, Item};
use serde::{Deserialize, Serialize};

use crate::outcome::{Delivery, Outcome, OutcomeKind};

/// The kind of the intents to send a message.
pub const INTENT: &str = "message.send";

/// The ledger of all messages of a journal.
pub(crate) const LEDGER: &str = "message";

/// The ledger of what was measured of platforms' clocks, by host.
pub(crate) const CLOCKS: &str = "message.clock";

/// Which messages of the platform are known to be which of ours, where they have no client id there: by host and id.
pub(crate) const CLAIMS: &str = "message.claim";

/// What an intent says. It is the same for every process that sends the same message, so that two of them share it; but for
/// a post that must not be made twice, which one run alone has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Purpose {
    /// Host and path prefix of the API: an intent of another tenant is not ours to settle.
    pub(crate) host: String,
    /// Where the message is in the ledger.
    pub(crate) key: String,
    pub(crate) client_id: ClientId,
    /// What stands for the message.
    pub(crate) digest: String,
    /// The one post it is about, where the platform takes each post for a new message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) post: Option<OnePost>,
}

/// A post that is made once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnePost {
    /// Which of the message's posts it is, counted from 0.
    pub(crate) number: usize,
    /// The run that makes it.
    pub(crate) run: RunId,
    /// By what it is found again.
    pub(crate) mark: Mark,
}

impl Purpose {
    /// An intent that is there already, when it is one of ours that can be read.
    pub(crate) fn of(intent: &Intent) -> Option<Self> {
        serde_json::from_str(intent.body.get()).ok()
    }

    /// Names the intent of the message's `tries`-th course.
    pub(crate) fn id(&self, tries: u32) -> String {
        format!("{INTENT}/{}/{tries}", self.client_id)
    }

    /// Names the intent of one post of the message's `tries`-th course.
    pub(crate) fn post_id(&self, tries: u32, number: usize) -> String {
        format!("{INTENT}/{}/{tries}/{number}", self.client_id)
    }

    /// The intent itself.
    pub(crate) fn intent(&self, tries: u32, at: Timestamp) -> Result<Intent, Error> {
        let id = match &self.post {
            None => self.id(tries),
            Some(post) => self.post_id(tries, post.number),
        };
        Intent::new(id, INTENT, self.key.as_str(), self, at)
    }
}

/// The item of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) host: String,
    /// Its conversation; of a message to an address not before the platform has told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) client_id: ClientId,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<ChannelType>,
    /// When its first course began.
    pub(crate) begun: Timestamp,
    /// Courses it took: one, and one more for each time it was surely not sent.
    pub(crate) tries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<Delivery>,
    #[serde(default)]
    pub(crate) receipts: Receipts,
    /// The event of its missed threshold was stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) missed_told: bool,
    pub(crate) latency_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parties: Option<Parties>,
    /// What is there already of a message that takes more than one post: the ids of the posts, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) posts: Vec<MessageId>,
}

/// Who sent a message to whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parties {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
}

impl Parties {
    pub(crate) fn of(message: &OutboundMessage) -> Self {
        Self { from: message.from().to_owned(), to: message.to().to_vec() }
    }
}

impl std::fmt::Debug for Parties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parties(..)")
    }
}

impl Entry {
    pub(crate) fn read(item: &Item) -> Option<Self> {
        serde_json::from_str(item.detail.get()).ok()
    }

    /// The state of the item: the delivery of a message that was sent, else its outcome.
    fn state(&self) -> &'static str {
        match (self.outcome.kind(), self.delivery) {
            (OutcomeKind::Sent, Some(delivery)) => delivery.as_str(),
            (kind, _) => kind.as_str(),
        }
    }

    /// Adds it to a change.
    pub(crate) fn put(&self, change: Change, key: &str) -> Result<Change, Error> {
        change.item(LEDGER, key, self.state(), self)
    }

    /// How the message stands to its threshold; none unless it was sent.
    pub(crate) fn sla(&self, platform_now: Timestamp, threshold: std::time::Duration) -> Option<Sla> {
        let id = self.message_id.as_ref()?;
        Some(Sla::judge(id, &self.receipts, platform_now, threshold))
    }

    /// Whether somebody is still to look for receipts of it.
    pub(crate) fn is_open(&self) -> bool {
        self.outcome.kind() == OutcomeKind::Sent && !self.delivery.is_some_and(Delivery::is_final)
    }
}

/// What an observation makes of a message: the item, and what goes with it, in one change.
pub(crate) struct Observed<'a> {
    pub(crate) run: &'a RunId,
    pub(crate) at: Timestamp,
    pub(crate) key: &'a str,
    /// What is known of it now.
    pub(crate) sla: Option<&'a Sla>,
    /// What the audit records say, where something was decided.
    pub(crate) result: Option<MessageResult>,
}

impl Observed<'_> {
    /// Adds item, audit records and event to `change`, and notes in the entry what was told.
    pub(crate) fn change(&self, change: Change, entry: &mut Entry) -> Result<Change, Error> {
        let mut change = change.run(self.run.clone());
        if let Some(conversation) = &entry.conversation {
            change = change.about(conversation.as_str());
        }
        if let Some(result) = self.result
            && let Some(parties) = &entry.parties
        {
            let message_id = entry.message_id.as_ref().map(|id| id.as_str().to_owned());
            change = records(change, self.at, message_id.as_deref(), parties, result, self.sla);
        }
        if let Some(sla) = self.sla.filter(|sla| sla.state == SlaState::Missed)
            && !entry.missed_told
            // What was sent has one.
            && let Some(conversation) = &entry.conversation
        {
            change = change.event(Event::sla_missed(conversation.as_str(), sla));
            entry.missed_told = true;
        }
        if !entry.is_open() && entry.outcome.kind() != OutcomeKind::Unknown {
            entry.parties = None;
        }
        entry.put(change, self.key)
    }
}

/// One audit record a recipient; one without a recipient where there is none (contract §4).
pub(crate) fn records(
    mut change: Change,
    at: Timestamp,
    message_id: Option<&str>,
    parties: &Parties,
    result: MessageResult,
    sla: Option<&Sla>,
) -> Change {
    let nobody = [String::new()];
    let to = if parties.to.is_empty() { &nobody[..] } else { &parties.to };
    for receiver in to {
        change = change.audit(MessageRecord {
            timestamp: at,
            message_id: message_id.map(str::to_owned),
            sender: parties.from.clone(),
            receiver: receiver.clone(),
            status: result,
            elapsed_seconds: sla.and_then(|sla| sla.elapsed_time_sec),
            sla_violation: sla.is_some_and(|sla| sla.state == SlaState::Missed),
        });
    }
    change
}
