//! Words by number and numbers by word, in memory.

use std::hash::{BuildHasher, RandomState};

/// Gives each distinct word a number, from 0 in the order in which they first came.
#[derive(Debug)]
pub(super) struct Words {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Number + 1 of a word, or 0; a power of two of them.
    slots: Vec<u32>,
    seed: u64,
}

impl Words {
    pub(super) fn new() -> Self {
        // Words come from strangers: whoever knows the seed could make them all share a slot.
        let seed = RandomState::new().hash_one(0_u8) | 1;
        Self { bytes: Vec::new(), ends: Vec::new(), slots: vec![0; 1024], seed }
    }

    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + 4 * (self.ends.len() + self.slots.len())
    }

    pub(super) fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.bytes[start..self.ends[number] as usize]
    }

    /// The number of a word, which is added if it is new.
    #[inline]
    pub(super) fn number(&mut self, word: &[u8]) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = self.hash(word) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => break,
                taken if self.get(taken - 1) == word => return taken - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
        let number = self.len();
        self.slots[slot] = number + 1;
        self.bytes.extend_from_slice(word);
        self.ends.push(self.bytes.len() as u32);
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
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
        let mut slots = vec![0; mask + 1];
        for number in 0..self.len() {
            let mut slot = self.hash(self.get(number)) as usize & mask;
            while slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            slots[slot] = number + 1;
        }
        self.slots = slots;
    }

    /// Multiplies eight bytes at a time into each other.
    #[inline]
    fn hash(&self, word: &[u8]) -> u64 {
        let mix = |state: u64, part: u64| {
            let product = u128::from(state ^ part) * 0x9e37_79b9_7f4a_7c15_u128;
            (product as u64) ^ ((product >> 64) as u64) ^ self.seed.rotate_left(23)
        };
        let (chunks, rest) = word.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let state = chunks.iter().fold(self.seed, |state, chunk| mix(state, u64::from_le_bytes(*chunk)));
        mix(mix(state, u64::from_le_bytes(last)), word.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_keeps_its_number() {
        let mut words = Words::new();
        let texts: Vec<String> = (0..5_000_u32).map(|n| format!("{}word{n}", n % 7)).collect();
        for round in 0..2 {
            for (expected, text) in texts.iter().enumerate() {
                assert_eq!(words.number(text.as_bytes()), expected as u32, "round {round}");
            }
        }
        assert_eq!(words.number(b""), 5_000);
        let sorted: Vec<&[u8]> = words.sorted().into_iter().map(|number| words.get(number)).collect();
        assert!(sorted.is_sorted() && sorted.len() == 5_001);
    }
}
