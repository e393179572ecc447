//! Reading many records with their bytes, in the order of storing, worked on by several threads.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontdesk_domain::RecordKey;

use crate::catalog::{Found, RowFilter};
use crate::error::{Action, During, Error};
use crate::layout;
use crate::reader::Reader;
use crate::segment::pack::Unpacker;
use crate::show::{self, Trouble};

/// Rows of a page at most.
const PAGE: usize = 2_000;

/// Raw bytes of a page at most, or one record.
const PAGE_BYTES: u64 = 8 << 20;

/// Bytes of an inflated block that a worker keeps for the next one.
const KEEP: usize = 1 << 20;

/// How often segments may change while a page of records is read.
const LOOKS: u32 = 5;

/// A record that is there and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What it is found by.
    pub key: RecordKey,
    /// Its version, from 1.
    pub version: u32,
    /// Its place in the order in which the archive's records were stored.
    pub sequence: u64,
    /// The segment it lies in, relative to the archive's folder.
    pub segment: String,
    /// What is wrong, without customer text.
    pub what: String,
}

/// What became of one record of a page.
type Worked<T> = Result<T, Trouble>;

impl Reader {
    /// Calls `work` with every record that `filter` and `wanted` let through, on one of `threads` threads, and `sink` with
    /// what it made of it, on this thread and in the order of storing. A record that cannot be read is handed to `sink`
    /// as such. A few megabytes of records are in memory at a time, or one.
    ///
    /// # Errors
    /// `Catalog` and what the file system says; what `sink` returns.
    pub(crate) fn stream<T: Send>(
        &self,
        mut filter: RowFilter,
        wanted: impl Fn(&Found) -> bool,
        threads: usize,
        work: impl Fn(&Found, &[u8]) -> T + Sync,
        mut sink: impl FnMut(&Found, Result<T, Unreadable>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut looks = 0;
        loop {
            let rows = self.ask(|catalog| catalog.rows(&filter, PAGE))?;
            let Some(last) = rows.last().map(|row| row.sequence) else { return Ok(()) };
            let mut bytes = 0;
            let mut reached = last;
            let mut page = Vec::new();
            for row in rows {
                if bytes >= PAGE_BYTES {
                    break;
                }
                reached = row.sequence;
                if wanted(&row) {
                    bytes += u64::from(row.length);
                    page.push(row);
                }
            }
            let read = self.work_through(&page, threads, &work)?;
            if read.iter().any(|worked| matches!(worked, Err(Trouble::Misled))) && self.distrust_catalog()? {
                continue;
            }
            if read.iter().any(|worked| matches!(worked, Err(Trouble::Missing))) && looks < LOOKS {
                // A writer may have put a copy in its place since the catalog was asked.
                looks += 1;
                self.refresh()?;
                continue;
            }
            looks = 0;
            for (row, worked) in page.iter().zip(read) {
                sink(row, worked.map_err(|trouble| unreadable(row, trouble)))?;
            }
            filter.after = reached;
        }
    }

    /// Reads each member of a page once.
    fn work_through<T: Send>(
        &self,
        page: &[Found],
        threads: usize,
        work: &(impl Fn(&Found, &[u8]) -> T + Sync),
    ) -> Result<Vec<Worked<T>>, Error> {
        let mut places: Vec<usize> = (0..page.len()).collect();
        places.sort_by_key(|at| (page[*at].member.id, *at));
        let groups: Vec<&[usize]> =
            places.chunk_by(|a, b| page[*a].member.id == page[*b].member.id).collect();
        let results: Vec<Mutex<Option<Worked<T>>>> = page.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        let run = || -> Result<(), Error> {
            let mut unpacker = Unpacker::new();
            while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.work_on(page, group, &mut unpacker, work, &results)?;
                unpacker.shrink(KEEP);
            }
            Ok(())
        };
        let threads = threads.clamp(1, groups.len().max(1));
        if threads == 1 {
            run()?;
        } else {
            std::thread::scope(|scope| {
                let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
                running.into_iter().try_for_each(|thread| {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
            })?;
        }
        let taken = results.into_iter().map(|result| {
            let worked = result.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            worked.unwrap_or(Err(Trouble::Misled)) // every place is in a group
        });
        Ok(taken.collect())
    }

    fn work_on<T: Send>(
        &self,
        page: &[Found],
        group: &[usize],
        unpacker: &mut Unpacker,
        work: &impl Fn(&Found, &[u8]) -> T,
        results: &[Mutex<Option<Worked<T>>>],
    ) -> Result<(), Error> {
        let Some(first) = group.first().map(|at| &page[*at]) else { return Ok(()) };
        let path = layout::segment(first.folder, first.member.segment);
        let member = match show::read_member(&*self.dir, &path, &first.member) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Trouble::Missing),
            other => other.during(Action::Read, &path)?,
        };
        let opened = member
            .as_ref()
            .map_err(Trouble::clone)
            .and_then(|member| show::open(member, self.format.archive(), &first.member, unpacker));
        for at in group {
            let row = &page[*at];
            let worked = match &opened {
                Ok(member) => member.record(row).map(|bytes| work(row, bytes)),
                Err(trouble) => Err(trouble.clone()),
            };
            if let Ok(mut place) = results[*at].lock() {
                *place = Some(worked);
            }
        }
        Ok(())
    }
}

fn unreadable(row: &Found, trouble: Trouble) -> Unreadable {
    let what = match trouble {
        Trouble::Damaged(what) => format!("at byte {}: {what}", row.member.offset),
        Trouble::Misled => "the catalog does not agree with the member".to_owned(),
        Trouble::Missing => "the segment is missing".to_owned(),
    };
    Unreadable {
        key: row.key.clone(),
        version: row.version,
        sequence: row.sequence,
        segment: layout::segment(row.folder, row.member.segment),
        what,
    }
}
