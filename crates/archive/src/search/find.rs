//! Finding by the index: its files, and a look at what it does not cover.
//!
//! Exact whatever state the index is in. What the catalog says and what the manifest says must be of one archive and one
//! history ([`Covered`](crate::catalog::Covered)), else everything is read. Of a file that is damaged the range is read,
//! and so is what came after the last file; what was replaced since is left out.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use frontdesk_domain::query::Document;
use roaring::RoaringBitmap;

use super::index::{Fault, Index, IndexFile, Manifest, Part};
use super::records::{self, Unread};
use crate::catalog::{Found, Tail};
use crate::error::Error;
use crate::reader::Reader;

/// How often files or segments may change while they are searched.
const LOOKS: u32 = 5;

/// Conversations behind the index of which more are not read one by one: then everything is scanned.
const MOST: usize = 32 * 1024;

/// Records read at a time.
const PAGE: usize = 1024;

/// How far the search index goes. Answers are the same without it, and take longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Indexed {
    /// It has every conversation.
    Whole,
    /// These are behind it, and are read for each answer.
    Behind {
        /// How many there are.
        conversations: u64,
    },
    /// There is none that fits the archive: everything is read.
    Absent,
}

/// How an answer is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// By the index, where there is one that can say it.
    Index,
    /// By reading everything.
    Scan,
}

/// How an answer was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    /// Conversations that could not be read.
    pub(super) incomplete: u64,
    /// How far the index went that answered, if one did.
    pub(super) indexed: Option<Indexed>,
}

/// What a look at the index came to.
enum Looked {
    Done(Answered),
    /// Something changed, or turned out to be damaged, on the way.
    Again,
    /// There is no index for this archive as it is now.
    Unusable,
}

/// What is asked of every part of the archive.
pub(super) trait Ask {
    /// Everything so far is forgotten: it is asked again.
    fn begin(&mut self);

    /// Whether it is worth while to be asked of the files with the newest conversations first.
    fn newest_first(&self) -> bool {
        false
    }

    /// Asks a file of the index about the documents in it that are not `dead`. Gives those that must be read.
    ///
    /// # Errors
    /// What is wrong with the file.
    fn file(&mut self, file: &IndexFile, dead: &RoaringBitmap) -> Result<RoaringBitmap, Fault>;

    /// Asks a conversation that was read.
    fn conversation(&mut self, sequence: u64, document: Document<'_>);
}

impl Reader {
    /// How far the search index goes now. An archive without conversations needs none.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub fn indexed(&self) -> Result<Indexed, Error> {
        let archive = self.format.archive();
        let Ok(Some(index)) = Index::open(&*self.dir, &archive, &BTreeSet::new(), &self.opened) else {
            let nothing = self.mark()?.conversations == 0;
            return Ok(if nothing { Indexed::Whole } else { Indexed::Absent });
        };
        let manifest = &index.manifest;
        let tail = self.ask(|catalog| catalog.tail_known(&archive, manifest.upto, &index.broken, MOST))?;
        Ok(if fits(&tail, manifest) { reach(&tail) } else { Indexed::Absent })
    }

    /// Asks the index, and what it does not cover. `None` when there is no index that can say it.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub(super) fn find(&self, ask: &mut dyn Ask) -> Result<Option<Answered>, Error> {
        let mut avoid = BTreeSet::new();
        for _ in 0..LOOKS {
            ask.begin();
            match self.look_up(ask, &mut avoid)? {
                Looked::Done(answered) => return Ok(Some(answered)),
                Looked::Again => {}
                Looked::Unusable => break,
            }
        }
        ask.begin();
        Ok(None)
    }

    fn look_up(&self, ask: &mut dyn Ask, avoid: &mut BTreeSet<u64>) -> Result<Looked, Error> {
        let archive = self.format.archive();
        // The index first: the catalog is then at least as new.
        let index = match Index::open(&*self.dir, &archive, avoid, &self.opened) {
            Ok(Some(index)) => index,
            Ok(None) => return Ok(Looked::Unusable),
            Err(fault) => {
                tracing::warn!(%fault, "the search index cannot be used: everything is read");
                return Ok(Looked::Unusable);
            }
        };
        let manifest = &index.manifest;
        let tail = self.ask(|catalog| catalog.tail_known(&archive, manifest.upto, &index.broken, MOST))?;
        if !fits(&tail, manifest) {
            tracing::debug!(
                "the search index does not fit the catalog, or is far behind: everything is read"
            );
            return Ok(Looked::Unusable);
        }
        let mut parts: Vec<&Part> = index.files.iter().collect();
        if ask.newest_first() {
            // A file that cannot say is asked first, and says why.
            parts.sort_by_cached_key(|part| Reverse(part.file.newest().ok()));
        }
        let mut unclear = Vec::new();
        for part in parts {
            let found = (|| {
                let mut dead = part.file.of_sequences(tail.replaced.iter().copied())?;
                dead |= &part.dead;
                for rank in part.file.ranks(ask.file(&part.file, &dead)?) {
                    unclear.push(rank?.sequence);
                }
                Ok(())
            })();
            if let Err(fault) = found {
                self.opened.forget();
                return Ok(give_up(&fault, part.file.entry.first, avoid));
            }
        }
        self.read_rest(ask, &tail, &unclear)
    }

    /// Looks at the conversations the index says nothing about.
    fn read_rest(&self, ask: &mut dyn Ask, tail: &Tail, unclear: &[u64]) -> Result<Looked, Error> {
        let mut incomplete = 0;
        let mut vanished = false;
        let mut look = |rows: &[Found]| {
            records::read_each(&*self.dir, self.format.archive(), rows, |at, read| match read {
                Ok(bytes) => {
                    let Found { sequence, key, version, .. } = &rows[at];
                    ask.conversation(*sequence, Document::of(key.kind, bytes).version(*version));
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
        Ok(Looked::Done(Answered { incomplete, indexed: Some(reach(tail)) }))
    }
}

/// Whether index and catalog are of one history, and near enough to each other.
fn fits(tail: &Tail, manifest: &Manifest) -> bool {
    tail.complete && tail.covered == manifest.covered && tail.highest >= manifest.upto
}

/// How far an index goes that fits.
fn reach(tail: &Tail) -> Indexed {
    match tail.rows.len() as u64 {
        0 => Indexed::Whole,
        conversations => Indexed::Behind { conversations },
    }
}

/// Leaves a file out of the next look.
fn give_up(fault: &Fault, first: u64, avoid: &mut BTreeSet<u64>) -> Looked {
    tracing::warn!(%fault, "a file of the search index is left out");
    avoid.insert(first);
    Looked::Again
}
