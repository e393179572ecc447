//! Whether a conversation's text is all there will be.

use std::time::Duration;

use frontdesk_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a conversation is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Why {
    /// It has not ended.
    Open,
    /// The platform does not know it, or does not have all of its texts, yet.
    Late,
    /// It has ended, and a message may be threaded into it still.
    Threading,
    /// Asking for it failed.
    Failed,
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
    // A time that cannot be written is never reached.
    let before = |time: Timestamp| time.checked_add(window).filter(|due| now < *due);
    let late = seen.missing || seen.absent;
    if late && before(seen.first).is_some() {
        return Verdict::Waiting { due: None, why: Why::Late };
    }
    match seen.ended_at {
        None if seen.missing => Verdict::Settled { gone: true },
        None => Verdict::Waiting { due: None, why: Why::Open },
        Some(ended_at) => match before(ended_at) {
            Some(due) => Verdict::Waiting { due: Some(due), why: Why::Threading },
            None => Verdict::Settled { gone: late },
        },
    }
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
