//! Delivers what is in the journal's outbox, and takes in what the platform calls back with.
//!
//! [`Drain`] introduces the outbox to the client core: it takes what is due, signs it, sends it with one attempt, and
//! records how that ended. When something is tried again is the outbox's schedule; whether an address may be called is
//! the transport's; this crate decides neither.
//!
//! [`Reception`] stores callbacks, once each, with a delivery to the CRM. [`Intake`] stores guests of whom the platform tells
//! over a line of its own, in the same way.
//!
//! **What holds.** At least once: an attempt is recorded after it, so a crash between the two repeats it under the same
//! `webhook-id`: of each endpoint and key up to 32 that were answered in the last moment, in their order. In order per
//! endpoint and key. An endpoint that is slow, hangs or is down holds up nobody but itself.
//!
//! No printing, no global state; time comes in as a function.

mod attempt;
mod drain;
mod intake;
mod monitor;
mod reception;
mod report;
mod run;

pub use drain::{Drain, DrainOptions, Until};
pub use intake::{Intake, OpenReception};
pub use monitor::{Ended, Monitor, Silent};
pub use reception::{CRM, Receipt, Reception};
pub use report::{End, Report};
