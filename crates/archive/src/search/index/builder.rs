//! Documents in memory, until there are enough for a file.

use frontdesk_domain::tokens::{LONGEST, TokenKind, tokens};
use memchr::memchr;
use roaring::RoaringBitmap;

use super::blocks::Result;
use super::code;
use super::source::{Source, Terms, Which};
use super::vocabulary::{Postings, Vocabulary};
use crate::search::cursor::Rank;

/// What stands between the key and the value of a facet.
pub(super) const FACET_BORDER: char = '\u{1}';

/// Bytes of tokens for which memory is kept between two files.
const MOST_KEPT: usize = 4 * 1024 * 1024;

/// Facets of a document of which more are not looked up but read.
const MOST_FACETS: usize = 64;

/// Documents that are not in a file yet, in the order of their sequences.
#[derive(Debug)]
pub(super) struct Builder {
    words: Vocabulary,
    facets: Vocabulary,
    ranks: Vec<Rank>,
    /// Numbers of words, spelled as codes.
    tokens: Vec<u8>,
    /// Where each document's tokens end.
    ends: Vec<u32>,
    /// By the order in which they came.
    spaced: RoaringBitmap,
    opaque: RoaringBitmap,
    facet_opaque: RoaringBitmap,
    dead: RoaringBitmap,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            words: Vocabulary::new(),
            facets: Vocabulary::new(),
            ranks: Vec::new(),
            tokens: Vec::new(),
            ends: Vec::new(),
            spaced: RoaringBitmap::new(),
            opaque: RoaringBitmap::new(),
            facet_opaque: RoaringBitmap::new(),
            dead: RoaringBitmap::new(),
        }
    }

    /// How many documents there are.
    pub(super) fn len(&self) -> usize {
        self.ranks.len()
    }

    /// Bytes of memory, with what making a file will take.
    pub(super) fn memory(&self) -> usize {
        let documents = self.ranks.len() * (size_of::<Rank>() + 20);
        documents + self.words.memory() + self.facets.memory() + self.tokens.len()
    }

    /// Adds a document, whose sequence is behind all others. `folded` is what was said; the values of `facets` are
    /// folded.
    pub(super) fn add<'f>(
        &mut self,
        rank: Rank,
        folded: &str,
        facets: impl IntoIterator<Item = (&'f str, &'f str)>,
    ) {
        let document = self.ranks.len() as u32;
        let start = self.tokens.len();
        let (mut after_word, mut spaced) = (false, false);
        // No token is plain with a NUL in it: looked for in all of them at once.
        let plain = memchr(0, folded.as_bytes()).is_none();
        for token in tokens(folded) {
            if !plain || token.text.len() > LONGEST {
                self.tokens.truncate(start);
                self.words.forget();
                self.opaque.insert(document);
                spaced = false;
                break;
            }
            code::encode(self.words.note(token.text.as_bytes()), &mut self.tokens);
            let word = token.kind == TokenKind::Word;
            spaced |= after_word && word;
            after_word = word;
        }
        self.words.end();
        if spaced {
            self.spaced.insert(document);
        }
        let mut term = String::new();
        for (count, (key, value)) in facets.into_iter().enumerate() {
            let unfit = |text: &str| text.len() > LONGEST || text.contains(['\0', FACET_BORDER]);
            if count == MOST_FACETS || unfit(key) || unfit(value) {
                self.facet_opaque.insert(document);
                continue;
            }
            term.clear();
            term.extend([key, "\u{1}", value]);
            self.facets.note(term.as_bytes());
        }
        self.facets.end();
        self.ranks.push(rank);
        self.ends.push(self.tokens.len() as u32);
    }

    /// Strikes a document out; `false` when it is not here.
    pub(super) fn remove(&mut self, sequence: u64) -> bool {
        let found = self.ranks.binary_search_by_key(&sequence, |rank| rank.sequence);
        found.map(|document| self.dead.insert(document as u32)).is_ok()
    }

    /// Puts the documents in order of their rank.
    pub(super) fn seal(&self) -> Sealed<'_> {
        let mut by_rank: Vec<u32> = (0..self.ranks.len() as u32).collect();
        by_rank.sort_unstable_by_key(|&document| std::cmp::Reverse(self.ranks[document as usize]));
        let mut places = vec![0; by_rank.len()];
        for (new, &old) in by_rank.iter().enumerate() {
            places[old as usize] = new as u32;
        }
        let moved = |set: &RoaringBitmap| set.iter().map(|old| places[old as usize]).collect();
        let (spaced, dead) = (moved(&self.spaced), moved(&self.dead));
        let (opaque, facet_opaque) = (moved(&self.opaque), moved(&self.facet_opaque));
        let (words, facets) = (Finished::new(&self.words, &by_rank), Finished::new(&self.facets, &by_rank));
        Sealed { builder: self, words, facets, spaced, opaque, facet_opaque, dead, by_rank, places }
    }

    /// Begins again, in the same memory: what is given back and taken again leaves holes.
    pub(super) fn clear(&mut self) {
        if self.tokens.capacity() > MOST_KEPT {
            *self = Self::new(); // a conversation was larger than all others together
            return;
        }
        self.words.clear();
        self.facets.clear();
        self.ranks.clear();
        self.tokens.clear();
        self.ends.clear();
        for set in [&mut self.spaced, &mut self.opaque, &mut self.facet_opaque, &mut self.dead] {
            set.clear();
        }
    }
}

/// Documents in memory, in order of their rank.
pub(super) struct Sealed<'b> {
    builder: &'b Builder,
    words: Finished<'b>,
    facets: Finished<'b>,
    /// The place in which a document came, by its place in the order of ranks; and the reverse.
    by_rank: Vec<u32>,
    places: Vec<u32>,
    spaced: RoaringBitmap,
    opaque: RoaringBitmap,
    facet_opaque: RoaringBitmap,
    dead: RoaringBitmap,
}

/// A vocabulary, sorted, and its postings.
struct Finished<'b> {
    terms: &'b Vocabulary,
    /// The numbers of the terms, in order.
    sorted: Vec<u32>,
    postings: Postings,
}

impl<'b> Finished<'b> {
    fn new(terms: &'b Vocabulary, by_rank: &[u32]) -> Self {
        Self { terms, sorted: terms.sorted(), postings: terms.postings(by_rank) }
    }
}

impl Source for Sealed<'_> {
    fn documents(&self) -> u32 {
        self.by_rank.len() as u32
    }

    fn rank(&mut self, document: u32) -> Result<Rank> {
        Ok(self.builder.ranks[self.by_rank[document as usize] as usize])
    }

    fn is_living(&self, document: u32) -> bool {
        !self.dead.contains(document)
    }

    fn at_place(&mut self, place: u32) -> Result<u32> {
        Ok(self.places[place as usize])
    }

    fn tokens(&mut self, document: u32) -> Result<&[u8]> {
        let document = self.by_rank[document as usize] as usize;
        let ends = &self.builder.ends;
        let start = document.checked_sub(1).map_or(0, |before| ends[before]);
        Ok(&self.builder.tokens[start as usize..ends[document] as usize])
    }

    fn codes(&self) -> u32 {
        self.words.terms.len()
    }

    fn opaque(&self, which: Which) -> &RoaringBitmap {
        match which {
            Which::Text => &self.opaque,
            Which::Facets => &self.facet_opaque,
        }
    }

    fn spaced(&self) -> &RoaringBitmap {
        &self.spaced
    }

    fn terms(&self, which: Which) -> Result<Box<dyn Terms + '_>> {
        let finished = match which {
            Which::Text => &self.words,
            Which::Facets => &self.facets,
        };
        Ok(Box::new(BuiltTerms { finished, at: 0 }))
    }
}

struct BuiltTerms<'b> {
    finished: &'b Finished<'b>,
    at: usize,
}

impl Terms for BuiltTerms<'_> {
    fn word(&self) -> Option<&[u8]> {
        Some(self.finished.terms.get(*self.finished.sorted.get(self.at)?))
    }

    fn code(&self) -> u32 {
        self.finished.sorted[self.at]
    }

    fn count(&self) -> u32 {
        self.finished.postings.of(self.code()).len() as u32
    }

    fn documents(&mut self, _: &mut Vec<u32>, each: &mut dyn FnMut(&[u32]) -> Result<()>) -> Result<()> {
        each(self.finished.postings.of(self.code()))
    }

    fn advance(&mut self) -> Result<()> {
        self.at += 1;
        Ok(())
    }
}
