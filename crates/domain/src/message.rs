//! The messages of a conversation's history (contract §2): read, compared with the one before, sorted.
//!
//! | file | what it is |
//! |---|---|
//! | `target` | whose history: the three ids of the path |
//! | `kind` | the types of messages, and which of them are kept |
//! | `read` | one message, from its bytes |
//! | `normalized` | what a message of the platform says of its type and its file |
//! | `finding` | what is remarkable about what was received |
//! | `intake` | one message after the other: counted, compared, kept or not |
//!
//! A message is its bytes as they came, compacted; what is read out of them decides where it is put and whether it is
//! kept, and never changes them.
//!
//! ```
//! use frontdesk_domain::message::{Intake, Message, TypeFilter, Verdict};
//!
//! let mut intake = Intake::default();
//! let mut kept = Vec::new();
//! for entity in [
//!     r#"{"id": "m-2", "type": "text", "timestamp": "2025-03-01T10:00:02Z"}"#,
//!     r#"{"id": "m-1", "type": "sticker", "timestamp": "2025-03-01T10:00:01Z"}"#,
//! ] {
//!     let message = Message::read(entity.as_bytes().to_vec())?;
//!     let taken = intake.take(&message, true, &TypeFilter::all());
//!     println!("{:?}", taken.finding);
//!     if taken.verdict == Verdict::Kept {
//!         kept.push(message);
//!     }
//! }
//! kept.sort_by_cached_key(Message::sort_key);
//! assert_eq!(kept[0].id().as_str(), "m-1");
//! assert_eq!((intake.counts().fetched, intake.counts().kept), (2, 2));
//! # Ok::<(), frontdesk_domain::RecordErrorKind>(())
//! ```

mod finding;
mod intake;
mod kind;
mod normalized;
mod read;
mod target;

pub use finding::{Finding, Listing, Order, Trouble};
pub use intake::{Counts, Intake, Taken, Verdict};
pub use kind::{MessageKind, TypeFilter, TypeFilterError};
pub use read::{MediaLink, Message, SortKey, Stamp, StampFault};
pub use target::HistoryTarget;
