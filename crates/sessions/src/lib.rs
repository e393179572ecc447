//! Opens guest sessions, each request once; ends them, one, or many by a plan that is bound to exactly the guests it was
//! made for.
//!
//! | module | what it is |
//! |---|---|
//! | [`opening`] | opening sessions: requests, intents, outcomes, receipts |
//! | [`selection`] | which guests are meant: lines from outside, checked whole before anything is asked |
//! | [`plan`] | the frozen list: every guest with what is to be done, sealed by a hash |
//! | [`planning`] | making a plan: each guest looked at once |
//! | [`desk`] | one guest: look, intent, DELETE, outcome, all of it in the journal |
//! | [`apply`] | carrying a plan out, resuming it, reading back |
//! | [`kept`] | plans and their outcomes, read again from the journal |
//! | [`report`], [`monitor`], [`limits`] | what it came to, what a caller hears, how much may be done |
//!
//! This room introduces `api` to `journal`; neither knows the other. It holds no global state, prints nothing, and reads
//! neither environment nor wall clock: the caller passes them in.
//!
//! **What holds.** Every guest of a plan ends in exactly one of ended, duplicate, skipped, failed and unknown. No session
//! is ended that was not active a moment before, and none that is not in the plan. An ended session, its audit record and
//! its event are recorded together. Among all processes that share a journal, a guest is in one pair of hands, and no
//! more sessions are ended at once than the cap says.

pub mod apply;
mod books;
mod claim;
mod clock;
pub mod desk;
mod error;
mod file;
mod flight;
pub mod kept;
pub mod limits;
pub mod monitor;
pub mod opening;
pub mod plan;
pub mod planning;
mod record;
pub mod report;
pub mod selection;

pub use apply::{Applied, Report};
pub use desk::{By, Closed, Desk, DeskParts, new_run};
pub use error::JobError;
pub use kept::{KeptOutcome, KeptPlan, kept_outcomes, kept_plan, kept_plans};
pub use limits::Limits;
pub use monitor::{Monitor, Silent};
pub use opening::{
    Answered, OPEN_INTENT, OpenRequest, OpenedAll, OpeningCounts, OpeningDesk, OpeningMonitor,
    OpeningOptions, OpeningParts, OpeningReport, Receipt, Requests, Standing, open_requests, receipts,
};
pub use plan::{Guests, Outset, PlanCounts, PlanError, PlanFile, PlanWriter, Planned, Step};
pub use planning::{Planning, Stop};
pub use record::INTENT;
pub use report::{Counts, Latencies, Percentiles, ReadBack};
pub use selection::{BadLine, Selection, SelectionError};
