//! Plans as the journal remembers them: what each was made for, where its file lies, and what became of each of its guests.
//!
//! The journal has counts and outcomes, and no guest: who is meant stands in the plan's file, which is its owner's to keep
//! or delete.

use std::path::{Path, PathBuf};

use frontdesk_domain::Timestamp;
use frontdesk_domain::closure::Outcome;
use frontdesk_journal::{Error, Item, Reader};
use serde::{Deserialize, Serialize};

use crate::apply::Applied;
use crate::desk::Desk;
use crate::error::JobError;
use crate::limits::Limits;
use crate::monitor::Monitor;
use crate::plan::{Outset, PlanCounts, PlanFile, ledger};
use crate::record::{Entry, Place};
use crate::report::Counts;

/// The ledger of plans: an item for each, by the beginning of its hash.
const PLANS: &str = "session.close.plans";

/// A plan was made, and not carried out by anybody yet.
const MADE: &str = "made";
/// Somebody began to carry it out.
const APPLIED: &str = "applied";

/// A plan that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPlan {
    /// The first 32 hexadecimal digits of its hash.
    pub id: String,
    /// What it was made for, and when.
    pub outset: Outset,
    /// What it comes to.
    pub counts: PlanCounts,
    /// The hash it is bound by.
    pub sha256: String,
    /// Where its file was when it was made, or carried out last.
    pub path: PathBuf,
    /// When somebody began to carry it out last; none where nobody did.
    pub applied_at: Option<Timestamp>,
    /// What became of the guests that were dealt with so far.
    pub results: Counts,
}

/// What became of one guest of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOutcome {
    /// The guest's place in the plan, from 0.
    pub number: u64,
    /// What became of the session.
    pub outcome: Outcome,
    /// Milliseconds from the look to the last answer.
    pub latency_ms: u64,
    /// Whether a look afterwards found that it is over.
    pub is_read_back: bool,
    /// What the platform keeps though it was to forget it.
    pub kept: Option<String>,
    /// When it was written down.
    pub at: Timestamp,
}

/// What is written down of a plan.
#[derive(Serialize, Deserialize)]
struct Note {
    outset: Outset,
    counts: PlanCounts,
    sha256: String,
    path: PathBuf,
}

impl Desk {
    /// Writes down that the plan in the file at `path` was made, or, with `applied`, that somebody carries it out now.
    ///
    /// # Cancel safety
    /// Dropped, it may be written down or not.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn remember(&self, plan: &PlanFile, path: &Path, applied: bool) -> Result<(), JobError> {
        let note = Note {
            outset: plan.outset().clone(),
            counts: plan.counts().clone(),
            sha256: plan.sha256().to_owned(),
            path: path.to_owned(),
        };
        let state = if applied { APPLIED } else { MADE };
        let change = self.books.change().item(PLANS, id(plan.sha256()), state, &note)?;
        self.books.record(change).await
    }

    /// [`Desk::apply`] for the plan in the file at `path`, written down as [`Desk::remember`] does unless it is refused.
    ///
    /// # Cancel safety
    /// As [`Desk::apply`].
    ///
    /// # Errors
    /// As [`Desk::apply`].
    pub async fn apply_remembered(
        &self,
        plan: &PlanFile,
        path: &Path,
        limits: &Limits,
        monitor: &dyn Monitor,
    ) -> Result<Applied, JobError> {
        if let Some(refused) = self.refused(plan, limits) {
            return Ok(refused);
        }
        self.remember(plan, path, true).await?;
        self.apply(plan, limits, monitor).await
    }
}

/// The part of a plan's hash that names it.
fn id(sha256: &str) -> &str {
    sha256.get(..32).unwrap_or(sha256)
}

/// The plans that are remembered, the newest first, at most `limit`; and how many there are. Blocks.
///
/// # Errors
/// When the journal cannot be read.
pub fn kept_plans(reader: &Reader, limit: usize) -> Result<(Vec<KeptPlan>, u64), Error> {
    let items = reader.items(PLANS, None, usize::MAX)?;
    let mut notes: Vec<(Item, Note)> = items.into_iter().filter_map(note).collect();
    let total = notes.len() as u64;
    notes.sort_by_key(|(item, note)| std::cmp::Reverse((note.outset.made_at, item.at)));
    notes.truncate(limit);
    let plans = notes.into_iter().map(|(item, note)| kept(reader, item, note));
    Ok((plans.collect::<Result<_, _>>()?, total))
}

/// The plan of this id; `None` where none is remembered. Blocks.
///
/// # Errors
/// As [`kept_plans`].
pub fn kept_plan(reader: &Reader, id: &str) -> Result<Option<KeptPlan>, Error> {
    let found = reader.item(PLANS, id)?.and_then(note);
    found.map(|(item, note)| kept(reader, item, note)).transpose()
}

/// What became of the guests of a plan from the number `from` on, as far as anything did, at most `limit`. Blocks.
///
/// # Errors
/// As [`kept_plans`].
pub fn kept_outcomes(
    reader: &Reader,
    plan: &KeptPlan,
    from: u64,
    limit: usize,
) -> Result<Vec<KeptOutcome>, Error> {
    let ledger = ledger(&plan.sha256);
    let after = from.checked_sub(1).map(|number| Place::new(&ledger, number).key);
    let items = reader.items(&ledger, after.as_deref(), limit)?;
    Ok(items.iter().filter_map(outcome).collect())
}

fn outcome(item: &Item) -> Option<KeptOutcome> {
    let Entry { outcome, latency_ms, read_back, kept } = Entry::read(item)?;
    let number = item.key.parse().ok()?;
    Some(KeptOutcome { number, outcome, latency_ms, is_read_back: read_back.is_some(), kept, at: item.at })
}

/// An item of a later version, that cannot be read, is left out.
fn note(item: Item) -> Option<(Item, Note)> {
    let note = serde_json::from_str(item.detail.get()).ok()?;
    Some((item, note))
}

fn kept(reader: &Reader, item: Item, note: Note) -> Result<KeptPlan, Error> {
    let Note { outset, counts, sha256, path } = note;
    let mut results = Counts::default();
    for (state, number) in reader.item_states(&ledger(&sha256))? {
        results.add_named(&state, number);
    }
    let applied_at = (item.state == APPLIED).then_some(item.at);
    Ok(KeptPlan { id: item.key, outset, counts, sha256, path, applied_at, results })
}
