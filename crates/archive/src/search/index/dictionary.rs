//! The words of an index file and the documents they are in.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem, memrchr};
use roaring::RoaringBitmap;

use super::bits::{Bits, SetReader, pieces_of_serialized};
use super::blocks::{Fault, Result, Span, Window};
use super::file::{IndexFile, Section};
use super::source::{Terms, Which};
use crate::segment::varint;

/// Documents from which on a word's postings are a set; fewer are a list. They lie apart: who unites the lists of many
/// rare words reads them without what lies between.
pub(super) const SET_FROM: u32 = 256;

/// Bytes of a row of the table.
pub(super) const ROW: u64 = 24;

/// Bytes of the longest word there can be, with some to spare: a facet's key and value.
const LONGEST_WORD: u64 = 1024;

/// In the length of its postings, that they are a set.
const SET: u32 = 1 << 31;

/// What the table says of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Row {
    /// Where its postings begin in their section, or its only document.
    pub(super) place: u64,
    /// Bytes of its postings; 0 when it has only one document.
    pub(super) length: u32,
    /// Whether they are a set.
    pub(super) set: bool,
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
        let length = self.length | if self.set { SET } else { 0 };
        for (at, value) in [length, self.documents, self.code, self.word].into_iter().enumerate() {
            bytes[8 + 4 * at..12 + 4 * at].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8; ROW as usize]) -> Self {
        let number = |at: usize| bytes[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four));
        let place = bytes.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
        let (length, set) = (number(8) & !SET, number(8) & SET != 0);
        Self { place, length, set, documents: number(12), code: number(16), word: number(20) }
    }
}

/// Words from one fence to the next.
const APART: u32 = 64;

/// The first eight bytes of every 64th word of a dictionary: where a word would be is found in them but for the last steps,
/// without a look at rows and words that lie far apart.
#[derive(Debug)]
pub(super) struct Fences(Box<[u64]>);

impl Fences {
    /// Between which numbers the first word lies that is not less than `word`.
    fn around(&self, word: &[u8], words: u32) -> (u32, u32) {
        let sought = head(word);
        let less = self.0.partition_point(|fence| *fence < sought) as u32;
        let not_greater = self.0.partition_point(|fence| *fence <= sought) as u32;
        let low = less.checked_sub(1).map_or(0, |last| last * APART + 1);
        (low, not_greater.saturating_mul(APART).min(words))
    }
}

/// The first eight bytes of a word, with NUL for those it has not, as a number: in the order of the words.
fn head(word: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = word.len().min(8);
    bytes[..length].copy_from_slice(&word[..length]);
    u64::from_be_bytes(bytes)
}

/// One dictionary of a file, with a reader for each of its sections.
pub(super) struct Dictionary<'f> {
    file: &'f IndexFile,
    which: Which,
    words: Span,
    table: Span,
    lists: Span,
    sets: Span,
    word_window: Window<'f>,
    table_window: Window<'f>,
    list_window: Window<'f>,
    set_window: Window<'f>,
}

impl<'f> Dictionary<'f> {
    pub(super) fn new(file: &'f IndexFile, which: Which) -> Self {
        let [words, table, lists, sets] = match which {
            Which::Text => [Section::Words, Section::Table, Section::Lists, Section::Sets],
            Which::Facets => {
                [Section::FacetWords, Section::FacetTable, Section::FacetLists, Section::FacetSets]
            }
        };
        Self {
            file,
            which,
            words: file.sections.get(words),
            table: file.sections.get(table),
            lists: file.sections.get(lists),
            sets: file.sections.get(sets),
            word_window: file.window(),
            table_window: file.window(),
            list_window: file.window(),
            set_window: file.window(),
        }
    }

    /// The same for whoever goes from the first word to the last, in many files at once.
    fn in_order(file: &'f IndexFile, which: Which) -> Self {
        Self {
            word_window: file.narrow_stream(),
            table_window: file.narrow_stream(),
            list_window: file.narrow_stream(),
            set_window: file.narrow_stream(),
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
        let place = u64::from(row.word);
        // Most words end in the block they begin in.
        let at_hand = self.word_window.kept_from(place, 1, self.words)?;
        let length = match memchr(0, at_hand) {
            Some(end) => end as u64,
            None => LONGEST_WORD,
        };
        let bytes = self.word_window.kept_from(place, length + 1, self.words)?;
        match memchr(0, bytes) {
            Some(end) => Ok(&bytes[..end]),
            None => Err(Fault::Damaged("a word does not end")),
        }
    }

    /// The number of the first word that is not less than `word`.
    pub(super) fn lower(&mut self, word: &[u8]) -> Result<u32> {
        let (mut low, mut high) = match self.fences()? {
            Some(fences) => fences.around(word, self.len()),
            None => (0, self.len()),
        };
        while low < high {
            let middle = low + (high - low) / 2;
            let row = self.row(middle)?;
            if self.is_less(&row, word)? { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// Whether a row's word is less than another.
    fn is_less(&mut self, row: &Row, word: &[u8]) -> Result<bool> {
        // The NUL behind a word is less than any byte of one, so that its end need not be looked for.
        let bytes = self.word_window.kept_from(u64::from(row.word), 1, self.words)?;
        match bytes.get(..word.len()) {
            Some(bytes) if !word.contains(&0) => Ok(bytes < word),
            _ => Ok(self.word(row)? < word),
        }
    }

    /// Some of the words, where they are held in memory.
    fn fences(&mut self) -> Result<Option<&'f Fences>> {
        let file = self.file;
        if file.held().is_none() {
            return Ok(None);
        }
        let place = &file.fences[self.which as usize];
        if place.get().is_none() {
            let mut heads = Vec::with_capacity(self.len().div_ceil(APART) as usize);
            for number in (0..self.len()).step_by(APART as usize) {
                let row = self.row(number)?;
                heads.push(head(self.word(&row)?));
            }
            return Ok(Some(place.get_or_init(|| Fences(heads.into()))));
        }
        Ok(place.get())
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

    /// The documents of a word, in order.
    pub(super) fn documents(&mut self, row: &Row) -> Result<RoaringBitmap> {
        let mut set = RoaringBitmap::new();
        if row.set {
            set = RoaringBitmap::deserialize_from(self.set(row)?)
                .map_err(|_| Fault::Damaged("a set cannot be understood"))?;
        } else {
            self.list(row, |document| {
                set.insert(document);
                Ok(())
            })?;
        }
        if set.max() >= Some(self.file.entry.documents) { Err(OUTSIDE) } else { Ok(set) }
    }

    /// The documents of a word whose postings are a list, to be read as far as they are needed.
    pub(super) fn list_reader(self, row: &Row) -> Result<ListReader<'f>> {
        if row.length == 0 {
            let only = u32::try_from(row.place).map_err(|_| OUTSIDE)?;
            let nothing = Span { length: 0, ..self.lists };
            return Ok(ListReader { window: self.list_window, rest: nothing, current: Some(only), next: 0 });
        }
        let rest = self.lists.within(row.place, u64::from(row.length))?;
        Ok(ListReader { window: self.list_window, rest, current: None, next: 0 })
    }

    /// The documents of a word whose postings are a set, to be read as far as they are needed.
    pub(super) fn set_reader(self, row: &Row) -> Result<SetReader<'f>> {
        SetReader::new(self.set_window, self.sets.within(row.place, u64::from(row.length))?)
    }

    /// The documents of many words together.
    pub(super) fn union(&mut self, numbers: impl IntoIterator<Item = u32>) -> Result<RoaringBitmap> {
        self.bits(numbers)?.into_set()
    }

    /// The same as a bit each.
    pub(super) fn bits(&mut self, numbers: impl IntoIterator<Item = u32>) -> Result<Bits> {
        let mut union = Bits::new(self.file.entry.documents);
        for number in numbers {
            let row = self.row(number)?;
            if row.set {
                union.unite_serialized(self.set(&row)?)?;
            } else {
                self.list(&row, |document| union.insert(document))?;
            }
        }
        Ok(union)
    }

    fn set(&mut self, row: &Row) -> Result<&[u8]> {
        self.set_window.read(self.sets.within(row.place, u64::from(row.length))?)
    }

    fn list(&mut self, row: &Row, mut each: impl FnMut(u32) -> Result<()>) -> Result<()> {
        if row.length == 0 {
            return each(u32::try_from(row.place).map_err(|_| OUTSIDE)?);
        }
        let mut bytes = self.list_window.read(self.lists.within(row.place, u64::from(row.length))?)?;
        let mut next = 0_u64;
        while !bytes.is_empty() {
            let (step, rest) = varint::decode(bytes).ok_or(Fault::Damaged("a list cannot be understood"))?;
            let document = next.saturating_add(step);
            each(u32::try_from(document).map_err(|_| OUTSIDE)?)?;
            (next, bytes) = (document + 1, rest);
        }
        Ok(())
    }
}

/// A list of documents that is read where it lies in a file.
pub(super) struct ListReader<'f> {
    window: Window<'f>,
    rest: Span,
    /// The document read last.
    current: Option<u32>,
    /// The least that may follow.
    next: u64,
}

impl ListReader<'_> {
    /// The first document that is not less than `least`, which is never less than the one before.
    pub(super) fn from(&mut self, least: u32) -> Result<Option<u32>> {
        while self.current.is_none_or(|current| current < least) {
            if self.rest.length == 0 {
                return Ok(None);
            }
            let bytes = self.window.read(self.rest)?;
            let (step, behind) =
                varint::decode(bytes).ok_or(Fault::Damaged("a list cannot be understood"))?;
            let read = (bytes.len() - behind.len()) as u64;
            self.rest = Span { offset: self.rest.offset + read, length: self.rest.length - read };
            let document = self.next.saturating_add(step);
            self.current = Some(u32::try_from(document).map_err(|_| OUTSIDE)?);
            self.next = document + 1;
        }
        Ok(self.current)
    }
}

const OUTSIDE: Fault = Fault::Damaged("a document lies beyond the last");

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

    fn count(&self) -> u32 {
        self.row.map_or(0, |row| row.documents)
    }

    fn documents(&mut self, room: &mut Vec<u32>, each: &mut dyn FnMut(&[u32]) -> Result<()>) -> Result<()> {
        let Some(row) = self.row else { return Ok(()) };
        if row.set {
            return pieces_of_serialized(self.dictionary.set(&row)?, room, each);
        }
        room.clear();
        self.dictionary.list(&row, |document| {
            room.push(document);
            Ok(())
        })?;
        each(room)
    }

    fn advance(&mut self) -> Result<()> {
        self.number += 1;
        self.load()
    }
}
