//! Whether a conversation's text is all there will be.

use std::time::Duration;

use frontdesk_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a conversation is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// It has not ended.
    Open,
    /// The platform does not know it, or does not have all of its texts, yet.
    Late,
    /// It has ended, and a message may be threaded into it still.
    Threading,
    /// Asking for it failed.
    Failed,
}

impl Why {
    /// One word, as the runs' logs have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Late => "late",
            Self::Threading => "threading",
            Self::Failed => "failed",
        }
    }
}

/// What a look at a conversation saw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Whether the platform does not know it.
    pub(crate) missing: bool,
    /// Whether texts of it are not to be had.
    pub(crate) absent: bool,
    /// When it ended, as far as anybody says.
    pub(crate) ended_at: Option<Timestamp>,
    /// When it was looked at for the first time.
    pub(crate) first: Timestamp,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not looked at again until its details change. `gone`: texts of it are given up.
    Settled { gone: bool },
    /// It is, by the next run that begins at `due` or later, or by any.
    Waiting { due: Option<Timestamp>, why: Why },
}

/// Judges what was seen at `now`. What is late is waited for as long as the threading window after the first look; what
/// then is not there was purged (platform contract C.4.4).
pub(crate) fn judge(seen: Seen, now: Timestamp, window: Duration) -> Verdict {
    let late = seen.missing || seen.absent;
    if late && is_waited_for(seen.first, now, window) {
        return Verdict::Waiting { due: None, why: Why::Late };
    }
    match seen.ended_at {
        None if seen.missing => Verdict::Settled { gone: true },
        None => Verdict::Waiting { due: None, why: Why::Open },
        Some(ended_at) => match end(ended_at, window).filter(|due| now < *due) {
            Some(due) => Verdict::Waiting { due: Some(due), why: Why::Threading },
            None => Verdict::Settled { gone: late },
        },
    }
}

/// Whether what is late is still waited for at `now`, where it was looked for first at `first`.
pub(crate) fn is_waited_for(first: Timestamp, now: Timestamp, window: Duration) -> bool {
    end(first, window).is_some_and(|end| now < end)
}

/// The end of a window that begins at `time`. A time that cannot be written is never reached.
fn end(time: Timestamp, window: Duration) -> Option<Timestamp> {
    time.checked_add(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(72 * 3600);

    fn time(text: &str) -> Timestamp {
        Timestamp::from_date_or_time(text).unwrap()
    }

    #[test]
    fn what_is_seen_decides() {
        let end = |text: &str| Some(time(text));
        let waiting = |due: Option<&str>, why| Verdict::Waiting { due: due.map(time), why };
        let whole = Verdict::Settled { gone: false };
        let gone = Verdict::Settled { gone: true };
        // Looked at on the 10th: missing, absent, ended, first look, what follows.
        for (missing, absent, ended_at, first, expected) in [
            (false, false, end("2025-03-01"), "2025-03-10", whole),
            (false, false, end("2025-03-07"), "2025-03-10", whole),
            (false, false, end("2025-03-08"), "2025-03-10", waiting(Some("2025-03-11"), Why::Threading)),
            (false, false, None, "2025-03-01", waiting(None, Why::Open)),
            // Late however long ago it ended: nobody has waited for it yet.
            (true, false, end("2025-03-01"), "2025-03-10", waiting(None, Why::Late)),
            (false, true, end("2025-03-01"), "2025-03-08", waiting(None, Why::Late)),
            (true, false, None, "2025-03-10", waiting(None, Why::Late)),
            // Waited for long enough.
            (false, true, end("2025-03-01"), "2025-03-07", gone),
            (true, false, end("2025-03-01"), "2025-03-07", gone),
            (true, false, None, "2025-03-07", gone),
            (false, true, None, "2025-03-07", waiting(None, Why::Open)),
            (false, true, end("2025-03-09"), "2025-03-07", waiting(Some("2025-03-12"), Why::Threading)),
        ] {
            let seen = Seen { missing, absent, ended_at, first: time(first) };
            assert_eq!(judge(seen, time("2025-03-10"), WINDOW), expected, "{seen:?}");
        }
    }

    #[test]
    fn a_reason_is_called_what_the_logs_call_it() {
        for why in [Why::Open, Why::Late, Why::Threading, Why::Failed] {
            assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
        }
    }

    #[test]
    fn a_window_without_end_never_ends() {
        let seen = Seen {
            missing: false,
            absent: false,
            ended_at: Some(time("2025-03-01")),
            first: time("2025-03-01"),
        };
        assert_eq!(judge(seen, time("2025-03-10"), Duration::ZERO), Verdict::Settled { gone: false });
    }
}
