//! Frontdesk's archive: conversations kept for years, in files that prove themselves and that any gzip reads.
//!
//! - [`Writer`]: one at a time. [`Writer::put`] returns when records are durable; equal bytes change nothing, other
//!   bytes are the next version. Opening settles what an unclean stop left.
//! - [`Reader`]: any number, in any process, also in a folder that cannot be written: [`Reader::show`],
//!   [`Reader::list`], [`Reader::search`], [`Reader::verify`], [`Reader::report`], [`Reader::summary`],
//!   [`Reader::export`].
//! - [`Maintenance`]: alone, like a writer, for every other change: legal holds ([`Maintenance::hold`]) and removal by
//!   retention ([`Maintenance::expire`]).
//! - [`Prepared`]: a record, hashed and ready; made on the thread that has the bytes.
//! - [`RunLog`]: checkpoints and certificates of a run.
//!
//! ```
//! use std::sync::Arc;
//! use frontdesk_archive::{Prepared, PutOutcome, ReadOptions, Reader, Settings, VerifyOptions, Writer};
//! use frontdesk_domain::{RecordKey, RecordKind, Timestamp};
//!
//! # let temp = tempfile::tempdir()?;
//! # let root = temp.path().join("archive");
//! let now = Timestamp::from_system(std::time::UNIX_EPOCH); // a program passes its clock
//! let writer = Writer::open(&root, &Settings::default(), Arc::new(move || now))?;
//! let line = br#"{"id":"c-1","startTime":"2025-03-01T10:00:00Z"}"#.to_vec();
//! assert_eq!(writer.put(vec![Prepared::from_details(line)?])?, [PutOutcome::Stored]);
//! writer.close()?;
//!
//! let reader = Reader::open(&root, &ReadOptions::default())?;
//! let key = RecordKey { kind: RecordKind::Details, id: "c-1".parse()? };
//! assert_eq!(reader.show(&key, None)?.map(|record| record.version), Some(1));
//! assert!(reader.verify(&VerifyOptions::default(), &mut |_| {})?.damaged.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **What holds.** Segments and ledger are the truth; the catalog and the checksum files are projections that may be
//! deleted at any time. What was acknowledged is durable. Bytes are compared with their SHA-256 before they are
//! handed out. A segment number is never used twice, and no id of a record ever becomes a path. A damaged member
//! hides no other. `docs/archive-format.md` describes every byte.
//!
//! **What it never does.** It knows no network, reads no clock and no environment, starts no thread that outlives its
//! call (the writer's own aside, which [`Writer::close`] waits for), and puts nothing of its own into a record.

mod catalog;
mod compact;
mod damage;
mod error;
mod expire;
mod export;
mod format;
mod hold;
mod layout;
mod ledger;
mod list;
mod maintenance;
mod media;
mod name;
mod open;
mod put;
mod reader;
mod repair;
mod report;
mod reserve;
mod retained;
mod runs;
mod search;
mod segment;
mod settings;
mod settle;
mod show;
mod stream;
mod verify;
mod writer;

pub use damage::{Damage, Examined, Integrity};
pub use error::{Action, Error, ErrorKind};
pub use expire::{ClockTrust, Compacted, Removal, Removed};
pub use export::{Export, ExportLayout, ExportProgress, ExportReport};
pub use format::organization_of;
pub use hold::HoldOutcome;
pub use list::{Entries, ListEntry, ListQuery};
pub use maintenance::Maintenance;
pub use media::{MediaBytes, MediaDraft, MediaPut, MediaStats};
pub use name::{check_export_name, export_name, kind_of_export_name, safe_name};
pub use put::{Pending, Prepared, PutOutcome};
pub use reader::{Reader, Stats};
pub use repair::{LostRecord, Mended, MendedMedia, RepairReport, repair, repair_in};
pub use report::{Day, DayState, Gap, ReportEntry, Reported, Summary};
pub use retained::{Hold, Tombstone};
pub use runs::{RunLog, RunPlace};
pub use search::{Expression, Facet, Indexed, Match, Order, Search, SearchHit, SearchPage, Searched};
pub use segment::header::RECORD_LIMIT;
pub use settings::{ReadOptions, Settings};
pub use show::Record;
pub use stream::Unreadable;
pub use verify::{Damaged, Progress, Sampled, VerifyOptions, VerifyReport};
pub use writer::{Clock, Writer};
