//! What the calls say about a request, and the one outcome that follows.
//!
//! | evidence | nothing of ours is in doubt | an earlier sending of this key may have been processed |
//! |---|---|---|
//! | 201 | opened | opened |
//! | 409, the open session has guest, attributes and the consent's time of the request | already open | **opened** |
//! | 409, it has guest and attributes of the request | already open | already open |
//! | 409, it has others | failed (conflict) | failed (conflict) |
//! | 409, and it cannot be looked at | failed (why) | unknown (why) |
//! | refused for what it says: 400, another body under the same key | failed (why) | failed (why) |
//! | refused for another reason: 401, 403, 429, … | failed (why) | unknown (why) |
//! | no answer | send again, with the same key | send again, with the same key |
//!
//! *In doubt* is an intent of ours that is open from before: a crash, or a reply that was lost. The same key and the same
//! words give the first answer again, so sending again is looking: it opens no second session (contract §3).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{SessionRefusal, SessionRequest};
use crate::conversation::{Conversation, ConversationId};
use crate::{Timestamp, Violation, Why, WhyKind};

/// A session that was opened, as the platform tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedSession {
    /// The session, which is a conversation.
    pub session_id: ConversationId,
    /// HTTP status of the answer: 201; 409 where the session was found by looking after a lost answer.
    pub status: u16,
    /// The place in the queue, counted by the platform; none where it was not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<i64>,
    /// How long the guest will wait, in seconds; none where it was not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_wait: Option<u64>,
    /// When, by the platform's clock; none where it was not said or cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

impl OpenedSession {
    /// Whether the session is in a queue: its position came back (contract §3).
    #[must_use]
    pub fn routing_success(&self) -> bool {
        self.queue_position.is_some()
    }
}

/// What was learned about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// 201.
    Created(OpenedSession),
    /// 409: the guest has this session, and it is so like the request.
    Conflict(ConversationId, SameSession),
    /// 409, and the open session could not be looked at.
    ConflictUnseen(Why),
    /// It was answered, and opened nothing.
    Refused(Why),
    /// It was sent and not answered.
    Lost(Why),
}

/// How like a request an open session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSession {
    /// Guest, attributes and the time of the consent are equal: it was opened by this very request.
    Itself,
    /// Guest and attributes are equal; the consent was given at another time.
    Equal,
    /// It was opened with others.
    Other,
}

impl SameSession {
    /// Compares. The time of the consent is not part of what was asked for: asked twice, it differs.
    #[must_use]
    pub fn of(request: &SessionRequest, conversation: &Conversation) -> Self {
        let SessionRequest { guest_id, attributes, consent, .. } = request;
        let found = &conversation.attributes;
        let text = |key: &str| found.get(key).and_then(serde_json::Value::as_str);
        let flag = |key: &str| found.get(key).and_then(serde_json::Value::as_bool);
        let own = found.keys().filter(|key| !key.starts_with(super::CONSENT_PREFIX)).count();
        let equal = conversation.guest_id.as_deref() == Some(guest_id.as_str())
            && own == attributes.len()
            && attributes.iter().all(|(key, value)| text(key) == Some(value))
            && flag("consent.data_processing") == Some(true)
            && flag("consent.marketing") == Some(consent.marketing);
        let at = text("consent.timestamp").and_then(|time| time.parse::<Timestamp>().ok());
        match (equal, at == Some(consent.timestamp)) {
            (false, _) => Self::Other,
            (true, true) => Self::Itself,
            (true, false) => Self::Equal,
        }
    }
}

/// What follows from evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Whether it was processed cannot be told from this: send it again, with the same key.
    Again(Why),
    /// This is how it ended.
    Is(OpeningOutcome),
}

/// How a request ended: exactly one of these for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum OpeningOutcome {
    /// We opened the session.
    Opened(OpenedSession),
    /// The guest has an open session with the same attributes.
    AlreadyOpen {
        /// That session.
        session_id: ConversationId,
    },
    /// It broke rules, and was not sent.
    Refused(Refusal),
    /// No session was opened.
    Failed(Why),
    /// A session may have been opened; the next run settles it.
    Unknown(Why),
}

/// What is told of a request that was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Everything that is wrong with it.
    pub violations: Vec<Violation>,
    /// Whether policy blocks it: personal data, or no consent.
    pub policy: bool,
}

impl From<&SessionRefusal> for Refusal {
    fn from(refusal: &SessionRefusal) -> Self {
        Self { violations: refusal.violations.as_slice().to_vec(), policy: refusal.is_policy() }
    }
}

/// Decides. `in_doubt` says that a sending of ours of this very request, of this run or an earlier one, may have been
/// processed before (contract §3).
///
/// ```
/// use frontdesk_domain::session::{Evidence, OpeningOutcome, Verdict, judge};
/// use frontdesk_domain::{Why, WhyKind};
///
/// let forbidden = Why::new(WhyKind::Forbidden, "scope");
/// let failed = judge(Evidence::Refused(forbidden.clone()), false);
/// assert_eq!(failed, Verdict::Is(OpeningOutcome::Failed(forbidden.clone())));
/// assert_eq!(judge(Evidence::Refused(forbidden.clone()), true), Verdict::Is(OpeningOutcome::Unknown(forbidden)));
/// ```
#[must_use]
pub fn judge(evidence: Evidence, in_doubt: bool) -> Verdict {
    Verdict::Is(match (evidence, in_doubt) {
        (Evidence::Lost(why), _) => return Verdict::Again(why),
        (Evidence::Created(opened), _) => OpeningOutcome::Opened(opened),
        (Evidence::Conflict(session_id, SameSession::Itself), true) => {
            let (queue_position, estimated_wait, created) = (None, None, None);
            let status = 409;
            OpeningOutcome::Opened(OpenedSession {
                session_id,
                status,
                queue_position,
                estimated_wait,
                created,
            })
        }
        (Evidence::Conflict(_, SameSession::Other), _) => {
            let text = "the guest has an open session with other attributes";
            OpeningOutcome::Failed(Why::new(WhyKind::Conflict, text))
        }
        (Evidence::Conflict(session_id, _), _) => OpeningOutcome::AlreadyOpen { session_id },
        (Evidence::Refused(why), true) if !matches!(why.kind, WhyKind::Refused | WhyKind::Conflict) => {
            OpeningOutcome::Unknown(why)
        }
        (Evidence::ConflictUnseen(why), true) => OpeningOutcome::Unknown(why),
        (Evidence::Refused(why) | Evidence::ConflictUnseen(why), _) => OpeningOutcome::Failed(why),
    })
}

/// The name of an outcome, without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpeningKind {
    /// See [`OpeningOutcome::Opened`].
    Opened,
    /// See [`OpeningOutcome::AlreadyOpen`].
    AlreadyOpen,
    /// See [`OpeningOutcome::Refused`].
    Refused,
    /// See [`OpeningOutcome::Failed`].
    Failed,
    /// See [`OpeningOutcome::Unknown`].
    Unknown,
}

impl OpeningKind {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Opened, Self::AlreadyOpen, Self::Refused, Self::Failed, Self::Unknown];

    /// The name in reports and ledgers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::AlreadyOpen => "already_open",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// The guest has the session that was asked for: by this request, or by an equal one before.
    ///
    /// Nothing is to be done any more. What was refused, failed or is unknown is taken up again by the next run.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Opened | Self::AlreadyOpen)
    }
}

impl fmt::Display for OpeningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl OpeningOutcome {
    /// Its name.
    #[must_use]
    pub fn kind(&self) -> OpeningKind {
        match self {
            Self::Opened(_) => OpeningKind::Opened,
            Self::AlreadyOpen { .. } => OpeningKind::AlreadyOpen,
            Self::Refused(_) => OpeningKind::Refused,
            Self::Failed(_) => OpeningKind::Failed,
            Self::Unknown(_) => OpeningKind::Unknown,
        }
    }

    /// The guest's session, where it has the one that was asked for.
    #[must_use]
    pub fn session_id(&self) -> Option<&ConversationId> {
        match self {
            Self::Opened(opened) => Some(&opened.session_id),
            Self::AlreadyOpen { session_id } => Some(session_id),
            Self::Refused(_) | Self::Failed(_) | Self::Unknown(_) => None,
        }
    }

    /// Why it is no success, where something went wrong on the way.
    #[must_use]
    pub fn why(&self) -> Option<&Why> {
        match self {
            Self::Failed(why) | Self::Unknown(why) => Some(why),
            Self::Opened(_) | Self::AlreadyOpen { .. } | Self::Refused(_) => None,
        }
    }
}
