//! What is asked of the catalog with every search and stays true until somebody commits.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Brief, Catalog, CatalogResult, Tail};
use crate::error::Error;

/// Pages of the catalog that are kept by who answers many searches, in KiB: the records of half a million conversations.
const PAGES: u32 = 64 * 1024;

/// Records of which the key is kept beside the pages it is on: 8 MiB of keys that are UUIDs. With more they are forgotten, and
/// kept again as they are asked for.
const BRIEFS: usize = 64 * 1024;

/// What was answered, and when.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whether answers are kept at all.
    holds: Cell<bool>,
    tail: RefCell<Option<KnownTail>>,
    briefs: RefCell<(i64, HashMap<u64, Brief>)>,
    /// Whether any conversation was held.
    held: Cell<Option<(i64, bool)>>,
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

    /// [`Catalog::briefs`], as far as it was answered before and nothing was committed since.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn briefs_known(&self, sequences: &[u64]) -> Result<Vec<Option<Brief>>, Error> {
        if !self.known.holds.get() {
            return self.briefs(sequences);
        }
        let known = &mut *self.known.briefs.borrow_mut();
        if known.0 == self.version()? {
            let there = sequences.iter().map(|sequence| known.1.get(sequence).cloned().map(Some)).collect();
            if let Some(there) = there {
                return Ok(there);
            }
        }
        // Those that are not known, at the moment of those that are.
        let snapshot = self.reading()?;
        let version = self.version()?;
        if known.0 != version || known.1.len() + sequences.len() > BRIEFS {
            *known = (version, HashMap::new());
        }
        let missing: Vec<u64> =
            sequences.iter().copied().filter(|sequence| !known.1.contains_key(sequence)).collect();
        for (sequence, brief) in missing.iter().zip(self.briefs_in(&snapshot, &missing)?) {
            known.1.extend(brief.map(|brief| (*sequence, brief)));
        }
        Ok(sequences.iter().map(|sequence| known.1.get(sequence).cloned()).collect())
    }

    /// [`Catalog::is_any_held`], likewise.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn is_any_held_known(&self) -> Result<bool, Error> {
        if !self.known.holds.get() {
            return self.is_any_held();
        }
        let version = self.version()?;
        if let Some((before, any)) = self.known.held.get()
            && before == version
        {
            return Ok(any);
        }
        let _snapshot = self.reading()?;
        let (version, any) = (self.version()?, self.is_any_held()?);
        self.known.held.set(Some((version, any)));
        Ok(any)
    }

    fn version(&self) -> Result<i64, Error> {
        let mut statement = self.connection.prepare_cached("PRAGMA data_version").in_catalog()?;
        statement.query_row([], |row| row.get(0)).in_catalog()
    }
}
