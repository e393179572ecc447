//! What becomes of a message that was sent (contract §4): its status, the receipts that come in any order, whether it
//! was in time.
//!
//! | file | what it is |
//! |---|---|
//! | `sla` | whether a message arrived in time |
//! | `skew` | how far the platform's clock is ahead of ours |
//! | `status` | the statuses, highest last, and what joins two of them |
//! | `observation` | what one look at the platform says about a message, and what many say together |

mod observation;
mod skew;
mod sla;
mod status;

pub use observation::{MessageId, Observation, Receipts, StatusTimes};
pub use skew::{ClockSample, ClockSkew, MeasuredSkew};
pub use sla::{Seconds, Sla, SlaState};
pub use status::{Status, UnknownStatus};
