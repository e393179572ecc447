//! Containment: which documents of a file have a text somewhere in what was said, exactly.
//!
//! The borders of runs in what is looked for are borders of runs in the text, too. So a text within one run is part of a
//! token, and a longer one is: the end of a token, whole tokens, the beginning of a token, one after the other.

use frontdesk_domain::tokens::{Token, TokenKind, tokens};
use roaring::RoaringBitmap;

use super::blocks::Result;
use super::dictionary::Dictionary;
use super::documents::Documents;
use super::file::{IndexFile, Section};
use super::grams;
use super::source::Which;

/// A set of documents is not read to make a smaller one still smaller when it has this many times as many.
const NOT_WORTH: u64 = 16;

impl IndexFile {
    /// The documents that contain a folded text, dead ones too. Opaque documents are left out: they must be read.
    pub(crate) fn containing_text(&self, folded: &str) -> Result<RoaringBitmap> {
        let runs: Vec<Token<'_>> = tokens(folded).collect();
        match runs[..] {
            [] => Ok(RoaringBitmap::new()),
            [run] if !run.is_plain() => Ok(RoaringBitmap::new()),
            [run] => self.within_run(run),
            // An inner token that is too long for the dictionary is in opaque documents only; so is an edge.
            _ if runs.iter().any(|run| !run.is_plain()) => Ok(RoaringBitmap::new()),
            [first, ref inner @ .., last] => self.across_runs(first, inner, last),
        }
    }

    fn within_run(&self, run: Token<'_>) -> Result<RoaringBitmap> {
        if let Some(set) = grams::find(self, run.text)? {
            return Ok(set);
        }
        let mut dictionary = Dictionary::new(self, Which::Text);
        if run.kind == TokenKind::Single {
            let Some(row) = dictionary.find(run.text.as_bytes())? else { return Ok(RoaringBitmap::new()) };
            return Ok(dictionary.documents(&row)?.into_set());
        }
        let numbers = dictionary.containing(run.text.as_bytes())?;
        dictionary.union(numbers)
    }

    fn across_runs(&self, first: Token<'_>, inner: &[Token<'_>], last: Token<'_>) -> Result<RoaringBitmap> {
        let mut dictionary = Dictionary::new(self, Which::Text);
        let mut steps = Vec::with_capacity(inner.len() + 2);
        let left = match first.kind {
            TokenKind::Single => dictionary.exactly(first.text)?,
            _ => dictionary.ending(first.text.as_bytes())?,
        };
        steps.push(Step::new(&mut dictionary, left, is_space(first))?);
        for token in inner {
            let exact = dictionary.exactly(token.text)?;
            steps.push(Step::new(&mut dictionary, exact, false)?);
        }
        let right = match last.kind {
            TokenKind::Single => dictionary.exactly(last.text)?,
            _ => dictionary.prefixed(last.text.as_bytes())?.collect(),
        };
        steps.push(Step::new(&mut dictionary, right, is_space(last))?);
        let Some(candidates) = self.candidates(&mut dictionary, &steps)? else {
            return Ok(RoaringBitmap::new());
        };
        self.verified(&candidates, &steps)
    }

    /// Documents that have all the tokens, in whatever order.
    fn candidates(&self, dictionary: &mut Dictionary<'_>, steps: &[Step]) -> Result<Option<RoaringBitmap>> {
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
                return Ok(None);
            }
            candidates = Some(set);
        }
        Ok(Some(candidates.unwrap_or_else(|| (0..self.entry.documents).collect())))
    }

    /// The candidates in which the tokens follow each other.
    fn verified(&self, candidates: &RoaringBitmap, steps: &[Step]) -> Result<RoaringBitmap> {
        let kinds = self.whole(Section::Kinds)?;
        let is_word =
            |code: u32| kinds.get(code as usize / 8).is_some_and(|byte| byte & (1 << (code % 8)) != 0);
        let [first, inner @ .., last] = steps else { return Ok(RoaringBitmap::new()) };
        let inner: Vec<u32> = inner.iter().filter_map(|step| step.codes.first().copied()).collect();
        let mut documents = Documents::new(self);
        let mut codes = Vec::new();
        let mut found = RoaringBitmap::new();
        for document in candidates {
            codes.clear();
            documents.tokens(document, &mut codes)?;
            // `at` is where the inner tokens begin; the edges stand before and behind them.
            let fits = |at: usize| {
                let end = at + inner.len();
                let (Some(left), Some(&right)) = (at.checked_sub(1), codes.get(end)) else { return false };
                // A space at an edge is a gap of its own, or the one that is implied between two words. Then the
                // word beyond it is only looked at.
                let implied = |one: usize| is_word(codes[one - 1]) && is_word(codes[one]);
                let left = if first.implied {
                    first.has(codes[left]) || implied(at)
                } else {
                    first.has(codes[left])
                };
                left && if last.implied { last.has(right) || implied(end) } else { last.has(right) }
            };
            let matched = match inner.first() {
                Some(first) => {
                    let starts = codes.iter().enumerate().filter(|(_, code)| *code == first);
                    starts.map(|(at, _)| at).any(|at| codes[at..].starts_with(&inner) && fits(at))
                }
                None => (1..codes.len()).any(fits),
            };
            if matched {
                found.insert(document);
            }
        }
        Ok(found)
    }
}

/// A place in what is looked for, and the tokens that may stand there.
struct Step {
    numbers: Vec<u32>,
    /// Their codes, sorted.
    codes: Vec<u32>,
    /// How many documents they are in, added up.
    postings: u64,
    /// Whether the space that is implied between two words may stand there.
    implied: bool,
}

impl Step {
    fn new(dictionary: &mut Dictionary<'_>, numbers: Vec<u32>, implied: bool) -> Result<Self> {
        let mut codes = Vec::with_capacity(numbers.len());
        let mut postings = 0;
        for &number in &numbers {
            let row = dictionary.row(number)?;
            codes.push(row.code);
            postings += u64::from(row.documents);
        }
        codes.sort_unstable();
        Ok(Self { numbers, codes, postings, implied })
    }

    fn has(&self, code: u32) -> bool {
        match self.codes[..] {
            [] => false,
            [only] => only == code,
            _ => self.codes.binary_search(&code).is_ok(),
        }
    }
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
