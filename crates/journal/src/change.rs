//! A change as a value: what is to be recorded together or not at all.

use std::fmt;

use frontdesk_domain::audit::AuditRecord;
use frontdesk_domain::{RunId, Timestamp};
use serde_json::value::RawValue;

use crate::chain::row_sum;
use crate::once::Once;
use crate::outbox::OutboxChange;

/// What is recorded together: audit entries, events, intents, items. All of it is durable, or none of it is there.
///
/// ```
/// use frontdesk_journal::Change;
///
/// let change = Change::new().settle_intent("close-guest-1", "ended").item("plan-7", "guest-1", "ended", &"{}")?;
/// assert!(!change.is_empty());
/// # Ok::<(), frontdesk_journal::Error>(())
/// ```
#[derive(Default)]
#[must_use = "a change is nothing until it is recorded"]
pub struct Change {
    pub(crate) run: Option<RunId>,
    pub(crate) command: Option<String>,
    pub(crate) about: Option<String>,
    pub(crate) records: Vec<AuditRecord>,
    pub(crate) opened: Vec<Intent>,
    pub(crate) settled: Vec<(String, String)>,
    pub(crate) items: Vec<NewItem>,
    /// Of these items those that must not be there yet.
    pub(crate) once: Vec<Once>,
    pub(crate) outbox: Vec<OutboxChange>,
    /// What was over before then is taken away.
    pub(crate) prune: Option<Timestamp>,
}

impl Change {
    /// A change that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an audit entry. Entries are numbered in the order in which they are added.
    pub fn audit(mut self, record: impl Into<AuditRecord>) -> Self {
        self.records.push(record.into());
        self
    }

    /// Says which run the entries belong to.
    pub fn run(mut self, run: RunId) -> Self {
        self.run = Some(run);
        self
    }

    /// Says which command the entries belong to, where it is not the process's own.
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Says what the entries are about where their records do not: a conversation's id. Not for personal values: this
    /// is in the chain for good.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// Opens an intent: something is about to be done whose outcome this process may not live to record.
    ///
    /// An equal intent that is open already stays open; one with the same id that is settled, or says something else,
    /// refuses the whole change (`Conflict`). A settled one is there until it is [pruned](Self::prune).
    pub fn open_intent(mut self, intent: Intent) -> Self {
        self.opened.push(intent);
        self
    }

    /// Settles an open intent. Settling it twice with one outcome is settling it once; with another outcome, or where
    /// there is no such intent, the whole change is refused (`Conflict`).
    pub fn settle_intent(mut self, id: impl Into<String>, outcome: impl Into<String>) -> Self {
        self.settled.push((id.into(), outcome.into()));
        self
    }

    /// Sets an item of a ledger: its state, and a detail that is stored as JSON. Replaces what was there under the key.
    ///
    /// # Errors
    /// `Malformed` when the detail cannot be written as JSON.
    pub fn item<T: serde::Serialize + ?Sized>(
        mut self,
        ledger: impl Into<String>,
        key: impl Into<String>,
        state: impl Into<String>,
        detail: &T,
    ) -> Result<Self, crate::Error> {
        let (ledger, key, state) = (ledger.into(), key.into(), state.into());
        self.items.push(NewItem { ledger, key, state, detail: body(detail)? });
        Ok(self)
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.opened.is_empty()
            && self.settled.is_empty()
            && self.items.is_empty()
            && self.outbox.is_empty()
            && self.prune.is_none()
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("entries", &self.records.len())
            .field("opened", &self.opened.len())
            .field("settled", &self.settled.len())
            .field("items", &self.items.len())
            .field("outbox", &self.outbox.len())
            .finish_non_exhaustive()
    }
}

/// Something that is about to be done outside the journal.
#[derive(Clone)]
pub struct Intent {
    /// Names it among all intents there ever were.
    pub id: String,
    /// What is to be done: `archive`, `session.close`. Open intents are found by it.
    pub kind: String,
    /// What it is done to.
    pub key: String,
    /// What is needed to settle it after a crash: JSON.
    pub body: Box<RawValue>,
    /// When it was opened.
    pub at: Timestamp,
}

impl Intent {
    /// An intent whose body is written as JSON.
    ///
    /// # Errors
    /// `Malformed` when the body cannot be written as JSON.
    pub fn new<T: serde::Serialize + ?Sized>(
        id: impl Into<String>,
        kind: impl Into<String>,
        key: impl Into<String>,
        content: &T,
        at: Timestamp,
    ) -> Result<Self, crate::Error> {
        Ok(Self { id: id.into(), kind: kind.into(), key: key.into(), body: body(content)?, at })
    }
}

impl fmt::Debug for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intent").field("kind", &self.kind).field("at", &self.at).finish_non_exhaustive()
    }
}

pub(crate) struct NewItem {
    pub(crate) ledger: String,
    pub(crate) key: String,
    pub(crate) state: String,
    pub(crate) detail: Box<RawValue>,
}

/// An item of a ledger.
#[derive(Clone)]
pub struct Item {
    /// Names it within its ledger.
    pub key: String,
    /// How far it came, in its owner's words.
    pub state: String,
    /// What its owner wrote beside: JSON.
    pub detail: Box<RawValue>,
    /// When it was set last.
    pub at: Timestamp,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("state", &self.state).field("at", &self.at).finish_non_exhaustive()
    }
}

/// How an intent came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// In its owner's words.
    pub outcome: String,
    /// When it was settled.
    pub at: Timestamp,
}

/// The checksum of an intent's row.
pub(crate) fn intent_sum(intent: &Intent, settled: Option<(&str, i64)>) -> [u8; 8] {
    let opened = intent.at.as_micros().to_le_bytes();
    let body = intent.body.get().as_bytes();
    let mut fields = vec![intent.id.as_bytes(), intent.kind.as_bytes(), intent.key.as_bytes(), body, &opened];
    let at = settled.map(|(_, at)| at.to_le_bytes());
    if let (Some((outcome, _)), Some(at)) = (settled, &at) {
        fields.extend([outcome.as_bytes(), at]);
    }
    row_sum(&fields)
}

/// The checksum of an item's row.
pub(crate) fn item_sum(ledger: &str, key: &str, state: &str, detail: &[u8], at: i64) -> [u8; 8] {
    row_sum(&[ledger.as_bytes(), key.as_bytes(), state.as_bytes(), detail, &at.to_le_bytes()])
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Recorded {
    /// Number of the change's first audit entry; `None` when it had none.
    pub first_entry: Option<u64>,
    /// Number of its last audit entry.
    pub last_entry: Option<u64>,
    /// Deliveries that were stored: of its events, one for each endpoint that takes them.
    pub deliveries: u64,
    /// Deliveries and intents that were taken away, because they were over long ago.
    pub pruned: u64,
}

fn body<T: serde::Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, crate::Error> {
    use crate::error::{Action, Error, ErrorKind};
    serde_json::value::to_raw_value(value).map_err(|error| {
        let what = format!("it cannot be written as JSON: {error}");
        Error::new(Action::Record, crate::layout::DATABASE, ErrorKind::Malformed { what })
    })
}
