//! Carrying out a plan.
//!
//! Guests are taken in the order of the plan, a few at once; what the ledger has an outcome for is not touched again, so
//! the same call resumes after a crash, and two of them at once share the work. What failed or is unknown is taken up
//! again. At the end, sessions whose outcome is unknown are looked at once more, and those that were ended are read back.

use std::ops::ControlFlow;

use frontdesk_domain::closure::{Outcome, OutcomeKind};
use frontdesk_domain::{Ending, GuestId, Why};
use futures_util::stream::StreamExt as _;

use crate::desk::{By, Closed, Desk};
use crate::error::JobError;
use crate::flight::few_at_once;
use crate::limits::Limits;
use crate::monitor::Monitor;
use crate::plan::{PlanFile, Planned, Step};
use crate::planning::{Stop, is_over};
use crate::record::Place;
use crate::report::{Counts, Latencies, ReadBack};

/// Unknown guests that are kept in memory to be looked at once more; those beyond stay unknown until the next run.
const MOST_UNKNOWN: usize = 10_000;

/// How carrying out a plan ended.
#[derive(Debug, Clone)]
pub enum Applied {
    /// It was carried out, to its end or to where it stopped.
    Report(Report),
    /// The plan was made for another tenant, or for another client. Nothing was done.
    Foreign,
    /// The plan ends more sessions than [`Limits::max_count`] allows. Nothing was done.
    TooMany {
        /// How many it ends.
        end: u64,
    },
}

/// What a plan came to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Guests by outcome, whoever of all runs of the plan dealt with them.
    pub counts: Counts,
    /// Guests of the plan.
    pub guests: u64,
    /// Of the counts: dealt with by an earlier run, or by another one at the same time.
    pub earlier: u64,
    /// Of the counts: left as they were by the plan.
    pub planned: u64,
    /// Intents of dead runs that were settled at the start.
    pub settled: u64,
    /// How long they took.
    pub latencies: Latencies,
    /// What looking again found.
    pub read_back: ReadBack,
    /// Why it did not go on to its end; none when it did.
    pub stop: Option<Stop>,
}

impl Report {
    /// Guests that have no outcome yet: the run stopped before them.
    #[must_use]
    pub fn not_reached(&self) -> u64 {
        self.guests.saturating_sub(self.counts.total())
    }

    fn add(&mut self, closed: &Closed) {
        self.counts.add(closed.outcome.kind());
        self.latencies.add(closed);
        match closed.by {
            By::This => {}
            By::Other => self.earlier += 1,
            By::Plan => self.planned += 1,
        }
    }
}

impl Desk {
    /// Carries out `plan`, or goes on with it. Only its guests are touched, and of them only those it says are to be
    /// ended.
    ///
    /// # Cancel safety
    /// As [`Desk::close`]: give the signal instead, and a report of what was done comes back.
    ///
    /// # Errors
    /// When the journal, the claims or the plan's file fail. What was done by then is recorded; the same call goes on.
    pub async fn apply(
        &self,
        plan: &PlanFile,
        limits: &Limits,
        monitor: &dyn Monitor,
    ) -> Result<Applied, JobError> {
        if let Some(refused) = self.refused(plan, limits) {
            return Ok(refused);
        }
        let mut report = Report { guests: plan.counts().guests, ..Report::default() };
        report.settled = self.settle_open().await?;
        if report.settled > 0 {
            monitor.settled(report.settled);
        }
        let ledger = plan.ledger();
        let mut unknown = Vec::new();
        self.first_pass(plan, &ledger, limits, monitor, &mut report, &mut unknown).await?;
        for (place, ending) in unknown {
            let closed = match report.stop {
                None => self.close_at(&ending, Some(&place)).await?,
                Some(_) => None,
            };
            let closed = match closed {
                Some(closed) => closed,
                None => self.stays_unknown(&place).await?,
            };
            report.add(&closed);
            monitor.closed(&ending.guest_id, &closed, report.counts.total(), report.guests);
        }
        if report.stop.is_none() && self.cancel.is_cancelled() {
            report.stop = Some(Stop::Interrupted);
        }
        if report.stop.is_none() {
            self.read_back(plan, &ledger, monitor, &mut report).await?;
        }
        Ok(Applied::Report(report))
    }

    /// What [`Desk::apply`] would do with each guest now: looked at, and nothing else. The same limits hold.
    ///
    /// # Cancel safety
    /// Safe: it only reads.
    ///
    /// # Errors
    /// As [`Desk::apply`].
    pub async fn rehearse(
        &self,
        plan: &PlanFile,
        limits: &Limits,
        monitor: &dyn Monitor,
    ) -> Result<Applied, JobError> {
        if let Some(refused) = self.refused(plan, limits) {
            return Ok(refused);
        }
        let mut report = Report { guests: plan.counts().guests, ..Report::default() };
        let ledger = plan.ledger();
        let looks = futures_util::stream::iter(plan.guests()?).map(|guest| {
            let ledger = &ledger;
            async move {
                let (number, Planned { ending, planned }) = guest?;
                let outcome = match (self.settled(Some(&Place::new(ledger, number))).await?, planned) {
                    (Some(closed), _) => Some(closed.outcome),
                    (None, Step::Leave(outcome)) => Some(outcome),
                    (None, Step::End) => self.preview(&ending.guest_id).await,
                };
                Ok::<_, JobError>((ending.guest_id, outcome))
            }
        });
        let mut looks = std::pin::pin!(looks.buffered(self.claims.width()));
        let mut done = 0;
        while let Some(look) = looks.next().await {
            let (guest, outcome) = look?;
            if self.cancel.is_cancelled() {
                report.stop = Some(Stop::Interrupted);
                break;
            }
            done += 1;
            monitor.previewed(&guest, outcome.as_ref(), done, report.guests);
            let trusted = report.counts.total() > report.counts.errors();
            report.counts.add(outcome.as_ref().map_or(OutcomeKind::Ended, Outcome::kind));
            report.stop = self.stopped(outcome.as_ref(), trusted, limits, &report);
            if report.stop.is_some() {
                break;
            }
        }
        Ok(Applied::Report(report))
    }

    /// Why [`Desk::apply`] would do nothing: another tenant's plan, or too many sessions.
    #[must_use]
    pub fn refused(&self, plan: &PlanFile, limits: &Limits) -> Option<Applied> {
        if !plan.outset().is_for(&self.guests.describe()) {
            return Some(Applied::Foreign);
        }
        let end = plan.counts().end;
        limits.max_count.is_some_and(|most| end > most).then_some(Applied::TooMany { end })
    }

    fn stopped(
        &self,
        outcome: Option<&Outcome>,
        trusted: bool,
        limits: &Limits,
        report: &Report,
    ) -> Option<Stop> {
        let hopeless = Stop::of(outcome.and_then(Outcome::why), trusted);
        let errors = limits.max_errors.is_some_and(|most| report.counts.errors() > most);
        hopeless.or_else(|| errors.then_some(Stop::Errors))
    }

    /// Every guest once. Guests in flight when it stops are waited for.
    async fn first_pass(
        &self,
        plan: &PlanFile,
        ledger: &str,
        limits: &Limits,
        monitor: &dyn Monitor,
        report: &mut Report,
        unknown: &mut Vec<(Place, Ending)>,
    ) -> Result<(), JobError> {
        let guests = plan.guests()?.map(|guest| guest.map_err(JobError::from));
        // Errors of this run: what an earlier one could not do is being done now.
        let mut errors = Report::default();
        let mut trusted = false;
        let begin = |(number, Planned { ending, planned })| {
            self.carry_out(ending, planned, Place::new(ledger, number))
        };
        let end = |(place, ending, closed): (Place, Ending, Closed)| {
            let kind = closed.outcome.kind();
            if closed.by == By::This {
                errors.counts.add(kind);
                let stop = self.stopped(Some(&closed.outcome), trusted, limits, &errors);
                report.stop = report.stop.take().or(stop);
                trusted |= kind == OutcomeKind::Ended;
            }
            if kind == OutcomeKind::Unknown && unknown.len() < MOST_UNKNOWN {
                unknown.push((place, ending));
            } else {
                report.add(&closed);
                monitor.closed(&ending.guest_id, &closed, report.counts.total(), report.guests);
            }
            if report.stop.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        if few_at_once(self.claims.width(), &self.cancel, guests, begin, end).await? {
            report.stop.get_or_insert(Stop::Interrupted);
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        ending: Ending,
        planned: Step,
        place: Place,
    ) -> Result<Option<(Place, Ending, Closed)>, JobError> {
        let closed = match planned {
            Step::End => self.close_at(&ending, Some(&place)).await?,
            Step::Leave(outcome) => Some(Closed { outcome, latency_ms: 0, by: By::Plan, kept: None }),
        };
        Ok(closed.map(|closed| (place, ending, closed)))
    }

    /// The outcome that the ledger has of a guest that could not be looked at once more.
    async fn stays_unknown(&self, place: &Place) -> Result<Closed, JobError> {
        let entry = self.entry(place).await?;
        let nothing = || Outcome::Unknown(Why::interrupted());
        let latency_ms = entry.as_ref().map_or(0, |entry| entry.latency_ms);
        let outcome = entry.map_or_else(nothing, |entry| entry.outcome);
        Ok(Closed { outcome, latency_ms, by: By::This, kept: None })
    }

    /// Looks once more at every session that was ended and not read back by now.
    async fn read_back(
        &self,
        plan: &PlanFile,
        ledger: &str,
        monitor: &dyn Monitor,
        report: &mut Report,
    ) -> Result<(), JobError> {
        if report.counts.ended > 0 {
            monitor.reading_back(report.counts.ended);
        }
        let ended = futures_util::stream::iter(plan.guests()?).map(|guest| async move {
            let (number, Planned { ending, planned }) = guest?;
            match planned {
                Step::End => self.read_one_back(ending.guest_id, Place::new(ledger, number)).await,
                Step::Leave(_) => Ok(None),
            }
        });
        let mut ended = std::pin::pin!(ended.buffer_unordered(self.claims.width()));
        while let Some(found) = ended.next().await {
            let Some((guest, over)) = found? else { continue };
            match over {
                Some(true) => report.read_back.over += 1,
                Some(false) => {
                    report.read_back.still_active += 1;
                    monitor.still_active(&guest);
                }
                None if self.cancel.is_cancelled() => {
                    report.stop = Some(Stop::Interrupted);
                    break;
                }
                None => report.read_back.unread += 1,
            }
        }
        Ok(())
    }

    /// Whether a session that was ended is over: nothing when it was not ended, and nothing inside when it cannot be
    /// looked at.
    async fn read_one_back(
        &self,
        guest: GuestId,
        place: Place,
    ) -> Result<Option<(GuestId, Option<bool>)>, JobError> {
        let Some(mut entry) = self.entry(&place).await? else { return Ok(None) };
        if entry.outcome.kind() != OutcomeKind::Ended {
            return Ok(None);
        }
        if entry.read_back.is_some() {
            return Ok(Some((guest, Some(true))));
        }
        let over = self.look(&guest).await.as_ref().and_then(is_over);
        if over == Some(true) {
            entry.read_back = Some("over".to_owned());
            self.books.record(entry.put(frontdesk_journal::Change::new(), &place)?).await?;
        }
        Ok(Some((guest, over)))
    }
}
