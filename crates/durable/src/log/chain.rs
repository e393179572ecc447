//! Whether a line follows from the ones before it.

use crate::hash::Sha256Hash;
use crate::log::line::Place;
use crate::log::survey::Head;

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
    /// Behind these lines.
    pub(super) fn at(head: Head) -> Self {
        Self { lines: head.lines, hash: head.hash, open: None }
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

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Sha256Hash = [7; 32];

    /// Accepts lines of these places, each hashing to its number, and says at which it stops.
    fn stops_at(places: &[(u64, Option<(u64, u64)>)]) -> Option<(u64, &'static str)> {
        let mut chain = Chain::at(Head { lines: 0, hash: SEED });
        places.iter().find_map(|(number, group)| {
            let place = Place { number: *number, group: *group };
            let prev = chain.hash;
            chain.accept(prev, place, [*number as u8; 32]).err().map(|what| (*number, what))
        })
    }

    #[test]
    fn lines_and_groups_follow_each_other() {
        let group = Some((2, 4));
        assert_eq!(
            stops_at(&[(1, None), (2, group), (3, group), (4, group), (5, None), (6, Some((6, 7)))]),
            None
        );
    }

    #[test]
    fn a_number_that_is_not_the_next_stops_the_chain() {
        for places in [[(1, None), (3, None)], [(1, None), (1, None)], [(2, None), (1, None)]] {
            let (_, what) = stops_at(&places).unwrap();
            assert_eq!(what, "its number is not the next: lines are missing, doubled or moved");
        }
        assert!(stops_at(&[(0, None)]).is_some());
    }

    #[test]
    fn a_group_begins_with_its_first_line_and_is_not_left_before_its_last() {
        let wrong: [&[_]; 6] = [
            &[(1, Some((1, 2))), (2, None)],
            &[(1, Some((1, 3))), (2, Some((1, 2)))],
            &[(1, Some((1, 2))), (2, Some((2, 3)))],
            &[(1, Some((1, 1)))],
            &[(1, Some((0, 1)))],
            &[(1, None), (2, Some((1, 3)))],
        ];
        for places in wrong {
            let (number, what) = stops_at(places).unwrap();
            assert_eq!(
                (number, what),
                (places.len() as u64, "it does not belong to the group of the line before")
            );
        }
    }

    #[test]
    fn a_line_follows_only_the_hash_before_it() {
        let mut chain = Chain::at(Head { lines: 0, hash: SEED });
        let place = Place { number: 1, group: None };
        assert!(chain.accept([0; 32], place, [1; 32]).is_err());
        assert_eq!(
            chain,
            Chain::at(Head { lines: 0, hash: SEED }),
            "a refused line leaves the chain where it was"
        );
        chain.accept(SEED, place, [1; 32]).unwrap();
        assert_eq!((chain.lines, chain.hash), (1, [1; 32]));
    }
}
