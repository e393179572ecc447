//! The words of an index file and the documents they are in.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem, memrchr};
use roaring::RoaringBitmap;

use super::blocks::{Fault, Result, Span, Window};
use super::file::{IndexFile, Section};
use super::source::{Terms, Which};
use crate::segment::varint;

/// Documents from which on a word's postings are a bitmap; fewer are a list.
pub(super) const BITMAP_FROM: u32 = 256;

/// Bytes of a row of the table.
pub(super) const ROW: u64 = 24;

/// Bytes of the longest word there can be, with some to spare: a facet's key and value.
const LONGEST_WORD: u64 = 1024;

/// What the table says of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Where its postings begin, or its only document.
    pub(super) place: u64,
    /// Bytes of its postings.
    pub(super) length: u32,
    /// In how many documents it is.
    pub(super) documents: u32,
    /// Its code in the documents' tokens.
    pub(super) code: u32,
    /// Where it begins among the words.
    pub(super) word: u32,
}

impl Row {
    pub(super) fn bytes(&self) -> [u8; ROW as usize] {
        let mut bytes = [0; ROW as usize];
        bytes[..8].copy_from_slice(&self.place.to_le_bytes());
        for (at, value) in [self.length, self.documents, self.code, self.word].into_iter().enumerate() {
            bytes[8 + 4 * at..12 + 4 * at].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8; ROW as usize]) -> Self {
        let number = |at: usize| bytes[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four));
        let place = bytes.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
        Self { place, length: number(8), documents: number(12), code: number(16), word: number(20) }
    }
}

/// One dictionary of a file, with a reader for each of its sections.
pub(super) struct Dictionary<'f> {
    file: &'f IndexFile,
    words: Span,
    table: Span,
    postings: Span,
    word_window: Window<'f>,
    table_window: Window<'f>,
    postings_window: Window<'f>,
}

impl<'f> Dictionary<'f> {
    pub(super) fn new(file: &'f IndexFile, which: Which) -> Self {
        let (words, table, postings) = match which {
            Which::Text => (Section::Words, Section::Table, Section::Postings),
            Which::Facets => (Section::FacetWords, Section::FacetTable, Section::FacetPostings),
        };
        Self {
            file,
            words: file.sections.get(words),
            table: file.sections.get(table),
            postings: file.sections.get(postings),
            word_window: file.window(),
            table_window: file.window(),
            postings_window: file.window(),
        }
    }

    /// The same for whoever goes from the first word to the last, in many files at once.
    fn in_order(file: &'f IndexFile, which: Which) -> Self {
        Self {
            word_window: file.narrow_stream(),
            table_window: file.narrow_stream(),
            postings_window: file.narrow_stream(),
            ..Self::new(file, which)
        }
    }

    /// How many words there are.
    pub(super) fn len(&self) -> u32 {
        (self.table.length / ROW) as u32
    }

    pub(super) fn row(&mut self, number: u32) -> Result<Row> {
        Ok(Row::read(&self.table_window.array(self.table, u64::from(number) * ROW)?))
    }

    pub(super) fn word(&mut self, row: &Row) -> Result<&[u8]> {
        let bytes = self.word_window.kept_from(u64::from(row.word), LONGEST_WORD, self.words)?;
        match memchr(0, bytes) {
            Some(end) => Ok(&bytes[..end]),
            None => Err(Fault::Damaged("a word does not end")),
        }
    }

    /// The number of the first word that is not less than `word`.
    pub(super) fn lower(&mut self, word: &[u8]) -> Result<u32> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let row = self.row(middle)?;
            if self.word(&row)? < word { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// The row of a word.
    pub(super) fn find(&mut self, word: &[u8]) -> Result<Option<Row>> {
        let number = self.lower(word)?;
        if number == self.len() {
            return Ok(None);
        }
        let row = self.row(number)?;
        Ok((self.word(&row)? == word).then_some(row))
    }

    /// The numbers of the words that begin with `prefix`.
    pub(super) fn prefixed(&mut self, prefix: &[u8]) -> Result<Range<u32>> {
        let from = self.lower(prefix)?;
        let mut above = prefix.to_vec();
        // No byte of UTF-8 is 255, so the last can always be raised.
        let to = match above.last_mut() {
            Some(last) => {
                *last += 1;
                self.lower(&above)?
            }
            None => self.len(),
        };
        Ok(from..to)
    }

    /// The numbers of the words that contain `part`, in order.
    pub(super) fn containing(&self, part: &[u8]) -> Result<Vec<u32>> {
        self.scan(part)
    }

    /// The numbers of the words that end in `suffix`, in order.
    pub(super) fn ending(&self, suffix: &[u8]) -> Result<Vec<u32>> {
        self.scan(&[suffix, b"\0"].concat())
    }

    fn scan(&self, part: &[u8]) -> Result<Vec<u32>> {
        let finder = memmem::Finder::new(part);
        let mut window = self.file.stream();
        let mut found = Vec::new();
        let (mut at, mut number) = (0, 0);
        while at < self.words.length {
            let bytes = window.kept_from(at, LONGEST_WORD, self.words)?;
            let end = memrchr(0, bytes).ok_or(Fault::Damaged("a word does not end"))? + 1;
            let bytes = &bytes[..end];
            let mut from = 0;
            while let Some(hit) = finder.find(&bytes[from..]) {
                number += memchr_iter(0, &bytes[from..from + hit]).count() as u32;
                found.push(number);
                // On to the next word.
                from += hit;
                from += memchr(0, &bytes[from..]).map_or(bytes.len() - from, |end| end + 1);
                number += 1;
            }
            number += memchr_iter(0, &bytes[from..]).count() as u32;
            at += end as u64;
        }
        Ok(found)
    }

    /// The documents of a word.
    pub(super) fn documents(&mut self, row: &Row) -> Result<Postings> {
        if row.length == 0 {
            return Ok(Postings::List(vec![u32::try_from(row.place).map_err(|_| OUTSIDE)?]));
        }
        let span = self.postings.within(row.place, u64::from(row.length))?;
        let mut bytes = self.postings_window.read(span)?;
        if row.documents >= BITMAP_FROM {
            let set = RoaringBitmap::deserialize_from(bytes)
                .map_err(|_| Fault::Damaged("a set cannot be understood"))?;
            if set.max() >= Some(self.file.entry.documents) {
                return Err(OUTSIDE);
            }
            return Ok(Postings::Set(set));
        }
        let mut list = Vec::with_capacity(row.documents as usize);
        let mut next = 0_u64;
        while !bytes.is_empty() {
            let (step, rest) = varint::decode(bytes).ok_or(Fault::Damaged("a list cannot be understood"))?;
            let document = next.saturating_add(step);
            if document >= u64::from(self.file.entry.documents) {
                return Err(OUTSIDE);
            }
            list.push(document as u32);
            (next, bytes) = (document + 1, rest);
        }
        Ok(Postings::List(list))
    }

    /// The documents of many words together.
    pub(super) fn union(&mut self, numbers: impl IntoIterator<Item = u32>) -> Result<RoaringBitmap> {
        let mut union = Union::new(self.file.entry.documents);
        for number in numbers {
            let row = self.row(number)?;
            let postings = self.documents(&row)?;
            union.add(postings)?;
        }
        Ok(union.finish())
    }
}

const OUTSIDE: Fault = Fault::Damaged("a document lies beyond the last");

/// The documents a word is in.
pub(super) enum Postings {
    List(Vec<u32>),
    Set(RoaringBitmap),
}

impl Postings {
    pub(super) fn into_set(self) -> RoaringBitmap {
        match self {
            Self::List(list) => list.into_iter().collect(),
            Self::Set(set) => set,
        }
    }
}

/// Sets of documents, united: short lists as bits of an array.
struct Union {
    documents: u32,
    bits: Vec<u8>,
    set: RoaringBitmap,
}

impl Union {
    fn new(documents: u32) -> Self {
        Self { documents, bits: Vec::new(), set: RoaringBitmap::new() }
    }

    fn add(&mut self, postings: Postings) -> Result<()> {
        match postings {
            Postings::Set(set) => self.set |= set,
            Postings::List(list) => {
                if self.bits.is_empty() {
                    self.bits = vec![0; self.documents as usize / 8 + 1];
                }
                for document in list {
                    *self.bits.get_mut(document as usize / 8).ok_or(OUTSIDE)? |= 1 << (document % 8);
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> RoaringBitmap {
        if !self.bits.is_empty() {
            self.set |= RoaringBitmap::from_lsb0_bytes(0, &self.bits);
        }
        self.set
    }
}

/// Goes through a dictionary from the first word on.
pub(super) struct FileTerms<'f> {
    dictionary: Dictionary<'f>,
    number: u32,
    row: Option<Row>,
    word: Vec<u8>,
}

impl<'f> FileTerms<'f> {
    pub(super) fn new(file: &'f IndexFile, which: Which) -> Result<Self> {
        let dictionary = Dictionary::in_order(file, which);
        let mut terms = Self { dictionary, number: 0, row: None, word: Vec::new() };
        terms.load()?;
        Ok(terms)
    }

    fn load(&mut self) -> Result<()> {
        self.row = None;
        if self.number < self.dictionary.len() {
            let row = self.dictionary.row(self.number)?;
            self.word.clear();
            self.word.extend_from_slice(self.dictionary.word(&row)?);
            self.row = Some(row);
        }
        Ok(())
    }
}

impl Terms for FileTerms<'_> {
    fn word(&self) -> Option<&[u8]> {
        self.row.as_ref().map(|_| &self.word[..])
    }

    fn code(&self) -> u32 {
        self.row.map_or(0, |row| row.code)
    }

    fn documents(&mut self, out: &mut Vec<u32>) -> Result<()> {
        let Some(row) = self.row else { return Ok(()) };
        match self.dictionary.documents(&row)? {
            Postings::List(list) => out.extend(list),
            Postings::Set(set) => out.extend(set),
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<()> {
        self.number += 1;
        self.load()
    }
}
