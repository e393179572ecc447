//! Plans of endings: what each would end, and what became of each of its guests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use frontdesk_domain::closure::{Outcome, OutcomeKind};
use frontdesk_durable::OsDir;
use frontdesk_journal::{Error, Reader};
use frontdesk_sessions::{
    Counts, KeptOutcome, KeptPlan, PlanCounts, PlanFile, Planned, Step, kept_outcomes, kept_plan, kept_plans,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The plans that are remembered, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlansView {
    /// The newest of them.
    pub plans: Vec<PlanView>,
    /// How many there are.
    pub total: u64,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanView {
    /// The first 32 digits of its hash.
    pub id: String,
    /// `made`: nobody carried it out. `applied`: somebody began to.
    pub state: &'static str,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// When somebody began to carry it out last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<String>,
    /// The contract that was spoken.
    pub contract: String,
    /// Host and path prefix of the API that was asked.
    pub host: String,
    /// Who asked.
    pub client_id: String,
    /// Where its file was.
    pub path: String,
    /// The hash it is bound by.
    pub sha256: String,
    /// What it is to do.
    pub planned: PlannedView,
    /// What was done.
    pub results: ResultsView,
}

/// What a plan is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlannedView {
    /// Its guests.
    pub guests: u64,
    /// Sessions that are to be ended.
    pub end: u64,
    /// Those that had ended before.
    pub duplicate: u64,
    /// Those that are left alone, by their state.
    pub skipped: BTreeMap<String, u64>,
    /// Guests that could not be looked at.
    pub failed: u64,
    /// Lines of the input that named a guest again.
    pub repeated: u64,
}

/// What became of the sessions that were to be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ResultsView {
    /// Ended by us.
    pub ended: u64,
    /// Ended by somebody else.
    pub duplicate: u64,
    /// In a state by then in which sessions are not ended.
    pub skipped: u64,
    /// Not ended.
    pub failed: u64,
    /// Perhaps ended.
    pub unknown: u64,
    /// Not dealt with yet.
    pub not_reached: u64,
}

/// A plan with a page of its guests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanGuestsView {
    /// The plan.
    pub plan: PlanView,
    /// Whether its file is `there`; else the guests cannot be named: `gone`, or `changed` since.
    pub file: &'static str,
    /// The guests of this page, in the order of the plan; where the file is not there, those that were dealt with.
    pub guests: Vec<PlanGuestView>,
    /// Where the next page begins, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A guest of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanGuestView {
    /// Its place in the plan, from 1.
    pub number: u64,
    /// The guest, as the plan's file names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_id: Option<String>,
    /// The closure reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the platform keeps the messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_data: Option<bool>,
    /// `end`, or how it stood when the plan was made: `duplicate`, `skipped`, `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned: Option<&'static str>,
    /// What became of it: `ended`, `duplicate`, `skipped`, `failed`, `unknown`; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// The state it was left in, or what went wrong, in our words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long it took, retries and waits included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Whether a look afterwards found that it is over.
    pub read_back: bool,
    /// What the platform keeps though it was to forget it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// When the outcome was written down, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// The newest plans. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn page(reader: &Reader, limit: usize) -> Result<PlansView, Error> {
    let (plans, total) = kept_plans(reader, limit)?;
    Ok(PlansView { plans: plans.iter().map(PlanView::new).collect(), total })
}

/// A plan and its guests from the number `from` on; `None` where no such plan is remembered. Reads the plan's file, where it
/// is there. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn guests(reader: &Reader, id: &str, from: u64, limit: usize) -> Result<Option<PlanGuestsView>, Error> {
    let Some(plan) = kept_plan(reader, id)? else { return Ok(None) };
    // One more than asked for says whether there is a next page.
    let (file, mut guests) = match planned(&plan, from, limit + 1) {
        Ok(guests) => ("there", guests),
        Err(why) => (why, Vec::new()),
    };
    let by_file = file == "there";
    let mut outcomes = kept_outcomes(reader, &plan, from, limit + 1)?.into_iter().peekable();
    for guest in &mut guests {
        // Both are in the order of the plan; of those that the plan leaves alone there is no outcome.
        if let Some(outcome) = outcomes.next_if(|outcome| outcome.number + 1 == guest.number) {
            guest.take(outcome);
        }
    }
    if !by_file {
        guests.extend(outcomes.map(|outcome| {
            let mut guest = PlanGuestView { number: outcome.number + 1, ..PlanGuestView::default() };
            guest.take(outcome);
            guest
        }));
    }
    let more = guests.len() > limit;
    guests.truncate(limit);
    let next_cursor = guests.last().filter(|_| more).map(|last| last.number.to_string());
    Ok(Some(PlanGuestsView { plan: PlanView::new(&plan), file, guests, next_cursor }))
}

/// The guests as the plan's file names them, where it is the file it was.
fn planned(plan: &KeptPlan, from: u64, limit: usize) -> Result<Vec<PlanGuestView>, &'static str> {
    let parent = plan.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = plan.path.file_name().and_then(|name| name.to_str()).ok_or("gone")?;
    let dir = OsDir::open(parent).map_err(|_| "gone")?;
    let file = PlanFile::open(Arc::new(dir), name).map_err(|error| match error {
        frontdesk_sessions::PlanError::Io(_) => "gone",
        _ => "changed",
    })?;
    if file.sha256() != plan.sha256 {
        return Err("changed");
    }
    let skipped = usize::try_from(from).unwrap_or(usize::MAX);
    let guests = file.guests().map_err(|_| "changed")?.skip(skipped).take(limit);
    guests.map(|guest| guest.map(PlanGuestView::new).map_err(|_| "changed")).collect()
}

impl PlanView {
    fn new(plan: &KeptPlan) -> Self {
        let KeptPlan { id, outset, counts, sha256, path, applied_at, results } = plan;
        Self {
            id: id.clone(),
            state: if applied_at.is_some() { "applied" } else { "made" },
            made_at: outset.made_at.to_string(),
            applied_at: applied_at.map(|at| at.to_string()),
            contract: outset.contract.clone(),
            host: outset.host.clone(),
            client_id: outset.client_id.clone(),
            path: path.display().to_string(),
            sha256: sha256.clone(),
            planned: PlannedView::new(counts),
            results: ResultsView::new(counts, results),
        }
    }
}

impl PlannedView {
    fn new(counts: &PlanCounts) -> Self {
        let PlanCounts { guests, end, duplicate, skipped, failed, repeated } = counts;
        let skipped = skipped.iter().map(|(state, count)| (state.as_str().to_owned(), *count)).collect();
        Self {
            guests: *guests,
            end: *end,
            duplicate: *duplicate,
            skipped,
            failed: *failed,
            repeated: *repeated,
        }
    }
}

impl ResultsView {
    fn new(planned: &PlanCounts, results: &Counts) -> Self {
        let Counts { ended, duplicate, skipped, failed, unknown } = *results;
        let not_reached = planned.end.saturating_sub(results.total());
        Self { ended, duplicate, skipped, failed, unknown, not_reached }
    }
}

impl PlanGuestView {
    fn new((number, Planned { ending, planned }): (u64, Planned)) -> Self {
        let (planned, why) = match &planned {
            Step::End => ("end", None),
            Step::Leave(outcome) => (outcome.kind().as_str(), said(outcome)),
        };
        Self {
            number: number + 1,
            guest_id: Some(ending.guest_id.as_str().to_owned()),
            reason: Some(ending.reason.as_str().to_owned()),
            retain_data: Some(ending.retain_data.into()),
            planned: Some(planned),
            why,
            ..Self::default()
        }
    }

    fn take(&mut self, found: KeptOutcome) {
        let KeptOutcome { outcome, latency_ms, is_read_back, kept, at, .. } = found;
        self.outcome = Some(outcome.kind().as_str());
        self.why = said(&outcome);
        self.latency_ms = Some(latency_ms);
        self.read_back = is_read_back && outcome.kind() == OutcomeKind::Ended;
        self.kept = kept;
        self.at = Some(at.to_string());
    }
}

/// The state a session was left in, or what went wrong. What the platform wrote may name a customer, and is left out.
fn said(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Skipped { state } => Some(format!("the session is {}", state.as_str())),
        other => other.why().map(|why| why.text.clone()),
    }
}
