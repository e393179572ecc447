//! What a run can prove: the completeness certificate.
//!
//! A run that ends is not a run that took everything. Its certificate lists the windows that were asked for, how each
//! ended, and what is missing or late, and [`judge`] draws the one conclusion from that.

use serde::{Deserialize, Serialize};

use crate::{OrganizationId, PageSize, RunId, Timestamp};

/// What a run, or one window of it, amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Every page of every window was taken, and nothing is open.
    Complete,
    /// Everything was taken, but more may still come: a window ends inside the look-back, or late items are open.
    Provisional,
    /// A page, a window or a record is missing.
    Incomplete,
}

impl RunState {
    /// The name of this state, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Provisional => "provisional",
            Self::Incomplete => "incomplete",
        }
    }
}

impl std::fmt::Display for RunState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a run did and what it can prove, as it is kept in the archive. Times are RFC 3339; counts are of this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The run.
    pub run_id: RunId,
    /// The organisation that was asked.
    pub organization: OrganizationId,
    /// The contract that was spoken: `gateway` or `platform`.
    pub contract: String,
    /// The host that was asked.
    pub origin: String,
    /// The first start time that was asked for.
    pub from: Timestamp,
    /// The first start time after the range.
    pub to: Timestamp,
    /// The filter as it was sent; null when none was.
    pub filter: Option<String>,
    /// Conversations asked for per page.
    pub page_size: PageSize,
    /// How long after its start a conversation may still appear or change, in seconds.
    pub look_back_seconds: u64,
    /// When the run began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What it amounts to; see [`judge`].
    pub state: RunState,
    /// The windows in the order of their times.
    pub windows: Vec<WindowReport>,
    /// How many conversations the service says there are; null where the contract gives no such number.
    pub claimed: Option<u64>,
    /// How many conversations came, repeated ones included.
    pub received: u64,
    /// How many different ones came.
    pub unique: u64,
    /// How many were new to the archive.
    pub stored: u64,
    /// How many had changed since they were stored.
    pub versions_added: u64,
    /// How many were there already, byte for byte.
    pub unchanged: u64,
    /// How many are not taken again, because they were removed.
    pub expired: u64,
    /// How many could not be records.
    pub rejected: u64,
    /// How many pages were taken.
    pub pages: u64,
    /// How many requests the last session of the run sent, repeated ones included.
    pub requests: u64,
    /// How many answers to them were 429.
    pub throttled: u64,
    /// How many items were late and are still open.
    pub late: u64,
    /// What was asked for and did not come.
    pub missing: Vec<Missing>,
}

/// One window of a run: what was asked, what came, how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowReport {
    /// The first start time of the window.
    pub from: Timestamp,
    /// The first start time after it.
    pub to: Timestamp,
    /// What this window amounts to; see [`WindowReport::judge`].
    pub state: RunState,
    /// How many pages came.
    pub pages: u64,
    /// How many conversations came, repeated ones included.
    pub received: u64,
    /// How many different ones came.
    pub unique: u64,
    /// A SHA-256 chained over the pages' fingerprints, in lower-case hex.
    pub pages_digest: String,
    /// How the listing ended.
    pub ended: WindowEnd,
    /// Whether the window ends inside the look-back, so that more may come.
    pub open: bool,
}

impl WindowReport {
    /// What a window amounts to that ended so: incomplete when it failed, provisional while it is open, else complete.
    #[must_use]
    pub fn judge(ended: &WindowEnd, open: bool) -> RunState {
        match (ended, open) {
            (WindowEnd::Failed { .. }, _) => RunState::Incomplete,
            (WindowEnd::Complete, true) => RunState::Provisional,
            (WindowEnd::Complete, false) => RunState::Complete,
        }
    }
}

/// How the listing of a window ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowEnd {
    /// With a page that names no next one.
    Complete,
    /// Before that.
    Failed {
        /// The token that fetches the first page that is missing; null when it is the first page of all.
        token: Option<String>,
        /// Why, in words.
        reason: String,
    },
}

/// Something that was asked for and did not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The first start time of the window it is missing from.
    pub window_from: Timestamp,
    /// The first start time after that window.
    pub window_to: Timestamp,
    /// The token that fetches what is missing; null when it is the window's first page, or no page.
    pub page_token: Option<String>,
    /// Why, in words.
    pub reason: String,
}

/// What a run amounts to (design, certificates).
///
/// - *incomplete* when anything is missing, when a window failed, and when there is no window at all: nothing asked
///   proves nothing;
/// - else *provisional* when a window is open or `late` items are;
/// - else *complete*.
///
/// The windows' own `state` is not looked at: it follows from the same facts.
///
/// ```
/// use frontdesk_domain::{RunState, judge};
///
/// assert_eq!(judge(&[], &[], 0), RunState::Incomplete);
/// ```
#[must_use]
pub fn judge(windows: &[WindowReport], missing: &[Missing], late: u64) -> RunState {
    let failed = |window: &WindowReport| window.ended != WindowEnd::Complete;
    if windows.is_empty() || !missing.is_empty() || windows.iter().any(failed) {
        RunState::Incomplete
    } else if late > 0 || windows.iter().any(|window| window.open) {
        RunState::Provisional
    } else {
        RunState::Complete
    }
}
