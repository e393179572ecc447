//! What is there: every record under its export name, or totals and a calendar (contract §5).

mod calendar;
mod provisional;
mod runs;

use frontdesk_domain::Timestamp;

use crate::catalog::Item;
use crate::error::Error;
use crate::name;
use crate::reader::Reader;

pub(crate) use provisional::KnownRuns;

pub use calendar::{Day, DayState, Gap, Summary};

/// What a report is made of, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported<'r> {
    /// How many records come.
    Total(u64),
    /// One of them.
    Record(ReportEntry<'r>),
}

/// A record as the report lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportEntry<'r> {
    /// The name it is exported under ([`crate::export_name`]).
    pub filename: &'r str,
    /// Bytes of the record.
    pub size_bytes: u64,
    /// When it was archived, RFC 3339.
    pub last_modified: &'r str,
}

impl Reader {
    /// Lists every record there is at this moment, every version counted, in the order of storing. `each` is told first
    /// how many there are. Takes the same memory however many there are, and holds this reader's catalog until the
    /// end: other threads ask through a reader of their own.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use frontdesk_archive::{Error, Prepared, Settings, Writer};
    /// use frontdesk_archive::{ReadOptions, Reader, Reported};
    /// # let temp = tempfile::tempdir()?;
    /// # let root = temp.path().join("archive");
    /// # let writer = Writer::open(&root, &Settings::default(), Arc::new(|| frontdesk_domain::Timestamp::UNIX_EPOCH))?;
    /// # writer.put(vec![Prepared::from_details(br#"{"id":"c-1"}"#.to_vec())?])?;
    /// let reader = Reader::open(&root, &ReadOptions::default())?;
    /// let mut names = Vec::new();
    /// reader.report(|reported| {
    ///     match reported {
    ///         Reported::Total(total) => assert_eq!(total, 1),
    ///         Reported::Record(record) => names.push(record.filename.to_owned()),
    ///     }
    ///     Ok::<(), Error>(())
    /// })?;
    /// assert!(names[0].starts_with("c-1_") && names[0].ends_with(".json.gz"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Catalog` and what the file system says; whatever `each` returns.
    pub fn report<E: From<Error>>(
        &self,
        mut each: impl FnMut(Reported<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // One that turns out to be damaged is built anew here, and not in the middle of the list.
        self.mark()?;
        let mut filename = String::new();
        let (mut at, mut last_modified) = (None, String::new());
        self.with_catalog(|catalog| {
            catalog.listed(|item| {
                let record = match item {
                    Item::Total(total) => return each(Reported::Total(total)),
                    Item::Record(record) => record,
                };
                filename.clear();
                name::push_export_name(&mut filename, record.kind, record.id, &record.sha256);
                if at != Some(record.archived_at) {
                    at = Some(record.archived_at);
                    last_modified = time(record.archived_at).to_string();
                }
                let size_bytes = u64::from(record.length);
                each(Reported::Record(ReportEntry {
                    filename: &filename,
                    size_bytes,
                    last_modified: &last_modified,
                }))
            })
        })
    }
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}
