//! Whether a line follows from the ones before it.

use crate::hash::Sha256Hash;
use crate::log::line::Place;

/// The place in a log after the lines accepted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    /// Lines accepted.
    pub(super) lines: u64,
    /// Hash of the last of them, or the seed.
    pub(super) hash: Sha256Hash,
    /// The group that has begun and not ended.
    pub(super) open: Option<(u64, u64)>,
}

impl Chain {
    pub(super) fn new(seed: Sha256Hash) -> Self {
        Self { lines: 0, hash: seed, open: None }
    }

    /// Accepts the next line, which hashes to `hash`, or says why it cannot stand here.
    pub(super) fn accept(
        &mut self,
        prev: Sha256Hash,
        place: Place,
        hash: Sha256Hash,
    ) -> Result<(), &'static str> {
        let number = self.lines + 1;
        if place.number != number {
            return Err("its number is not the next: lines are missing, doubled or moved");
        }
        if prev != self.hash {
            return Err("it does not follow from the line before");
        }
        let fits = match (self.open, place.group) {
            (Some(open), Some(group)) => open == group,
            (Some(_), None) => false,
            (None, Some((first, last))) => first == number && last > first,
            (None, None) => true,
        };
        if !fits {
            return Err("it does not belong to the group of the line before");
        }
        self.open = place.group.filter(|(_, last)| *last != number);
        self.lines = number;
        self.hash = hash;
        Ok(())
    }
}
