//! Segments, checksums, catalog, search: an archive that can prove itself.

mod catalog;
mod error;
mod format;
mod layout;
mod ledger;
mod list;
mod open;
mod put;
mod reader;
mod runs;
mod search;
mod segment;
mod settings;
mod settle;
mod show;
mod verify;
mod writer;

pub use error::{Action, Error, ErrorKind};
pub use list::{Entries, ListEntry, ListQuery};
pub use put::{Prepared, PutOutcome};
pub use reader::{Reader, Stats};
pub use runs::RunLog;
pub use search::{ContainsQuery, SearchHit, SearchPage};
pub use settings::{ReadOptions, Settings};
pub use show::Record;
pub use verify::{Damaged, Progress, VerifyOptions, VerifyReport};
pub use writer::{Clock, Writer};
