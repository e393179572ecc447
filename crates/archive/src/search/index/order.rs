//! In which order the documents of several sources stand in one file.

use roaring::RoaringBitmap;

use super::blocks::Fault;
use super::source::{Source, Which};
use super::write::Unwritten;
use crate::search::cursor::Rank;

/// The document in the new file that is dead in it.
pub(super) const DEAD: u32 = u32::MAX;

/// In which order the documents of the sources stand in the new file.
pub(super) struct Order {
    /// For each new document the source it comes from; within a source they keep their order.
    picks: Vec<u8>,
    /// For each source, for each of its documents, its number in the new file.
    pub(super) new: Vec<Vec<u32>>,
}

impl Order {
    pub(super) fn of(sources: &mut [Box<dyn Source + '_>]) -> Result<Self, Fault> {
        let mut new: Vec<Vec<u32>> =
            sources.iter().map(|source| vec![DEAD; source.documents() as usize]).collect();
        let mut picks = Vec::with_capacity(new.iter().map(Vec::len).sum());
        let mut next = vec![0_u32; sources.len()];
        let mut heads = Vec::with_capacity(sources.len());
        for (source, next) in sources.iter_mut().zip(&mut next) {
            heads.push(head(&mut **source, next)?);
        }
        loop {
            let best = heads.iter().enumerate().filter_map(|(at, head)| head.map(|rank| (rank, at))).max();
            let Some((_, at)) = best else { break };
            new[at][next[at] as usize] = picks.len() as u32;
            picks.push(at as u8);
            next[at] += 1;
            heads[at] = head(&mut *sources[at], &mut next[at])?;
        }
        Ok(Self { picks, new })
    }

    /// How many documents the new file has.
    pub(super) fn documents(&self) -> u32 {
        self.picks.len() as u32
    }

    /// Calls `each` with every new document, its source, and its number there.
    pub(super) fn each(
        &self,
        mut each: impl FnMut(u32, usize, u32) -> Result<(), Unwritten>,
    ) -> Result<(), Unwritten> {
        let mut next = vec![0_usize; self.new.len()];
        for (new, &source) in self.picks.iter().enumerate() {
            let source = source as usize;
            while self.new[source][next[source]] == DEAD {
                next[source] += 1;
            }
            each(new as u32, source, next[source] as u32)?;
            next[source] += 1;
        }
        Ok(())
    }

    /// The documents of which the new file does not have everything.
    pub(super) fn opaque(&self, sources: &[Box<dyn Source + '_>], which: Which) -> RoaringBitmap {
        let sets = sources.iter().zip(&self.new).flat_map(|(source, new)| {
            source.opaque(which).iter().filter_map(|old| new.get(old as usize)).filter(|new| **new != DEAD)
        });
        sets.copied().collect()
    }
}

/// The rank of the next living document.
fn head(source: &mut dyn Source, next: &mut u32) -> Result<Option<Rank>, Fault> {
    while *next < source.documents() && !source.is_living(*next) {
        *next += 1;
    }
    if *next < source.documents() { source.rank(*next).map(Some) } else { Ok(None) }
}
