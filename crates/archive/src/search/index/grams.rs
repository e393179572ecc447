//! Short queries: which documents have a frequent character, or a frequent pair of characters within one run.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use super::bits::Bits;
use super::blocks::{BlockWriter, Fault, Result, Span};
use super::file::{IndexFile, Section};
use super::postings::Having;

/// A part of a word has a set of its own when a query for it would have to unite more than this share of the documents,
/// a document counted once for each word.
const SHARE: u64 = 2;

/// Documents of a file in which none has: what there is to unite is little.
const FEW_DOCUMENTS: u32 = 4_096;

/// Sets of their own in a file; the most expensive ones.
const MOST_GRAMS: usize = 512;

/// Memory for sets while a file is made. What has none then is united when it is asked for.
const MOST_MEMORY: usize = 2 * 1024 * 1024;

/// Bytes of an entry of the list the section begins with: the text, padded with NUL, place and length of the set.
const ENTRY: usize = 8 + 8 + 4;

/// The single space between two words is no token, so that its set is always there.
pub(super) const SPACE: &str = " ";

/// The parts of one and two characters of a token, each once, as numbers.
fn parts(word: &[u8], out: &mut Vec<u64>) {
    out.clear();
    let Ok(word) = std::str::from_utf8(word) else { return };
    let mut before = None;
    for character in word.chars() {
        let one = u64::from(u32::from(character));
        out.push(one << 32);
        out.extend(before.map(|before: u64| before << 32 | one));
        before = Some(one);
    }
    out.sort_unstable();
    out.dedup();
}

fn text(part: u64) -> String {
    let [first, second] = [part >> 32, part & u64::from(u32::MAX)].map(|one| char::from_u32(one as u32));
    first.into_iter().chain(second.filter(|second| *second != '\0')).collect()
}

/// Finds out which parts are worth a set.
pub(super) struct Census {
    documents: u32,
    postings: HashMap<u64, u64>,
    parts: Vec<u64>,
}

impl Census {
    /// For a file of so many documents.
    pub(super) fn new(documents: u32) -> Self {
        Self { documents, postings: HashMap::new(), parts: Vec::new() }
    }

    /// Counts a word that is in so many documents.
    pub(super) fn add(&mut self, word: &[u8], documents: u32) {
        if self.documents < FEW_DOCUMENTS {
            return;
        }
        parts(word, &mut self.parts);
        for part in &self.parts {
            *self.postings.entry(*part).or_default() += u64::from(documents);
        }
    }

    /// Chooses.
    pub(super) fn finish(self) -> Collector {
        let least = u64::from(self.documents) / SHARE;
        let mut chosen: Vec<(u64, u64)> =
            self.postings.into_iter().filter(|(_, postings)| *postings > least).collect();
        chosen.sort_unstable_by_key(|(part, postings)| (std::cmp::Reverse(*postings), *part));
        let bits = Bits::new(self.documents);
        chosen.truncate(MOST_GRAMS.min(MOST_MEMORY / bits.memory().max(1)));
        let space = u64::from(u32::from(' ')) << 32;
        let mut grams: Vec<u64> =
            chosen.into_iter().map(|(part, _)| part).filter(|part| *part != space).collect();
        grams.push(space);
        grams.sort_unstable();
        let numbers = grams.iter().enumerate().map(|(number, part)| (*part, number)).collect();
        let space = grams.binary_search(&space).unwrap_or_default();
        Collector { numbers, sets: vec![bits; grams.len()], grams, space, parts: Vec::new() }
    }
}

/// Collects the sets, word by word.
pub(super) struct Collector {
    numbers: HashMap<u64, usize>,
    grams: Vec<u64>,
    sets: Vec<Bits>,
    space: usize,
    parts: Vec<u64>,
}

impl Collector {
    /// Notes the documents that have a word.
    pub(super) fn add(&mut self, word: &[u8], documents: Having<'_>) -> Result<()> {
        if self.grams.len() == 1 && !word.contains(&b' ') {
            return Ok(());
        }
        parts(word, &mut self.parts);
        for number in self.parts.iter().filter_map(|part| self.numbers.get(part)) {
            let set = &mut self.sets[*number];
            match documents {
                Having::Set(documents) => set.unite(documents),
                Having::List(documents) => documents.iter().try_for_each(|document| set.insert(*document))?,
            }
        }
        Ok(())
    }

    /// Notes that a document has a space between two words.
    pub(super) fn add_space(&mut self, document: u32) -> Result<()> {
        self.sets[self.space].insert(document)
    }

    /// Writes the section: the list first, so that the sets are packed twice and never all at once.
    pub(super) fn finish(self, out: &mut BlockWriter) -> std::io::Result<()> {
        out.write(&(self.grams.len() as u32).to_le_bytes())?;
        let (mut start, mut bytes) = (0, Vec::new());
        for (part, set) in self.grams.iter().zip(&self.sets) {
            bytes.clear();
            set.serialize(&mut bytes);
            let mut name = [0; 8];
            let text = text(*part);
            name[..text.len()].copy_from_slice(text.as_bytes());
            out.write(&name)?;
            out.write(&u64::to_le_bytes(start))?;
            out.write(&(bytes.len() as u32).to_le_bytes())?;
            start += bytes.len() as u64;
        }
        for set in self.sets {
            bytes.clear();
            set.serialize(&mut bytes);
            out.write(&bytes)?;
        }
        Ok(())
    }
}

/// The set of a text of one or two characters, where the file has one.
pub(super) fn find(file: &IndexFile, text: &str) -> Result<Option<RoaringBitmap>> {
    let section = file.sections.get(Section::Grams);
    let mut window = file.window();
    let count = u32::from_le_bytes(window.array(section, 0)?);
    let sets = Span { offset: 4 + u64::from(count) * ENTRY as u64, length: 0 };
    let mut name = [0; 8];
    if text.len() > name.len() {
        return Ok(None);
    }
    name[..text.len()].copy_from_slice(text.as_bytes());
    for number in 0..count {
        let entry: [u8; ENTRY] = window.array(section, 4 + u64::from(number) * ENTRY as u64)?;
        if entry[..8] == name {
            let [place, length] = [&entry[8..16], &entry[16..]].map(|bytes| {
                let mut eight = [0; 8];
                eight[..bytes.len()].copy_from_slice(bytes);
                u64::from_le_bytes(eight)
            });
            let span = section.within(sets.offset.saturating_add(place), length)?;
            let set = RoaringBitmap::deserialize_from(window.read(span)?)
                .map_err(|_| Fault::Damaged("a set cannot be understood"))?;
            return Ok(Some(set));
        }
    }
    Ok(None)
}
