//! Making a plan: each guest of a selection looked at, once.

use frontdesk_domain::closure::{Evidence, Outcome, OutcomeKind};
use frontdesk_domain::{Ending, Why, WhyKind};
use frontdesk_durable::Dir;
use futures_util::stream::{self, StreamExt as _};

use crate::desk::Desk;
use crate::error::JobError;
use crate::limits::Limits;
use crate::monitor::Monitor;
use crate::plan::{Outset, PlanCounts, PlanWriter, Planned, Step};
use crate::selection::Selection;

/// How the making of a plan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planning {
    /// Every guest was looked at. Where a file was asked for, the plan is in it.
    Made(PlanCounts),
    /// There are more guests than [`Limits::max_count`] allows; nobody was asked, and no plan was made.
    TooMany {
        /// The guests of the selection.
        guests: u64,
    },
    /// It was not made to its end, and there is no plan: what was found by then.
    Stopped {
        /// Why.
        stop: Stop,
        /// The guests that were looked at.
        counts: PlanCounts,
    },
}

/// Why a job did not go on to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The signal to stop.
    Interrupted,
    /// More guests failed than [`Limits::max_errors`] allows.
    Errors,
    /// The platform does not let this client do it: no other guest would fare better. In its words.
    Refused {
        /// The kind: `unauthorized` or `forbidden`.
        kind: WhyKind,
        /// What was said.
        text: String,
    },
}

impl Stop {
    /// Whether what went wrong with a guest says that all others would fail in the same way. A client that has been let in
    /// before (`trusted`) may lack the right to single guests only.
    pub(crate) fn of(why: Option<&Why>, trusted: bool) -> Option<Self> {
        let why = why?;
        let hopeless = why.kind == WhyKind::Unauthorized || (why.kind == WhyKind::Forbidden && !trusted);
        hopeless.then(|| Self::Refused { kind: why.kind, text: why.to_string() })
    }
}

impl Desk {
    /// Looks at every guest of `selection`, each once, and writes the plan `name` in `dir`, where one is asked for.
    /// Nothing is changed by it. As many looks are on their way at once as guests are dealt
    /// with at once, paced by the client.
    ///
    /// # Cancel safety
    /// Safe: dropped, there is no plan.
    ///
    /// # Errors
    /// `File` when selection or plan cannot be read or written.
    pub async fn plan(
        &self,
        selection: &Selection,
        target: Option<(&dyn Dir, &str)>,
        limits: &Limits,
        monitor: &dyn Monitor,
    ) -> Result<Planning, JobError> {
        if limits.max_count.is_some_and(|most| selection.guests() > most) {
            return Ok(Planning::TooMany { guests: selection.guests() });
        }
        let outset = Outset::new(self.guests.describe(), self.books.at());
        let mut writer = match target {
            Some((dir, name)) => Some(PlanWriter::create(dir, name, &outset).map_err(JobError::File)?),
            None => None,
        };
        let mut counts = PlanCounts::default();
        let endings = selection.endings();
        let looks = stream::iter(endings).map(|ending| async {
            let ending = ending.map_err(JobError::File)?;
            Ok::<_, JobError>(self.planned(ending).await)
        });
        let mut looks = std::pin::pin!(looks.buffered(self.claims.width()));
        while let Some(planned) = looks.next().await {
            let stopped = |stop, counts| Ok(Planning::Stopped { stop, counts });
            let Some(planned) = planned? else { return stopped(Stop::Interrupted, counts) };
            let trusted = counts.guests > counts.failed;
            counts.add(&planned.planned);
            monitor.planned(&planned, counts.guests, selection.guests());
            if let Step::Leave(outcome) = &planned.planned {
                if let Some(stop) = Stop::of(outcome.why(), trusted) {
                    return stopped(stop, counts);
                }
                if limits.max_errors.is_some_and(|most| counts.failed > most) {
                    return stopped(Stop::Errors, counts);
                }
            }
            if let Some(writer) = &mut writer {
                writer.add(&planned).map_err(JobError::File)?;
            }
        }
        counts.repeated = selection.repeated();
        if let Some(writer) = writer {
            writer.finish(selection.repeated()).map_err(JobError::File)?;
        }
        Ok(Planning::Made(counts))
    }

    async fn planned(&self, ending: Ending) -> Option<Planned> {
        let outcome = self.preview(&ending.guest_id).await;
        let planned = match outcome {
            None => Step::End,
            Some(outcome) if is_interrupted(&outcome) => return None,
            Some(outcome) => Step::Leave(outcome),
        };
        Some(Planned { ending, planned })
    }
}

/// Whether an outcome only says that the signal to stop came.
pub(crate) fn is_interrupted(outcome: &Outcome) -> bool {
    outcome.kind() == OutcomeKind::Failed && outcome.why().is_some_and(|why| why.kind == WhyKind::Interrupted)
}

/// Whether a look says that the session is over.
pub(crate) fn is_over(evidence: &Evidence) -> Option<bool> {
    use frontdesk_domain::GuestState;
    match evidence {
        Evidence::Missing | Evidence::State(GuestState::Closed) => Some(true),
        Evidence::State(_) => Some(false),
        _ => None,
    }
}
