//! Sets of sequence numbers.

use std::collections::HashMap;

/// A set of sequence numbers: a bit for each of a page, since they are mostly dense. An archive made by somebody who
/// means ill may have them anywhere.
#[derive(Default)]
pub(super) struct Sequences {
    pages: HashMap<u64, Box<[u64; WORDS]>>,
}

/// Words of a page.
const WORDS: usize = 64;

impl Sequences {
    pub(super) fn insert(&mut self, sequence: u64) {
        let (page, word, bit) = Self::place(sequence);
        self.pages.entry(page).or_insert_with(|| Box::new([0; WORDS]))[word] |= bit;
    }

    pub(super) fn contains(&self, sequence: u64) -> bool {
        let (page, word, bit) = Self::place(sequence);
        self.pages.get(&page).is_some_and(|page| page[word] & bit != 0)
    }

    fn place(sequence: u64) -> (u64, usize, u64) {
        let word = sequence / 64;
        (word / WORDS as u64, (word % WORDS as u64) as usize, 1 << (sequence % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_may_lie_anywhere() {
        let mut set = Sequences::default();
        let numbers = [1, 63, 64, 4_095, 4_096, 1 << 40, i64::MAX as u64];
        numbers.into_iter().for_each(|sequence| set.insert(sequence));
        for sequence in numbers {
            assert!(set.contains(sequence));
        }
        for sequence in [0, 2, 65, 4_094, 4_097, (1 << 40) + 4_096, i64::MAX as u64 - 1] {
            assert!(!set.contains(sequence), "{sequence}");
        }
    }
}
