//! How long a conversation is kept, and why: one pure answer from facts, policies, holds and the time.
//!
//! The age counts from when the conversation ended, else from when it started (contract §5); no file's time is ever
//! looked at. A conversation without either has no age: it is kept, and the answer says so.
//!
//! **Several policies.** A policy applies to the conversations it names: all, or those of a type, a queue, or with a
//! value in their metadata. Where several apply the **longest keeps**; of equally long ones the first by name is given
//! as the reason. A conversation to which none applies is kept. A hold wins over everything.
//!
//! ```
//! use frontdesk_domain::payload::facts;
//! use frontdesk_domain::retention::{Policies, Policy, Subject, Verdict, verdict};
//! use frontdesk_domain::{RecordKind, Timestamp};
//!
//! let policies = Policies::new(vec![Policy::all("month".parse()?, 30)?])?;
//! let bytes = br#"{"id":"c-1","endTime":"2025-03-01T10:00:00Z"}"#;
//! let subject = Subject::of(bytes);
//! let now = Timestamp::from_date_or_time("2025-03-31T10:00:00Z")?;
//! assert!(matches!(verdict(&subject, &policies, &[], now), Verdict::Expire { .. }), "30 days to the nanosecond");
//! # assert!(facts(RecordKind::Details, bytes).ended_at.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod policy;
mod verdict;

pub use policy::{DEFAULT_DAYS, MAX_DAYS, Policies, Policy, PolicyError};
pub use verdict::{Subject, Verdict, verdict};
