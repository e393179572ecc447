//! What the calls say about a guest, and the one outcome that follows.
//!
//! | evidence | nothing of ours is in doubt | a DELETE of ours may have been processed |
//! |---|---|---|
//! | state `active` | end it | end it |
//! | state `closed`, or 404 on either call | duplicate | **ended** |
//! | any other state | skipped (state) | skipped (state) |
//! | DELETE answered 200 or 204 | ended | ended |
//! | DELETE refused | failed (why) | look |
//! | DELETE without an answer | look | look |
//! | no answer to a look | failed (why) | unknown (why) |
//!
//! *In doubt* is an intent of ours that is open from before: a crash, or a reply that was lost. A 404 that is the first
//! answer to our first DELETE is no such case: the session was ended by somebody else.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::GuestState;
use crate::why::Why;

/// What was learned about a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A look found this state.
    State(GuestState),
    /// 404, on either call.
    Missing,
    /// The DELETE was answered 200 or 204.
    Done,
    /// The DELETE was answered, and had no effect.
    Refused(Why),
    /// The DELETE was sent and not answered.
    Lost(Why),
    /// A look was not answered, or not with a state.
    Unseen(Why),
}

/// What follows from evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The session goes on: send the DELETE.
    End,
    /// Whether it went on cannot be told from this: look.
    Look(Why),
    /// This is how it ended.
    Is(Outcome),
}

/// How a guest ended: exactly one of these for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// We ended the session.
    Ended,
    /// It had ended before, by somebody else. A success, without an event.
    Duplicate,
    /// It is in a state in which sessions are not ended.
    Skipped {
        /// That state.
        state: GuestState,
    },
    /// It was not ended.
    Failed(Why),
    /// It may have been ended, and could not be looked at.
    Unknown(Why),
}

/// Decides. `in_doubt` says that a DELETE of ours for this guest, of this run or an earlier one, may have been processed
/// before (contract §6).
///
/// ```
/// use frontdesk_domain::closure::{Evidence, Outcome, Verdict, judge};
///
/// assert_eq!(judge(Evidence::Missing, false), Verdict::Is(Outcome::Duplicate));
/// assert_eq!(judge(Evidence::Missing, true), Verdict::Is(Outcome::Ended));
/// ```
#[must_use]
pub fn judge(evidence: Evidence, in_doubt: bool) -> Verdict {
    match (evidence, in_doubt) {
        (Evidence::State(GuestState::Active), _) => Verdict::End,
        (Evidence::State(GuestState::Closed) | Evidence::Missing, false) => Verdict::Is(Outcome::Duplicate),
        (Evidence::State(GuestState::Closed) | Evidence::Missing, true) | (Evidence::Done, _) => {
            Verdict::Is(Outcome::Ended)
        }
        (Evidence::State(state), _) => Verdict::Is(Outcome::Skipped { state }),
        (Evidence::Refused(why) | Evidence::Unseen(why), false) => Verdict::Is(Outcome::Failed(why)),
        (Evidence::Refused(why), true) | (Evidence::Lost(why), _) => Verdict::Look(why),
        (Evidence::Unseen(why), true) => Verdict::Is(Outcome::Unknown(why)),
    }
}

/// The name of an outcome, without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// See [`Outcome::Ended`].
    Ended,
    /// See [`Outcome::Duplicate`].
    Duplicate,
    /// See [`Outcome::Skipped`].
    Skipped,
    /// See [`Outcome::Failed`].
    Failed,
    /// See [`Outcome::Unknown`].
    Unknown,
}

impl OutcomeKind {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Ended, Self::Duplicate, Self::Skipped, Self::Failed, Self::Unknown];

    /// The name in reports and ledgers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Duplicate => "duplicate",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// The session is over: by us, or by somebody else before.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Ended | Self::Duplicate)
    }

    /// Nothing is to be done any more. What failed or is unknown is taken up again by the next run.
    ///
    /// ```
    /// use frontdesk_domain::closure::OutcomeKind;
    ///
    /// let open: Vec<_> = OutcomeKind::ALL.into_iter().filter(|kind| !kind.is_final()).collect();
    /// assert_eq!(open, [OutcomeKind::Failed, OutcomeKind::Unknown]);
    /// ```
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Ended | Self::Duplicate | Self::Skipped)
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Outcome {
    /// Its name.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Ended => OutcomeKind::Ended,
            Self::Duplicate => OutcomeKind::Duplicate,
            Self::Skipped { .. } => OutcomeKind::Skipped,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::Unknown(_) => OutcomeKind::Unknown,
        }
    }

    /// Why it is no success, where something went wrong.
    #[must_use]
    pub fn why(&self) -> Option<&Why> {
        match self {
            Self::Failed(why) | Self::Unknown(why) => Some(why),
            Self::Ended | Self::Duplicate | Self::Skipped { .. } => None,
        }
    }
}
