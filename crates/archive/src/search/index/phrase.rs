//! Phrases: which documents of a file have words one right after the other, whatever lies between two of them.

use std::collections::HashSet;

use frontdesk_domain::tokens::TokenKind;
use roaring::RoaringBitmap;

use super::blocks::{Fault, Result};
use super::code;
use super::dictionary::Dictionary;
use super::documents::Documents;
use super::file::{IndexFile, Section};
use super::source::Which;

/// From where to where the characters lie that are tokens alone.
const ALONE: [(char, char); 6] = [
    ('\u{e01}', '\u{e4f}'),
    ('\u{3005}', '\u{a000}'),
    ('\u{f900}', '\u{fb00}'),
    ('\u{ff66}', '\u{ffa0}'),
    ('\u{1b000}', '\u{1b170}'),
    ('\u{20000}', '\u{323b0}'),
];

impl IndexFile {
    /// The documents among `within` that have these words in this order with no other between them; with `prefix` the
    /// last one is the beginning of a word. Opaque documents are left out.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn phrase(
        &self,
        words: &[String],
        prefix: bool,
        within: &RoaringBitmap,
    ) -> Result<RoaringBitmap> {
        let mut dictionary = Dictionary::new(self, Which::Text);
        let mut steps = Vec::with_capacity(words.len());
        let mut candidates = within.clone();
        for (at, word) in words.iter().enumerate() {
            let (set, codes) = if prefix && at + 1 == words.len() {
                let numbers = dictionary.prefixed(word.as_bytes())?;
                let codes = numbers.clone().map(|number| dictionary.row(number).map(|row| row.code));
                let codes = codes.collect::<Result<HashSet<u32>>>()?;
                (dictionary.union(numbers)?, codes)
            } else {
                let Some(row) = dictionary.find(word.as_bytes())? else { return Ok(RoaringBitmap::new()) };
                (dictionary.documents(&row)?, HashSet::from([row.code]))
            };
            candidates &= set;
            if candidates.is_empty() {
                return Ok(candidates);
            }
            steps.push(codes);
        }
        self.following(&candidates, &steps)
    }

    /// The candidates in which a word of each step follows one of the step before.
    fn following(&self, candidates: &RoaringBitmap, steps: &[HashSet<u32>]) -> Result<RoaringBitmap> {
        let [first, others @ ..] = steps else { return Ok(RoaringBitmap::new()) };
        let kinds = self.whole(Section::Kinds)?;
        let alone = self.alone()?;
        let is_gap = |code: u32| {
            let word = kinds.get(code as usize / 8).is_some_and(|byte| byte & (1 << (code % 8)) != 0);
            !word && !alone.contains(&code)
        };
        let mut documents = Documents::new(self);
        let mut codes = Vec::new();
        let mut found = RoaringBitmap::new();
        for document in candidates {
            codes.clear();
            code::decode(documents.tokens(document)?, |code| codes.push(code))?;
            let fits = |start: usize| {
                let mut at = start;
                others.iter().all(|step| {
                    at += 1;
                    // A gap is one token, so what is behind it is a word, or the end.
                    at += usize::from(codes.get(at).is_some_and(|&code| is_gap(code)));
                    codes.get(at).is_some_and(|code| step.contains(code))
                })
            };
            if (0..codes.len()).any(|start| first.contains(&codes[start]) && fits(start)) {
                found.insert(document);
            }
        }
        Ok(found)
    }

    /// The codes of the characters that are tokens alone.
    fn alone(&self) -> Result<HashSet<u32>> {
        let mut dictionary = Dictionary::new(self, Which::Text);
        let mut codes = HashSet::new();
        for (from, to) in ALONE {
            let mut bytes = [0; 4];
            let from = dictionary.lower(from.encode_utf8(&mut bytes).as_bytes())?;
            let to = dictionary.lower(to.encode_utf8(&mut bytes).as_bytes())?;
            for number in from..to {
                let row = dictionary.row(number)?;
                let word = std::str::from_utf8(dictionary.word(&row)?)
                    .map_err(|_| Fault::Damaged("a word is no text"))?;
                if word.chars().next().is_some_and(|first| TokenKind::of(first) == TokenKind::Single) {
                    codes.insert(row.code);
                }
            }
        }
        Ok(codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_is_a_token_alone_is_in_a_range() {
        for character in '\0'..=char::MAX {
            let inside = ALONE.iter().any(|(from, to)| (*from..*to).contains(&character));
            assert!(inside || TokenKind::of(character) != TokenKind::Single, "{character:?}");
        }
    }
}
