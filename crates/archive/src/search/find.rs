//! Finding by the index: its files, and a look at what it does not cover.
//!
//! Exact whatever state the index is in. What the catalog says and what the manifest says must be of one archive and one
//! history ([`Covered`](crate::catalog::Covered)), else everything is read. Of a file that is damaged the range is read,
//! and so is what came after the last file; a version that was replaced since is left out.

use std::collections::BTreeSet;

use frontdesk_domain::query::Document;
use roaring::RoaringBitmap;

use super::collect::{Gathered, Keep};
use super::index::{Fault, Index};
use super::records::{self, Unread};
use super::sought::{Sought, Wanted};
use crate::catalog::{Found, Tail};
use crate::error::Error;
use crate::reader::Reader;

/// How often files or segments may change while they are searched.
const LOOKS: u32 = 5;

/// Conversations behind the index of which more are not read one by one: then everything is scanned.
const MOST: usize = 32 * 1024;

/// Records read at a time.
const PAGE: usize = 1024;

/// How an answer is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// By the index, where there is one that can say it.
    Index,
    /// By reading everything.
    Scan,
}

/// What a look at the index came to.
enum Looked {
    /// Done; so many conversations could not be read.
    Done { incomplete: u64 },
    /// Something changed, or turned out to be damaged, on the way.
    Again,
    /// There is no index for this archive as it is now.
    Unusable,
}

impl Reader {
    /// Finds what is sought by the index. Gives how many conversations could not be read; `None` when there is no index
    /// that can say it.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub(super) fn find(
        &self,
        sought: &Sought,
        wanted: Wanted,
        gathered: &mut Gathered,
    ) -> Result<Option<u64>, Error> {
        let before = gathered.clone();
        let mut avoid = BTreeSet::new();
        for _ in 0..LOOKS {
            match self.look_up(sought, wanted, gathered, &mut avoid)? {
                Looked::Done { incomplete } => return Ok(Some(incomplete)),
                Looked::Again => gathered.clone_from(&before),
                Looked::Unusable => break,
            }
        }
        gathered.clone_from(&before);
        Ok(None)
    }

    fn look_up(
        &self,
        sought: &Sought,
        wanted: Wanted,
        gathered: &mut Gathered,
        avoid: &mut BTreeSet<u64>,
    ) -> Result<Looked, Error> {
        let archive = self.format.archive();
        // The index first: the catalog is then at least as new.
        let index = match Index::open(&*self.dir, &archive, avoid) {
            Ok(Some(index)) => index,
            Ok(None) => return Ok(Looked::Unusable),
            Err(fault) => {
                tracing::warn!(%fault, "the search index cannot be used: everything is read");
                return Ok(Looked::Unusable);
            }
        };
        let manifest = &index.manifest;
        let tail = self.ask(|catalog| catalog.tail(&archive, manifest.upto, &index.broken, MOST))?;
        if !tail.complete || tail.covered != manifest.covered || tail.highest < manifest.upto {
            tracing::debug!(
                "the search index does not fit the catalog, or is far behind: everything is read"
            );
            return Ok(Looked::Unusable);
        }
        let mut unclear = Vec::new();
        for part in &index.files {
            let found = (|| {
                let mut dead = part.file.of_sequences(tail.replaced.iter().copied())?;
                dead |= &part.dead;
                let Some(answer) = sought.in_file(&part.file, wanted)? else { return Ok(false) };
                gathered.found_in(&part.file, &(answer.found - &dead), 1)?;
                for rank in part.file.ranks(answer.unclear - &dead) {
                    unclear.push(rank?.sequence);
                }
                Ok(true)
            })();
            match found {
                Ok(true) => {}
                Ok(false) => return Ok(Looked::Unusable),
                Err(fault) => return Ok(give_up(&fault, part.file.entry.first, avoid)),
            }
        }
        self.read_rest(sought, wanted, gathered, &tail, &unclear)
    }

    /// Looks at the conversations the index says nothing about.
    fn read_rest(
        &self,
        sought: &Sought,
        wanted: Wanted,
        gathered: &mut Gathered,
        tail: &Tail,
        unclear: &[u64],
    ) -> Result<Looked, Error> {
        let mut incomplete = 0;
        let mut vanished = false;
        let mut gathered = gathered.scan();
        let mut look = |rows: &[Found]| {
            records::read_each(&*self.dir, self.format.archive(), rows, |at, read| match read {
                Ok(bytes) => {
                    if let Some(hit) = sought.hit(rows[at].sequence, &Document::new(bytes), wanted) {
                        gathered.take(hit);
                    }
                }
                Err(unread) => {
                    incomplete += 1;
                    vanished |= unread == Unread::Missing;
                }
            });
        };
        tail.rows.chunks(PAGE).for_each(&mut look);
        for sequences in unclear.chunks(PAGE) {
            let rows = self.ask(|catalog| {
                let mut by_sequence = catalog.by_sequence()?;
                let rows = sequences.iter().filter_map(|sequence| by_sequence(*sequence).transpose());
                rows.collect::<Result<Vec<_>, _>>()
            })?;
            look(&rows);
        }
        if vanished {
            // A writer put a copy in the place of a segment, or the segment is lost.
            self.refresh()?;
            return Ok(Looked::Again);
        }
        Ok(Looked::Done { incomplete })
    }
}

/// Leaves a file out of the next look.
fn give_up(fault: &Fault, first: u64, avoid: &mut BTreeSet<u64>) -> Looked {
    tracing::warn!(%fault, "a file of the search index is left out");
    avoid.insert(first);
    Looked::Again
}

/// What a file of the index says of an expression, dead documents included.
pub(super) struct InFile {
    /// Documents that are found.
    pub(super) found: RoaringBitmap,
    /// Documents that must be read to be judged; none of them is among the others.
    pub(super) unclear: RoaringBitmap,
}
