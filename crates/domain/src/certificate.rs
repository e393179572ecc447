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
    /// What came of the conversations' texts, where they are asked for by themselves (platform contract C.4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcripts: Option<TranscriptReport>,
    /// What was asked for and did not come.
    pub missing: Vec<Missing>,
}

/// What is known of a run when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutset {
    /// See the field of the same name in [`Certificate`], as of all others.
    pub run_id: RunId,
    /// The organisation that is asked.
    pub organization: OrganizationId,
    /// The contract that is spoken.
    pub contract: String,
    /// The host that is asked.
    pub origin: String,
    /// The first start time that is asked for.
    pub from: Timestamp,
    /// The first start time after the range.
    pub to: Timestamp,
    /// The filter as it is sent.
    pub filter: Option<String>,
    /// Conversations asked for per page.
    pub page_size: PageSize,
    /// How long after its start a conversation may still appear or change, in seconds.
    pub look_back_seconds: u64,
    /// When the run began.
    pub started_at: Timestamp,
}

impl Certificate {
    /// The certificate of a run that took nothing: incomplete, and ended when it began. What came of it is filled in;
    /// [`judged`](Certificate::judged) draws the conclusion.
    ///
    /// ```
    /// use frontdesk_domain::{Certificate, RunOutset, RunState, WindowEnd, WindowReport};
    ///
    /// let (from, to) = ("2025-03-01T00:00:00Z".parse()?, "2025-03-02T00:00:00Z".parse()?);
    /// let nothing = Certificate::begun(RunOutset {
    ///     run_id: "pull-1".parse()?,
    ///     organization: Default::default(),
    ///     contract: "gateway".to_owned(),
    ///     origin: "api.example.com".to_owned(),
    ///     from,
    ///     to,
    ///     filter: None,
    ///     page_size: Default::default(),
    ///     look_back_seconds: 259_200,
    ///     started_at: to,
    /// });
    /// assert_eq!(nothing.state, RunState::Incomplete);
    ///
    /// let (state, ended) = (RunState::Complete, WindowEnd::Complete);
    /// let window = WindowReport {
    ///     from, to, state, pages: 1, received: 7, unique: 7, pages_digest: String::new(), ended, open: false,
    /// };
    /// let whole = Certificate { windows: vec![window], stored: 7, ..nothing }.judged();
    /// assert_eq!((whole.state, whole.pages, whole.unique), (RunState::Complete, 1, 7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn begun(run: RunOutset) -> Self {
        Self {
            run_id: run.run_id,
            organization: run.organization,
            contract: run.contract,
            origin: run.origin,
            from: run.from,
            to: run.to,
            filter: run.filter,
            page_size: run.page_size,
            look_back_seconds: run.look_back_seconds,
            started_at: run.started_at,
            finished_at: run.started_at,
            state: RunState::Incomplete,
            windows: Vec::new(),
            claimed: None,
            received: 0,
            unique: 0,
            stored: 0,
            versions_added: 0,
            unchanged: 0,
            expired: 0,
            rejected: 0,
            pages: 0,
            requests: 0,
            throttled: 0,
            late: 0,
            transcripts: None,
            missing: Vec::new(),
        }
    }

    /// The same with the windows' counts added up, and the state that [`judge`] gives it.
    #[must_use]
    pub fn judged(self) -> Self {
        let sum = |count: fn(&WindowReport) -> u64| self.windows.iter().map(count).sum();
        Self {
            pages: sum(|window| window.pages),
            received: sum(|window| window.received),
            unique: sum(|window| window.unique),
            state: judge(&self.windows, &self.missing, self.late),
            ..self
        }
    }
}

/// What a run did about the conversations' texts. Counts are of the conversations of its range, and of those that waited for
/// it from earlier runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TranscriptReport {
    /// How many were looked at.
    pub looked: u64,
    /// How many transcripts were new to the archive.
    pub stored: u64,
    /// How many had grown, or changed otherwise, since they were stored.
    pub versions_added: u64,
    /// How many were there already, but for links that are signed anew.
    pub unchanged: u64,
    /// How many are not taken again, because their conversations were removed.
    pub expired: u64,
    /// How many could not be asked for, or could not be records.
    pub rejected: u64,
    /// How many messages were in them.
    pub messages: u64,
    /// Of how many conversations texts were given up: they were waited for, and are not to be had.
    pub gone: u64,
    /// How many of the range failed when they were asked for; they are asked for again.
    pub failed: u64,
    /// How many of the range are looked at again: texts are late, they are open, or a message may be threaded into them.
    pub late: u64,
    /// How many are looked at again, of whatever range.
    pub waiting: u64,
}

impl std::ops::AddAssign for TranscriptReport {
    fn add_assign(&mut self, other: Self) {
        self.looked += other.looked;
        self.stored += other.stored;
        self.versions_added += other.versions_added;
        self.unchanged += other.unchanged;
        self.expired += other.expired;
        self.rejected += other.rejected;
        self.messages += other.messages;
        self.gone += other.gone;
        self.failed += other.failed;
        self.late += other.late;
        self.waiting += other.waiting;
    }
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
