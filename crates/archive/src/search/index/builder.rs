//! Documents in memory, until there are enough for a file.

use frontdesk_domain::tokens::{LONGEST, tokens};
use roaring::RoaringBitmap;

use super::blocks::Result;
use super::code;
use super::source::{Source, Terms, Which};
use super::words::Words;
use crate::search::cursor::Rank;

/// What stands between the key and the value of a facet.
pub(super) const FACET_BORDER: char = '\u{1}';

/// Facets of a document of which more are not looked up but read.
const MOST_FACETS: usize = 64;

/// Where a document's tokens and facets end.
#[derive(Debug, Clone, Copy)]
struct Ends {
    tokens: u32,
    facets: u32,
}

/// Documents that are not in a file yet, in the order of their sequences.
#[derive(Debug)]
pub(super) struct Builder {
    words: Words,
    facets: Words,
    ranks: Vec<Rank>,
    ends: Vec<Ends>,
    /// Numbers of words, spelled as codes.
    tokens: Vec<u8>,
    token_count: usize,
    facet_numbers: Vec<u32>,
    /// By the order in which they came.
    opaque: RoaringBitmap,
    facet_opaque: RoaringBitmap,
    dead: RoaringBitmap,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            words: Words::new(),
            facets: Words::new(),
            ranks: Vec::new(),
            ends: Vec::new(),
            tokens: Vec::new(),
            token_count: 0,
            facet_numbers: Vec::new(),
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
        let documents = self.ranks.len() * (size_of::<Rank>() + size_of::<Ends>() + 12);
        let words = self.words.memory() + self.facets.memory() + 12 * self.words.len() as usize;
        documents + words + self.tokens.len() + 3 * self.token_count + 8 * self.facet_numbers.len()
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
        for token in tokens(folded) {
            if !token.is_plain() {
                self.tokens.truncate(start);
                self.opaque.insert(document);
                break;
            }
            code::encode(self.words.number(token.text.as_bytes()), &mut self.tokens);
            self.token_count += 1;
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
            self.facet_numbers.push(self.facets.number(term.as_bytes()));
        }
        self.ranks.push(rank);
        self.ends.push(Ends { tokens: self.tokens.len() as u32, facets: self.facet_numbers.len() as u32 });
    }

    /// Strikes a document out; `false` when it is not here.
    pub(super) fn remove(&mut self, sequence: u64) -> bool {
        let found = self.ranks.binary_search_by_key(&sequence, |rank| rank.sequence);
        found.map(|document| self.dead.insert(document as u32)).is_ok()
    }

    /// Puts the documents in order of their rank.
    pub(super) fn seal(self) -> Sealed {
        let mut by_rank: Vec<u32> = (0..self.ranks.len() as u32).collect();
        by_rank.sort_unstable_by_key(|&document| std::cmp::Reverse(self.ranks[document as usize]));
        let mut places = vec![0; by_rank.len()];
        for (new, &old) in by_rank.iter().enumerate() {
            places[old as usize] = new as u32;
        }
        let moved = |set: &RoaringBitmap| set.iter().map(|old| places[old as usize]).collect();
        let (opaque, facet_opaque, dead) =
            (moved(&self.opaque), moved(&self.facet_opaque), moved(&self.dead));
        let sorted = (self.words.sorted(), self.facets.sorted());
        Sealed { opaque, facet_opaque, dead, by_rank, places, sorted, documents: self }
    }
}

/// Documents in memory, in order of their rank.
pub(super) struct Sealed {
    documents: Builder,
    /// The place in which a document came, by its place in the order of ranks; and the reverse.
    by_rank: Vec<u32>,
    places: Vec<u32>,
    /// The numbers of the words and of the facets, in order.
    sorted: (Vec<u32>, Vec<u32>),
    opaque: RoaringBitmap,
    facet_opaque: RoaringBitmap,
    dead: RoaringBitmap,
}

impl Sealed {
    fn codes_of(&self, document: u32, which: Which, out: &mut Vec<u32>) -> Result<()> {
        let document = self.by_rank[document as usize] as usize;
        let ends = self.documents.ends[document];
        let starts = document
            .checked_sub(1)
            .map_or(Ends { tokens: 0, facets: 0 }, |before| self.documents.ends[before]);
        match which {
            Which::Text => {
                code::decode(&self.documents.tokens[starts.tokens as usize..ends.tokens as usize], out)
            }
            Which::Facets => {
                let range = starts.facets as usize..ends.facets as usize;
                out.extend_from_slice(&self.documents.facet_numbers[range]);
                Ok(())
            }
        }
    }

    /// Calls `each` with every word of every document, once for each document it is in.
    fn each(&self, which: Which, words: u32, mut each: impl FnMut(u32, u32)) -> Result<()> {
        let mut seen = vec![u32::MAX; words as usize];
        let mut codes = Vec::new();
        for document in 0..self.documents() {
            codes.clear();
            self.codes_of(document, which, &mut codes)?;
            for &word in &codes {
                if seen[word as usize] != document {
                    seen[word as usize] = document;
                    each(word, document);
                }
            }
        }
        Ok(())
    }
}

impl Source for Sealed {
    fn documents(&self) -> u32 {
        self.by_rank.len() as u32
    }

    fn rank(&mut self, document: u32) -> Result<Rank> {
        Ok(self.documents.ranks[self.by_rank[document as usize] as usize])
    }

    fn is_living(&self, document: u32) -> bool {
        !self.dead.contains(document)
    }

    fn at_place(&mut self, place: u32) -> Result<u32> {
        Ok(self.places[place as usize])
    }

    fn tokens(&mut self, document: u32, out: &mut Vec<u32>) -> Result<()> {
        self.codes_of(document, Which::Text, out)
    }

    fn codes(&self) -> u32 {
        self.documents.words.len()
    }

    fn opaque(&self, which: Which) -> &RoaringBitmap {
        match which {
            Which::Text => &self.opaque,
            Which::Facets => &self.facet_opaque,
        }
    }

    fn terms(&self, which: Which) -> Result<Box<dyn Terms + '_>> {
        let (words, sorted) = match which {
            Which::Text => (&self.documents.words, &self.sorted.0),
            Which::Facets => (&self.documents.facets, &self.sorted.1),
        };
        Ok(Box::new(BuiltTerms { sealed: self, which, words, sorted, at: 0, postings: None }))
    }
}

struct BuiltTerms<'b> {
    sealed: &'b Sealed,
    which: Which,
    words: &'b Words,
    sorted: &'b [u32],
    at: usize,
    /// Made when somebody asks.
    postings: Option<Postings>,
}

/// The postings of all words in one piece of memory.
struct Postings {
    /// Where those of each word end; they begin where those of the word before end.
    ends: Vec<u32>,
    documents: Vec<u32>,
}

impl BuiltTerms<'_> {
    /// Counts them, then fills them in.
    fn fill(&self) -> Result<Postings> {
        let mut ends = vec![0_u32; self.words.len() as usize];
        self.sealed.each(self.which, self.words.len(), |word, _| ends[word as usize] += 1)?;
        let mut end = 0;
        for count in &mut ends {
            end += std::mem::replace(count, end);
        }
        let mut documents = vec![0; end as usize];
        self.sealed.each(self.which, self.words.len(), |word, document| {
            documents[ends[word as usize] as usize] = document;
            ends[word as usize] += 1;
        })?;
        Ok(Postings { ends, documents })
    }
}

impl Terms for BuiltTerms<'_> {
    fn word(&self) -> Option<&[u8]> {
        Some(self.words.get(*self.sorted.get(self.at)?))
    }

    fn code(&self) -> u32 {
        self.sorted[self.at]
    }

    fn documents(&mut self, out: &mut Vec<u32>) -> Result<()> {
        let postings = match self.postings.take() {
            Some(postings) => postings,
            None => self.fill()?,
        };
        let word = self.sorted[self.at] as usize;
        let start = word.checked_sub(1).map_or(0, |before| postings.ends[before]);
        out.extend_from_slice(&postings.documents[start as usize..postings.ends[word] as usize]);
        self.postings = Some(postings);
        Ok(())
    }

    fn advance(&mut self) -> Result<()> {
        self.at += 1;
        Ok(())
    }
}
