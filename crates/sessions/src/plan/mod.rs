//! The plan: which guests are to be ended, frozen.
//!
//! A plan is a file of lines. The first says what it was made for; then comes a line for every guest of the selection,
//! with what is to be done or why nothing is; the last has the counts and a SHA-256 over everything before it. A plan that
//! was changed, cut or made for another tenant is not carried out, and what is not in it is not touched.

mod read;
mod write;

use std::collections::BTreeMap;

use frontdesk_api::Origin;
use frontdesk_domain::closure::{Outcome, OutcomeKind};
use frontdesk_domain::{Ending, GuestState, Timestamp, hex};
use serde::{Deserialize, Serialize};

pub use self::read::{Guests, PlanError, PlanFile};
pub use self::write::PlanWriter;

/// The version of the form of plans.
const VERSION: u32 = 1;

/// What a plan was made for: its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outset {
    /// Always `session.close`.
    pub plan: String,
    /// The version of the form: 1.
    pub version: u32,
    /// When it was made, by the clock of whoever made it.
    pub made_at: Timestamp,
    /// The contract that was spoken: `gateway`.
    pub contract: String,
    /// Host and path prefix of the API that was asked.
    pub host: String,
    /// Who asked.
    pub client_id: String,
}

impl Outset {
    /// A plan made now, for this tenant.
    #[must_use]
    pub fn new(origin: Origin, made_at: Timestamp) -> Self {
        let Origin { contract, host, client_id } = origin;
        Self {
            plan: "session.close".to_owned(),
            version: VERSION,
            made_at,
            contract: contract.to_owned(),
            host,
            client_id,
        }
    }

    /// Whether it was made for the tenant behind `origin`, by the same client.
    #[must_use]
    pub fn is_for(&self, origin: &Origin) -> bool {
        self.contract == origin.contract && self.host == origin.host && self.client_id == origin.client_id
    }
}

/// One guest of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Who, and how.
    pub ending: Ending,
    /// What is to be done.
    pub planned: Step,
}

/// What is to be done with a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The session is active: end it.
    End,
    /// Nothing: this is how it ended already (duplicate), why it is not touched (skipped), or why nothing is known of it
    /// (failed).
    #[serde(untagged)]
    Leave(Outcome),
}

/// What a plan comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCounts {
    /// Guests of the selection, each counted once.
    pub guests: u64,
    /// Sessions that are to be ended.
    pub end: u64,
    /// Sessions that have ended before.
    pub duplicate: u64,
    /// Sessions that are not touched, by their state.
    pub skipped: BTreeMap<GuestState, u64>,
    /// Guests that could not be looked at.
    pub failed: u64,
    /// Lines of the input that named a guest again.
    pub repeated: u64,
}

impl PlanCounts {
    /// Counts a guest.
    pub(crate) fn add(&mut self, step: &Step) {
        self.guests += 1;
        match step {
            Step::End => self.end += 1,
            Step::Leave(Outcome::Skipped { state }) => *self.skipped.entry(state.clone()).or_default() += 1,
            Step::Leave(outcome) if outcome.kind() == OutcomeKind::Duplicate => self.duplicate += 1,
            Step::Leave(_) => self.failed += 1,
        }
    }
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    counts: PlanCounts,
    sha256: String,
}

/// The ledger in which the guests of the plan with this hash are kept.
pub(crate) fn ledger(sha256: &str) -> String {
    format!("session.close/{}", sha256.get(..32).unwrap_or(sha256))
}

/// The hash a plan is bound by: over its lines and its counts.
fn seal(lines: &str, counts: &PlanCounts) -> String {
    use sha2::{Digest as _, Sha256};
    let counts = serde_json::to_string(counts).unwrap_or_default();
    hex(&Sha256::digest(format!("{lines}\n{counts}").as_bytes()))
}
