//! What a search keeps of what it finds.

use std::collections::BTreeSet;

use super::cursor::Rank;

/// A conversation that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) rank: Rank,
}

/// Takes hits, in any order.
pub(super) trait Keep {
    /// Everything so far is forgotten: the search begins, or begins again.
    fn begin(&mut self);

    /// One more.
    fn hit(&mut self, hit: Hit);
}

/// The newest hits behind a place, and how many there are of all.
#[derive(Debug)]
pub(super) struct Newest {
    limit: usize,
    after: Option<Rank>,
    pub(super) count: u64,
    kept: BTreeSet<Rank>,
    /// Whether there are hits behind the ones that are kept.
    pub(super) more: bool,
}

impl Newest {
    pub(super) fn new(limit: usize, after: Option<Rank>) -> Self {
        Self { limit, after, count: 0, kept: BTreeSet::new(), more: false }
    }

    /// The places of what was kept, newest first.
    pub(super) fn ranks(&self) -> impl Iterator<Item = Rank> + '_ {
        self.kept.iter().rev().copied()
    }
}

impl Keep for Newest {
    fn begin(&mut self) {
        *self = Self::new(self.limit, self.after);
    }

    fn hit(&mut self, hit: Hit) {
        self.count += 1;
        if self.after.is_some_and(|after| hit.rank >= after) {
            return; // on a page before
        }
        self.kept.insert(hit.rank);
        if self.kept.len() > self.limit {
            self.kept.pop_first();
            self.more = true;
        }
    }
}

/// Every hit, 24 bytes each.
#[derive(Debug, Default)]
pub(super) struct All {
    ranks: Vec<Rank>,
}

impl All {
    /// The places of all hits, newest first.
    pub(super) fn into_ranks(mut self) -> Vec<Rank> {
        self.ranks.sort_unstable_by(|one, other| other.cmp(one));
        self.ranks
    }
}

impl Keep for All {
    fn begin(&mut self) {
        self.ranks.clear();
    }

    fn hit(&mut self, hit: Hit) {
        self.ranks.push(hit.rank);
    }
}
