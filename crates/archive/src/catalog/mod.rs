//! The catalog: a SQLite file that answers what the segments would answer slowly.
//!
//! It is a projection of segments and ledger with a high-water mark and no authority. It may be deleted
//! at any time; it is rebuilt then ([`replay`]). Whatever is read through it is compared with the
//! member's own header before bytes are handed out.

mod digest;
mod documents;
mod keys;
mod known;
mod lost;
mod mark;
mod media;
mod open;
mod read;
mod replay;
mod report;
mod retention;
mod schema;
mod tail;
mod write;

pub(crate) use digest::{is_as_closed, seal, unseal};
pub(crate) use documents::is_searched;
pub(crate) use mark::{Mark, SegmentMark, State};
pub(crate) use open::{open_for_reading, open_for_writing, remove};
pub(crate) use read::{Brief, Found, Latest, Lookup, RowFilter};
pub(crate) use replay::{Gathered, Lost, ReadRecord, gather, read_rows, replay};
pub(crate) use report::{DAY, Item};
pub(crate) use retention::Held;
pub(crate) use tail::{Covered, Tail};
pub(crate) use write::{MemberRow, RecordRow};

use rusqlite::Connection;

use crate::error::{Action, Error, ErrorKind};
use crate::layout;

/// An open catalog.
#[derive(Debug)]
pub(crate) struct Catalog {
    connection: Connection,
    /// Rows of `recent_keys`; not known before the first change, and after one that failed.
    recent_keys: Option<u64>,
    /// What is asked with every search, for who answers many.
    known: known::Known,
}

impl Catalog {
    fn new(connection: Connection) -> Self {
        Self { connection, recent_keys: None, known: known::Known::default() }
    }
}

/// Turns SQLite's failures into ours.
pub(crate) trait CatalogResult<T> {
    fn in_catalog(self) -> Result<T, Error>;
}

impl<T> CatalogResult<T> for rusqlite::Result<T> {
    fn in_catalog(self) -> Result<T, Error> {
        self.map_err(|source| {
            let code = source.sqlite_error_code();
            let kind = match code {
                Some(rusqlite::ErrorCode::DiskFull) => ErrorKind::Full,
                Some(rusqlite::ErrorCode::SystemIoFailure) => ErrorKind::Storage,
                Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied) => {
                    ErrorKind::ReadOnly
                }
                _ => ErrorKind::Catalog,
            };
            // SQLite's messages name tables and files, never values.
            Error::with_source(Action::Catalog, layout::CATALOG, kind, source)
        })
    }
}

/// The first eight bytes of SHA-256 over kind and id: what records are looked up by. Hostile ids cannot
/// be made to collide cheaply, and a hit is compared with the whole id anyway.
pub(crate) fn key_hash(key: &frontdesk_domain::RecordKey) -> i64 {
    use sha2::{Digest, Sha256};
    let mut digest = Sha256::new();
    digest.update([key.kind.code()]);
    digest.update(key.id.as_str().as_bytes());
    let hash: [u8; 32] = digest.finalize().into();
    let [first, ..] = hash.as_chunks::<8>().0 else { return 0 };
    i64::from_le_bytes(*first)
}
