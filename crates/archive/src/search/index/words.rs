//! Words by number and numbers by word, in memory.

use std::hash::{BuildHasher, RandomState};

/// Gives each distinct word a number, from 0 in the order in which they first came.
#[derive(Debug)]
pub(super) struct Words {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// A power of two of them.
    slots: Vec<Slot>,
    seed: u64,
}

/// A word's place in the table.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// What the word is known by: see [`Words::key`].
    key: u64,
    /// Its number and 1; 0 in a slot that is free.
    number: u32,
    /// The document that had it last.
    last: u32,
}

/// In a key's highest byte, where short words have their length: the rest is a hash.
const HASHED: u64 = 0xFF << 56;

impl Words {
    pub(super) fn new() -> Self {
        // Words come from strangers: whoever knows the seed could make them all share a slot.
        let seed = RandomState::new().hash_one(0_u8) | 1;
        Self { bytes: Vec::new(), ends: Vec::new(), slots: vec![Slot::default(); 1024], seed }
    }

    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + 4 * self.ends.len() + size_of::<Slot>() * self.slots.len()
    }

    pub(super) fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.bytes[start..self.ends[number] as usize]
    }

    /// The number of a word that a document has, and whether it is the first time there; a word that is new is added.
    /// Documents are numbered from 1.
    #[inline]
    pub(super) fn number(&mut self, word: &[u8], document: u32) -> (u32, bool) {
        let key = self.key(word);
        let mask = self.slots.len() - 1;
        let mut slot = self.spread(key) as usize & mask;
        loop {
            let taken = self.slots[slot];
            if taken.number == 0 {
                return (self.insert(slot, key, word, document), true);
            }
            if taken.key == key && (key < HASHED || self.get(taken.number - 1) == word) {
                self.slots[slot].last = document;
                return (taken.number - 1, taken.last != document);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn insert(&mut self, slot: usize, key: u64, word: &[u8], last: u32) -> u32 {
        let number = self.len();
        self.slots[slot] = Slot { key, number: number + 1, last };
        self.bytes.extend_from_slice(word);
        self.ends.push(self.bytes.len() as u32);
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    /// Forgets all words, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.slots.fill(Slot::default());
    }

    /// All numbers, in the order of their words' bytes.
    pub(super) fn sorted(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..self.len()).collect();
        numbers.sort_unstable_by_key(|&number| self.get(number));
        numbers
    }

    #[cold]
    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![Slot::default(); mask + 1];
        for taken in self.slots.iter().filter(|slot| slot.number > 0) {
            let mut slot = self.spread(taken.key) as usize & mask;
            while slots[slot].number != 0 {
                slot = (slot + 1) & mask;
            }
            slots[slot] = *taken;
        }
        self.slots = slots;
    }

    /// A word of at most seven bytes is its own key, with its length: most words are found without a look at their
    /// bytes. Of a longer one it is a hash.
    #[inline]
    fn key(&self, word: &[u8]) -> u64 {
        let length = word.len();
        if let (Some(first), Some(last)) = (word.first_chunk::<4>(), word.last_chunk::<4>())
            && length < 8
        {
            // What the last four have beyond the first four.
            let rest = u64::from(u32::from_le_bytes(*last)) >> (8 * (8 - length));
            return u64::from(u32::from_le_bytes(*first)) | rest << 32 | (length as u64) << 56;
        }
        if let ([first, ..], [.., last]) = (word, word)
            && length < 4
        {
            let bytes = [*first, word[length / 2], *last, 0, 0, 0, 0, length as u8];
            return u64::from_le_bytes(bytes);
        }
        let (chunks, _) = word.as_chunks::<8>();
        let last = word.last_chunk::<8>().map_or(0, |last| u64::from_le_bytes(*last));
        let state = chunks.iter().fold(self.seed, |state, chunk| mix(state, u64::from_le_bytes(*chunk)));
        mix(mix(state, last), length as u64 ^ self.seed) | HASHED
    }

    /// Where a key is looked for first.
    #[inline]
    fn spread(&self, key: u64) -> u64 {
        mix(self.seed, key)
    }
}

/// Multiplies eight bytes into a state.
#[inline]
fn mix(state: u64, part: u64) -> u64 {
    let product = u128::from(state ^ part) * 0x9e37_79b9_7f4a_7c15_u128;
    (product as u64) ^ ((product >> 64) as u64) ^ state.rotate_left(23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_keeps_its_number() {
        let mut words = Words::new();
        // Of every length, and with the same beginnings and ends.
        let texts: Vec<String> = (0..5_000_u32)
            .map(|n| format!("{n}").chars().rev().chain("ababababab".chars().take(n as usize % 11)).collect())
            .collect::<std::collections::BTreeSet<String>>()
            .into_iter()
            .collect();
        let count = texts.len() as u32;
        for round in 1..3 {
            for (expected, text) in texts.iter().enumerate() {
                let expected = (expected as u32, true);
                assert_eq!(words.number(text.as_bytes(), round), expected, "round {round}");
                assert_eq!(words.number(text.as_bytes(), round), (expected.0, false), "round {round}");
            }
        }
        assert_eq!(words.number(b"", 3), (count, true));
        let sorted: Vec<&[u8]> = words.sorted().into_iter().map(|number| words.get(number)).collect();
        assert!(sorted.is_sorted() && sorted.len() as u32 == count + 1);
    }
}
