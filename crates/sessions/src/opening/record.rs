//! What is written down of a request, and read again: the intent, the item of the ledger, the audit record, the receipt.

use frontdesk_domain::audit::{ConsentRecord, SessionRecord};
use frontdesk_domain::session::{OpenedSession, OpeningKind, OpeningOutcome, SessionRequest};
use frontdesk_domain::{ConversationId, GuestId, RunId, SessionRefusal, Timestamp, Why, hex};
use frontdesk_journal::{Change, Error, Intent, Item};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::record::Place;

/// The kind of the intents to open a session.
pub const OPEN_INTENT: &str = "session.open";

/// What an intent is settled with when its POST never went out.
pub(super) const NOT_SENT: &str = "not_sent";

/// What an intent says: all that is needed to send it again, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Purpose {
    /// Host and path prefix of the API: an intent of another tenant is not ours to settle.
    pub(super) host: String,
    pub(super) run: RunId,
    /// The idempotency key.
    pub(super) key: String,
    pub(super) request: SessionRequest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<Place>,
}

impl Purpose {
    /// An intent that is there already, when it is one of ours that can be read.
    pub(super) fn of(intent: &Intent) -> Option<Self> {
        serde_json::from_str(intent.body.get()).ok()
    }

    pub(super) fn key(&self) -> Option<Uuid> {
        self.key.parse().ok()
    }

    /// What is claimed while it is dealt with: its place in a ledger, else its guest.
    pub(super) fn claim(&self) -> String {
        claim_of(self.place.as_ref(), self.request.guest_id.as_str())
    }

    /// Adds the intent to a change, and the item that leads to it.
    pub(super) fn open(&self, change: Change, id: &str, at: Timestamp) -> Result<Change, Error> {
        let intent = Intent::new(id, OPEN_INTENT, self.request.guest_id.as_str(), self, at)?;
        let change = change.open_intent(intent);
        match &self.place {
            Some(place) => {
                let (intent, asked) = (Some(id.to_owned()), Some(Asked::of(self)));
                Entry { intent, asked, latency_ms: 0, state: State::Asked }.put(change, place)
            }
            None => Ok(change),
        }
    }
}

/// What is claimed while a request is dealt with.
pub(super) fn claim_of(place: Option<&Place>, guest: &str) -> String {
    match place {
        Some(Place { ledger, key }) => format!("{ledger}/{key}"),
        None => guest.to_owned(),
    }
}

/// A request as its ledger remembers it when its intent is settled: sent again in another run it is the same one, while its
/// words are. Holds nothing that the guest said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) guest_id: GuestId,
    /// The idempotency key.
    pub(super) key: String,
    /// When the guest consented.
    pub(super) consented_at: Timestamp,
    /// Hex SHA-256 over what is sent.
    pub(super) words: String,
}

impl Asked {
    fn of(purpose: &Purpose) -> Self {
        let SessionRequest { guest_id, consent, .. } = &purpose.request;
        Self {
            guest_id: guest_id.clone(),
            key: purpose.key.clone(),
            consented_at: consent.timestamp,
            words: words_of(&purpose.request),
        }
    }

    /// The request as it was asked before, with its key, where it has the same words but for the time of the consent; else as
    /// it is.
    pub(super) fn again(self, request: SessionRequest) -> (SessionRequest, Option<String>) {
        let mut before = request.clone();
        before.consent.timestamp = self.consented_at;
        if words_of(&before) == self.words { (before, Some(self.key)) } else { (request, None) }
    }
}

/// Stands for what a request says.
fn words_of(request: &SessionRequest) -> String {
    // A request is texts and numbers: it can be written as JSON.
    let bytes = serde_json::to_vec(request).unwrap_or_default();
    hex(&Sha256::digest(&bytes))
}

/// The item of a request in the ledger of its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The last intent, while it is open: what is sent again is sent as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) intent: Option<String>,
    /// What was asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<Asked>,
    pub(super) latency_ms: u64,
    #[serde(flatten)]
    pub(super) state: State,
}

/// How far a request came, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum State {
    /// The intent is there, and nothing came of it yet.
    Asked,
    Opened(OpenedSession),
    AlreadyOpen {
        session_id: ConversationId,
    },
    /// It was not sent: it is checked again each time.
    Refused,
    Failed(Why),
    Unknown(Why),
}

impl State {
    pub(super) fn of(outcome: &OpeningOutcome) -> Self {
        match outcome.clone() {
            OpeningOutcome::Opened(opened) => Self::Opened(opened),
            OpeningOutcome::AlreadyOpen { session_id } => Self::AlreadyOpen { session_id },
            OpeningOutcome::Refused(_) => Self::Refused,
            OpeningOutcome::Failed(why) => Self::Failed(why),
            OpeningOutcome::Unknown(why) => Self::Unknown(why),
        }
    }

    /// The outcome, where nothing is to be done any more.
    pub(super) fn settled(&self) -> Option<OpeningOutcome> {
        match self.clone() {
            Self::Opened(opened) => Some(OpeningOutcome::Opened(opened)),
            Self::AlreadyOpen { session_id } => Some(OpeningOutcome::AlreadyOpen { session_id }),
            Self::Asked | Self::Refused | Self::Failed(_) | Self::Unknown(_) => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Opened(_) => OpeningKind::Opened.as_str(),
            Self::AlreadyOpen { .. } => OpeningKind::AlreadyOpen.as_str(),
            Self::Refused => OpeningKind::Refused.as_str(),
            Self::Failed(_) => OpeningKind::Failed.as_str(),
            Self::Unknown(_) => OpeningKind::Unknown.as_str(),
        }
    }
}

impl Entry {
    pub(super) fn read(item: &Item) -> Option<Self> {
        serde_json::from_str(item.detail.get()).ok()
    }

    pub(super) fn put(&self, change: Change, place: &Place) -> Result<Change, Error> {
        change.item(&place.ledger, &place.key, self.state.name(), self)
    }
}

/// The record of an attempt that broke rules, and was not sent.
pub(super) fn refused_record(refusal: &SessionRefusal, at: Timestamp, latency_ms: u64) -> SessionRecord {
    SessionRecord {
        timestamp: at,
        session_id: None,
        latency_ms,
        routing_success: false,
        validation_passed: false,
        consent_granted: refusal.consent_granted,
        pii_blocked: refusal.pii_blocked,
        privacy_compliant: false,
    }
}

/// How a request that was sent came out, with all that goes with it.
pub(super) struct Came<'a> {
    pub(super) purpose: &'a Purpose,
    pub(super) intent: &'a str,
    pub(super) outcome: &'a OpeningOutcome,
    pub(super) latency_ms: u64,
    pub(super) at: Timestamp,
}

impl Came<'_> {
    /// Adds it to a change: the intent settled, the audit record, the receipt, the item. What is unknown keeps its intent.
    pub(super) fn put(&self, mut change: Change) -> Result<Change, Error> {
        let Self { purpose, intent, outcome, latency_ms, at } = *self;
        let kind = outcome.kind();
        let session_id = outcome.session_id().map(|id| id.as_str().to_owned());
        change = change.audit(SessionRecord {
            timestamp: at,
            session_id: session_id.clone(),
            latency_ms,
            routing_success: matches!(outcome, OpeningOutcome::Opened(opened) if opened.routing_success()),
            validation_passed: true,
            consent_granted: true,
            pii_blocked: false,
            privacy_compliant: true,
        });
        let SessionRequest { guest_id, consent, .. } = &purpose.request;
        if let Some(session_id) = session_id {
            change = change.audit(ConsentRecord {
                timestamp: at,
                guest_id: guest_id.as_str().to_owned(),
                session_id,
                consented_at: consent.timestamp,
                data_processing: true,
                marketing: consent.marketing,
                text_version: consent.text_version.as_ref().map(|name| name.as_str().to_owned()),
                locale: consent.locale.as_ref().map(|tag| tag.as_str().to_owned()),
            });
        }
        if kind != OpeningKind::Unknown {
            change = change.settle_intent(intent, kind.as_str());
        }
        match &purpose.place {
            Some(place) => {
                let intent = (kind == OpeningKind::Unknown).then(|| intent.to_owned());
                let asked = Some(Asked::of(purpose));
                Entry { intent, asked, latency_ms, state: State::of(outcome) }.put(change, place)
            }
            None => Ok(change),
        }
    }
}
