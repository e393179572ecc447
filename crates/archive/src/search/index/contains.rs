//! Containment: which documents of a file have a text somewhere in what was said, exactly.
//!
//! The borders of runs in what is looked for are borders of runs in the text, too. So a text within one run is part of a
//! token, and a longer one is: the end of a token, whole tokens, the beginning of a token, one after the other.

use frontdesk_domain::tokens::{Token, TokenKind, tokens};
use roaring::RoaringBitmap;

use super::bits::Bits;
use super::blocks::Result;
use super::code;
use super::dictionary::Dictionary;
use super::documents::Documents;
use super::file::{IndexFile, Section};
use super::grams;
use super::source::Which;
use crate::search::cursor::Rank;

/// A set of documents is not read to make a smaller one still smaller when it has this many times as many.
const NOT_WORTH: u64 = 16;

/// Documents of which it pays to read the tokens on several threads.
const SHARED: u64 = 4_096;

/// Words of which it pays to unite the documents on several threads. The small files of the tests have few.
const MANY_WORDS: usize = if cfg!(test) { 2 } else { 512 };

/// Where one document in so many is read, the others are read over and not skipped.
const CLOSE: u64 = 64;

/// What a file says of a text: the documents that have it, or those that may.
pub(crate) struct Containing<'f> {
    file: &'f IndexFile,
    candidates: RoaringBitmap,
    /// What must follow each other in those that have it; `None` when all of them do.
    sought: Option<Sequence>,
}

/// Whoever takes documents as long as they are new enough.
pub(crate) trait Offer {
    /// Whether a document of this rank would be kept.
    fn wants(&self, rank: Rank) -> bool;

    /// Takes one.
    fn take(&mut self, rank: Rank);
}

impl IndexFile {
    /// What it says of a folded text, dead documents included. Opaque documents are left out: they must be read. The
    /// documents of many words are united on as many as `workers` threads.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn containing(&self, folded: &str, workers: usize) -> Result<Containing<'_>> {
        let runs: Vec<Token<'_>> = tokens(folded).collect();
        // A token that is too long for the dictionary is in opaque documents only; so is an edge.
        if runs.iter().any(|run| !run.is_plain()) {
            return Ok(Containing { file: self, candidates: RoaringBitmap::new(), sought: None });
        }
        match runs[..] {
            [] => Ok(Containing { file: self, candidates: RoaringBitmap::new(), sought: None }),
            [run] => Ok(Containing { file: self, candidates: self.within_run(run, workers)?, sought: None }),
            [first, ref inner @ .., last] => self.across_runs(first, inner, last),
        }
    }

    fn within_run(&self, run: Token<'_>, workers: usize) -> Result<RoaringBitmap> {
        if let Some(set) = grams::find(self, run.text)? {
            return Ok(set);
        }
        let mut dictionary = Dictionary::new(self, Which::Text);
        if run.kind == TokenKind::Single {
            let Some(row) = dictionary.find(run.text.as_bytes())? else { return Ok(RoaringBitmap::new()) };
            return dictionary.documents(&row);
        }
        let numbers = dictionary.containing(run.text.as_bytes())?;
        if numbers.len() < MANY_WORDS || workers < 2 {
            return dictionary.union(numbers);
        }
        let unite = |part: &[u32]| Dictionary::new(self, Which::Text).bits(part.iter().copied());
        let parts = numbers.chunks(numbers.len().div_ceil(workers));
        let united = std::thread::scope(|scope| {
            let threads: Vec<_> = parts.map(|part| scope.spawn(|| unite(part))).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined
                .map(|united| united.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<Vec<_>>>()
        })?;
        let all = united.into_iter().reduce(|mut all, part| {
            all.unite(&part);
            all
        });
        all.map_or_else(|| Ok(RoaringBitmap::new()), Bits::into_set)
    }

    fn across_runs(&self, first: Token<'_>, inner: &[Token<'_>], last: Token<'_>) -> Result<Containing<'_>> {
        let mut dictionary = Dictionary::new(self, Which::Text);
        let mut steps = Vec::with_capacity(inner.len() + 2);
        let left = match first.kind {
            TokenKind::Single => dictionary.exactly(first.text)?,
            _ => dictionary.ending(first.text.as_bytes())?,
        };
        let kind_behind = inner.first().map_or(last.kind, |token| token.kind);
        steps.push(Step::new(&mut dictionary, left, is_space(first), kind_behind)?);
        for token in inner {
            let exact = dictionary.exactly(token.text)?;
            steps.push(Step::new(&mut dictionary, exact, false, token.kind)?);
        }
        let right = match last.kind {
            TokenKind::Single => dictionary.exactly(last.text)?,
            _ => dictionary.prefixed(last.text.as_bytes())?.collect(),
        };
        let kind_before = inner.last().map_or(first.kind, |token| token.kind);
        steps.push(Step::new(&mut dictionary, right, is_space(last), kind_before)?);
        let candidates = self.candidates(&mut dictionary, &steps)?;
        let sought = Some(Sequence::new(&steps, dictionary.len(), &self.whole(Section::Kinds)?));
        Ok(Containing { file: self, candidates, sought })
    }

    /// Documents that have all the tokens, in whatever order.
    fn candidates(&self, dictionary: &mut Dictionary<'_>, steps: &[Step]) -> Result<RoaringBitmap> {
        let mut by_cost: Vec<&Step> = steps.iter().filter(|step| !step.implied).collect();
        by_cost.sort_by_key(|step| step.postings);
        let mut candidates: Option<RoaringBitmap> = None;
        for step in by_cost {
            let worth =
                candidates.as_ref().is_none_or(|set| step.postings < set.len().saturating_mul(NOT_WORTH));
            if !worth {
                continue;
            }
            let set = dictionary.union(step.numbers.iter().copied())?;
            let set = match candidates {
                Some(candidates) => candidates & set,
                None => set,
            };
            if set.is_empty() {
                return Ok(set);
            }
            candidates = Some(set);
        }
        Ok(candidates.unwrap_or_else(|| (0..self.entry.documents).collect()))
    }
}

impl Containing<'_> {
    /// All documents that have the text but for those of `without`. Their tokens are read on as many as `workers`
    /// threads.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn all(self, without: &RoaringBitmap, workers: usize) -> Result<RoaringBitmap> {
        let candidates = self.candidates - without;
        let Some(sought) = &self.sought else { return Ok(candidates) };
        let (file, count) = (self.file, candidates.len());
        let check = |part: &[u32]| -> Result<Vec<u32>> {
            let close = count * CLOSE > u64::from(file.entry.documents);
            let mut documents = if close { Documents::in_a_row(file) } else { Documents::new(file) };
            let mut found = Vec::new();
            for &document in part {
                if sought.is_in(documents.tokens(document)?)? {
                    found.push(document);
                }
            }
            Ok(found)
        };
        let candidates: Vec<u32> = candidates.iter().collect();
        let workers = if count < SHARED { 1 } else { workers.max(1) };
        if workers == 1 {
            return Ok(check(&candidates)?.into_iter().collect());
        }
        let parts = candidates.chunks(candidates.len().div_ceil(workers));
        let found = std::thread::scope(|scope| {
            let threads: Vec<_> = parts.map(|part| scope.spawn(|| check(part))).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined
                .map(|found| found.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<Vec<_>>>()
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Offers the documents that have the text, the newest first, from `start` on and but for those of `without`. When
    /// one is not wanted, none behind it is, and it is not even read.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn newest(self, start: u32, without: &RoaringBitmap, offer: &mut impl Offer) -> Result<()> {
        let candidates = self.candidates - without;
        let mut documents = Documents::new(self.file);
        for document in candidates.range(start..) {
            let rank = documents.rank(document)?;
            if !offer.wants(rank) {
                break;
            }
            let found = match &self.sought {
                Some(sought) => sought.is_in(documents.tokens(document)?)?,
                None => true,
            };
            if found {
                offer.take(rank);
            }
        }
        Ok(())
    }
}

/// A place in what is looked for, and the tokens that may stand there.
struct Step {
    numbers: Vec<u32>,
    codes: Vec<u32>,
    /// How many documents they are in, added up.
    postings: u64,
    /// Whether the space that is implied between two words may stand there: then any word may, which has it on its
    /// inner side.
    implied: bool,
}

impl Step {
    /// `space`: whether a single space is looked for, at an edge. `beside`: what stands on its inner side.
    fn new(
        dictionary: &mut Dictionary<'_>,
        numbers: Vec<u32>,
        space: bool,
        beside: TokenKind,
    ) -> Result<Self> {
        let mut codes = Vec::with_capacity(numbers.len());
        let mut postings = 0;
        for &number in &numbers {
            let row = dictionary.row(number)?;
            codes.push(row.code);
            postings += u64::from(row.documents);
        }
        Ok(Self { numbers, codes, postings, implied: space && beside == TokenKind::Word })
    }
}

/// Steps that must follow each other, as a bit each: 64 of them are looked for at once.
struct Sequence {
    /// For each code the steps it may stand at.
    steps: Vec<u64>,
    /// The last of them.
    last: u64,
    /// What follows behind the first 64 steps: one code each, but for the last.
    rest: Vec<Vec<u32>>,
    /// Whether any word will do at the last step of `rest`.
    kinds: Option<Vec<u8>>,
}

impl Sequence {
    fn new(steps: &[Step], codes: u32, kinds: &[u8]) -> Self {
        let (first, rest) = steps.split_at(steps.len().min(64));
        let mut masks = vec![0; codes as usize];
        for (at, step) in first.iter().enumerate() {
            for &code in &step.codes {
                if let Some(mask) = masks.get_mut(code as usize) {
                    *mask |= 1 << at;
                }
            }
            if step.implied {
                let words = masks.iter_mut().enumerate().filter(|(code, _)| is_word(kinds, *code as u32));
                words.for_each(|(_, mask)| *mask |= 1 << at);
            }
        }
        let kinds = rest.last().is_some_and(|step| step.implied).then(|| kinds.to_vec());
        let rest = rest.iter().map(|step| {
            let mut codes = step.codes.clone();
            codes.sort_unstable();
            codes
        });
        Self { steps: masks, last: 1 << (first.len() - 1), rest: rest.collect(), kinds }
    }

    /// Whether the steps follow each other somewhere in these tokens.
    #[inline]
    fn is_in(&self, tokens: &[u8]) -> Result<bool> {
        // Bit n: the tokens up to here end with the first n + 1 steps.
        let (mut state, mut found) = (0_u64, 0);
        if self.rest.is_empty() {
            code::decode(tokens, |code| {
                state = (state << 1 | 1) & self.steps.get(code as usize).copied().unwrap_or(0);
                found |= state;
            })?;
            return Ok(found & self.last != 0);
        }
        let (mut codes, mut ends) = (Vec::new(), Vec::new());
        code::decode(tokens, |code| {
            state = (state << 1 | 1) & self.steps.get(code as usize).copied().unwrap_or(0);
            codes.push(code);
            if state & self.last != 0 {
                ends.push(codes.len());
            }
        })?;
        Ok(ends.into_iter().any(|end| self.rest_is_at(&codes[end..])))
    }

    fn rest_is_at(&self, codes: &[u32]) -> bool {
        let fits = |at: usize, code: u32| {
            let any_word =
                at + 1 == self.rest.len() && self.kinds.as_deref().is_some_and(|kinds| is_word(kinds, code));
            any_word || self.rest[at].binary_search(&code).is_ok()
        };
        codes.len() >= self.rest.len() && (0..self.rest.len()).all(|at| fits(at, codes[at]))
    }
}

fn is_word(kinds: &[u8], code: u32) -> bool {
    kinds.get(code as usize / 8).is_some_and(|byte| byte & (1 << (code % 8)) != 0)
}

impl Dictionary<'_> {
    /// The number of a word, as a list of one or none.
    fn exactly(&mut self, word: &str) -> Result<Vec<u32>> {
        let mut range = self.prefixed(word.as_bytes())?;
        let Some(number) = range.next() else { return Ok(Vec::new()) };
        let row = self.row(number)?;
        Ok(if self.word(&row)? == word.as_bytes() { vec![number] } else { Vec::new() })
    }
}

fn is_space(token: Token<'_>) -> bool {
    token.kind == TokenKind::Gap && token.text == grams::SPACE
}
