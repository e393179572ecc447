//! What is asked of the catalog with every search and stays true until somebody commits.

use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Catalog, CatalogResult, Tail};
use crate::error::Error;

/// Pages of the catalog that are kept by who answers many searches, in KiB: the records of half a million conversations.
const PAGES: u32 = 64 * 1024;

/// What was answered, and when.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whether answers are kept at all.
    holds: Cell<bool>,
    tail: RefCell<Option<KnownTail>>,
}

#[derive(Debug)]
struct KnownTail {
    /// SQLite's `data_version`: another one after every commit by another connection. By this one there are none, since
    /// it reads only.
    version: i64,
    upto: u64,
    ranges: Vec<RangeInclusive<u64>>,
    most: usize,
    tail: Arc<Tail>,
}

impl Catalog {
    /// Whether answers and pages are kept for the next question. Only for who changes nothing.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn hold(&self, holds: bool) -> Result<(), Error> {
        if holds {
            self.connection.execute_batch(&format!("PRAGMA cache_size = -{PAGES}")).in_catalog()?;
        }
        self.known.holds.set(holds);
        Ok(())
    }

    /// [`Catalog::tail`], as it was answered before where nothing was committed since.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn tail_known(
        &self,
        archive: &[u8; 16],
        upto: u64,
        ranges: &[RangeInclusive<u64>],
        most: usize,
    ) -> Result<Arc<Tail>, Error> {
        if !self.known.holds.get() {
            return self.tail(archive, upto, ranges, most).map(Arc::new);
        }
        let before = self.version()?;
        if let Some(known) = &*self.known.tail.borrow()
            && (known.version, known.upto, known.most) == (before, upto, most)
            && known.ranges == ranges
        {
            return Ok(Arc::clone(&known.tail));
        }
        let snapshot = self.reading()?;
        let version = self.version()?;
        let tail = Arc::new(self.tail_in(&snapshot, archive, upto, ranges, most)?);
        let known = KnownTail { version, upto, ranges: ranges.to_vec(), most, tail: Arc::clone(&tail) };
        *self.known.tail.borrow_mut() = Some(known);
        Ok(tail)
    }

    fn version(&self) -> Result<i64, Error> {
        let mut statement = self.connection.prepare_cached("PRAGMA data_version").in_catalog()?;
        statement.query_row([], |row| row.get(0)).in_catalog()
    }
}
