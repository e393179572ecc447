//! Ending guest sessions (contract §6): why, what becomes of the messages, and what the calls say about a guest.
//!
//! | file | what it is |
//! |---|---|
//! | `guest` | who: the guest's id, the state of the session, the caller's reference |
//! | `reason` | the reason matrix, and the choice to retain or to forget |
//! | `ending` | a draft, checked whole, becomes an [`Ending`], which cannot be wrong |
//! | `outcome` | evidence becomes exactly one outcome: ended, duplicate, skipped, failed or unknown |

mod ending;
mod guest;
mod outcome;
mod reason;

pub use self::ending::{Ending, EndingDraft};
pub use self::guest::{ExternalRef, GuestId, GuestState};
pub use self::outcome::{Evidence, Outcome, OutcomeKind, Verdict, judge};
pub use self::reason::{ClosureReason, RetainData, UnknownReason};
pub use crate::why::{Why, WhyKind};
