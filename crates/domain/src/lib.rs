//! The pure rules and types of Frontdesk.
//!
//! No I/O, no clock, no async: time comes in as an argument, bytes come in as slices, and everything that can be wrong
//! with a value is said when it is made. What is a value of one of these types has passed its checks.
//!
//! | module | holds |
//! |---|---|
//! | [`ids`] | names of organisations, records and runs; what may go into a path |
//! | [`time`], [`range`] | points in time, months, the range that is asked for and its windows |
//! | [`region`] | the platform's regions and their hosts |
//! | [`page`] | page size, page token, depth |
//! | [`message`], [`media`] | the messages of a history, and the files that go with them |
//! | [`filter`] | the filter of the details query: read, checked, written |
//! | [`query`] | what conversations are searched by: read, checked, compared |
//! | [`json`] | JSON as bytes: checked, compacted, taken apart while it arrives |
//! | [`record`], [`payload`] | what is kept, and what can be read out of it |
//! | [`pii`] | what gives a person away: names of attributes, values in texts |
//! | [`retention`] | how long a conversation is kept, and why |
//! | [`closure`] | ending guest sessions: reasons, the retain choice, what a call says about a guest |
//! | [`outbound`] | messages to be sent: the rules, and the bytes on the wire |
//! | [`conversation`], [`delivery`] | a conversation that goes on, and what becomes of the messages sent into it |
//! | [`session`] | opening guest sessions: attributes, consent, routing, what a call says about a request |
//! | [`why`] | why something that was asked of the platform is no success |
//! | [`fold`] | containment that ignores case |
//! | [`tokens`] | a text as words and what is between them |
//! | [`audit`] | what the documents want written down about what was done |
//! | [`certificate`], [`coverage`] | what a run can prove, and what many runs prove together |
//! | [`violation`] | broken rules, all at once, in a stable order |
//! | [`event`] | what is told to webhooks |
//! | [`callback`] | what the platform calls back with |
//! | [`signature`] | how webhooks and audit batches are signed and verified |
//! | [`address`] | which addresses may be called on somebody's word |
//! | [`secret`] | a value that must not be shown |
//!
//! What it will never do: open a file, read a clock or the environment, log, or start a runtime.
//!
//! ```
//! use frontdesk_domain::{Collector, Filter, PageSize, TimeRange, Timestamp};
//!
//! // Everything that is wrong with a query, not only the first thing.
//! let mut found = Collector::new();
//! found.check("filter", "typ eq 'voice'".parse::<Filter>());
//! found.check("page_size", PageSize::new(10_001));
//! let day = Timestamp::from_date_or_time("2025-03-01")?;
//! found.check("range", TimeRange::new(day, day));
//! assert_eq!(found.finish().unwrap_err().iter().count(), 3);
//! # Ok::<(), frontdesk_domain::TimeError>(())
//! ```

pub mod address;
pub mod audit;
pub mod callback;
pub mod certificate;
pub mod closure;
pub mod conversation;
pub mod coverage;
pub mod delivery;
mod draft;
pub mod event;
pub mod filter;
pub mod fold;
mod hex;
pub mod ids;
pub mod json;
pub mod media;
pub mod message;
pub mod outbound;
pub mod page;
pub mod payload;
pub mod pii;
pub mod query;
pub mod range;
pub mod record;
pub mod region;
pub mod retention;
pub mod secret;
pub mod session;
pub mod signature;
mod suggest;
pub mod time;
pub mod tokens;
pub mod violation;
pub mod why;

pub use certificate::{
    Certificate, Missing, RunOutset, RunState, TranscriptReport, WindowEnd, WindowReport, judge,
};
pub use closure::{ClosureReason, Ending, EndingDraft, ExternalRef, GuestId, GuestState, RetainData};
pub use conversation::ConversationId;
pub use event::{Event, EventKind, UnknownEventKind};
pub use filter::{Filter, FilterError};
pub use fold::Needle;
pub use hex::hex;
pub use ids::{IdError, IdFault, MatterName, OrganizationId, PathSegment, PolicyName, RecordId, RunId};
pub use json::{JsonError, JsonFault};
pub use page::{HistoryPageSize, MaxDepth, PageError, PageSize, PageToken};
pub use payload::Facts;
pub use query::{Query, QueryError};
pub use range::TimeRange;
pub use record::{RawRecord, RecordError, RecordErrorKind, RecordKey, RecordKind, UnknownKind};
pub use secret::Secret;
pub use session::{SessionDraft, SessionRefusal, SessionRequest};
pub use time::{TimeError, Timestamp, YearMonth};
pub use violation::{Collector, Violation, Violations};
pub use why::{Why, WhyKind};
