//! What a run writes down: its request, every page it stored, and its certificate.
//!
//! The lines of `runs/<id>.ndjson` (docs/archive-format.md). A page's line is written after its records are
//! durable, so a run that was killed may fetch one page a window again and never skips one.

use frontdesk_api::SeenIds;
use frontdesk_domain::{
    Certificate, OrganizationId, PageSize, PageToken, RunId, RunState, TimeRange, Timestamp,
    TranscriptReport, WindowEnd, WindowReport, hex,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::tally::Tally;
use crate::transcripts::queue::{Cover, Looked, Snapshot};

/// What was asked: two runs with equal requests are the same job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) organization: OrganizationId,
    pub(crate) contract: String,
    pub(crate) origin: String,
    /// The OAuth client that asked: two of one host may see different conversations. Absent in logs of before it was
    /// written, which are no run of anybody's then: what they stored is found unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) filter: Option<String>,
    pub(crate) page_size: PageSize,
    /// Decides which open conversations a page counts as late, so pages taken under another one do not add up.
    pub(crate) look_back_seconds: u64,
    /// How many windows the range was split into, so that a later version with another split starts anew.
    pub(crate) windows: u32,
}

impl Request {
    /// Whether the same was asked by the same client, of whatever range.
    pub(crate) fn asks_as(&self, other: &Self) -> bool {
        (&self.organization, &self.contract, &self.origin, &self.client_id)
            == (&other.organization, &other.contract, &other.origin, &other.client_id)
    }
}

/// One stored page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) window: u32,
    /// Counted from 1 within the window.
    pub(crate) page: u64,
    /// The token that fetched it; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<PageToken>,
    /// The token of the next one; absent for the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<PageToken>,
    /// When it was asked for: what the server learned later is not in it.
    pub(crate) at: Timestamp,
    #[serde(flatten)]
    pub(crate) tally: Tally,
    /// Conversations past the look-back that have no end yet.
    pub(crate) late: u64,
    /// Hex SHA-256 over each record's id and hash, in the order of the page.
    pub(crate) fingerprint: String,
    /// 64-bit hashes of the ids that were new in the window, 16 hex digits each: what lets a resumed run
    /// count an id once.
    pub(crate) new_ids: String,
    /// Where in the window the page reached, for progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reached: Option<Timestamp>,
    /// What started later may be missing without a sign, where the source says such a thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) available_until: Option<Timestamp>,
}

/// A line of a run's log, without what the log itself adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Line {
    Run {
        run_id: RunId,
        at: Timestamp,
        request: Request,
    },
    Resumed {
        at: Timestamp,
    },
    Page(Page),
    Restarted {
        window: u32,
        at: Timestamp,
    },
    Looked(Looked),
    Covered {
        at: Timestamp,
        #[serde(flatten)]
        cover: Cover,
    },
    Queue(Snapshot),
    Certificate {
        certificate: Box<Certificate>,
    },
}

/// How far one window is.
#[derive(Debug)]
pub(crate) struct WindowState {
    pub(crate) range: TimeRange,
    pub(crate) pages: u64,
    /// Where to go on: the token of the next page, or nothing for the first.
    pub(crate) next: Option<PageToken>,
    pub(crate) done: bool,
    pub(crate) tally: Tally,
    pub(crate) late: u64,
    /// The ids met so far, shared with the listing that meets them; given up when the window is done, or memory would
    /// grow with the run.
    pub(crate) seen: SeenIds,
    /// How many of them are on pages that were stored.
    unique: u64,
    digest: [u8; 32],
    /// When the earliest page was asked for: a conversation on it may have changed since, however late the last
    /// page came. This decides whether the window touches the look-back.
    first_at: Option<Timestamp>,
    pub(crate) reached: Option<Timestamp>,
    /// The earliest time that a page said it was complete up to, where one did.
    available_until: Option<Timestamp>,
    pub(crate) failed: Option<Failed>,
}

/// Why a window ended early, and where it can be taken up again.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) token: Option<PageToken>,
    pub(crate) reason: String,
}

impl WindowState {
    pub(crate) fn new(range: TimeRange) -> Self {
        Self {
            range,
            pages: 0,
            next: None,
            done: false,
            tally: Tally::default(),
            late: 0,
            seen: SeenIds::default(),
            unique: 0,
            digest: [0; 32],
            first_at: None,
            reached: None,
            available_until: None,
            failed: None,
        }
    }

    /// Takes a page of an earlier session into account: the listing has not met its ids.
    fn replay(&mut self, page: &Page) {
        self.seen.extend(id_hashes(&page.new_ids));
        self.apply(page);
    }

    /// Takes a stored page into account.
    pub(crate) fn apply(&mut self, page: &Page) {
        self.pages += 1;
        self.next.clone_from(&page.next);
        self.done = page.next.is_none();
        self.tally += page.tally;
        self.late += page.late;
        self.unique += id_hashes(&page.new_ids).count() as u64;
        self.digest =
            Sha256::new().chain_update(self.digest).chain_update(&page.fingerprint).finalize().into();
        self.first_at = Some(self.first_at.map_or(page.at, |first| first.min(page.at)));
        self.reached = page.reached.max(self.reached);
        self.available_until = [self.available_until, page.available_until].into_iter().flatten().min();
        if self.done {
            self.seen = SeenIds::default();
        }
    }

    /// The window as the certificate states it.
    pub(crate) fn report(&self, look_back: std::time::Duration) -> WindowReport {
        let open = match self.first_at.and_then(|at| at.checked_sub(look_back)) {
            Some(border) => self.range.to() > border,
            None => true,
        };
        let open = open || self.available_until.is_some_and(|until| self.range.to() > until);
        let ended = if self.done {
            WindowEnd::Complete
        } else {
            let failed = self.failed.clone();
            let token = failed.as_ref().and_then(|failed| failed.token.clone()).or_else(|| self.next.clone());
            WindowEnd::Failed {
                token: token.map(|token| token.as_str().to_owned()),
                reason: failed.map_or_else(|| String::from("not reached"), |failed| failed.reason),
            }
        };
        let state = WindowReport::judge(&ended, open || self.late > 0);
        WindowReport {
            from: self.range.from(),
            to: self.range.to(),
            state,
            pages: self.pages,
            received: self.tally.seen(),
            unique: self.unique,
            pages_digest: hex(&self.digest),
            ended,
            open,
        }
    }
}

/// A run as its lines tell it.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) begun_at: Timestamp,
    pub(crate) states: Vec<WindowState>,
    /// What the looks at conversations came to.
    pub(crate) transcripts: TranscriptReport,
    /// The last sequence of the range of which the transcript was looked at.
    pub(crate) looked_upto: u64,
}

/// Rebuilds the windows of a run from its lines. `None` when the lines are another job's, or when the run
/// ended and left nothing open.
pub(crate) fn replay<E>(
    lines: impl Iterator<Item = Result<serde_json::Value, E>>,
    request: &Request,
    windows: &[TimeRange],
) -> Result<Option<Replayed>, E> {
    let mut states: Vec<WindowState> = windows.iter().copied().map(WindowState::new).collect();
    let mut begun = None;
    let mut open = true;
    let (mut transcripts, mut looked_upto) = (TranscriptReport::default(), 0);
    for line in lines {
        // A line of a later version that this one cannot read: what it means is not known, so start anew.
        let Ok(line) = serde_json::from_value::<Line>(line?) else { return Ok(None) };
        match (line, begun) {
            (Line::Run { request: written, at, .. }, None) if written == *request => begun = Some(at),
            (Line::Run { .. }, _) | (_, None) => return Ok(None),
            (Line::Resumed { .. }, _) => open = true,
            (Line::Page(page), _) => match states.get_mut(page.window as usize) {
                Some(state) => state.replay(&page),
                None => return Ok(None),
            },
            (Line::Restarted { window, .. }, _) => match states.get_mut(window as usize) {
                Some(state) => *state = WindowState::new(state.range),
                None => return Ok(None),
            },
            (Line::Looked(looked), _) => {
                transcripts += looked.counts;
                looked_upto = looked.upto.unwrap_or(looked_upto);
            }
            // Where the next session begins is told by the looks.
            (Line::Covered { .. } | Line::Queue(_), _) => {}
            (Line::Certificate { certificate }, _) => open = certificate.state == RunState::Incomplete,
        }
    }
    Ok(begun.filter(|_| open).map(|begun_at| Replayed { begun_at, states, transcripts, looked_upto }))
}

/// The ids' hashes as a page's line writes them.
pub(crate) fn write_id_hashes(hashes: &[u64]) -> String {
    hashes.iter().map(|hash| format!("{hash:016x}")).collect()
}

fn id_hashes(text: &str) -> impl Iterator<Item = u64> {
    text.as_bytes()
        .chunks_exact(16)
        .filter_map(|digits| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::from_date_or_time(text).unwrap()
    }

    fn range() -> TimeRange {
        TimeRange::new(time("2025-03-01"), time("2025-03-02")).unwrap()
    }

    fn request() -> Request {
        Request {
            organization: OrganizationId::default(),
            contract: "gateway".into(),
            origin: "http://127.0.0.1".into(),
            client_id: Some("client-1".into()),
            from: range().from(),
            to: range().to(),
            filter: None,
            page_size: PageSize::default(),
            look_back_seconds: LOOK_BACK.as_secs(),
            windows: 1,
        }
    }

    fn page(number: u64, next: Option<&str>, at: &str, new_ids: &[u64]) -> Page {
        Page {
            window: 0,
            page: number,
            token: None,
            next: next.map(|token| PageToken::new(token).unwrap()),
            at: time(at),
            tally: Tally { stored: new_ids.len() as u64, ..Tally::default() },
            late: 0,
            fingerprint: format!("f{number}"),
            new_ids: write_id_hashes(new_ids),
            reached: None,
            available_until: None,
        }
    }

    fn lines(lines: &[Line]) -> Vec<serde_json::Value> {
        let start =
            Line::Run { run_id: "pull-x".parse().unwrap(), at: time("2025-03-05"), request: request() };
        std::iter::once(&start).chain(lines).map(|line| serde_json::to_value(line).unwrap()).collect()
    }

    fn again(lines: Vec<serde_json::Value>, request: &Request) -> Option<Replayed> {
        let lines = lines.into_iter().map(Ok::<_, std::convert::Infallible>);
        let Ok(replayed) = replay(lines, request, &[range()]);
        replayed
    }

    fn replayed(written: &[Line]) -> Option<WindowState> {
        again(lines(written), &request()).map(|mut replayed| replayed.states.remove(0))
    }

    const LOOK_BACK: Duration = Duration::from_secs(72 * 3600);

    #[test]
    fn a_run_goes_on_after_its_last_stored_page() {
        let state = replayed(&[
            Line::Page(page(1, Some("t1"), "2025-03-10", &[10, 20])),
            Line::Page(page(2, Some("t2"), "2025-03-10", &[30])),
        ]);
        let state = state.unwrap();
        assert_eq!(state.pages, 2);
        assert_eq!(state.next.as_ref().unwrap().as_str(), "t2");
        assert!(!state.done);
        assert!(!state.seen.insert(30), "an id of an earlier session counts once");
        assert!(state.seen.insert(40));
        assert_eq!(state.tally.stored, 3);
    }

    #[test]
    fn the_last_page_ends_the_window_and_the_look_back_decides() {
        let cases = [
            // The window ends 2025-03-02; 72 h later is 2025-03-05.
            ("2025-03-05T00:00:00Z", RunState::Complete),
            ("2025-03-04T23:59:59.999999Z", RunState::Provisional),
        ];
        for (at, expected) in cases {
            let state = replayed(&[Line::Page(page(1, None, at, &[1]))]).unwrap();
            let report = state.report(LOOK_BACK);
            assert_eq!(report.ended, WindowEnd::Complete);
            assert_eq!(report.state, expected, "{at}");
            assert_eq!(report.open, expected == RunState::Provisional);
        }
    }

    #[test]
    fn a_page_taken_inside_the_look_back_keeps_its_window_open_however_late_the_last_one_came() {
        let inside = "2025-03-04T23:59:59Z";
        for (at, expected) in [
            ([inside, "2025-03-20"], RunState::Provisional),
            (["2025-03-05", "2025-03-20"], RunState::Complete),
        ] {
            let pages =
                [Line::Page(page(1, Some("t1"), at[0], &[1])), Line::Page(page(2, None, at[1], &[2]))];
            assert_eq!(replayed(&pages).unwrap().report(LOOK_BACK).state, expected, "{at:?}");
        }
    }

    #[test]
    fn a_window_that_begins_anew_forgets_what_it_had() {
        let state = replayed(&[
            Line::Page(page(1, Some("t1"), "2025-03-10", &[1])),
            Line::Restarted { window: 0, at: time("2025-03-10") },
        ]);
        let state = state.unwrap();
        assert_eq!((state.pages, state.next.clone()), (0, None));
        assert!(state.seen.insert(1));
        assert_eq!(state.report(LOOK_BACK).unique, 0);
    }

    #[test]
    fn a_window_that_is_done_counts_its_ids_without_holding_them() {
        let state = replayed(&[
            Line::Page(page(1, Some("t1"), "2025-03-10", &[10, 20])),
            Line::Page(page(2, None, "2025-03-10", &[30])),
        ]);
        let state = state.unwrap();
        assert!(state.done);
        assert!(state.seen.insert(1), "they are given up");
        assert_eq!(state.report(LOOK_BACK).unique, 3);
    }

    #[test]
    fn another_request_is_another_run() {
        let changes: [fn(&mut Request); 6] = [
            |other| other.page_size = PageSize::new(7).unwrap(),
            |other| other.look_back_seconds += 1,
            |other| other.origin.push_str("/prefix"),
            |other| other.client_id = Some("client-2".into()),
            |other| other.filter = Some("type eq 'voice'".into()),
            |other| other.windows = 2,
        ];
        for change in changes {
            let mut other = request();
            change(&mut other);
            assert!(again(lines(&[]), &other).is_none(), "{other:?}");
        }
        let replayed = again(lines(&[]), &request()).unwrap();
        assert_eq!(replayed.begun_at, time("2025-03-05"), "the run began when its first line was written");
    }

    #[test]
    fn a_run_that_does_not_say_who_asked_is_nobodys() {
        let mut written = lines(&[]);
        assert_eq!(written[0]["request"]["client_id"], "client-1");
        written[0]["request"].as_object_mut().unwrap().remove("client_id");
        assert!(again(written, &request()).is_none());
    }

    #[test]
    fn a_line_that_cannot_be_read_ends_the_resume() {
        let mut written = lines(&[]);
        written.push(serde_json::json!({"type": "from_the_future"}));
        assert!(again(written, &request()).is_none());
    }

    #[test]
    fn the_digest_follows_the_order_of_the_pages() {
        let digest = |order: [u64; 2]| {
            let pages = order.map(|number| Line::Page(page(number, Some("t"), "2025-03-10", &[])));
            replayed(&pages).unwrap().report(LOOK_BACK).pages_digest
        };
        assert_ne!(digest([1, 2]), digest([2, 1]));
        assert_eq!(digest([1, 2]).len(), 64);
    }

    #[test]
    fn what_the_log_adds_to_a_line_does_not_matter() {
        let mut written = lines(&[Line::Page(page(1, None, "2025-03-10", &[9]))]);
        for (number, line) in written.iter_mut().enumerate() {
            line["n"] = (number + 1).into();
            line["prev"] = "00".into();
        }
        assert!(again(written, &request()).unwrap().states[0].done);
    }
}
