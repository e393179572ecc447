//! Opening guest sessions (contract §3): one, or many from lines, each request once.
//!
//! | file | what it is |
//! |---|---|
//! | `requests` | lines from outside, kept in a file, so that they can be gone through more than once |
//! | `desk` | one request: check, intent, POST, outcome, all of it in the journal |
//! | `many` | the lines of a file, a few at once, resumed by their ledger |
//! | `record` | what is written down of a request, and read again |
//! | `report` | what it came to |
//! | `standing` | what was opened and consented to, read from the audit log |
//!
//! **What holds.** Every request ends in exactly one of opened, already open, refused, failed and unknown, with an audit
//! record. Its intent (what is sent, the guest, the key, the time of the consent) is durable before the first call; every
//! sending of it carries the same key and the same bytes, so the platform opens one session however often it is sent. A
//! request whose answer was lost is settled by sending it again with its key: by the same run, else by the next.

mod desk;
mod many;
mod record;
mod report;
mod requests;
mod standing;

pub use self::desk::{Answered, OpeningDesk, OpeningParts};
pub use self::many::{OpenedAll, OpeningMonitor, OpeningOptions};
pub use self::record::OPEN_INTENT;
pub use self::report::{OpeningCounts, OpeningReport};
pub use self::requests::{MOST_LINE_BYTES, Requests};
pub use self::standing::{OpenRequest, Receipt, Standing, open_requests, receipts};
