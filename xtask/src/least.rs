//! The fewest requests that a pull on the vendor's published contract can do with, by what the sandbox says it has: a token,
//! the pages of as few windows as there can be, a look at each conversation, and the reads in bulk of its texts.

use std::time::Duration;

use frontdesk_sandbox::Moment;
use serde_json::Value;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// How conversations are listed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// A query of a week at most, a hundred to a page.
    Queries,
    /// A job of 31 days at most, a thousand to a page: submitted, and asked after as often as the sandbox has it run.
    Jobs,
}

impl By {
    fn days(self) -> u32 {
        match self {
            Self::Queries => 7,
            Self::Jobs => 31,
        }
    }

    /// Requests that list so many conversations. Each window has a page, and however the windows are cut the pages hold no more
    /// than they can.
    fn requests(self, windows: u64, conversations: u64) -> u64 {
        match self {
            Self::Queries => conversations.div_ceil(100).max(windows),
            Self::Jobs => windows * (1 + JOB_READS) + conversations.div_ceil(1_000).max(windows),
        }
    }
}

/// How often a job is asked after until it is done, as `job_polls` of the sandbox has it: the last answer says so.
const JOB_READS: u64 = 3;

/// The fewest requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Least {
    /// Of the token and of the pages.
    pub(crate) listing: u64,
    /// One for each conversation.
    pub(crate) looks: u64,
    /// Of the texts.
    pub(crate) bulk_reads: u64,
}

impl Least {
    /// For the conversations between two times; `ask` gets a path below `/_sandbox/`.
    pub(crate) fn of(
        by: By,
        from: Moment,
        to: Moment,
        ask: impl Fn(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, String> {
        let path = format!("platform/totals?from={from}&to={to}");
        let totals: Value =
            serde_json::from_slice(&ask(&path)?).map_err(|error| format!("{path}: {error}"))?;
        let count = |name: &str| totals[name].as_u64().ok_or_else(|| format!("{path} has no {name}"));
        let (looks, bulk_reads) = (count("conversations")?, count("bulk_reads")?);
        let windows = std::iter::successors(Some(from), |begin| Some(begin.plus(DAY * by.days())));
        let windows = windows.take_while(|begin| *begin < to).count() as u64;
        Ok(Self { listing: 1 + by.requests(windows, looks), looks, bulk_reads })
    }

    /// All together.
    pub(crate) fn total(&self) -> u64 {
        self.listing + self.looks + self.bulk_reads
    }
}
