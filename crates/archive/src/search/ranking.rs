//! Which hits are the best.
//!
//! First every hit has the sum of what its terms weigh: a rare word more than a frequent one, a phrase what its words
//! come to. That needs no text, and leaves ties: of `refund hotel` every hit has both. Then the best of these, 64 or a
//! whole page, are read and scored with BM25: how often the terms are said, in how many words. Ties of both are broken
//! by the start time, the newest first.

use std::collections::{BTreeMap, HashMap};

use frontdesk_domain::Query;
use frontdesk_domain::query::Document;
use frontdesk_domain::tokens;
use roaring::RoaringBitmap;

use super::collect::Keep;
use super::find::Ask;
use super::index::{Fault, IndexFile};

/// How many of the best are scored from their text, at least.
pub(super) const SCORED: usize = 64;

/// How soon more of the same term stops to matter, and how much the length of a conversation does: BM25's usual ones.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// A sum of weights, which are never negative: then the order of the bits is the order of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Score(pub(super) u64);

impl Score {
    pub(super) fn new(value: f64) -> Self {
        Self(value.max(0.0).to_bits())
    }
}

/// What each ranked term weighs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights(Vec<f64>);

impl Weights {
    /// One term, beside which there is nothing to compare.
    pub(super) fn alone() -> Self {
        Self(vec![1.0])
    }

    /// The weights of a query's terms: for each of its words how rare it is, added up.
    pub(super) fn of(query: &Query, frequencies: &Frequencies) -> Self {
        let ranked = query.ranked();
        let weights = ranked.iter().map(|words| {
            let last = words.words().len() - 1;
            let words_of = words.words().iter().enumerate();
            words_of.map(|(at, word)| frequencies.weight(word, words.is_prefix() && at == last)).sum()
        });
        Self(weights.collect())
    }

    /// What a conversation's terms come to.
    pub(super) fn sum(&self, terms: u64) -> Score {
        let there = self.0.iter().enumerate().filter(|(index, _)| terms >> index & 1 == 1);
        Score::new(there.map(|(_, weight)| weight).sum())
    }

    /// BM25: `counts` says how often each term is there, `length` how many words there are, against `mean` of those
    /// that are compared.
    pub(super) fn score(&self, counts: &[u64], length: usize, mean: f64) -> Score {
        let long = K1 * (1.0 - B + B * length as f64 / mean.max(1.0));
        let terms = self.0.iter().zip(counts);
        Score::new(
            terms.map(|(weight, &count)| weight * count as f64 * (K1 + 1.0) / (count as f64 + long)).sum(),
        )
    }
}

/// In how many conversations each word of a query is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Frequencies {
    /// Conversations there are.
    pub(super) conversations: u64,
    /// By word, and whether it is the beginning of words.
    words: BTreeMap<(String, bool), u64>,
}

impl Frequencies {
    /// For the words that rank, none counted yet.
    pub(super) fn new(query: &Query) -> Self {
        let mut words = BTreeMap::new();
        for ranked in query.ranked() {
            let last = ranked.words().len() - 1;
            for (at, word) in ranked.words().iter().enumerate() {
                words.insert((word.clone(), ranked.is_prefix() && at == last), 0);
            }
        }
        Self { conversations: 0, words }
    }

    /// Which of the words, in their order, one conversation has.
    pub(super) fn present(&self, document: &Document<'_>) -> Vec<bool> {
        let mut exact: HashMap<&str, usize> = HashMap::new();
        let mut prefixes = Vec::new();
        for (index, (word, prefix)) in self.words.keys().enumerate() {
            if *prefix {
                prefixes.push((index, &**word));
            } else {
                exact.insert(word, index);
            }
        }
        let mut present = vec![false; self.words.len()];
        for word in tokens::words(document.folded()) {
            if let Some(&index) = exact.get(word) {
                present[index] = true;
            }
            for &(index, prefix) in &prefixes {
                present[index] |= word.starts_with(prefix);
            }
        }
        present
    }

    /// One more conversation, by what [`Frequencies::present`] says of it.
    fn add(&mut self, present: Vec<bool>) {
        self.conversations += 1;
        for (count, present) in self.words.values_mut().zip(present) {
            *count += u64::from(present);
        }
    }

    fn weight(&self, word: &str, prefix: bool) -> f64 {
        let having = self.words.get(&(word.to_owned(), prefix)).copied().unwrap_or(0) as f64;
        (1.0 + (self.conversations as f64 - having + 0.5).max(0.0) / (having + 0.5)).ln()
    }

    /// What is counted from here on is counted on top of what is known.
    pub(super) fn scan(&mut self) -> Counting<'_> {
        Counting { known: self.clone(), frequencies: self }
    }
}

/// Takes which words each conversation of a scan has.
pub(super) struct Counting<'a> {
    known: Frequencies,
    frequencies: &'a mut Frequencies,
}

impl Keep<Vec<bool>> for Counting<'_> {
    fn begin(&mut self) {
        self.frequencies.clone_from(&self.known);
    }

    fn take(&mut self, present: Vec<bool>) {
        self.frequencies.add(present);
    }
}

impl Ask for Frequencies {
    fn begin(&mut self) {
        self.conversations = 0;
        self.words.values_mut().for_each(|count| *count = 0);
    }

    fn file(&mut self, file: &IndexFile, dead: &RoaringBitmap) -> Result<RoaringBitmap, Fault> {
        let unclear = file.must_be_read(false)? - dead;
        self.conversations += u64::from(file.entry.documents) - dead.len() - unclear.len();
        for ((word, prefix), count) in &mut self.words {
            let set = if *prefix { file.prefixed(word)? } else { file.exact(word)? };
            *count += (set - dead - &unclear).len();
        }
        Ok(unclear)
    }

    fn conversation(&mut self, _: u64, document: Document<'_>) {
        let present = self.present(&document);
        self.add(present);
    }
}
