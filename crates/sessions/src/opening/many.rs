//! The lines of an input, a few at once.
//!
//! Every line has its place in a ledger that is named by the platform and the bytes of the input, so the same command
//! resumes after a crash, and two of them at once share the work. What was refused, failed or is unknown is taken up again.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use frontdesk_domain::session::{OpeningKind, OpeningOutcome};
use frontdesk_domain::{SessionDraft, Violations};
use serde::{Deserialize, Serialize};

use super::desk::{Answered, OpeningDesk};
use super::report::OpeningReport;
use super::requests::{Line, Requests};
use crate::desk::By;
use crate::error::JobError;
use crate::flight::few_at_once;
use crate::limits::Limits;
use crate::planning::Stop;
use crate::record::Place;

/// The ledger of inputs: how often each was begun anew.
const INPUTS: &str = "session.open.inputs";

/// Unknown requests that are kept in memory to be sent once more; those beyond stay unknown until the next run.
const MOST_UNKNOWN: usize = 10_000;

/// How the lines are gone through.
#[derive(Debug, Clone, Default)]
pub struct OpeningOptions {
    /// What lines leave out.
    pub defaults: SessionDraft,
    /// The lines are new requests, though the same bytes were taken before.
    pub anew: bool,
    /// How much may be done, and go wrong.
    pub limits: Limits,
}

/// How it ended.
#[derive(Debug, Clone)]
pub enum OpenedAll {
    /// It was gone through, to its end or to where it stopped.
    Report(OpeningReport),
    /// There are more requests than [`Limits::max_count`] allows. Nothing was done.
    TooMany {
        /// How many there are.
        requests: u64,
    },
}

/// Listens to a job. Every method does nothing by default; none may block for long.
pub trait OpeningMonitor: Send + Sync {
    /// A request has its outcome, and it is on disk; `done` of `total` have one. `line` is the number of its line.
    fn answered(&self, line: u64, answered: &Answered, done: u64, total: u64) {
        let _ = (line, answered, done, total);
    }

    /// Intents that an earlier run left open were settled.
    fn settled(&self, count: u64) {
        let _ = count;
    }
}

impl OpeningMonitor for crate::monitor::Silent {}

/// What the ledger of inputs keeps of one.
#[derive(Serialize, Deserialize)]
struct Begun {
    generation: u64,
}

impl OpeningDesk {
    /// Opens a session for every line of `requests`, or goes on with it.
    ///
    /// # Cancel safety
    /// As [`OpeningDesk::open`]: give the signal instead, and a report of what was done comes back.
    ///
    /// # Errors
    /// When the journal, the claims or the file of the requests fail. What was done by then is recorded; the same call
    /// goes on.
    pub async fn open_all(
        &self,
        requests: &Requests,
        options: &OpeningOptions,
        monitor: &dyn OpeningMonitor,
    ) -> Result<OpenedAll, JobError> {
        let count = requests.count();
        if options.limits.max_count.is_some_and(|most| count > most) {
            return Ok(OpenedAll::TooMany { requests: count });
        }
        let ledger = self.ledger(requests.digest(), options.anew).await?;
        let mut report = OpeningReport { requests: count, ..OpeningReport::default() };
        let mut unknown = Vec::new();
        self.first_pass(requests, &ledger, options, monitor, &mut report, &mut unknown).await?;
        self.second_pass(&ledger, unknown, monitor, &mut report).await?;
        if report.stop.is_none() && self.cancel.is_cancelled() {
            report.stop = Some(Stop::Interrupted);
        }
        if report.stop.is_none() {
            report.settled = self.settle_open().await?;
            if report.settled > 0 {
                monitor.settled(report.settled);
            }
        }
        Ok(OpenedAll::Report(report))
    }

    /// The ledger of an input. `anew` begins another one, and from then on that is the input's.
    async fn ledger(&self, digest: &str, anew: bool) -> Result<String, JobError> {
        let input = Place { ledger: INPUTS.to_owned(), key: format!("{}/{digest}", self.host) };
        let begun = self.books.item(&input).await?;
        let before = begun.and_then(|item| serde_json::from_str::<Begun>(item.detail.get()).ok());
        let generation = match before {
            Some(Begun { generation }) if !anew => generation,
            Some(Begun { generation }) => generation + 1,
            None => 0,
        };
        let change = self.books.change().item(&input.ledger, &input.key, "begun", &Begun { generation })?;
        self.books.record(change).await?;
        Ok(format!("session.open/{}/{digest}/{generation}", self.host))
    }

    /// Every line once.
    async fn first_pass(
        &self,
        requests: &Requests,
        ledger: &str,
        options: &OpeningOptions,
        monitor: &dyn OpeningMonitor,
        report: &mut OpeningReport,
        unknown: &mut Vec<(u64, Result<SessionDraft, Violations>, Answered)>,
    ) -> Result<(), JobError> {
        let lines = requests.lines().map(|line| line.map_err(JobError::File));
        let OpeningOptions { defaults, limits, .. } = options;
        // Errors of this run: what an earlier one could not do is being done now.
        let mut errors = 0;
        let mut trusted = false;
        let begin = |Line { number, draft }| {
            let draft = draft.map(|draft| draft.or(defaults));
            async move {
                let place = Place::new(ledger, number);
                let answered = self.open_at(draft.clone(), Some(&place)).await?;
                Ok(answered.map(|answered| (number, draft, answered)))
            }
        };
        let end = |(number, draft, answered): (u64, _, Answered)| {
            let outcome = &answered.outcome;
            if answered.by == By::This {
                errors += u64::from(outcome.why().is_some());
                let stop = Stop::of(outcome.why(), trusted)
                    .or_else(|| limits.max_errors.is_some_and(|most| errors > most).then_some(Stop::Errors));
                report.stop = report.stop.take().or(stop);
                trusted |= outcome.session_id().is_some();
            }
            if outcome.kind() == OpeningKind::Unknown && unknown.len() < MOST_UNKNOWN {
                unknown.push((number, draft, answered));
            } else {
                report.add(&answered);
                monitor.answered(number, &answered, report.counts.total(), report.requests);
            }
            if report.stop.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        if few_at_once(self.claims.width(), &self.cancel, lines, begin, end).await? {
            report.stop.get_or_insert(Stop::Interrupted);
        }
        Ok(())
    }

    /// Those that are unknown once more, unless the job was stopped. What is not known then is left to the next run.
    async fn second_pass(
        &self,
        ledger: &str,
        unknown: Vec<(u64, Result<SessionDraft, Violations>, Answered)>,
        monitor: &dyn OpeningMonitor,
        report: &mut OpeningReport,
    ) -> Result<(), JobError> {
        let total = report.requests;
        let stopped = report.stop.is_some();
        let mut first: BTreeMap<u64, Answered> =
            unknown.iter().map(|(line, _, answered)| (*line, answered.clone())).collect();
        let mut tell = |line, answered: &Answered| {
            report.add(answered);
            monitor.answered(line, answered, report.counts.total(), total);
        };
        let again = unknown.into_iter().filter(|_| !stopped).map(|(line, draft, _)| Ok((line, draft)));
        let begin = |(line, draft)| async move {
            let answered = self.open_at(draft, Some(&Place::new(ledger, line))).await?;
            Ok(answered.map(|answered| (line, answered)))
        };
        let end = |(line, answered): (u64, Answered)| {
            first.remove(&line);
            tell(line, &answered);
            ControlFlow::Continue(())
        };
        let interrupted = few_at_once(self.claims.width(), &self.cancel, again, begin, end).await?;
        for (line, answered) in first {
            tell(line, &answered);
        }
        if interrupted {
            report.stop.get_or_insert(Stop::Interrupted);
        }
        Ok(())
    }

    /// What would become of every line now: checked, and nothing else.
    ///
    /// # Errors
    /// When the file of the requests fails.
    pub fn rehearse(
        &self,
        requests: &Requests,
        options: &OpeningOptions,
        mut each: impl FnMut(u64, Option<OpeningOutcome>),
    ) -> Result<(), JobError> {
        use frontdesk_domain::SessionRefusal;
        use frontdesk_domain::session::Refusal;
        for line in requests.lines() {
            let Line { number, draft } = line.map_err(JobError::File)?;
            let checked = match draft {
                Ok(draft) => self.preview(&draft.or(&options.defaults)).map(|_| ()),
                Err(violations) => Err(SessionRefusal::of_shape(violations)),
            };
            each(number, checked.err().map(|refusal| OpeningOutcome::Refused(Refusal::from(&refusal))));
        }
        Ok(())
    }
}
