//! What is in the archive, record by record.

use frontdesk_domain::{RecordKey, RecordKind, TimeRange, Timestamp};
use frontdesk_durable::Sha256Hash;

use crate::catalog::{Found, RowFilter};
use crate::error::Error;
use crate::layout;
use crate::reader::Reader;

/// Rows asked for at a time, so that a list of any length takes little memory.
const PAGE: usize = 1_000;

/// Which records to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// Only of this kind.
    pub kind: Option<RecordKind>,
    /// Only of conversations that started in this range.
    pub started: Option<TimeRange>,
    /// Only the latest version of each key.
    pub latest_only: bool,
    /// Only records behind this sequence.
    pub after: u64,
}

/// A record as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// What it is found by.
    pub key: RecordKey,
    /// Its version, from 1.
    pub version: u32,
    /// Its place in the order in which the archive's records were stored.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub sha256: Sha256Hash,
    /// Its length in bytes.
    pub length: u32,
    /// The segment it lies in, relative to the archive's folder.
    pub segment: String,
    /// When its conversation started.
    pub started_at: Option<Timestamp>,
    /// When it was stored.
    pub archived_at: Timestamp,
}

/// The records of a list, in the order in which they were stored. After an error there are no more.
#[derive(Debug)]
pub struct Entries<'r> {
    reader: &'r Reader,
    filter: RowFilter,
    page: std::vec::IntoIter<Found>,
    done: bool,
}

impl Reader {
    /// Lists records in the order in which they were stored. What is stored meanwhile is listed too.
    #[must_use]
    pub fn list(&self, query: &ListQuery) -> Entries<'_> {
        let filter = RowFilter {
            kind: query.kind,
            started: query.started,
            latest_only: query.latest_only,
            after: query.after,
        };
        Entries { reader: self, filter, page: Vec::new().into_iter(), done: false }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<ListEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(found) = self.page.next() {
            return Some(Ok(entry(found)));
        }
        if self.done {
            return None;
        }
        match self.reader.ask(|catalog| catalog.rows(&self.filter, PAGE)) {
            Err(error) => {
                self.done = true;
                Some(Err(error))
            }
            Ok(page) => {
                self.done = page.len() < PAGE;
                self.filter.after = page.last().map_or(self.filter.after, |last| last.sequence);
                self.page = page.into_iter();
                self.page.next().map(|found| Ok(entry(found)))
            }
        }
    }
}

pub(crate) fn entry(found: Found) -> ListEntry {
    ListEntry {
        started_at: found.started_at(),
        key: found.key,
        version: found.version,
        sequence: found.sequence,
        sha256: found.sha256,
        length: found.length,
        segment: layout::segment(found.folder, found.member.segment),
        archived_at: Timestamp::from_micros(found.member.archived_at).unwrap_or(Timestamp::UNIX_EPOCH),
    }
}
