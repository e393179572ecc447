//! Sends messages into conversations and to addresses, each once, and knows whether they arrived in time.
//!
//! | module | what it is |
//! |---|---|
//! | [`lines`] | which messages are meant: lines from outside, read while they are sent |
//! | [`outcome`] | how a message came out, and how far it came |
//! | [`courier`] | what every job here shares: the platform, the journal, the clocks |
//! | `prepared`, `turn` | one message: checks, look, intent, POST, outcome, all of it in the journal |
//! | `leg` | the same where nothing makes two posts of a message one: each is made once, and looked for when its answer is lost |
//! | `facts` | what is known of conversations and of the platform's clock |
//! | [`watching`] | how messages are followed |
//! | [`sending`] | many of them: in flight, polled, timed out |
//! | [`status`] | looking again later |
//! | [`sla`] | the report: counts and percentiles, by channel and by hour |
//! | [`monitor`], [`report`] | what a caller hears, what it came to |
//!
//! This room introduces `api` to `journal`; neither knows the other. It holds no global state, prints nothing, and reads
//! neither environment nor wall clock: the caller passes them in.
//!
//! **What holds.** A message has one client id, fixed by the journal and by what the message is, and that id is on disk
//! before the first call: however often a call is repeated, by this run or a later one, the platform sends it once
//! (contract §4). A lost reply is settled by the same client id; where the platform knows no client ids it is settled by a look
//! into the conversation, and the message is never posted again (platform contract B.7). Every message ends in exactly one of sent, not sent,
//! refused and unknown. Its state, its audit records and its event are recorded together. Within a conversation messages
//! are sent in the order of their lines. One look at a conversation serves all its messages that wait for a receipt.

mod clock;
pub mod courier;
mod error;
mod facts;
mod leg;
pub mod lines;
pub mod monitor;
pub mod outcome;
mod posted;
mod prepared;
mod record;
pub mod report;
pub mod sending;
pub mod sla;
pub mod status;
mod track;
mod turn;
pub mod watching;

pub use courier::{Courier, CourierParts, new_run};
pub use error::SendError;
pub use lines::{Batch, Line, Lines};
pub use monitor::{Monitor, Silent};
pub use outcome::{By, Delivery, Outcome, OutcomeKind, Sent};
pub use posted::{Posted, posted};
pub use record::INTENT;
pub use report::{Counts, Report, Stop};
pub use sla::{SlaGroup, SlaReport, SlaSummary};
pub use status::StatusReport;
pub use watching::Watching;
