//! How one conversation ended, and all of them together.

use frontdesk_api::Error as ApiError;
use frontdesk_domain::RunId;
use frontdesk_domain::message::{Counts, HistoryTarget};
use serde::{Deserialize, Serialize};

use crate::destination::Delivered;
use crate::media::MediaCounts;

/// How a conversation's history ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryState {
    /// The last page was taken.
    Complete,
    /// As many pages as were asked for were taken, and there is more: no error (contract §2).
    DepthLimited,
    /// The listing went in circles. What was fetched is kept.
    Looping,
    /// A page could not be had. What was fetched is kept.
    Failed,
    /// The caller stopped it. What was fetched is kept, and the same request goes on there.
    Interrupted,
}

impl HistoryState {
    /// Every state, in the order of reports.
    pub const ALL: [Self; 5] =
        [Self::Complete, Self::DepthLimited, Self::Looping, Self::Failed, Self::Interrupted];

    /// Its name, as reports write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::DepthLimited => "depth_limited",
            Self::Looping => "looping",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What went wrong, as a report says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// In our words, with what the server said.
    pub message: String,
    /// Status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The `code` of its body, where that was JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What the server's operators search for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl From<&ApiError> for Failed {
    fn from(error: &ApiError) -> Self {
        Self {
            message: error.to_string(),
            status: error.status().map(|status| status.as_u16()),
            code: error.code().map(str::to_owned),
            hint: error.hint(),
            correlation_id: error.correlation_id().map(str::to_owned),
        }
    }
}

/// One conversation's history, over all sessions that fetched it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConversationReport {
    /// Whose.
    #[serde(flatten)]
    pub target: HistoryTarget,
    /// How it ended.
    pub state: HistoryState,
    /// Pages taken.
    pub pages: u32,
    /// Messages, by what became of them.
    #[serde(flatten)]
    pub counts: Counts,
    /// Messages the server said there are, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<u64>,
    /// Where to go on; none after the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failed>,
    /// Its media links, by what became of them; absent where they were not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaCounts>,
    /// Where it went.
    #[serde(flatten)]
    pub delivered: Delivered,
    /// Whether it was taken up where an earlier session stopped.
    pub resumed: bool,
    /// Milliseconds this session took for it.
    pub elapsed_ms: u64,
}

/// All conversations of a run.
#[derive(Debug)]
pub struct PullReport {
    /// The run.
    pub run: RunId,
    /// Whether it went on where an earlier session stopped.
    pub resumed: bool,
    /// The sums.
    pub totals: Totals,
    /// Whether the caller asked it to stop.
    pub interrupted: bool,
    /// The first failure of the remote.
    pub cause: Option<ApiError>,
}

/// Sums over the conversations that ended, whichever session fetched them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Conversations whose last page was taken.
    pub complete: u64,
    /// Conversations with more pages than were asked for.
    pub depth_limited: u64,
    /// Conversations whose listing went in circles.
    pub looping: u64,
    /// Conversations of which a page could not be had.
    pub failed: u64,
    /// Conversations that were stopped.
    pub interrupted: u64,
    /// Conversations that were not begun.
    pub not_reached: u64,
    /// Pages taken.
    pub pages: u64,
    /// Messages, by what became of them.
    #[serde(flatten)]
    pub counts: Counts,
    /// Media links, by what became of them; empty where they were not asked.
    #[serde(skip_serializing_if = "MediaCounts::is_empty")]
    pub media: MediaCounts,
}

impl Totals {
    pub(crate) fn add(&mut self, report: &ConversationReport) {
        match report.state {
            HistoryState::Complete => self.complete += 1,
            HistoryState::DepthLimited => self.depth_limited += 1,
            HistoryState::Looping => self.looping += 1,
            HistoryState::Failed => self.failed += 1,
            HistoryState::Interrupted => self.interrupted += 1,
        }
        self.pages += u64::from(report.pages);
        let Counts { fetched, kept, filtered, duplicates, rejected, out_of_order, unreadable_timestamps } =
            report.counts;
        self.counts.fetched += fetched;
        self.counts.kept += kept;
        self.counts.filtered += filtered;
        self.counts.duplicates += duplicates;
        self.counts.rejected += rejected;
        self.counts.out_of_order += out_of_order;
        self.counts.unreadable_timestamps += unreadable_timestamps;
        if let Some(media) = &report.media {
            crate::media::add(&mut self.media, media);
        }
    }
}
