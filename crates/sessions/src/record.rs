//! What is written down of a guest, and read again: the intent, the item of the ledger, the audit record, the event.

use frontdesk_domain::audit::TerminationRecord;
use frontdesk_domain::closure::{Outcome, OutcomeKind};
use frontdesk_domain::{Ending, Event, RunId, Timestamp};
use frontdesk_journal::{Change, Error, Intent, Item};
use serde::{Deserialize, Serialize};

/// The kind of the intents to end a session.
pub const INTENT: &str = "session.close";

/// What an intent is settled with when its DELETE never went out, or surely changed nothing.
const NOT_SENT: &str = "not_sent";

/// What an intent is settled with when the DELETE is sent once more, under an intent of its own.
const SENT_AGAIN: &str = "sent_again";

/// Where a guest of a plan is kept: the plan's ledger, and the guest's place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    pub(crate) ledger: String,
    pub(crate) key: String,
}

impl Place {
    /// The place of guest `number` of a plan, counted from 0.
    pub(crate) fn new(ledger: &str, number: u64) -> Self {
        Self { ledger: ledger.to_owned(), key: format!("{number:010}") }
    }
}

/// What an intent says: all that is needed to settle it after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Purpose {
    /// Host and path prefix of the API: an intent of another tenant is not ours to settle.
    pub(crate) host: String,
    pub(crate) run: RunId,
    pub(crate) ending: Ending,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Place>,
}

impl Purpose {
    /// An intent that is there already, when it is one of ours that can be read.
    pub(crate) fn of(intent: &Intent) -> Option<Self> {
        serde_json::from_str(intent.body.get()).ok()
    }

    /// The change that opens the intent.
    pub(crate) fn open(&self, id: &str, at: Timestamp) -> Result<Change, Error> {
        let intent = Intent::new(id, INTENT, self.ending.guest_id.as_str(), self, at)?;
        Ok(Change::new().run(self.run.clone()).open_intent(intent))
    }
}

/// The change that settles an intent whose DELETE changed nothing.
pub(crate) fn not_sent(run: &RunId, intent: &str) -> Change {
    Change::new().run(run.clone()).settle_intent(intent, NOT_SENT)
}

/// Settles an earlier intent in the change that opens the one for the same DELETE, sent again.
pub(crate) fn sent_again(change: Change, earlier: &str) -> Change {
    change.settle_intent(earlier, SENT_AGAIN)
}

/// The item of a guest in the ledger of its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    pub(crate) latency_ms: u64,
    /// What the look afterwards found: `over`. Absent before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read_back: Option<String>,
    /// What the platform keeps though it was to forget it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<String>,
}

impl Entry {
    pub(crate) fn read(item: &Item) -> Option<Self> {
        serde_json::from_str(item.detail.get()).ok()
    }

    /// Adds it to a change.
    pub(crate) fn put(&self, change: Change, place: &Place) -> Result<Change, Error> {
        change.item(&place.ledger, &place.key, self.outcome.kind().as_str(), self)
    }
}

/// How a guest ended, with all that goes with it.
pub(crate) struct Ended<'a> {
    pub(crate) ending: &'a Ending,
    pub(crate) outcome: &'a Outcome,
    pub(crate) latency_ms: u64,
    pub(crate) at: Timestamp,
    pub(crate) run: &'a RunId,
    /// The intent that is open for it.
    pub(crate) intent: Option<&'a str>,
    pub(crate) place: Option<&'a Place>,
    /// What the platform keeps though it was to forget it.
    pub(crate) kept: Option<&'a str>,
}

impl Ended<'_> {
    /// One change: the intent settled, the audit record, the event, the item. What is unknown keeps its intent.
    pub(crate) fn change(&self) -> Result<Change, Error> {
        let mut change = Change::new().run(self.run.clone()).audit(self.record());
        if let Some(intent) = self.intent
            && self.outcome.kind() != OutcomeKind::Unknown
        {
            change = change.settle_intent(intent, self.outcome.kind().as_str());
        }
        if self.outcome.kind() == OutcomeKind::Ended {
            let Ending { guest_id, reason, .. } = self.ending;
            change = change.event(Event::session_terminated(guest_id.as_str(), reason.as_str(), self.at));
        }
        match self.place {
            Some(place) => {
                let outcome = self.outcome.clone();
                let kept = self.kept.map(str::to_owned);
                Entry { outcome, latency_ms: self.latency_ms, read_back: None, kept }.put(change, place)
            }
            None => Ok(change),
        }
    }

    fn record(&self) -> TerminationRecord {
        let Ending { guest_id, reason, retain_data, external_ref } = self.ending;
        let error = match self.outcome {
            Outcome::Ended | Outcome::Duplicate => self.kept.map(|kept| format!("not forgotten: {kept}")),
            Outcome::Skipped { state } => Some(format!("skipped: the session is {}", shown(state.as_str()))),
            Outcome::Failed(why) => Some(why.text.clone()),
            Outcome::Unknown(why) => Some(format!("unknown: {}", why.text)),
        };
        TerminationRecord {
            timestamp: self.at,
            guest_id: guest_id.as_str().to_owned(),
            reason: reason.as_str().to_owned(),
            retain_data: (*retain_data).into(),
            success: self.outcome.kind().is_success(),
            latency_ms: self.latency_ms,
            external_ref: external_ref.as_ref().map(|reference| reference.as_str().to_owned()),
            error,
            duplicate_termination: (self.outcome.kind() == OutcomeKind::Duplicate).then_some(true),
        }
    }
}

/// A platform's word for a state, made fit for a line: short, without what steers a terminal.
fn shown(state: &str) -> String {
    state.chars().take(40).flat_map(char::escape_default).collect()
}
