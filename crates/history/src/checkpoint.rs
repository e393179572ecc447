//! What is written down per page: an item of the journal's ledger, in the change that holds the page's audit entries and
//! its event.

use frontdesk_domain::message::{Intake, Listing};
use frontdesk_domain::{PageToken, RunId};
use serde::{Deserialize, Serialize};

use crate::media::MediaCounts;

/// The item of a run as a whole; no conversation has this key.
pub(crate) const RUN: &str = "";

/// How far something is, as the ledger's state says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// There are pages left.
    Open,
    /// The listing ended; what it brought is to be delivered.
    Fetched,
    /// Delivered.
    Done,
}

impl Stage {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Fetched => "fetched",
            Self::Done => "done",
        }
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        [Self::Open, Self::Fetched, Self::Done].into_iter().find(|stage| stage.as_str() == text)
    }
}

/// What the item of the run says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunDetail {
    pub(crate) run: RunId,
}

/// How far one conversation is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The run it belongs to: what an earlier one left under the same key is nobody's.
    pub(crate) run: RunId,
    pub(crate) pages: u32,
    /// Where to go on. Without it, the beginning before the first page, and the end after one.
    pub(crate) next: Option<PageToken>,
    pub(crate) intake: Intake,
    /// Messages of the whole history, as the server counted them last.
    pub(crate) claimed: Option<u64>,
    /// Bytes of the spill that belong to these pages.
    pub(crate) spilled: u64,
    /// Findings among them.
    pub(crate) findings: u64,
    /// What became of its media links, once they were asked.
    #[serde(default)]
    pub(crate) media: Option<MediaCounts>,
    /// How far its media links are, while they are being asked.
    #[serde(default)]
    pub(crate) asking: Option<Asking>,
    /// How the listing ended, once it has.
    pub(crate) end: Option<End>,
}

impl Checkpoint {
    pub(crate) fn new(run: RunId, next: Option<PageToken>, listing: Listing) -> Self {
        Self {
            run,
            pages: 0,
            next,
            intake: Intake::of(listing),
            claimed: None,
            spilled: 0,
            findings: 0,
            media: None,
            asking: None,
            end: None,
        }
    }

    /// Whether the last page is stored: it is the one that names no other.
    pub(crate) fn is_at_the_end(&self) -> bool {
        self.pages > 0 && self.next.is_none()
    }
}

/// How far the media links of a history are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Asking {
    /// Where the messages end in the working file: what became of their links is behind.
    pub(crate) messages: u64,
    /// Where the next link is looked for.
    pub(crate) at: u64,
    pub(crate) counts: MediaCounts,
}

/// How a listing ended for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub(crate) enum End {
    /// The last page was taken.
    Complete,
    /// As many pages as were asked for were taken.
    DepthLimited,
    /// It went in circles.
    Looping {
        /// In our words.
        message: String,
    },
    /// The server refuses it, and would refuse it again.
    Refused {
        /// In our words, with what the server said.
        failed: crate::report::Failed,
    },
}
